"""What crosses between DuckDB and Python: Arrow arrays, types and rows."""
