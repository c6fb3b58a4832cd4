"""Where an index lies changes nothing of what it holds, whatever its folders and its name look like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.errors import RasteretError
from rasteret_sql.pipeline import (
    build_index,
    index_info,
    refresh_index,
    validate_index,
    write_index,
    write_items,
    write_rasteret,
    write_tile_index,
)
from tests.pipeline.scenes import SMALL, serve_items
from tests.store.server import FaultServer

ITEMS = "FROM scenes WHERE true"
FOLDERS = (
    "band=red",
    "id=5",
    "collection=zzz",
    "crs=4326",
    "x=1",
    "datetime=2024",
    "width=1/height=2",
    "error=no",
)
NAMES = ("idx[1].parquet", "i*.parquet", "i?x.parquet", "it's.parquet", "a b.parquet")
LOOK = (
    "SELECT id, collection, band, datetime::VARCHAR, crs, width, height, href, error "
    "FROM read_parquet($1, hive_partitioning := false) ORDER BY ALL"
)


@pytest.fixture(autouse=True)
def scenes(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    serve_items(con, server, SMALL, ("red", "nir"))


def nights(con: duckdb.DuckDBPyConnection, path: Path) -> tuple[Any, ...]:
    """What two runs count, and what the file then holds."""
    first = build_index(con, path, items=ITEMS, batch_rows=5)
    second = refresh_index(con, path, items=ITEMS, prune=True)
    info = index_info(con, path)
    problems = validate_index(con, path, check_files=False)
    counts = (first.added, first.failed, second.added, second.updated, second.gone, second.pruned)
    columns = con.execute(
        "SELECT list(name) FROM parquet_schema($1)", [str(path.absolute()).replace("[", "[[]")]
    ).fetchone()
    return counts, info.rows, info.items, info.bands, problems, columns


@pytest.mark.parametrize("folder", FOLDERS)
def test_folders_of_hives_are_folders(con: duckdb.DuckDBPyConnection, tmp_path: Path, folder: str) -> None:
    plain, below = tmp_path / "plain", tmp_path / folder
    for place in (plain, below):
        place.mkdir(parents=True)
    assert nights(con, below / "idx.parquet") == nights(con, plain / "idx.parquet")
    found = con.execute(LOOK, [str(below / "idx.parquet")]).fetchall()
    assert len(found) == 12
    assert found == con.execute(LOOK, [str(plain / "idx.parquet")]).fetchall()


@pytest.mark.parametrize("folder", ["collection=zzz", "id=5", "crs=EPSG", "year=1999", "month=13"])
def test_a_collection_below_folders_of_hives(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, folder: str
) -> None:
    con.execute(
        "CREATE TABLE idx AS SELECT * FROM (SELECT s.* EXCLUDE (assets), a.key AS band, h.* "
        "FROM scenes AS s, unnest(map_entries(s.assets)) AS u(a), cog_header(a.value.href) AS h)"
    )
    read = "SELECT * EXCLUDE (etag) FROM read_rasteret($1) ORDER BY id, band"
    found = []
    for place in ("plain", folder):
        (tmp_path / place).mkdir()
        assert write_rasteret(con, "idx", tmp_path / place / "collection") == 6
        found.append(con.execute(read, [str(tmp_path / place / "collection")]).fetchall())
    assert len(found[0]) == 12
    assert found[1] == found[0]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_no_patterns(con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str) -> None:
    for decoy in ("idx1.parquet", "iax.parquet", "ix.parquet"):
        con.execute(f"COPY (SELECT 1 AS x) TO '{tmp_path / decoy}'")
    counts, rows, items, bands, problems, _ = nights(con, tmp_path / name)
    assert (counts, rows, items, bands, problems) == ((12, 0, 0, 0, 0, 0), 12, 6, {"red": 6, "nir": 6}, [])


def test_the_home_folder(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    assert build_index(con, "~/idx.parquet", items=ITEMS).added == 12
    assert refresh_index(con, "~/idx.parquet", items=ITEMS).added == 0
    assert index_info(con, "~/idx.parquet").rows == 12
    assert validate_index(con, "~/idx.parquet") == []
    rows = "FROM '~/idx.parquet'"
    assert write_index(con, rows, "~/written.parquet") == 12
    assert write_tile_index(con, rows, "~/tiles.gti.gpkg") == 12
    assert write_rasteret(con, rows, "~/collection") == 6
    (tmp_path / "item.json").write_text(json.dumps(ITEM))
    assert write_items(con, f"FROM stac_read('{tmp_path}/item.json')", "~/items.parquet") == 1
    assert {path.name for path in home.iterdir()} == {
        "idx.parquet", "written.parquet", "tiles.gti.gpkg", "collection", "items.parquet",
    }  # fmt: skip
    assert list(here.iterdir()) == []


def test_a_name_that_begins_like_the_home_folder_is_a_name(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~old").mkdir()
    for target in ("~old/idx.parquet", "~idx.parquet"):
        counts, rows, *_ = nights(con, Path(target))
        assert (counts, rows) == ((12, 0, 0, 0, 0, 0), 12)
        assert (tmp_path / target).is_file()


ITEM = {
    "type": "Feature", "stac_version": "1.0.0", "id": "a", "collection": "c", "geometry": None, "links": [],
    "properties": {"datetime": "2024-05-01T00:00:00Z"}, "assets": {},
}  # fmt: skip
TABLES = (
    '"my.table"',
    'main."my.table"',
    '"say ""x"""',
    "MAIN.Plain",
    "memory.main.three",
    '"a.parquet"',
    "plain",
)


