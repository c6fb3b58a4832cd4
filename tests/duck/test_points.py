"""RS_Value and RS_Values: every form of a point, every kind of raster, and what is NULL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyproj
import pytest
import rasterio
import rasterio.warp
import shapely

from tests.duck.corpus import NAMES
from tests.duck.refusals import message

AT = (700_455.0, 5_299_205.0)
"""Centre of the pixel in column 49, row 83 of the files in EPSG:32632."""


def pixel(path: Path, column: int, row: int, band: int = 1, **options: Any) -> float:
    with rasterio.open(path, **options) as dataset:
        return float(dataset.read(band)[row, column])


def one(con: duckdb.DuckDBPyConnection, call: str, *values: Any) -> Any:
    return con.execute(f"SELECT {call}", list(values)).fetchone()[0]


FORMS = {
    "[x, y]": "[700455.0, 5299205.0]",
    "whole numbers": "[700455, 5299205]",
    "DOUBLE[2]": "[700455.0, 5299205.0]::DOUBLE[2]",
    "FLOAT[]": "[700455, 5299205]::FLOAT[]",
    "{'x', 'y'}": "{'x': 700455.0, 'y': 5299205::BIGINT}",
    "{'y', 'name', 'x'}": "{'y': 5299205.0::DOUBLE, 'name': 'a', 'x': 700455}",
    "WKT": "'POINT (700455 5299205)'",
    "WKT with a height": "'POINT Z (700455 5299205 3)'",
    "EWKT": "'SRID=32632;POINT (700455 5299205)'",
    "GeoJSON": """'{"type": "Point", "coordinates": [700455, 5299205]}'""",
    "WKB": "$1::BLOB",
    "big-endian WKB": "$1::BLOB",
    "EWKB": "$1::BLOB",
    "WKB with a height": "$1::BLOB",
    "GEOMETRY": "ST_GeomFromWKB($1)",
}
POINT = shapely.Point(AT)
BLOBS = {
    "WKB": shapely.to_wkb(POINT, byte_order=1),
    "big-endian WKB": shapely.to_wkb(POINT, byte_order=0),
    "EWKB": shapely.to_wkb(shapely.set_srid(POINT, 32632), include_srid=True),
    "WKB with a height": shapely.to_wkb(shapely.Point(*AT, 3)),
    "GEOMETRY": shapely.to_wkb(POINT),
}


@pytest.mark.parametrize("form", FORMS, ids=FORMS)
def test_every_form_of_a_point(con: duckdb.DuckDBPyConnection, corpus: Path, form: str) -> None:
    """What names its own CRS is not told another by aoi_crs."""
    path = corpus / "utm32_uint16.tif"
    want = pixel(path, 49, 83)
    crs = "EPSG:3857" if form.startswith("EWK") else "EPSG:32632"
    blob = [BLOBS[form]] if form in BLOBS else []
    con.execute("SET VARIABLE path = $1", [str(path)])
    point = f"RS_Value(getvariable('path'), {FORMS[form]}, aoi_crs := '{crs}')"
    assert one(con, point, *blob) == want
    points = f"RS_Values(getvariable('path'), [{FORMS[form]}, NULL, {FORMS[form]}], aoi_crs := '{crs}')"
    assert one(con, points, *blob) == [want, None, want]


def lonlat(x: float, y: float) -> tuple[float, float]:
    (lon,), (lat,) = rasterio.warp.transform("EPSG:32632", "OGC:CRS84", [x], [y])
    return lon, lat


def test_the_crs_of_a_geometry_is_heeded(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = corpus / "utm32_uint16.tif"
    want = pixel(path, 49, 83)
    wkb = shapely.to_wkb(shapely.Point(lonlat(*AT)))
    geometry = "ST_GeomFromWKB($2)::GEOMETRY('OGC:CRS84')"
    assert one(con, f"RS_Value($1, {geometry}, aoi_crs := 'EPSG:32632')", str(path), wkb) == want
    assert one(con, f"RS_Values($1, [{geometry}], aoi_crs := 'EPSG:32632')", str(path), wkb) == [want]


def test_the_crs_of_a_geometry_may_be_projjson(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    """It has brackets and quotes, as the name of a list's type has."""
    path = corpus / "utm32_uint16.tif"
    system = pyproj.CRS("EPSG:32632").to_json().replace("'", "''")
    geometry = f"ST_GeomFromWKB($2)::GEOMETRY('{system}')"
    want = pixel(path, 49, 83)
    assert one(con, f"RS_Value($1, {geometry})", str(path), BLOBS["WKB"]) == want
    assert one(con, f"RS_Values($1, [{geometry}])", str(path), BLOBS["WKB"]) == [want]


