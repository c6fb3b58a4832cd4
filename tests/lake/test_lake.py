"""An index and its chips in DuckLake: versions, refresh, and a night that reads only what is new."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rasteret_sql.demo import Demo, start
from rasteret_sql.pipeline import build_index, index_info, refresh_index, validate_index, write_index
from tests.pipeline.scenes import SMALL, serve_items
from tests.store.server import FaultServer

PAGE = Path(__file__).resolve().parents[2] / "docs/lakes.md"
ITEMS = "FROM scenes WHERE true"


def extension() -> Path | None:
    """The extension for this DuckDB, from the package that brings it."""
    spec = importlib.util.find_spec("duckdb_extension_ducklake")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}"
    found = folder / "ducklake.duckdb_extension"
    return found if found.exists() else None


pytestmark = pytest.mark.skipif(
    extension() is None, reason="no DuckLake for this DuckDB: ./dev test --lake tests/lake has one"
)


def with_lake(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    con.execute(f"LOAD '{extension()}'")
    return con


@pytest.fixture
def con(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with FaultServer() as server:
        serve_items(con, server, SMALL, ("red", "nir"))
        with_lake(con)
        con.execute(f"ATTACH 'ducklake:{tmp_path}/m.ducklake' AS lake (DATA_PATH '{tmp_path}/data')")
        yield con


def one(con: duckdb.DuckDBPyConnection, query: str) -> Any:
    return (con.execute(query).fetchone() or (None,))[0]


def snapshot(con: duckdb.DuckDBPyConnection) -> int:
    return int(one(con, "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')"))


def test_the_life_of_an_index(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    run = build_index(con, "lake.idx", items=ITEMS, batch_rows=5)
    assert (run.added, run.failed) == (12, 0)
    built = snapshot(con)
    batches = [
        one(con, f"SELECT count(*) FROM lake.idx AT (VERSION => {version})")
        for version in range(2, built + 1)
    ]
    assert sorted(set(batches)) == [5, 10, 12], "every batch is a snapshot"

    assert refresh_index(con, "lake.idx", items=ITEMS, prune=True).as_dict()["updated"] == 0
    assert snapshot(con) == built, "a night without news makes no snapshot"

    con.execute("UPDATE scenes SET updated = '2024-10-01 00:00:00Z' WHERE id = 'scene-2'")
    con.execute("DELETE FROM scenes WHERE id = 'scene-5'")
    run = refresh_index(con, "lake.idx", items=ITEMS, prune=True)
    assert (run.updated, run.gone, run.pruned) == (2, 2, 2)
    changes = con.execute(
        "SELECT change_type, count(*) FROM ducklake_table_changes('lake', 'main', 'idx', $1, $2) "
        "GROUP BY ALL ORDER BY ALL",
        [built + 1, snapshot(con)],
    ).fetchall()
    assert changes == [("delete", 2), ("update_postimage", 2), ("update_preimage", 2)]
    assert one(con, f"SELECT count(*) FROM lake.idx AT (VERSION => {built})") == 12

    info = index_info(con, "lake.idx")
    assert (info.rows, info.items, info.bands) == (10, 5, {"nir": 5, "red": 5})
    assert info.searches == [{"items": ITEMS}]
    assert validate_index(con, "lake.idx", check_files=False) == []
    assert write_index(con, "FROM lake.idx", tmp_path / "idx.parquet") == 10
    geo = one(
        con,
        f"SELECT decode(value) FROM parquet_kv_metadata('{tmp_path}/idx.parquet') WHERE decode(key) = 'geo'",
    )
    assert '"crs"' not in geo, "longitude and latitude, though the lake keeps no CRS"


def test_every_column_comes_back(con: duckdb.DuckDBPyConnection) -> None:
    """Headers and chips are the same from a lake as from a table of DuckDB's own."""
    build_index(con, "memory.main.own", items=ITEMS)
    build_index(con, "lake.main.idx", items=ITEMS)
    columns = "* EXCLUDE (geometry, footprint), ST_AsWKB(geometry), ST_AsWKB(footprint)"
    rows = [
        con.execute(f"SELECT {columns} FROM {table} ORDER BY id, band").fetchall()
        for table in ("memory.main.own", "lake.idx")
    ]
    assert len(rows[0]) == 12
    assert rows[1] == rows[0]
    kinds = dict(con.execute("SELECT column_name, column_type FROM (DESCRIBE lake.idx)").fetchall())
    assert (kinds["transform"], kinds["tile_offsets"]) == ("DOUBLE[]", "UBIGINT[]")


def test_every_block_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```(sql|python)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 8
    monkeypatch.chdir(tmp_path)
    demo: Demo
    with start() as demo:
        names: dict[str, Any] = {"con": with_lake(demo.con)}
        for language, block in blocks:
            if language == "sql":
                demo.con.execute(block)
            elif "INSERT INTO lake.chips" in block:
                before = one(demo.con, "SELECT coalesce(max(id), 0) FROM rasteret_requests()")
                new = one(demo.con, "SELECT count(*) FROM lake.idx") - one(
                    demo.con, f"SELECT count(*) FROM lake.idx AT (VERSION => {names['trained_on']})"
                )
                exec(block, names)
                asked = demo.con.execute(
                    f"SELECT count(DISTINCT url) FROM rasteret_requests() WHERE id > {before}"
                ).fetchone()
                assert asked == (new,), "pixels of new assets alone are read"
            else:
                exec(block, names)
        now = one(demo.con, "SELECT count(*) FROM lake.chips")
        direct = one(
            demo.con,
            "SELECT count(c.x_off) FROM lake.idx AS i, read_cog(i, [11.98, 48.00, 12.00, 48.02]) AS c",
        )
        assert (names["now"], 0 < names["then"] < names["now"]) == (now, True)
        assert now == direct, "what the nights gathered is what a read of all gives"
