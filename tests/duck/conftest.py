"""A connection, and the corpus on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import rasteret_sql
from tests.duck.corpus import write_corpus


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = rasteret_sql.connect()
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the corpus."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder)
    return folder
