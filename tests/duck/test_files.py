"""cog_files: what a glob finds, on disk and in a store."""

from __future__ import annotations

from pathlib import Path

import duckdb
import fsspec
import pytest


def test_files_of_a_folder_and_below(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.tif", "a.tif", "a.txt", "deep/c.tif"):
        (tmp_path / name).write_bytes(b"12345")
    rows = con.execute(
        "SELECT parse_filename(href), size, last_modified > now() - INTERVAL 1 HOUR "
        f"FROM cog_files('{tmp_path}/*.tif')"
    ).fetchall()
    assert rows == [("a.tif", 5, True), ("b.tif", 5, True)]
    patterns = f"(VALUES ('{tmp_path}/**/*.tif'), ('{tmp_path}/*.jpg'), (NULL)) AS p(pattern)"
    assert con.execute(f"SELECT count(*) FROM {patterns}, cog_files(pattern)").fetchone() == (3,)


def test_files_of_a_store(con: duckdb.DuckDBPyConnection) -> None:
    fsspec.filesystem("memory").pipe("/scenes/1/red.tif", b"123")
    assert con.execute("SELECT href, size FROM cog_files('memory://scenes/*/*.tif')").fetchall() == [
        ("memory:///scenes/1/red.tif", 3)
    ]
    with pytest.raises(duckdb.Error, match="cog_files: "):
        con.execute("FROM cog_files('nosuch://x/*.tif')")
