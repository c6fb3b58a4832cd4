"""Deliberate mistakes: each ends in one line that says what to do."""

from __future__ import annotations

import traceback
from pathlib import Path

import duckdb
import pytest

from rasteret_sql.__main__ import main

READ = "FROM idx AS i, read_cog(i, [1, 2, 3, 4], {}) AS c"
MISTAKES = {
    # arguments by another name
    READ.format("bound := 3"): "read_cog has no argument bound: did you mean aoi := …?",
    READ.format("bnds := 1"): "read_cog has no argument bnds: did you mean bands := …?",
    READ.format("bans := 1"): "read_cog has no argument bans: did you mean bands := …?",
    READ.format("channel := 1"): "did you mean bands := …?",
    READ.format("overview := 1"): "did you mean level := …?",
    READ.format("levl := 1"): "did you mean level := …?",
    READ.format("zoom => 1"): "read_cog has no argument zoom: did you mean level := …?",
    READ.format("res := 10"): "did you mean resolution := …?",
    READ.format("gsd := 10"): "did you mean resolution := …?",
    READ.format("epsg := 32632"): "did you mean crs := …?",
    READ.format("srid := 32632"): "did you mean crs := …?",
    READ.format("method := 'cubic'"): "did you mean resampling := …?",
    READ.format("interpolation := 'cubic'"): "did you mean resampling := …?",
    READ.format("chipsize := 64"): "did you mean size := …?",
    READ.format("on_eror := 'null'"): "did you mean on_error := …?",
    READ.format("all_touch := true"): "did you mean all_touched := …?",
    READ.format("formula := 'b1'"): "did you mean expression := …?",
    READ.format("cloud_mask := 'b1'"): "did you mean mask := …?",
    READ.format("xyzzy := 1"): "read_cog has no argument xyzzy: it takes raster, aoi, bands, level, ",
    "FROM read_cog('a.tif', geom := [1, 2, 3, 4])": "did you mean aoi := …?",
    "FROM read_cog('a.tif', bbox := [1, 2, 3, 4])": "did you mean aoi := …?",
    "SELECT RS_Value('a.tif', [1, 2], bnd := 1)": "RS_Value has no argument bnd: did you mean band := …?",
    "SELECT RS_Value('a.tif', [1, 2], resampling := 'bilinear')": "did you mean interpolation := …?",
    "SELECT RS_Value('a.tif', lonlat := [1, 2])": "did you mean point := …?",
    "SELECT RS_ZonalStatsAll('a.tif', [1, 2, 3, 4], percentile := [1])": "did you mean percentiles := …?",
    "SELECT RS_ZonalStatsAll('a.tif', polygon := 1)": "did you mean zone := …?",
    "SELECT RS_AsPNG('a.tif', colourmap := 'x')": "did you mean colormap := …?",
    "FROM stac_search('pc', date := '2024')": "stac_search has no argument date: did you mean datetime := …?",
    "FROM stac_search('pc', items := 5)": "did you mean max_items := …?",
    "FROM stac_search('pc', collection := 'naip')": "did you mean collections := …?",
    "FROM stac_search('pc', clouds := 5)": "did you mean filter := …?",
    "FROM read_chips('idx', fields := 'fields')": "did you mean areas := …?",
    "FROM read_zonal_stats('idx', polygons := 'fields')": "did you mean zones := …?",
    "FROM rasteret_explain(query := 'SELECT 1')": "rasteret_explain has no argument query: did you mean sql",
    # = in place of :=
    "FROM read_cog('a.tif', level = 1)": "read_cog: level = 1 compares; an argument is level := 1",
    READ.format("level = 1"): "read_cog: level = 1 compares; an argument is level := 1",
    READ.format("size = 64"): "an argument is size := 64",
    READ.format("bnds = 1"): "read_cog: bnds = 1 compares; an argument is bands := 1",
    "SELECT RS_Value('a.tif', [1, 2], band = 2)": "RS_Value: band = 2 compares; an argument is band := 2",
    # too few, too many, twice
    "FROM read_cog()": "read_cog needs raster: read_cog(raster, …)",
    "SELECT RS_Value('a.tif')": "RS_Value needs point: RS_Value(raster, point, …)",
    "SELECT RS_Transform('a.tif')": "RS_Transform needs crs: RS_Transform(raster, crs, …)",
    f"FROM read_cog('a', {', '.join('123456789' * 3)})": "read_cog takes at most 15 arguments, and 28 ",
    "FROM rasteret_settings(1)": "rasteret_settings takes at most 0 arguments, and 1 are given: it has none",
    "FROM read_cog('a', 'all', aoi := 'all')": "read_cog is given aoi twice",
    # functions that are not there
    "FROM read_cg('a.tif')": "there is no function read_cg: did you mean read_cog?",
    "FROM raed_cog('a.tif')": "did you mean read_cog?",
    "FROM read_chip('idx', 'fields')": "did you mean read_chips?",
    "FROM read_zonalstats('idx', 'fields')": "did you mean read_zonal_stats?",
    "SELECT RS_Vale('a.tif', [1, 2])": "there is no function rs_vale: did you mean RS_Value?",
    "SELECT RS_NDV('a', 'b')": "there is no function rs_ndv: did you mean RS_NDVI?",
    "SELECT RS_ZonalStat('a', 'b')": "did you mean RS_ZonalStats?",
    "FROM stac_serch('pc')": "did you mean stac_search?",
    "FROM cog_headers('a.tif')": "did you mean cog_header?",
    "FROM rasteret_setings()": "did you mean rasteret_settings?",
    "SELECT RS_Xyzzyplugh(1)": "there is no function rs_xyzzyplugh; FROM rasteret_functions() lists them",
    # a table is not a value
    "SELECT read_cog('a.tif')": "read_cog gives a table: FROM read_cog(…), beside other tables with a comma",
    "SELECT i.band, cog_header(i.href) FROM idx AS i": "cog_header gives a table: FROM cog_header(…)",
    "FROM RS_Value('a.tif', [1, 2])": "RS_Value gives a value for each row: SELECT RS_Value(…), not FROM",
    "FROM idx AS i, RS_NDVI(i, i) AS c": "RS_NDVI gives a value for each row",
    # names of tables and rows
    "FROM idx AS i, read_cog(idx)": "idx is called i in this query: read_cog(i, …)",
    "FROM idx i JOIN fields f ON true, read_cog(i, fields.geom)": "fields is called f in this query",
    "FROM idx, read_cog(i)": "read_cog(i): there is no i in FROM; the row of a table goes by its name ",
    "SELECT RS_Value(raster, [1, 2]) FROM idx AS i": "there is no raster in FROM",
    "FROM idx AS i, read_cog(i.*)": "read_cog takes the row itself: read_cog(i, …)",
    "FROM idx AS i, read_cog(i) AS c WHERE c.band = 'red'": "which has no column band: did you mean c.bands?",
    "SELECT c.dat FROM idx AS i, read_cog(i) AS c": "c is read_cog, which has no column dat: did you mean ",
    "SELECT s.cloudcover FROM stac_search('pc') AS s": "did you mean s.cloud_cover?",
}


