"""Satellite imagery in DuckDB: ``connect()`` or ``register(con)``, then write SQL.

The functions are listed by ``FROM rasteret_functions()``. ``register_catalog`` gives a STAC API a short id.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    from rasteret_sql.stac.catalogs import register_catalog

__all__ = ["__version__", "connect", "register", "register_catalog"]
__version__ = "0.1.0"


def connect(
    database: str | Path = ":memory:",
    *,
    read_only: bool = False,
    config: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Mapping[str, Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> duckdb.DuckDBPyConnection:
    """``duckdb.connect`` with every function of this package registered; see ``register``."""
    import duckdb

    connection = duckdb.connect(str(database), read_only=read_only, config=dict(config or {}))
    try:
        return register(connection, storage_options=storage_options, settings=settings)
    except BaseException:
        connection.close()
        raise


def register(
    connection: duckdb.DuckDBPyConnection,
    *,
    storage_options: Mapping[str, Mapping[str, Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Put the functions on a DuckDB connection, and give it back.

    Any connection will do, to a read-only file too; again is harmless. A cursor sees the functions after
    ``register(cursor)``, because DuckDB keeps temporary macros to one connection.

    storage_options: options of fsspec and s3fs by URL prefix, the longest prefix wins, for the whole process:
    ``{"s3://sentinel-cogs/": {"anon": True}, "s3://private/": {"profile": "field-team"}}``.
    settings: limits by name, for the process: ``{"max_concurrency": 128}``; see ``rasteret_settings()``.
    """
    from rasteret_sql.duck.registration import register as register_functions

    if storage_options is not None:
        from rasteret_sql.store.options import set_storage_options

        set_storage_options(storage_options)
    if settings is not None:
        from rasteret_sql.settings import configure

        configure(**settings)
    register_functions(connection)
    return connection


def __getattr__(name: str) -> Any:
    if name == "register_catalog":  # imported with its first use, so that `import rasteret_sql` stays small
        from rasteret_sql.stac.catalogs import register_catalog

        return register_catalog
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
