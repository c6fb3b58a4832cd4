"""Functions over the names of an index and of areas answer as the lateral ones do."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from rasteret_sql.demo import Demo
from tests.sql.plans import columns_read, require_filters_in_scans

ROOT = Path(__file__).resolve().parents[2]
BUILD = (ROOT / "sql/examples/01_build_index.sql").read_text("utf-8")
JOINED = "'idx.parquet' AS i JOIN 'fields.parquet' AS f ON i.footprint && f.geom"
CHIP = (
    "bands, level, x_off, y_off, width, height, bbox, crs, transform, dtype, shape, nodata, scales, "
    '"offsets", units, band_names, colorinterp, colormap, data, valid, error'
)
STATISTICS = (
    'round(count, 9), round(sum, 4), round(mean, 9), round(median, 9), "mode", round(stddev, 9), min, max, '
    "percentiles, round(pixels, 9)"
)
TILE = (
    'bands, level, tile_col, tile_row, x_off, y_off, width, height, bbox, crs, transform, "offset", '
    'byte_count, dtype, shape, nodata, scales, "offsets", data, error'
)


@pytest.fixture
def con(
    con: duckdb.DuckDBPyConnection, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> duckdb.DuckDBPyConnection:
    monkeypatch.chdir(demo.folder)
    if not Path("idx.parquet").exists():
        con.execute(BUILD)
    con.execute(
        "COPY (FROM (SELECT * FROM 'idx.parquet' WHERE band <> 'scl' OR id LIKE '%0414')) TO 'some.parquet'"
    )
    return con


def columns(names: str, alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in names.split(", "))


def both(con: duckdb.DuckDBPyConnection, family: str, lateral: str) -> None:
    """The same rows, in whatever order."""
    found, expected = (
        [repr(row) for row in con.execute(f"SELECT * FROM ({sql}) ORDER BY ALL").fetchall()]  # NaN is NaN
        for sql in (family, lateral)
    )
    assert expected, "there is something to compare"
    assert found == expected


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        ", level := 1",
        ", resolution := 40",
        ", all_touched := true, mask := 'b1 > 900'",
        ", expression := 'b1 * 2'",
        ", crs := 'EPSG:3857', resolution := 20, resampling := 'bilinear'",
        ", size := 16",
    ],
)
def test_chips_are_those_of_a_lateral_join(con: duckdb.DuckDBPyConnection, arguments: str) -> None:
    both(
        con,
        f"SELECT id, band, field_id, href, {CHIP} "
        f"FROM read_chips('idx.parquet', 'fields.parquet'{arguments}) "
        "WHERE band = 'red' AND id < 'S2_32632_202406'",
        f"SELECT i.id, i.band, f.field_id, c.href, {columns(CHIP, 'c')} FROM {JOINED}, "
        f"read_cog(i, f.geom{arguments}) AS c WHERE i.band = 'red' AND i.id < 'S2_32632_202406'",
    )


@pytest.mark.parametrize("arguments", ["", ", level := 1", ", scale := true"])
def test_tiles_are_those_of_a_lateral_join(con: duckdb.DuckDBPyConnection, arguments: str) -> None:
    both(
        con,
        f"SELECT id, field_id, href, {TILE} FROM read_tiles('idx.parquet', 'fields.parquet'{arguments}) "
        "WHERE band = 'nir' AND id < 'S2_32632_202405'",
        f"SELECT i.id, f.field_id, c.href, {columns(TILE, 'c')} FROM {JOINED}, "
        f"read_cog_tiles(i, f.geom{arguments}) AS c WHERE i.band = 'nir' AND i.id < 'S2_32632_202405'",
    )


@pytest.mark.parametrize(
    "arguments", ["", ", coverage := true, percentiles := [5]", ", expression := 'b1 / 2'"]
)
def test_statistics_are_those_of_the_function(con: duckdb.DuckDBPyConnection, arguments: str) -> None:
    both(
        con,
        f"SELECT id, band, field_id, {STATISTICS} "
        f"FROM read_zonal_stats('some.parquet', 'fields.parquet'{arguments})",
        f"""
        SELECT id, band, field_id, {STATISTICS}
        FROM (
            SELECT i.id, i.band, f.field_id, unnest(RS_ZonalStatsAll(i, f.geom{arguments}))
            FROM {JOINED.replace("idx", "some")}
        )
        WHERE count IS NOT NULL
        """,
    )


@pytest.mark.parametrize("arguments", ["", ", interpolation := 'bilinear'", ", band := 1, scale := true"])
def test_samples_are_those_of_the_function(con: duckdb.DuckDBPyConnection, arguments: str) -> None:
    con.execute(
        "CREATE VIEW places AS "
        "SELECT n AS place, [12.0 + n / 700, 47.96 + n % 7 / 100] AS geom FROM range(60) AS r(n)"
    )
    both(
        con,
        f"SELECT id, band, place, value FROM read_samples('some.parquet', 'places'{arguments})",
        f"SELECT i.id, i.band, p.place, RS_Value(i, p.geom{arguments}) "
        "FROM 'some.parquet' AS i JOIN places AS p "
        "ON i.footprint && ('POINT (' || p.geom[1] || ' ' || p.geom[2] || ')')::GEOMETRY",
    )


def test_a_query_without_pixels_asks_for_none(con: duckdb.DuckDBPyConnection, demo: Demo) -> None:
    before = requests(con)
    for function in ("read_chips", "read_tiles"):
        (found,) = con.execute(
            f"SELECT count(*), sum(width) FROM {function}('idx.parquet', 'fields.parquet')"
        ).fetchall()
        assert found[0] > 400
    assert con.execute("SELECT count(*) FROM read_pairs('idx.parquet', 'fields.parquet')").fetchall()
    assert requests(con) == before


def requests(con: duckdb.DuckDBPyConnection) -> int:
    ((count,),) = con.execute("SELECT count(*) FROM rasteret_requests()").fetchall()
    return int(count)


FAMILY = {
    "read_chips": "octet_length(data)",
    "read_tiles": "octet_length(data)",
    "read_zonal_stats": "mean",
    "read_samples": "value",
    "read_pairs": "crs",
}


@pytest.mark.parametrize("function", FAMILY)
def test_conditions_reach_both_files_and_nothing_else_is_read(
    con: duckdb.DuckDBPyConnection, function: str
) -> None:
    before = requests(con)
    plan = explained(
        con,
        f"SELECT id, label, {FAMILY[function]} FROM {function}('idx.parquet', 'fields.parquet') "
        "WHERE band = 'red' AND datetime < '2024-06-01' AND field_id = 3",
    )
    assert requests(con) == before, "EXPLAIN asks for nothing"
    require_filters_in_scans(plan, ("band", "datetime", "field_id"))
    assert {"label", "footprint"} <= columns_read(plan)
    assert not {"cloud_cover", "geometry", "ghost", "overviews"} & columns_read(plan)


def explained(con: duckdb.DuckDBPyConnection, sql: str) -> str:
    ((_, text),) = con.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()
    return str(text)


@pytest.mark.parametrize(
    "index", ["idx", "seen", "mine", "idx.parquet"], ids=["table", "view", "CTE", "file"]
)
def test_any_name_will_do(con: duckdb.DuckDBPyConnection, index: str) -> None:
    con.execute("CREATE TABLE idx AS FROM 'idx.parquet'")
    con.execute("CREATE VIEW seen AS FROM idx")
    con.execute("CREATE VIEW fields AS SELECT geom AS geometry, label, field_id AS id FROM 'fields.parquet'")
    query = f"""
        WITH mine AS (FROM idx)
        SELECT count(*), count(DISTINCT id), count(DISTINCT id_1), count(DISTINCT label)
        FROM read_chips('{index}', 'fields') WHERE band = 'red'
    """
    expected = con.execute(
        "SELECT count(*), count(DISTINCT i.id), count(DISTINCT f.field_id), count(DISTINCT label) "
        f"FROM {JOINED}, read_cog(i, f.geom) AS c WHERE i.band = 'red'"
    ).fetchall()
    assert con.execute(query).fetchall() == expected


def test_variables_and_parameters_are_found(con: duckdb.DuckDBPyConnection) -> None:
    fields = con.sql("FROM 'fields.parquet' WHERE field_id < 3").to_arrow_table()
    assert fields.num_rows
    sql = "SELECT count(*) FROM read_chips('idx.parquet', 'fields') WHERE band = $1 AND id LIKE $2"
    ((found,),) = con.execute(sql, ["red", "%0414"]).fetchall()
    ((again,),) = con.sql(sql, params=["red", "%0414"]).fetchall()
    assert found == again > 0


def test_the_column_of_areas_may_have_any_name_and_form(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("""
        CREATE TABLE areas AS
        SELECT
            field_id,
            geom,
            ST_AsText(geom) AS wkt,
            ST_AsWKB(geom) AS "the WKB (1)",
            rasteret_bbox(geom) AS bbox
        FROM 'fields.parquet'
    """)
    rows = "SELECT id, band, field_id, shape, valid FROM read_chips('some.parquet', 'areas'{}) ORDER BY ALL"
    expected = con.execute(rows.format("")).fetchall()
    assert expected
    for name in ("wkt", "the WKB (1)", "GEOM"):
        assert con.execute(rows.format(f", geom := '{name}'")).fetchall() == expected, name
    boxes = con.execute(rows.format(", geom := 'bbox'")).fetchall()
    assert [row[:3] for row in boxes] == [row[:3] for row in expected]
    with pytest.raises(duckdb.BinderException, match="outline"):
        con.execute(rows.format(", geom := 'outline'"))


def test_names_that_collide(con: duckdb.DuckDBPyConnection) -> None:
    """The chip's stay as they are in read_cog; those of areas get a number."""
    con.execute("""
        CREATE TABLE areas AS
        SELECT field_id AS id, 'mine' AS crs, geom, 7 AS level, 'theirs' AS data FROM 'fields.parquet'
    """)
    names = [row[0] for row in con.execute("DESCRIBE FROM read_chips('idx.parquet', 'areas')").fetchall()]
    assert len(names) == len(set(names))
    assert {"id", "id_1", "crs", "crs_1", "level_1", "data_1", "href", "compression"} <= set(names)
    assert not {"tile_offsets", "tile_gaps", "tile_byte_counts", "overviews", "mask", "href_1"} & set(names)
    assert names[-3:] == ["data", "valid", "error"]
    (row,) = con.execute(
        "SELECT crs, crs_1, level, level_1, octet_length(data) > 0, data_1 "
        "FROM read_chips('idx.parquet', 'areas') WHERE band = 'red' AND id LIKE 'S2_32632%0414' LIMIT 1"
    ).fetchall()
    assert row == ("EPSG:32632", "mine", 0, 7, True, "theirs")


