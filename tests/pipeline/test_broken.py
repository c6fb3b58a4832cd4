"""What a run that breaks leaves behind: the old file or the new one, and what the next run goes on from.

As SQLite does it: a fault is injected at the first write, rename and flush, then at the second, and so on,
until a run is through without one. Then processes are killed at random moments, ``RASTERET_KILLS`` times.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from rasteret_sql.errors import RasteretError
from rasteret_sql.pipeline import (
    build_index,
    index_info,
    refresh_index,
    runs,
    sort,
    validate_index,
    write_index,
    write_items,
    write_rasteret,
    write_tile_index,
)
from rasteret_sql.pipeline import copy as copy_module
from tests.pipeline.scenes import SMALL, serve_items
from tests.store.server import FaultServer

ITEMS = "FROM scenes WHERE true"
KILLS = int(os.environ.get("RASTERET_KILLS", "6"))


@pytest.fixture(autouse=True)
def scenes(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    serve_items(con, server, SMALL, ("red", "nir"))


class Faults:
    """Calls that reach the disk, one of which fails: by an error, or half done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.at, self.reached = 0, 0, ""
        for module, name in ((os, "replace"), (os, "fsync"), (os, "link"), (shutil, "copymode")):
            monkeypatch.setattr(module, name, self.wrapped(name, getattr(module, name)))
        monkeypatch.setattr(Path, "mkdir", self.wrapped("mkdir", Path.mkdir))
        written = self.wrapped("write", copy_module.copy, half=True)
        for module in (copy_module, sort):
            monkeypatch.setattr(module, "copy", written)
        monkeypatch.setattr(runs, "RUN_BYTES", 1)  # so that runs lie in files
        monkeypatch.setattr(pa.ipc, "new_stream", self.wrapped("run", pa.ipc.new_stream))

    def wrapped(self, name: str, real: Callable[..., Any], *, half: bool = False) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            self.calls += 1
            if self.calls == self.at:
                self.reached = name
                if half:  # the disk is full in the middle
                    real(*given, **named)
                    path = Path(given[2])
                    if path.is_file():
                        os.truncate(path, path.stat().st_size // 2)
                raise OSError(errno.ENOSPC, f"injected into {name}")
            return real(*given, **named)

        return call

    def next(self) -> None:
        self.calls, self.at, self.reached = 0, self.at + 1, ""


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    return Faults(monkeypatch)


def rows(con: duckdb.DuckDBPyConnection, path: Path) -> list[Any]:
    return con.execute(
        "SELECT id, band, updated::VARCHAR, len(tile_gaps), etag FROM read_parquet($1) ORDER BY ALL",
        [str(path)],
    ).fetchall()


def quiet(folder: Path, *known: str) -> None:
    """Nothing stays beside but what a run goes on from."""
    assert {entry.name for entry in folder.iterdir()} <= {*known, "idx.parquet.building"}


def injected(faults: Faults, run: Callable[[], Any], after: Callable[[bool], None]) -> set[str]:
    """Run with a fault at every place in turn; the places that there were."""
    places: set[str] = set()
    for _ in range(200):
        faults.next()
        try:
            run()
        except OSError as error:
            if "injected" not in str(error):
                raise
            failed = True
        else:
            failed = False
        places.add(faults.reached)
        reached, faults.at = faults.at, 0
        after(failed)
        faults.at = reached
        if faults.calls < reached and not faults.reached:
            return places - {""}
        if not faults.reached:
            return places - {""}
    raise AssertionError("the faults have no end")


def test_a_build_goes_on_after_any_fault(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, faults: Faults
) -> None:
    build_index(con, tmp_path / "whole.parquet", items=ITEMS)
    whole = rows(con, tmp_path / "whole.parquet")
    folder = tmp_path / "broken"
    folder.mkdir()
    path = folder / "idx.parquet"

    def after(failed: bool) -> None:
        quiet(folder, *(["idx.parquet"] if path.exists() else []))
        assert not path.exists() or rows(con, path) == whole, "an index is there whole or not at all"
        build_index(con, path, items=ITEMS)
        assert rows(con, path) == whole
        assert validate_index(con, path, check_files=False) == []
        assert {entry.name for entry in folder.iterdir()} == {"idx.parquet"}
        path.unlink()

    places = injected(faults, lambda: build_index(con, path, items=ITEMS, batch_rows=5), after)
    assert places >= {"write", "fsync", "replace", "mkdir"} | (set() if sort.loses_errors() else {"run"})


def test_a_refresh_leaves_the_old_or_the_new(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, faults: Faults
) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    path, first = folder / "idx.parquet", tmp_path / "first.parquet"
    build_index(con, first, items=ITEMS)
    old = rows(con, first)
    con.execute("UPDATE scenes SET updated = '2024-10-01 00:00:00Z' WHERE id < 'scene-3'")
    con.execute("DELETE FROM scenes WHERE id = 'scene-5'")
    shutil.copy(first, path)
    refresh_index(con, path, items=ITEMS, prune=True)
    new = rows(con, path)
    assert (len(old), len(new)) == (12, 10)
    between = sorted([row for row in old if row[0] == "scene-5"] + new)  # read, and nothing pruned yet
    shutil.copy(first, path)

    def after(failed: bool) -> None:
        quiet(folder, "idx.parquet")
        assert rows(con, path) in (old, between, new)
        refresh_index(con, path, items=ITEMS, prune=True)
        assert rows(con, path) == new
        assert index_info(con, path).searches == [{"items": ITEMS}]
        assert {entry.name for entry in folder.iterdir()} == {"idx.parquet"}
        shutil.copy(first, path)

    run = lambda: refresh_index(con, path, items=ITEMS, prune=True, batch_rows=2)  # noqa: E731
    assert injected(faults, run, after) >= {"write", "fsync", "replace", "copymode"}


def sqlite_rows(path: Path) -> list[Any]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as package:
        return package.execute("SELECT location FROM tiles ORDER BY 1").fetchall()


@pytest.mark.parametrize("kind", ["index", "tiles", "items"])
def test_an_export_is_the_old_or_the_new(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, faults: Faults, kind: str
) -> None:
    build_index(con, "idx", items=ITEMS)
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "export"
    con.execute(
        "CREATE TABLE items AS SELECT id, collection, geometry, rasteret_bbox(geometry) AS bbox, datetime, "
        "MAP {}::MAP(VARCHAR, STRUCT(href VARCHAR, type VARCHAR, title VARCHAR, roles VARCHAR[], "
        "file_size UBIGINT, extra_fields JSON)) AS assets, '{}'::JSON AS properties, "
        "NULL AS self_href FROM scenes"
    )
    write: dict[str, Callable[[str], int]] = {
        "index": lambda where: write_index(con, f"FROM idx WHERE {where}", path),
        "tiles": lambda where: write_tile_index(con, f"FROM idx WHERE {where}", path),
        "items": lambda where: write_items(con, f"FROM items WHERE {where}", path),
    }
    count = lambda: (  # noqa: E731
        len(sqlite_rows(path))
        if kind == "tiles"
        else len(con.execute("SELECT id FROM read_parquet($1)", [str(path)]).fetchall())
    )
    write[kind]("id = 'scene-0'")
    old = count()

    def after(failed: bool) -> None:
        assert count() in ((old, old * 6) if failed else (old * 6,))
        assert [entry.name for entry in folder.iterdir()] == ["export"]
        write[kind]("id = 'scene-0'")

    places = injected(faults, lambda: write[kind]("true"), after)
    assert places >= {"fsync", "replace", "copymode"}
    # an error that is none of the disk's leaves the old one as well
    before = path.read_bytes()
    with pytest.raises(duckdb.Error):
        write[kind]("error('no')")
    assert path.read_bytes() == before
    assert [entry.name for entry in folder.iterdir()] == ["export"]


def test_a_collection_is_there_whole_or_not_at_all(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, faults: Faults
) -> None:
    build_index(con, "idx", items=ITEMS)
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "collection"

    def after(failed: bool) -> None:
        if path.exists():
            assert len(con.execute("FROM read_rasteret($1)", [str(path)]).fetchall()) == 12
            shutil.rmtree(path)
        assert list(folder.iterdir()) == []

    assert injected(faults, lambda: write_rasteret(con, "idx", path), after) >= {"write", "fsync", "replace"}


@pytest.mark.parametrize(
    "wrong",
    [
        "NULL AS href",
        "NULL AS bbox",
        "'EPSG:999999' AS crs",
        "{'xmin': 0, 'ymin': 0, 'xmax': 'nan'::DOUBLE, 'ymax': 1} AS bbox",
    ],
)
def test_a_tile_index_keeps_the_old_one(con: duckdb.DuckDBPyConnection, tmp_path: Path, wrong: str) -> None:
    build_index(con, "idx", items=ITEMS)
    path = tmp_path / "t.gti.gpkg"
    write_tile_index(con, "idx", path)
    before = path.read_bytes()
    with pytest.raises((ValueError, NotImplementedError), match="write_tile_index"):
        write_tile_index(con, f"SELECT * REPLACE ({wrong}) FROM idx", path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.gti.gpkg"]


CHILD = """
import sys
import rasteret_sql
from rasteret_sql.pipeline import build_index, refresh_index
kind, path, items = sys.argv[1:]
con = rasteret_sql.connect(settings={"progress": "off"})
con.execute("SET enable_progress_bar = false")
con.execute("FROM cog_header('nowhere.tif')").fetchall()
print("ready", flush=True)
if kind == "build":
    build_index(con, path, items=items, batch_rows=1)
else:
    refresh_index(con, path, items=items, batch_rows=1, prune=True)
"""


def test_killed_at_any_moment(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """A build, then a refresh, killed at random moments: what is there is whole, and the next run is well."""
    source = tmp_path / "scenes.parquet"
    con.execute(f"COPY scenes TO '{source}'")
    items = f"FROM read_parquet('{source}')"
    folder = tmp_path / "killed"
    folder.mkdir()
    path, first = folder / "idx.parquet", tmp_path / "first.parquet"
    build_index(con, first, items=f"SELECT * REPLACE (updated - INTERVAL 1 DAY AS updated) {items}")
    old = rows(con, first)
    build_index(con, tmp_path / "whole.parquet", items=items)
    whole = rows(con, tmp_path / "whole.parquet")
    con.execute("UPDATE scenes SET updated = updated")
    luck = random.Random(20)
    killed = 0
    for number in range(KILLS):
        kind = ("build", "refresh")[number % 2]
        if kind == "refresh":
            build_index(con, path, items=items)
        child = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", CHILD, kind, str(path), items],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert child.stdout is not None
        with child.stdout:
            assert child.stdout.readline() == "ready\n"
            time.sleep(luck.random() * 0.6)
            child.send_signal(signal.SIGKILL)
            killed += child.wait() == -signal.SIGKILL
        assert not path.exists() or rows(con, path) in (old, whole)
        run = build_index(con, path, items=items)
        assert run.failed == 0
        assert rows(con, path) == whole
        assert {entry.name for entry in folder.iterdir()} == {"idx.parquet"}
        path.unlink()
    assert killed >= KILLS // 3


@pytest.mark.parametrize("other", ["5", "['a']", "{'a': 1}", "'\\xff'::BLOB", "TIMESTAMPTZ '290000-01-01'"])
def test_columns_of_other_types_are_errors_of_ours(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, other: str
) -> None:
    """A Parquet file that somebody else wrote."""
    build_index(con, "idx", items=ITEMS)
    path = tmp_path / "other.parquet"
    for column in ("href", "band", "crs"):
        con.execute(f"COPY (SELECT * REPLACE ({other} AS {column}) FROM idx) TO '{path}' (FORMAT parquet)")
        assert index_info(con, path).rows == 12
        if column != "band":
            with pytest.raises(
                RasteretError, match=f"the column {column} is .*, where cog_header writes VARCHAR"
            ):
                write_tile_index(con, f"FROM read_parquet('{path}')", tmp_path / "t.gpkg")
        try:
            validate_index(con, path)
        except (RasteretError, duckdb.Error) as error:
            assert "Python exception" not in str(error)  # noqa: PT017