@pytest.mark.parametrize("table", TABLES)
def test_names_of_tables_are_read_as_sql_reads_them(con: duckdb.DuckDBPyConnection, table: str) -> None:
    assert build_index(con, table, items=ITEMS).added == 12
    assert con.execute(f"SELECT count(*) FROM {table}").fetchone() == (12,)
    assert build_index(con, table, items=ITEMS).added == 0
    assert index_info(con, table).searches == [{"items": ITEMS}]
    assert refresh_index(con, table, items=ITEMS).added == 0


def test_a_table_in_a_schema_or_database_of_its_own(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    con.execute("CREATE SCHEMA nightly")
    con.execute(f"ATTACH '{tmp_path}/other.duckdb' AS other")
    build_index(con, "idx", items="FROM scenes WHERE id = 'scene-0'")
    for table in ("nightly.idx", "other.idx", "other.main.idx"):
        build_index(con, table, items=ITEMS)
        assert index_info(con, table).searches == [{"items": ITEMS}], table
    assert index_info(con, "idx").searches == [{"items": "FROM scenes WHERE id = 'scene-0'"}]


@pytest.mark.parametrize("table", ['a"b', "", "a.b.c.d", "a..b", '"a', "x; DROP TABLE scenes"])
def test_what_is_no_name_is_refused_or_quoted(con: duckdb.DuckDBPyConnection, table: str) -> None:
    with pytest.raises(RasteretError):
        index_info(con, table)
    assert con.execute("SELECT count(*) FROM scenes").fetchone() == (6,)


def test_an_index_is_longitude_and_latitude_in_older_storage_too(tmp_path: Path) -> None:
    with rasteret_sql.connect() as con:
        con.execute(f"ATTACH '{tmp_path}/old.duckdb' AS old (STORAGE_VERSION 'v1.0.0')")
        point = "'POINT(15 47)'::GEOMETRY('OGC:CRS84')"
        con.execute(
            f"CREATE TABLE old.idx AS SELECT 'a' AS id, {point} AS geometry, {point} AS footprint, "
            "'POINT(1 2)'::GEOMETRY AS mine"
        )
        con.execute("DETACH old")
        con.execute(f"ATTACH '{tmp_path}/old.duckdb' AS old (READ_ONLY)")
        kinds = dict(con.execute("SELECT column_name, column_type FROM (DESCRIBE old.idx)").fetchall())
        assert kinds["geometry"] == "GEOMETRY", "this storage forgets the CRS"
        for native in (True, False):
            path = tmp_path / f"{native}.parquet"
            assert write_index(con, "FROM old.idx", path, native_geometry=native) == 1
            kept = con.execute(
                "SELECT decode(value) FROM parquet_kv_metadata($1) WHERE decode(key) = 'geo'", [str(path)]
            ).fetchall()
            columns = json.loads(kept[0][0])["columns"]
            assert "crs" not in columns["geometry"]
            assert "crs" not in columns["footprint"]
            assert columns["mine"]["crs"] is None, "of a column of the user's nothing is known"
