"""The declared functions on a DuckDB connection."""
