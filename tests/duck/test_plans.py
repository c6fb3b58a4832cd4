"""A plan counts what its query then asks for, and sends nothing."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.__main__ import main
from rasteret_sql.settings import configure
from tests.store.server import FaultServer

AREA = "{'x_off': 20, 'y_off': 10, 'width': 100, 'height': 90}"
POINT = "[700500, 5299500]"
ZONE = "[700000, 5299000, 701000, 5299900]"
QUERIES = {
    "chips": f"SELECT c.data FROM idx AS i, read_cog(i, {AREA}) AS c",
    "chips of a condition": f"SELECT c.data FROM idx AS i, read_cog(i, {AREA}) AS c WHERE i.n = 1",
    "whole rasters": "SELECT c.valid FROM idx AS i, read_cog(i) AS c",
    "tiles": "SELECT t.data FROM idx AS i, read_cog_tiles(i) AS t",
    "tiles of a condition": "SELECT t.data FROM idx AS i, read_cog_tiles(i) AS t WHERE t.tile_col = 0",
    "a grid": f"SELECT c.data FROM idx AS i, read_cog(i, {ZONE}, aoi_crs := 'EPSG:32632', size := 32) AS c",
    "an expression": f"SELECT c.data FROM idx AS i, read_cog(i, {AREA}, expression := 'b1 * 2') AS c",
    "statistics": f"SELECT RS_ZonalStatsAll(i, {ZONE}, aoi_crs := 'EPSG:32632') FROM idx AS i",
    "points": f"SELECT RS_Value(i, {POINT}, aoi_crs := 'EPSG:32632') FROM idx AS i",
    "a clip": f"SELECT RS_Clip(i, {AREA}) FROM idx AS i",
    "a picture": "SELECT RS_AsPNG(i) FROM idx AS i",
    "an array": "SELECT RS_AsArray(i) FROM idx AS i",
    "algebra": f"SELECT RS_MapAlgebra('a + 1', {{'a': i}}, {AREA}) FROM idx AS i",
    "stacked": f"SELECT c.data FROM idx AS i, read_cog({{'a': i, 'b': i}}, {AREA}) AS c",
    "over names": "SELECT data FROM read_chips('idx', 'fields')",
    "statistics over names": "SELECT * FROM read_zonal_stats('idx', 'fields')",
    "samples": "SELECT value FROM read_samples('idx', 'fields')",
    "written": f"CREATE TABLE made AS SELECT c.data FROM idx AS i, read_cog(i, {AREA}) AS c;",
    "copied": f"COPY (SELECT c.data FROM idx AS i, read_cog(i, {AREA}) AS c) TO '{{folder}}/x.parquet'",
    "pixels unused": f"SELECT c.width FROM idx AS i, read_cog(i, {AREA}) AS c",
    "a second read": f"SELECT c.data, d.data FROM idx AS i, read_cog(i, {AREA}) AS c, "
    f"read_cog(i, {AREA}) AS d",
    "a cube": f"SELECT c.data FROM (SELECT list(i) AS scenes FROM (SELECT *, "
    "'2024-01-01'::TIMESTAMPTZ + to_days(n) AS datetime FROM idx) AS i) AS s, "
    f"read_cube(s.scenes, {ZONE}, aoi_crs := 'EPSG:32632', size := 16) AS c",
    "filtered by no pixel": f"SELECT RS_AsPNG(c) FROM idx AS i, read_cog(i, {AREA}) AS c",
}


@pytest.fixture
def server(corpus: Path) -> Iterator[FaultServer]:
    with FaultServer({path.name: path.read_bytes() for path in corpus.glob("*.tif")}) as running:
        yield running


@pytest.fixture
def con(con: duckdb.DuckDBPyConnection, server: FaultServer) -> duckdb.DuckDBPyConnection:
    """With an index of two files on a server, and a field in them."""
    con.execute(
        "CREATE TABLE idx AS SELECT n, h.* FROM range(2) AS r(n), cog_header($1 || '?n=' || n) AS h",
        [server.url("utm32_uint16.tif")],
    )
    con.execute(
        "CREATE TABLE fields AS "
        "SELECT format('POINT ({} {})', (b.xmin + b.xmax) / 2, (b.ymin + b.ymax) / 2)::GEOMETRY AS geom "
        "FROM (SELECT rasteret_bbox(footprint) AS b FROM idx LIMIT 1)"
    )
    server.clear()
    return con


def told(con: duckdb.DuckDBPyConnection, query: str, more: str = "") -> list[dict[str, Any]]:
    found = con.execute(f"FROM rasteret_explain($1{more})", [query])
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.mark.parametrize("name", QUERIES)
def test_a_plan_is_what_the_query_then_asks_for(
    con: duckdb.DuckDBPyConnection, server: FaultServer, tmp_path: Path, name: str
) -> None:
    query = QUERIES[name].replace("{folder}", str(tmp_path))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        rows = told(con, query)
    assert (server.requests, said) == ([], [])
    con.execute(query).fetchall()
    sent = [request.range.removeprefix("bytes=").split("-") for request in server.requests if request.range]
    byte_count = sum(int(last) - int(first) + 1 for first, last in sent)
    planned = (rows[0]["requests"], rows[0]["byte_count"]) if rows else (0, 0)
    assert planned == (len(sent), byte_count)
    if name != "pixels unused":
        assert sent
        (seen,) = con.execute("SELECT requests, byte_count FROM rasteret_last_query() LIMIT 1").fetchall()
        assert seen == planned


def test_a_tree_with_its_numbers(con: duckdb.DuckDBPyConnection) -> None:
    rows = told(con, QUERIES["chips of a condition"])
    assert [row["plan"].split(":")[0] for row in rows[:2]] == ["query", "├─ read_cog"]
    assert "1 scene × 1 area → 1 chip of 18 kB, 1 tile" in rows[1]["plan"]
    assert rows[-1]["plan"] == "└─ pushed down to i: i.n = 1"
    top = rows[0]
    expected = {"scenes": None, "chips": 1, "tiles": 1, "requests": 1, "cached_tiles": 0, "dollars": 0.0}
    assert {name: top[name] for name in expected} == expected
    assert {name: rows[1][name] for name in ("scenes", "areas", "chip_bytes")} == {
        "scenes": 1, "areas": 1, "chip_bytes": 18000,
    }  # fmt: skip


def test_tiles_in_the_cache_take_no_request(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(QUERIES["chips"]).fetchall()
    top, reads, cached = told(con, QUERIES["chips"])
    assert (top["requests"], top["cached_tiles"], reads["tiles"]) == (0, 2, 0)
    assert "cached: 2 tiles" in cached["plan"]
    (before,) = con.execute("SELECT cached_tiles, requests FROM rasteret_last_query() LIMIT 1").fetchall()
    assert before == (0, 2)  # a plan is no query that reads
    con.execute(QUERIES["chips"]).fetchall()
    (again,) = con.execute("SELECT cached_tiles, requests FROM rasteret_last_query() LIMIT 1").fetchall()
    assert again == (2, 0)


def test_headers_of_hrefs_are_looked_up_when_asked_for(
    con: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    query = f"SELECT c.data FROM read_cog('{server.url('utm32_uint16.tif')}', {AREA}) AS c"
    rows = told(con, query)
    assert (rows[0]["requests"], rows[0]["header_requests"], rows[0]["tiles"]) == (1, 1, 0)
    assert "look_up := true reads them" in rows[-1]["plan"]
    assert server.requests == []
    rows = told(con, query, ", look_up := true")
    assert (rows[0]["tiles"], rows[1]["chips"], len(server.requests)) == (1, 1, 1)


def test_the_limiting_stage(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(QUERIES["chips"]).fetchall()
    (row,) = con.execute(
        "SELECT plan, seconds, network_s + decode_s + duckdb_s, limited_by FROM rasteret_last_query() LIMIT 1"
    ).fetchall()
    assert f"limited by {row[3]}" in row[0]
    assert row[3] in ("network", "decode", "DuckDB")
    assert 0 < row[1] <= row[2] + 1e-6


def test_prepared_in_a_view_and_as_a_relation(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    query = QUERIES["chips"].replace("'", "''")
    asked = f"SELECT requests FROM rasteret_explain('{query}') LIMIT 1"
    con.execute(f"CREATE VIEW seen AS {asked}")
    con.execute(f"PREPARE planned AS {asked}")
    for again in ("FROM seen", "FROM seen"):
        assert con.execute(again).fetchall() == [(2,)]
    assert con.sql(asked).fetchall() == [(2,)]
    con.execute("EXPLAIN " + asked).fetchall()
    assert server.requests == []
    if duckdb.__version__ < "2":  # keeps what it has bound
        with pytest.raises(duckdb.InvalidInputException, match=r"DuckDB 1\.5 cannot PREPARE a plan"):
            con.execute("EXECUTE planned").fetchall()
    else:
        for again in ("EXECUTE planned", "EXECUTE planned"):
            assert con.execute(again).fetchall() == [(2,)]
    assert server.requests == []


def test_queries_of_other_connections_read_meanwhile(con: duckdb.DuckDBPyConnection) -> None:
    """Only the query that asks for a plan is one."""
    other = con.cursor()
    told(con, QUERIES["chips"])
    assert None not in [row[0] for row in other.execute(QUERIES["chips"]).fetchall()]
    assert None not in [row[0] for row in con.execute(QUERIES["chips"]).fetchall()]
    mixed = f"SELECT data FROM read_cog((SELECT i FROM idx AS i LIMIT 1), {AREA})"
    assert None not in [row[0] for row in con.execute(mixed).fetchall()]


def test_what_cannot_be_planned(con: duckdb.DuckDBPyConnection) -> None:
    assert told(con, "SELECT 42") == []
    assert told(con, "SELECT 1; SELECT 2") == []
    assert con.execute("FROM rasteret_explain(NULL)").fetchall() == []
    with pytest.raises(duckdb.CatalogException, match="nothere does not exist"):
        told(con, "FROM nothere")
    with pytest.raises(duckdb.ParserException):
        told(con, "SELEC nonsense")
    with pytest.raises(duckdb.InvalidInputException, match=r"rasteret_explain: bandwidth := -1: a number of"):
        told(con, "SELECT 1", ", bandwidth := -1")


def test_dollars(con: duckdb.DuckDBPyConnection) -> None:
    """Prices are those of the place of the bucket; where its readers pay, the plan says so."""
    con.execute("UPDATE idx SET href = 's3://usgs-landsat/a.tif' WHERE n = 0")
    con.execute("UPDATE idx SET href = 's3://sentinel-cogs/a.tif' WHERE n = 1")
    con.execute("INSERT INTO idx SELECT * REPLACE ('s3://ours/a.tif' AS href) FROM idx LIMIT 1")
    rows = told(con, QUERIES["chips"])
    lines = {
        row["plan"].split("s3://")[-1].partition(" ")[0]: row["plan"] for row in rows if "s3" in row["plan"]
    }
    assert "(aws/us-west-2, you pay: $" in lines["usgs-landsat"]
    assert "(aws/us-west-2, its owner pays: $0.00)" in lines["sentinel-cogs"]
    assert "(aws, the bucket's account pays: $" in lines["ours"]
    assert rows[0]["dollars"] > 0
    near = told(con, QUERIES["chips"], ", region := 'aws/us-west-2'")
    assert 0 < near[0]["dollars"] < rows[0]["dollars"]
    configure(query_region="aws/us-west-2")
    assert told(con, QUERIES["chips"])[0]["dollars"] == near[0]["dollars"]


def test_the_plan_of_a_plain_connection(server: FaultServer, corpus: Path) -> None:
    with duckdb.connect() as plain:
        rasteret_sql.register(plain)
        plain.execute("CREATE TABLE idx AS FROM cog_header($1)", [server.url("utm32_uint16.tif")])
        server.clear()
        (row,) = plain.execute(
            "SELECT requests FROM rasteret_explain($1) LIMIT 1", [QUERIES["whole rasters"]]
        ).fetchall()
        assert row == (1,)
        assert server.requests == []


def test_the_command_prints_the_tree(
    server: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = str(tmp_path / "x.duckdb")
    with rasteret_sql.connect(database) as con:
        con.execute("CREATE TABLE idx AS FROM cog_header($1)", [server.url("utm32_uint16.tif")])
    server.clear()
    query = QUERIES["whole rasters"]
    assert main(["explain", query, "--database", database, "--region", "aws/us-west-2"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("└─ read_cog: 1 scene → 1 chip")
    assert main(["explain", query, "--database", database, "--json", "--bandwidth", "1"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first["seconds"] > 0.1
    assert main(["explain", "SELECT 1"]) == 0
    assert "nothing of this query reads rasters" in capsys.readouterr().err
    assert server.requests == []