@pytest.mark.parametrize(("function", "own"), [("read_zonal_stats", "mean"), ("read_samples", "value")])
def test_a_number_keeps_its_name(con: duckdb.DuckDBPyConnection, function: str, own: str) -> None:
    con.execute(f"CREATE TABLE mine AS SELECT *, 'mine' AS {own}, 1 AS level FROM 'some.parquet'")
    con.execute(f"CREATE TABLE areas AS SELECT [12.03, 48.015] AS geom, 'theirs' AS {own}")
    rows = con.execute(
        f"SELECT DISTINCT typeof({own}), {own}_1, {own}_1_1, level FROM {function}('mine', 'areas')"
    )
    assert rows.fetchall() == [("DOUBLE", "mine", "theirs", 1)]


def test_an_index_needs_no_column_that_a_header_may_lack(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE bare AS SELECT * EXCLUDE (overviews, mask, etag, colormap) FROM 'some.parquet'")
    both(
        con,
        "SELECT id, band, field_id, shape, data FROM read_chips('bare', 'fields.parquet')",
        "SELECT id, band, field_id, shape, data FROM read_chips('some.parquet', 'fields.parquet')",
    )


def test_nothing_comes_of_nothing(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE VIEW nowhere AS SELECT NULL::GEOMETRY AS geom UNION ALL SELECT 'POLYGON EMPTY'::GEOMETRY"
    )
    con.execute("CREATE VIEW none AS FROM 'fields.parquet' WHERE false")
    con.execute("CREATE VIEW no_index AS FROM 'idx.parquet' WHERE false")
    for index, areas in (("idx.parquet", "nowhere"), ("idx.parquet", "none"), ("no_index", "fields.parquet")):
        for function in FAMILY:
            assert con.execute(f"FROM {function}('{index}', '{areas}')").fetchall() == []


def test_an_error_becomes_a_row_where_that_is_asked(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE TABLE broken AS SELECT * REPLACE (href || '.gone' AS href) FROM 'some.parquet' LIMIT 3"
    )
    rows = con.execute(
        "SELECT data IS NULL, error FROM read_chips('broken', 'fields.parquet', on_error := 'null')"
    ).fetchall()
    assert rows
    assert all(missing and ".gone" in error for missing, error in rows)
    with pytest.raises(duckdb.Error, match=r"\.gone"):
        con.execute("SELECT data FROM read_chips('broken', 'fields.parquet')").fetchall()
