"""SQL expressions over pixels: kinds, casts and operators with DuckDB's meaning, on NumPy arrays."""
