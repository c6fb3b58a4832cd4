"""Filters: SQL and CQL2 text as CQL2 JSON."""
