"""Satellite imagery in DuckDB: ``connect()`` or ``register(con)``, then write SQL.

The functions are listed by ``FROM rasteret_functions()``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

__all__ = ["__version__", "connect", "pushdown", "register"]
__version__ = "0.1.0"


def connect(
    database: str | Path = ":memory:",
    *,
    read_only: bool = False,
    config: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Mapping[str, Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
    pushdown: bool = True,
) -> duckdb.DuckDBPyConnection:
    """``duckdb.connect`` with every function of this package registered; see ``register``.

    pushdown: whether conditions on STAC searches are given to the catalogue; see ``pushdown``.
    """
    import duckdb

    from rasteret_sql.duck.connection import with_pushdown

    connection = duckdb.connect(str(database), read_only=read_only, config=dict(config or {}))
    try:
        register(connection, storage_options=storage_options, settings=settings)
        return with_pushdown(connection) if pushdown else connection
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
    from rasteret_sql.duck.connection import plain
    from rasteret_sql.duck.registration import register as register_functions

    if storage_options is not None:
        from rasteret_sql.store.options import set_storage_options

        set_storage_options(storage_options)
    if settings is not None:
        from rasteret_sql.settings import configure

        configure(**settings)
    register_functions(plain(connection))
    return connection


def pushdown(sql: str, parameters: Any = None) -> str:
    """``sql`` with its conditions on STAC searches also given to the searches, for other connections.

    ``WHERE cloud_cover < 20`` adds ``filter := 'cloud_cover < 20'`` to the call of ``stac_search`` or
    ``cog_index`` that it is about; nothing else changes, so that the result is the same, and less of the
    catalogue is read. ``connect()`` does this by itself. ``parameters`` are the values of a prepared
    statement. What is sent, and what is not and why, is told by ``FROM rasteret_explain(sql)``.
    """
    from rasteret_sql.duck.pushdown import pushdown as rewritten

    return rewritten(sql, parameters)
