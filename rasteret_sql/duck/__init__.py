"""DuckDB and Arrow live here, and only here: the declared functions, their kernels, registration."""
