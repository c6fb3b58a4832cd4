"""The DuckDB shell: the extension that it loads, and the ``rasteret-sql`` command.

``loader/`` is the extension's source in C. It knows DuckDB's stable C API, Arrow's C data interface and
Python's stable ABI, and nothing of this package but ``duck/extension.py``.
"""
