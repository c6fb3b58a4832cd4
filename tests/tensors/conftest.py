"""Scenes on disk, and a connection with their index as the table ``idx``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import rasteret_sql
from tests.tensors.scenes import index_scenes, write_scenes


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the scenes."""
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder)
    return folder


@pytest.fixture(scope="module")
def archive(scenes: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the table ``idx``."""
    with rasteret_sql.connect() as con:
        index_scenes(con, scenes)
        yield con
