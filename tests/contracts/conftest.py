"""A connection, and a process in which nothing is cached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.settings import Settings, configure
from rasteret_sql.store.scheduling import scheduler


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = rasteret_sql.connect()
    yield connection
    connection.close()


@pytest.fixture(autouse=True)
def no_stragglers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine makes stragglers, which are asked for again; counts are without them."""
    monkeypatch.setattr(scheduler, "HEDGE_LEAST_S", 60.0)


@pytest.fixture(autouse=True)
def nothing_cached_and_default_settings() -> Iterator[None]:
    BLOCKS.clear()
    configure(**{field.name: None for field in fields(Settings)})
    yield
    BLOCKS.clear()
    configure(**{field.name: None for field in fields(Settings)})