@pytest.fixture
def con(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    con.execute(
        "CREATE TABLE idx AS SELECT 'a.tif' AS href, 'red' AS band; CREATE TABLE fields AS SELECT 1 AS geom"
    )
    return con


def test_there_are_sixty() -> None:
    assert len(MISTAKES) >= 60


@pytest.mark.parametrize("sql", MISTAKES)
@pytest.mark.parametrize("method", ["execute", "sql"])
def test_a_mistake_ends_in_one_line(con: duckdb.DuckDBPyConnection, sql: str, method: str) -> None:
    with pytest.raises((duckdb.BinderException, duckdb.CatalogException)) as caught:
        getattr(con, method)(sql)
    said = str(caught.value)
    assert MISTAKES[sql] in said
    assert said.count("\n") == 0
    assert said.startswith(("Binder Error: ", "Catalog Error: "))
    assert len(said) < 300


def test_the_line_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "FROM read_cog('a.tif', level = 1)"]) == 1
    assert capsys.readouterr().err == (
        "rasteret-sql: Binder Error: read_cog: level = 1 compares; an argument is level := 1\n"
    )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nothing FROM idx",
        "SELECT lowr('x')",
        "FROM nothere",
        "SELECT i.nothing FROM idx AS i",
        "SELECT abs()",
        "FROM idx AS i, read_cog(i) AS c WHERE nothing = 1",
    ],
)
def test_what_is_not_about_our_functions_stays(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(duckdb.Error) as ours:
        con.execute(sql)
    with pytest.raises(duckdb.Error) as theirs:
        con.duckdb_connection.execute(sql)  # type: ignore[attr-defined]
    assert (type(ours.value), str(ours.value)) == (type(theirs.value), str(theirs.value))


@pytest.mark.parametrize(
    "sql", ["FROM read_cog('a.tif', levl := 1)", "FROM nothere", "FROM read_cog('none.tif')"]
)
def test_a_traceback_has_no_frame_of_duckdb(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Besides the caller's, two frames: the method that was called, and what it goes through."""
    with pytest.raises(duckdb.Error) as caught:
        con.execute(sql)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [Path(frame.filename).name for frame in frames] == [Path(__file__).name, *["connection.py"] * 2]
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