ARROW = {
    "large buffers": "SET arrow_large_buffer_size = true",
    "views of lists": "SET arrow_output_list_view = true",
    "lossless": "SET arrow_lossless_conversion = true",
    "views of texts": "SET produce_arrow_string_view = true; SET arrow_output_version = '1.5'",
}


@pytest.mark.parametrize("statement", ARROW.values(), ids=ARROW)
def test_points_in_every_form_of_arrow(con: duckdb.DuckDBPyConnection, corpus: Path, statement: str) -> None:
    con.execute(statement)
    path = corpus / "utm32_uint16.tif"
    want = pixel(path, 49, 83)
    for form in ("[x, y]", "{'x', 'y'}", "WKT", "WKB", "GEOMETRY", "DOUBLE[2]"):
        blob = [BLOBS[form]] if form in BLOBS else []
        con.execute("SET VARIABLE path = $1", [str(path)])
        rows = f"FROM (SELECT unnest([{FORMS[form]}, NULL]) AS p, 'EPSG:32632' AS crs)"
        found = con.execute(
            f"SELECT RS_Value(getvariable('path'), p, aoi_crs := crs) {rows}", blob
        ).fetchall()
        assert found == [(want,), (None,)]
        lists = f"SELECT RS_Values(getvariable('path'), list(p), aoi_crs := any_value(crs)) {rows}"
        assert con.execute(lists, blob).fetchall() == [([want, None],)]


