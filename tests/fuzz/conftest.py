"""A connection to read files with."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

import rasteret_sql


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = rasteret_sql.connect()
    yield connection
    connection.close()
