"""Catalogues in SQL: typed rows, lateral searches, static documents, and a real STAC API."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.demo import Demo, start
from rasteret_sql.errors import RasteretWarning
from rasteret_sql.stac.catalogs.catalogs import resolve, unregister_catalog
from tests.stac.serving import Answer, api, item, page, serving

SEARCH = "stac_search('demo', datetime := '2024-04-01/2024-09-30'{})"


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with start() as running:
        yield running


@pytest.fixture
def con(con: duckdb.DuckDBPyConnection, demo: Demo) -> duckdb.DuckDBPyConnection:
    con.execute("SET TimeZone = 'UTC'")
    return con


def ids(con: duckdb.DuckDBPyConnection, arguments: str) -> list[str]:
    return [i for (i,) in con.execute(f"SELECT id FROM {SEARCH.format(arguments)} ORDER BY id").fetchall()]


def test_rows_are_typed(con: duckdb.DuckDBPyConnection, demo: Demo) -> None:
    row = con.execute(
        f"SELECT collection, typeof(geometry), datetime::VARCHAR, cloud_cover, platform, gsd, proj_code, "
        f"map_keys(assets), assets['red'].roles, properties->>'grid:code' "
        f"FROM {SEARCH.format('')} WHERE id = 'S2_32632_20240514'"
    ).fetchone()
    assert row is not None
    assert row[1] == "GEOMETRY('OGC:CRS84')"
    assert row[2].startswith("2024-05-14 10:")
    assert (row[5], row[6]) == (10.0, "EPSG:32632")
    assert sorted(row[7]) == ["nir", "red", "scl"]
    assert "data" in row[8]
    assert row[9].startswith("MGRS-")


def test_each_argument_narrows_the_search(con: duckdb.DuckDBPyConnection) -> None:
    every = ids(con, "")
    assert len(every) == 12
    with pytest.warns(RasteretWarning, match=r"^stac_search: cut to max_items := 4, but 12 items match$"):
        newest = ids(con, ", max_items := 4, page_size := 3, sortby := '-datetime'")
    assert {i[-8:] for i in newest} == set(sorted({i[-8:] for i in every})[-2:])
    assert len(newest) == 4
    assert ids(con, ", ids := 'S2_32632_20240514'") == ["S2_32632_20240514"]
    assert ids(con, ", ids := ['S2_32632_20240514', 'S2_33_none']") == ["S2_32632_20240514"]
    assert ids(con, ", bbox := [0, 0, 1, 1]") == []
    assert ids(con, ", bbox := {'xmin': 0, 'ymin': 0, 'xmax': 20, 'ymax': 60}") == every
    assert ids(con, ", bbox := [0, 0, -100, 20, 60, 9000]") == every
    with pytest.warns(RasteretWarning, match="has no collection 'nothing'"):
        assert ids(con, ", collections := ['nothing']") == []
    cloudy = con.execute(f"SELECT id FROM {SEARCH.format('')} WHERE cloud_cover >= 20 ORDER BY id").fetchall()
    assert ids(con, ", filter := 'cloud_cover >= 20'") == [i for (i,) in cloudy]
    assert ids(con, ", page_size := 1") == every


def test_dates_and_timestamps_are_moments(con: duckdb.DuckDBPyConnection) -> None:
    for moment in ("'2024-05-14'", "DATE '2024-05-14'", "'2024-05-14T00:00:00Z/2024-05-14T23:59:59Z'"):
        found = con.execute(
            f"SELECT id FROM stac_search('demo', datetime := {moment}) ORDER BY id"
        ).fetchall()
        assert [i[-8:] for (i,) in found] == ["20240514", "20240514"], moment


def test_every_field_has_a_search_of_its_own(con: duckdb.DuckDBPyConnection, demo: Demo) -> None:
    fields = demo.path("fields.parquet")
    lateral = con.execute(
        f"SELECT f.field_id, s.id FROM '{fields}' AS f, "
        "stac_search('demo', intersects := f.geom) AS s ORDER BY ALL"
    ).fetchall()
    singly = [
        (field, item)
        for field, wkt in con.execute(f"SELECT field_id, geom::VARCHAR FROM '{fields}'").fetchall()
        for (item,) in con.execute("SELECT id FROM stac_search('demo', intersects := $1)", [wkt]).fetchall()
    ]
    assert lateral == sorted(singly)
    assert len(lateral) > 100


def test_an_area_may_have_a_crs_of_its_own(con: duckdb.DuckDBPyConnection) -> None:
    degrees = ids(con, ", intersects := 'POINT (12.0 48.0)'")
    metres = ids(con, ", intersects := 'POINT (723790 5320780)', aoi_crs := 'EPSG:32632'")
    assert degrees == metres
    assert len(degrees) >= 6


def test_static_documents_give_the_same_rows(con: duckdb.DuckDBPyConnection, demo: Demo) -> None:
    columns = "id, collection, geometry::VARCHAR, datetime, cloud_cover, map_keys(assets), assets['red'].type"
    want = con.execute(f"SELECT {columns} FROM stac_search('demo') ORDER BY id").fetchall()
    for document in ("items.json", "catalog.json", "collection.json"):
        path = demo.path(document)
        assert con.execute(f"SELECT {columns} FROM stac_read('{path}') ORDER BY id").fetchall() == want, (
            document
        )
    lines = Path(demo.path("items.ndjson"))
    items = json.loads(Path(demo.path("items.json")).read_text())["features"]
    lines.write_text("\n".join(json.dumps(item) for item in items))
    assert con.execute(f"SELECT {columns} FROM stac_read('{lines}') ORDER BY id").fetchall() == want
    href = con.execute(
        f"SELECT assets['red'].href FROM stac_read('{demo.path('items.json')}') LIMIT 1"
    ).fetchone()
    assert con.execute("SELECT error FROM cog_header($1)", list(href)).fetchone() == (None,), (
        "hrefs are absolute"
    )


def test_the_index_in_one_call_is_the_index_by_hand(con: duckdb.DuckDBPyConnection) -> None:
    by_hand = con.execute(
        "SELECT s.id, a.key AS band, h.width, h.crs, h.tile_offsets FROM stac_search('demo') AS s, "
        "unnest(map_entries(s.assets)) AS u(a), cog_header(a.value.href) AS h "
        "WHERE a.key IN ('red', 'scl') ORDER BY ALL"
    ).fetchall()
    in_one = con.execute(
        "SELECT id, band, width, crs, tile_offsets "
        "FROM cog_index('demo', assets := ['red', 'scl']) ORDER BY ALL"
    ).fetchall()
    assert in_one == by_hand
    assert len(in_one) == 24
    assert con.execute("SELECT count(*) FROM cog_index('demo')").fetchone() == (36,), (
        "without assets: every TIFF"
    )
    chips = con.execute(
        "SELECT count(c.data) FROM cog_index('demo', assets := ['scl']) AS i, "
        "read_cog(i, [12.0, 47.98, 12.01, 47.99]) AS c"
    ).fetchone()
    assert chips is not None
    assert chips[0] >= 6


def test_real_documents_are_read(con: duckdb.DuckDBPyConnection, stac_data: Path) -> None:
    folder = stac_data
    expected = {
        "rustac/1000-sentinel-2-items.parquet": 1000,
        "rustac/100-landsat-items.parquet": 100,
        "rustac/earth-search-s2-c1-item-collection.json": 10,
        "pgstac/pc-naip-1000.ndjson": 1000,
        "stac-spec/simple-item.json": 1,
        "stac-spec/extended-item.json": 1,
        "api/items.ndjson.gz": 2694,
    }
    for name, count in expected.items():
        found = con.execute(
            "SELECT count(*), count(DISTINCT (collection, id)), count(geometry), count(properties) "
            "FROM stac_read($1)",
            [str(folder / name)],
        ).fetchone()
        assert found == (count, count, count, count), name


def test_collections_of_an_api(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute(
        "SELECT c.id, s.n FROM stac_collections('demo') AS c "
        "JOIN (SELECT collection, count(*) AS n FROM stac_search('demo') GROUP BY ALL) AS s "
        "ON s.collection = c.id WHERE c.bbox.xmin < c.bbox.xmax AND c.start_datetime IS NOT NULL"
    ).fetchall()
    assert rows
    assert con.execute("SELECT count(*) FROM stac_collections(NULL)").fetchone() == (0,)


def test_assets_of_an_index_may_have_the_catalogues_other_names(con: duckdb.DuckDBPyConnection) -> None:
    rasteret_sql.register_catalog(
        "other names", endpoint=resolve("demo").endpoint, bands={"B04": "red", "nir": "scl"}
    )
    try:
        query = "SELECT DISTINCT band FROM cog_index('other names', assets := ['B04', 'nir'], ids := ?)"
        rows = con.execute(query + " ORDER BY band", ["S2_32632_20240514"]).fetchall()
    finally:
        unregister_catalog("other names")
    assert rows == [("nir",), ("red",)]  # a key of the item goes before another asset's other name


def test_an_index_has_them_and_expressions_apply_them(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute(
        "SELECT DISTINCT band, scales, offsets FROM cog_index('demo') ORDER BY band"
    ).fetchall()
    assert rows == [("nir", [0.0001], [-0.1]), ("red", [0.0001], [-0.1]), ("scl", None, None)]
    area = "[12.0, 47.98, 12.01, 47.99]"
    query = (
        f"SELECT list_avg(flatten(RS_AsArray(stored))), list_avg(flatten(RS_AsArray(reflectance))) FROM ("
        f"SELECT RS_MapAlgebra('red', {{'red': i}}, aoi := {area}, scale := false) AS stored, "
        f"RS_MapAlgebra('red', {{'red': i}}, aoi := {area}) AS reflectance "
        "FROM cog_index('demo', assets := ['red'], ids := ['S2_32632_20240514']) AS i)"
    )
    ((stored, reflectance),) = con.execute(query).fetchall()
    assert reflectance == pytest.approx(stored * 0.0001 - 0.1, abs=1e-12)


def test_a_notice_of_a_kernels_thread_reaches_the_user_once_a_query() -> None:
    handler = api(search=lambda server, asked: Answer(body=page(item("a", gsd=5))))
    with serving(handler) as server, rasteret_sql.connect(config={"threads": 2}) as con:
        search = f"stac_search('{server.url}/', filter := 'gsd < 1')"
        query = f"SELECT count(s.id) FROM range(5000) AS r(i), {search} AS s"
        for _ in range(2):
            with pytest.warns(RasteretWarning) as caught:
                con.execute(query).fetchall()
            assert [str(warning.message).partition(" has ")[0] for warning in caught] == [
                f"stac_search: STAC API {server.url}/"
            ]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(duckdb.InvalidInputException) as error:
                con.execute(query)
    assert str(error.value).startswith(f"Invalid Input Error: stac_search: STAC API {server.url}/ has no ")
    assert "Traceback" not in str(error.value)
