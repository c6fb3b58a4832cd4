"""What writes files, with a fault at its first read, then its second, and so on: ``python … KIND FOLDER``.

It runs in a process of its own, into which ``read_faults.c`` was preloaded. DuckDB does without some reads,
such as those of statistics: a run that ends well has written all there is. Prints how many faults there were,
and how many of them were errors.
"""

from __future__ import annotations

import ctypes
import shutil
import sqlite3
import sys
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

import rasteret_sql
from rasteret_sql.errors import RasteretError
from rasteret_sql.pipeline import (
    build_index,
    refresh_index,
    write_index,
    write_items,
    write_rasteret,
    write_tile_index,
)
from tests.pipeline.scenes import SMALL, serve_items
from tests.store.server import FaultServer

MOST = 500
ITEMS = "FROM scenes WHERE true"
UNNAMED = ("INTERNAL", "FATAL", "Python exception")
READ = "SELECT id, band, updated::VARCHAR, len(tile_gaps), etag FROM read_parquet($1) ORDER BY ALL"
STAC_ITEMS = (
    "SELECT id, collection, geometry, rasteret_bbox(geometry) AS bbox, datetime, "
    "MAP {}::MAP(VARCHAR, STRUCT(href VARCHAR, type VARCHAR, title VARCHAR, roles VARCHAR[], "
    "file_size UBIGINT, extra_fields JSON)) AS assets, '{}'::JSON AS properties, "
    "NULL::VARCHAR AS self_href FROM scenes"
)


class Case:
    """One thing that writes: how it starts, runs, and what may be there afterwards."""

    def __init__(self, con: duckdb.DuckDBPyConnection, kind: str, folder: Path) -> None:
        self.con, self.folder = con, folder
        self.path, self.kept = folder / "target", folder.parent / "kept"
        self.source = folder / "source.parquet"
        self.start, self.run = getattr(self, kind)()

    def build(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """Parts of a build that was broken off are there, and are read again."""
        self.path = self.folder / "idx.parquet"
        self.refuse_after(2)
        shutil.copytree(self.folder, self.kept)
        return self.empty, lambda: build_index(self.con, self.path, items=ITEMS, batch_rows=3)

    def refuse_after(self, batches: int) -> None:
        from rasteret_sql.pipeline.target import ParquetTarget

        real, left = ParquetTarget.add, [None] * batches

        def add(target: ParquetTarget, query: str) -> None:
            if not left:
                raise InterruptedError
            left.pop()
            real(target, query)

        ParquetTarget.add = add  # type: ignore[method-assign]
        try:
            build_index(self.con, self.path, items=ITEMS, batch_rows=3)
        except InterruptedError:
            return
        finally:
            ParquetTarget.add = real  # type: ignore[method-assign]
        raise AssertionError("the build was not broken off")

    def refresh(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        self.path = self.folder / "idx.parquet"
        build_index(self.con, self.path, items=ITEMS)
        shutil.copytree(self.folder, self.kept)
        self.con.execute("UPDATE scenes SET updated = '2024-10-01 00:00:00Z' WHERE id < 'scene-3'")
        self.con.execute("DELETE FROM scenes WHERE id = 'scene-5'")
        return self.empty, lambda: refresh_index(self.con, self.path, items=ITEMS, prune=True, batch_rows=6)

    def index(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        return self._export(write_index, "idx")

    def tiles(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        return self._export(write_tile_index, "idx")

    def items(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        return self._export(write_items, "items")

    def rasteret(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        return self._export(write_rasteret, "idx", old=False)

    def _export(
        self, write: Callable[..., int], rows: str, *, old: bool = True
    ) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """Of rows in a Parquet file, in place of an export of fewer rows."""
        build_index(self.con, "idx", items=ITEMS)
        self.con.execute(f"CREATE TABLE items AS {STAC_ITEMS}")
        self.con.execute(f"COPY {rows} TO '{self.source}' (ROW_GROUP_SIZE 4)")
        if old:
            write(self.con, f"FROM {rows} WHERE id = 'scene-0'", self.path)
        shutil.copytree(self.folder, self.kept)
        return self.empty, lambda: write(self.con, f"FROM '{self.source}'", self.path)

    def empty(self) -> None:
        """All as it was at first."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.kept, self.folder)

    def state(self) -> Any:
        """What the target holds; None where it is not there."""
        if not self.path.exists():
            return None
        if self.path.suffix == ".parquet":
            return self.con.execute(READ, [str(self.path)]).fetchall()
        if self.path.is_dir():
            return sorted(
                self.con.execute("SELECT id, band FROM read_rasteret($1)", [str(self.path)]).fetchall()
            )
        if self.path.read_bytes()[:6] == b"SQLite":
            with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as package:
                return package.execute("SELECT location FROM tiles ORDER BY 1").fetchall()
        return self.con.execute("SELECT id FROM read_parquet($1) ORDER BY ALL", [str(self.path)]).fetchall()


def main(kind: str, place: str) -> None:
    """Every fault in turn; an ``AssertionError`` for a state that must not be."""
    warnings.simplefilter("ignore")
    faults = ctypes.CDLL(None)
    folder = Path(place).resolve() / "watched"
    folder.mkdir()
    with FaultServer() as server, rasteret_sql.connect(config={"threads": 2}) as con:
        con.execute("SET enable_progress_bar = false")
        con.execute("SET enable_external_file_cache = false")  # a file is read as often as it is asked for
        serve_items(con, server, SMALL, ("red", "nir"))
        case = Case(con, kind, folder)
        old = case.state()
        case.run()
        new, between = case.state(), [old]
        assert new != old
        if kind == "refresh":  # read, and nothing pruned yet
            between.append(sorted([row for row in old if row[0] == "scene-5"] + new))
        names = {entry.name for entry in folder.iterdir()}
        faults.fail_below(str(folder).encode())
        errors = 0
        for number in range(1, MOST):
            case.start()
            faults.fail_at(number)
            try:
                case.run()
                failed = False
            except (duckdb.Error, RasteretError, OSError) as error:
                failed = True
                if any(word in str(error) for word in UNNAMED):
                    raise
            reads, errors = faults.reads_so_far(), errors + failed
            faults.fail_at(0)
            assert case.state() in ([*between, new] if failed else [new]), f"after a fault at read {number}"
            if reads < number:
                break
            if failed and kind == "rasteret":
                shutil.rmtree(case.path, ignore_errors=True)
            case.run()
            assert case.state() == new, f"the run after a fault at read {number}"
            assert {entry.name for entry in folder.iterdir()} == names, f"left after a fault at read {number}"
        else:
            raise AssertionError("the faults have no end")
    print(number - 1, errors)


if __name__ == "__main__":
    main(*sys.argv[1:])