def test_a_multipoint_is_a_list(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = corpus / "utm32_uint16.tif"
    want = [pixel(path, 49, 83), pixel(path, 50, 84), None]
    text = "MULTIPOINT (700455 5299205, 700465 5299195, 0 0)"
    call = "RS_Values($1, {}, aoi_crs := 'EPSG:32632')"
    assert one(con, call.format("$2"), str(path), text) == want
    assert one(con, call.format("$2::GEOMETRY"), str(path), text) == want
    assert one(con, call.format("'POINT (700455 5299205)'"), str(path)) == want[:1]
    rows = con.execute(
        f"SELECT {call.format('g')} FROM (VALUES ($2::GEOMETRY), (NULL), ('POINT (0 0)')) AS t(g)",
        [str(path), text],
    ).fetchall()
    assert rows == [(want,), (None,), ([None],)]


def test_without_a_crs_a_point_is_longitude_and_latitude(
    con: duckdb.DuckDBPyConnection, corpus: Path
) -> None:
    path = corpus / "utm32_uint16.tif"
    lon, lat = lonlat(*AT)
    assert one(con, "RS_Value($1, [$2, $3])", str(path), lon, lat) == pixel(path, 49, 83)
    assert one(con, "RS_Value($1, $2)", str(path), f"POINT ({lon} {lat})") == pixel(path, 49, 83)


def test_points_in_many_crss_at_once(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    """Each row has its own CRS, and two rasters lie in two zones."""
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(11.6, 11.75, 200), rng.uniform(47.76, 47.8, 200)
    systems = ["OGC:CRS84", "EPSG:32632", "EPSG:32633", "EPSG:3857"]
    rows = []
    for number, (x, y) in enumerate(zip(lon, lat, strict=True)):
        crs = systems[number % 4]
        (u,), (v,) = rasterio.warp.transform("OGC:CRS84", crs, [x], [y])
        rows.append((number, u, v, crs))
    con.execute("CREATE TABLE points (number INTEGER, x DOUBLE, y DOUBLE, crs VARCHAR)")
    con.executemany("INSERT INTO points VALUES (?, ?, ?, ?)", rows)
    for name in ("utm32_uint16", "utm33_uint16"):
        with rasterio.open(corpus / f"{name}.tif") as dataset:
            xs, ys = rasterio.warp.transform("OGC:CRS84", dataset.crs, lon, lat)
            want = [None if v == 0 else float(v) for (v,) in dataset.sample(zip(xs, ys, strict=True))]
        found = con.execute(
            "SELECT RS_Value($1, {'x': x, 'y': y}, aoi_crs := crs) FROM points ORDER BY number",
            [str(corpus / f"{name}.tif")],
        ).fetchall()
        assert [value for (value,) in found] == want
        assert any(want)


FOLDED = {
    "EPSG:2056": ((-171.76, -46.95), (2_600_000.0, 1_200_000.0)),
    "EPSG:32632": ((-80.26, -3.67), (500_000.0, 5_700_000.0)),
}
"""A place with coordinates where a CRS is used, though far from there, and coordinates near those."""


@pytest.mark.parametrize("crs", FOLDED)
@pytest.mark.parametrize("given", ["OGC:CRS84", "EPSG:3857"])
def test_a_projection_that_folds_the_globe_finds_no_value(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, crs: str, given: str
) -> None:
    place, (x, y) = FOLDED[crs]
    (u,), (v,) = rasterio.warp.transform("OGC:CRS84", crs, [place[0]], [place[1]])
    assert abs(u - x) < 1e6
    assert abs(v - y) < 1e6
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", count=1, height=20, width=20, dtype="uint8", crs=crs,
        transform=rasterio.Affine(1e5, 0, x - 1e6, 0, -1e5, y + 1e6),
    ) as out:  # fmt: skip
        out.write(np.ones((20, 20), np.uint8), 1)
    (lon,), (lat,) = rasterio.warp.transform(crs, "OGC:CRS84", [x], [y])
    places = [rasterio.warp.transform("OGC:CRS84", given, [a], [b]) for a, b in (place, (lon, lat))]
    xy = [[a, b] for (a,), (b,) in places]
    assert one(con, "RS_Values($1, $2, aoi_crs := $3)", str(tmp_path / "a.tif"), xy, given) == [None, 1]


NOWHERE = {
    "no raster": "RS_Value(NULL, [0, 0])",
    "no raster of a kind": "RS_Value(NULL::VARCHAR, [0, 0])",
    "no point": "RS_Value($1, NULL)",
    "no point of a kind": "RS_Value($1, NULL::GEOMETRY)",
    "no x": "RS_Value($1, {'x': NULL, 'y': 5299205})",
    "no y": "RS_Value($1, [700455.0, NULL])",
    "no points": "RS_Values($1, NULL)",
    "no points of a kind": "RS_Values($1, NULL::DOUBLE[][])",
    "no raster of points": "RS_Values(NULL, [[0, 0]])",
    "elsewhere": "RS_Value($1, [0, 0])",
    "elsewhere in UTM": "RS_Value($1, [0, 0], aoi_crs := 'EPSG:32632')",
    "the other side of the globe": "RS_Value($1, [-168.3, -47.8])",
    "the pole": "RS_Value($1, [0, 90], interpolation := 'bilinear')",
    "nodata": "RS_Value($1, [699965, 5300035], aoi_crs := 'EPSG:32632')",
    "beside nodata": "RS_Value($1, [700549, 5300035], interpolation := 'bilinear', aoi_crs := 'EPSG:32632')",
}


@pytest.mark.parametrize("call", NOWHERE.values(), ids=NOWHERE)
def test_what_has_no_value_is_null(con: duckdb.DuckDBPyConnection, corpus: Path, call: str) -> None:
    path = [str(corpus / "utm32_uint16.tif")] if "$1" in call else []
    assert one(con, call, *path) is None


def test_empty_lists_and_lists_of_nothing(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = str(corpus / "utm32_uint16.tif")
    assert one(con, "RS_Values($1, []::DOUBLE[][])", path) == []
    assert one(con, "RS_Values($1, [])", path) == []
    assert one(con, "RS_Values($1, [NULL, NULL])", path) == [None, None]
    assert (
        con.execute("SELECT RS_Values($1, p) FROM (SELECT [[0, 0]] AS p) WHERE false", [path]).fetchall()
        == []
    )


def test_all_bands_of_points_in_one_call(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = corpus / "rgb_mask.tif"
    places = [list(AT), [0.0, 0.0], list(AT)]
    lists = "(VALUES ([1, 2]), ([3]), (NULL), ([2, 1])) AS b(bands)"
    values = {band: pixel(path, 49, 83, band) for band in (1, 2, 3)}
    expected = [[values[1], values[2]], [values[3]], [values[1]], [values[2], values[1]]]
    found = con.execute(f"SELECT RS_Value($1, $2, bands, aoi_crs := 'EPSG:32632') FROM {lists}",
                        [str(path), list(AT)]).fetchall()  # fmt: skip
    assert [value for (value,) in found] == expected
    found = con.execute(f"SELECT RS_Values($1, $2, bands, aoi_crs := 'EPSG:32632') FROM {lists}",
                        [str(path), places]).fetchall()  # fmt: skip
    assert [value for (value,) in found] == [[one, [None] * len(one), one] for one in expected]
    nothing = "SELECT RS_Value(NULL::VARCHAR, [1, 2], [1, 2]), RS_Values($1, NULL::DOUBLE[][], [1, 2])"
    assert con.execute(nothing, [str(path)]).fetchall() == [([None, None], None)]
    computed = "SELECT RS_Value($1, $2, ['red', 'blue'], mask := 'red > 255', aoi_crs := 'EPSG:32632')"
    assert con.execute(computed, [str(path), list(AT)]).fetchall() == [([None, None],)]


def test_bands_by_number_and_name(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = corpus / "rgb_mask.tif"
    want = [pixel(path, 49, 83, band) for band in (1, 2, 3)]
    assert want[0] != want[1]
    found = con.execute(
        "SELECT RS_Value($1, $2, band, aoi_crs := 'EPSG:32632') FROM (VALUES (1), (2), (3)) AS b(band)",
        [str(path), list(AT)],
    ).fetchall()
    assert [value for (value,) in found] == want
    named = "RS_Value($1, $2, band := {}, aoi_crs := 'EPSG:32632')"
    assert one(con, named.format("'green'"), str(path), list(AT)) == want[1]
    assert one(con, named.format("['blue']"), str(path), list(AT)) == [want[2]]
    assert one(con, named.format("NULL"), str(path), list(AT)) == want[0]


def test_levels_and_resolutions(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = corpus / "utm32_uint16.tif"
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [str(path)])
    with rasterio.open(path, overview_level=0) as dataset:
        row, column = dataset.index(*AT)
        want = float(dataset.read(1)[row, column])
    for raster, source in (("$1", ""), ("i", "FROM idx AS i WHERE i.href = $1")):
        for chosen in ("level := 1", "resolution := 30", "level := l"):
            query = f"SELECT RS_Value({raster}, $2, {chosen}, aoi_crs := 'EPSG:32632') {source}"
            query = query.replace("level := l,", "level := (SELECT 1),")
            assert con.execute(query, [str(path), list(AT)]).fetchall() == [(want,)]


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("name", NAMES)
def test_a_chip_gives_what_its_file_gives(
    con: duckdb.DuckDBPyConnection, corpus: Path, name: str, interpolation: str
) -> None:
    """A whole chip; of a cut one the points outside of the area are NULL."""
    path = corpus / f"{name}.tif"
    with rasterio.open(path) as dataset:
        rng = np.random.default_rng(5)
        places = rng.uniform(-10, 310, (300, 2))
        xy = [list(dataset.transform @ place) for place in places.tolist()]
        crs, count = dataset.crs.to_string(), dataset.count
    values = [str(path), xy, crs, interpolation, count]
    asked = "$2, band := $5, aoi_crs := $3, interpolation := $4"
    whole = f"SELECT RS_Values($1, {asked}), RS_Values(c, {asked}) FROM read_cog($1) AS c"
    from_file, from_chip = con.execute(whole, values).fetchone()
    assert from_chip == from_file
    assert any(value is not None for value in from_chip)
    window = "{'x_off': 60, 'y_off': 70, 'width': 90, 'height': 80}"
    cut = f"SELECT RS_Values(c, {asked}) FROM read_cog($1, {window}, bands := $5) AS c"
    found = con.execute(cut.replace("band := $5", "band := 1", 1), values).fetchone()[0]
    for (column, row), value, want in zip(places.tolist(), found, from_file, strict=True):
        if not (60 <= column < 150 and 70 <= row < 150):
            assert value is None
        elif 60.5 <= column < 149.5 and 70.5 <= row < 149.5:
            assert value == (want if want is None else pytest.approx(want, rel=1e-9))


def test_rows_of_all_kinds_beside_each_other(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    """Many rasters, bands and points in one vector come out in their own rows."""
    con.execute(
        "CREATE TABLE hrefs AS SELECT unnest($1) AS href", [[str(corpus / f"{n}.tif") for n in NAMES]]
    )
    con.execute("CREATE TABLE idx AS SELECT h.* FROM hrefs, cog_header(href) AS h")
    con.execute(
        "CREATE TABLE points AS "
        "SELECT range AS n, 699960 + 7 * range AS x, 5300040 - 9 * range AS y FROM range(290)"
    )
    query = """
        SELECT i.href, n, band, RS_Value({}, [x, y], band, interpolation := how, aoi_crs := 'EPSG:32632'), how
        FROM idx AS i, points, range(1, 5) AS b(band), (VALUES ('nearest'), ('bilinear')) AS h(how)
        WHERE band <= i.band_count AND i.crs = 'EPSG:32632' AND hash(n * band) % 5 = 0
        ORDER BY hash(n * 7 + band)
    """
    of_rows = con.execute(query.format("i")).fetchall()
    lists = con.execute(
        "SELECT href, band, how, RS_Values(i, p.xy, band, how, aoi_crs := 'EPSG:32632') "
        "FROM idx AS i, range(1, 5) AS b(band), (VALUES ('nearest'), ('bilinear')) AS h(how), "
        "(SELECT list([x, y] ORDER BY n) AS xy FROM points) AS p "
        "WHERE band <= i.band_count AND i.crs = 'EPSG:32632'"
    ).fetchall()
    known = {(href, band, how): values for href, band, how, values in lists}
    assert len(of_rows) > 2048
    assert len(known) > 20
    for href, n, band, value, how in of_rows:
        assert value == known[href, band, how][n]


BAD = {
    "a polygon": ("RS_Value($1, 'POLYGON ((0 0, 1 0, 1 1, 0 0))')", "is not a point; expected a POINT"),
    "a box": ("RS_Value($1, [0, 0, 1, 1])", "a list of two numbers [x, y] was expected"),
    "a struct box": ("RS_Value($1, {'xmin': 0, 'ymin': 0, 'xmax': 1, 'ymax': 1})", "is not a point"),
    "a window": ("RS_Value($1, {'x_off': 0, 'y_off': 0, 'width': 1, 'height': 1})", "window is not a point"),
    "a multipoint": ("RS_Value($1, 'MULTIPOINT (0 0, 1 1)')", "is not a point"),
    "nonsense": ("RS_Value($1, 'here')", "'here' is not valid WKT"),
    "a number": ("RS_Value($1, 5)", "is not an area"),
    "nothing": ("RS_Value($1, 'POINT EMPTY')", "is empty"),
    "nothing as WKB": ("RS_Value($1, 'POINT EMPTY'::GEOMETRY)", "is empty"),
    "latitude first": ("RS_Value($1, [48.1, 111.5])", "latitude 111.5 is outside -90 to 90"),
    "metres": ("RS_Value($1, [700455, 5299205])", "give the CRS of these coordinates with aoi_crs"),
    "far away": ("RS_Value($1, [1e13, 0], aoi_crs := 'EPSG:32632')", "is not a place"),
    "unknown CRS": ("RS_Value($1, [0, 0], aoi_crs := 'EPSG:0')", "unknown CRS 'EPSG:0'"),
    "numbers": ("RS_Values($1, [0.0, 1.0])", "is a list of numbers; a list of points was expected"),
    "lines": ("RS_Values($1, ['LINESTRING (0 0, 1 1)'])", "is not a point"),
    "a line": ("RS_Values($1, 'LINESTRING (0 0, 1 1)')", "expected a list of points or a MULTIPOINT"),
    "no such band": ("RS_Value($1, [11.7, 47.8], 2)", "has no band 2; its only band is 1"),
    "no such name": ("RS_Value($1, [11.7, 47.8], 'nir')", "has no band named 'nir'"),
    "no band": ("RS_Value($1, [11.7, 47.8], []::INTEGER[])", "bands := [] asks for nothing"),
    "no such level": ("RS_Value($1, [11.7, 47.8], level := 9)", "has no level 9"),
    "level and resolution": ("RS_Value($1, [0, 0], level := 1, resolution := 9)", "exclude each other"),
    "cubic": ("RS_Value($1, [0, 0], interpolation := 'cubic')", "one of 'nearest', 'bilinear' was expected"),
    "no raster": ("RS_Value(5, [0, 0])", "an href (VARCHAR) or a row of an index was expected"),
    "no file": ("RS_Value($1 || 'x', [0, 0])", "utm32_uint16.tifx"),
    "no file of many": ("RS_Values($1 || 'x', [[0, 0]])", "utm32_uint16.tifx"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "told"), BAD.values(), ids=BAD)
def test_bad_arguments_are_told(con: duckdb.DuckDBPyConnection, corpus: Path, call: str, told: str) -> None:
    path = [str(corpus / "utm32_uint16.tif")] if "$1" in call else []
    text = message(con, f"SELECT {call}", *path)
    assert text.startswith(f"{call.split('(')[0]}: ")
    assert told in text


def test_a_chip_has_one_level(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    query = "SELECT RS_Value(c, [0, 0], level := 0) FROM read_cog($1) AS c"
    assert "a chip has one level" in message(con, query, str(corpus / "big.tif"))


def test_numbers_that_are_no_double_are_refused(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Of 64-bit integers only those at the points count, and nodata does not."""
    wide = np.array([[2**53, 2**53 + 1, -(2**63)]], np.int64)
    about = {"driver": "GTiff", "count": 1, "height": 1, "width": 3, "crs": "EPSG:3857"}
    place = {"transform": rasterio.Affine(1, 0, 0, 0, -1, 1)}
    with rasterio.open(tmp_path / "i.tif", "w", dtype="int64", nodata=-(2**63), **about, **place) as out:
        out.write(wide, 1)
    with rasterio.open(tmp_path / "c.tif", "w", dtype="complex64", **about, **place) as out:
        out.write(wide.astype("complex64"), 1)
    call = "RS_Value($1, [{}, 0.5], aoi_crs := 'EPSG:3857')"
    integers, numbers = str(tmp_path / "i.tif"), str(tmp_path / "c.tif")
    assert one(con, call.format(0.5), integers) == 2**53
    assert one(con, call.format(2.5), integers) is None
    assert "int64 pixels beyond 2^53 are not exact" in message(con, f"SELECT {call.format(1.5)}", integers)
    for raster in ("$1", "c"):
        query = f"SELECT {call.format(0.5)} FROM read_cog($1) AS c".replace("$1, [", f"{raster}, [", 1)
        assert "complex64 pixels are not numbers" in message(con, query, numbers)


def test_a_raster_without_crs_has_no_places(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", count=1, height=2, width=2, dtype="uint8",
        transform=rasterio.Affine(1, 0, 0, 0, -1, 2),
    ) as out:  # fmt: skip
        out.write(np.ones((2, 2), np.uint8), 1)
    told = "a.tif has no CRS, so a point cannot be placed on it"
    assert told in message(con, "SELECT RS_Value($1, [0, 0])", str(tmp_path / "a.tif"))
    assert told in message(
        con, "SELECT RS_Values(c, [[0, 0]]) FROM read_cog($1) AS c", str(tmp_path / "a.tif")
    )


def test_too_many_values_are_refused_before_any_is_read(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    from rasteret_sql.settings import configure

    query = "SELECT RS_Values($1, list([0, 0])) FROM range(2000)"
    configure(max_read_bytes=8000)
    try:
        text = message(con, query, str(corpus / "big.tif"))
    finally:
        configure(max_read_bytes=None)
    assert "ask for 2,000 values" in text
    assert "max_read_bytes" in text
    assert len(one(con, query.removeprefix("SELECT "), str(corpus / "big.tif"))) == 2000


def test_geojson_of_another_crs(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    """As GDAL and GeoPandas still write it."""
    text = json.dumps(
        {"type": "Point", "coordinates": AT, "crs": {"type": "name", "properties": {"name": "EPSG:32632"}}}
    )
    path = corpus / "utm32_uint16.tif"
    assert one(con, "RS_Value($1, $2)", str(path), text) == pixel(path, 49, 83)
