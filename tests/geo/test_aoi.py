"""Areas of interest: every accepted form gives the same area, every wrong one its own message."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.aoi import Aoi, parse_aoi, parse_aois

SQUARE = shapely.box(77.5, 12.9, 77.7, 13.1)
LONLAT = "OGC:CRS84"

FORMS: dict[str, Any] = {
    "WKB": shapely.to_wkb(SQUARE),
    "big-endian WKB": shapely.to_wkb(SQUARE, byte_order=0),
    "ISO WKB with heights": shapely.to_wkb(shapely.force_3d(SQUARE, 5.0), flavor="iso"),
    "WKB in a bytearray": bytearray(shapely.to_wkb(SQUARE)),
    "WKT": SQUARE.wkt,
    "WKT with heights": shapely.force_3d(SQUARE, 5.0).wkt,
    "GeoJSON geometry": shapely.to_geojson(SQUARE),
    "GeoJSON feature": '  {"type": "Feature", "properties": {}, "geometry": '
    + shapely.to_geojson(SQUARE)
    + "}",
    "list": [77.5, 12.9, 77.7, 13.1],
    "tuple": (77.5, 12.9, 77.7, 13.1),
    "array": np.array([77.5, 12.9, 77.7, 13.1]),
    "mapping": {"xmin": 77.5, "ymin": 12.9, "xmax": 77.7, "ymax": 13.1},
    "shapely": SQUARE,
    "hexadecimal WKB": shapely.to_wkb(SQUARE, hex=True),
    "hexadecimal WKB of PostgreSQL": " \\x" + shapely.to_wkb(SQUARE, hex=True, byte_order=0).lower(),
    "native encoding": [[{"x": x, "y": y} for x, y in SQUARE.exterior.coords]],
    "native encoding with heights": [[{"x": x, "y": y, "z": 5.0} for x, y in SQUARE.exterior.coords]],
}


def native(*points: tuple[float, float]) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in points]


RING, HOLE = ((0, 0), (9, 0), (9, 9), (0, 0)), ((4, 2), (6, 2), (6, 4), (4, 2))
NATIVE: dict[str, Any] = {
    "POINT (1 2)": {"x": 1, "y": Decimal(2)},
    "LINESTRING (1 2, 3 4)": native((1, 2), (3, 4)),
    "POLYGON ((0 0, 9 0, 9 9, 0 0), (4 2, 6 2, 6 4, 4 2))": [native(*RING), native(*HOLE)],
    "MULTILINESTRING ((1 2, 3 4), (5 6, 7 8))": [native((1, 2), (3, 4)), native((5, 6), (7, 8))],
    "MULTIPOLYGON (((0 0, 9 0, 9 9, 0 0)), ((4 2, 6 2, 6 4, 4 2)))": [[native(*RING)], [native(*HOLE)]],
}


@pytest.mark.parametrize(("wkt", "value"), NATIVE.items())
def test_native_encodings_of_geoparquet(wkt: str, value: Any) -> None:
    area = parse_aoi(value, crs="EPSG:3857")
    assert (area.geometry.wkt, area.crs) == (wkt, "EPSG:3857")


@pytest.mark.parametrize(
    "value",
    [
        [{"x": 1.0, "y": None}],
        [native((1, 2), (3, 4)), []],
        [native((1, 2), (3, 4)), None],
        [[native((1, 2), (3, 4))]],
        [[[native(*RING)]]],
        [native((1, 2)), native((3, 4))],
    ],
    ids=["null coordinate", "empty line", "null line", "open ring", "too deep", "lines of one point"],
)
def test_lists_that_are_no_geometry(value: Any) -> None:
    with pytest.raises(ArgumentError, match="is not a geometry in GeoParquet's native encoding"):
        parse_aoi(value)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_names_the_same_area(form: str) -> None:
    area = parse_aoi(FORMS[form])
    assert area.crs == LONLAT
    assert not area.geometry.has_z
    assert shapely.equals(area.geometry, SQUARE)


def test_one_batch_takes_all_forms_and_keeps_their_order() -> None:
    areas = parse_aois([*FORMS.values(), None])
    assert [type(area) for area in areas] == [Aoi] * len(FORMS) + [type(None)]
    assert all(shapely.equals(area.geometry, SQUARE) for area in areas if isinstance(area, Aoi))


@pytest.mark.parametrize(
    "wkt",
    [
        "POINT (1 2)",
        "MULTIPOINT ((1 2), (3 4))",
        "LINESTRING (1 2, 3 4)",
        "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))",
        "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (1 2, 3 4))",
    ],
)
def test_every_type_of_geometry_is_an_area(wkt: str) -> None:
    assert parse_aoi(wkt).geometry == shapely.from_wkt(wkt)


def test_a_feature_collection_is_the_collection_of_its_geometries() -> None:
    feature = '{"type": "Feature", "properties": null, "geometry": {"type": "Point", "coordinates": [1, 2]}}'
    area = parse_aoi(f'{{"type": "FeatureCollection", "features": [{feature}, {feature}]}}')
    assert shapely.get_num_geometries(area.geometry) == 2


def test_a_polygon_that_crosses_itself_is_accepted() -> None:
    assert parse_aoi("POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))").geometry.geom_type == "Polygon"


UTM = shapely.box(500_000, 4_000_000, 500_100, 4_000_100)
WITH_CRS = {
    "EWKB": shapely.to_wkb(shapely.set_srid(UTM, 32632), include_srid=True),
    "EWKT": f"SRID=32632;{UTM.wkt}",
    "EWKT, spaced": f" srid = 32632 ; {UTM.wkt}",
    "GeoJSON of GDAL": '{"type": "FeatureCollection", "crs": {"type": "name", "properties": '
    '{"name": "urn:ogc:def:crs:EPSG::32632"}}, "features": [{"type": "Feature", "properties": {}, '
    f'"geometry": {shapely.to_geojson(UTM)}}}]}}',
}


@pytest.mark.parametrize("form", WITH_CRS)
@pytest.mark.parametrize("given_crs", [None, "EPSG:4326"])
def test_the_crs_in_the_value_wins_over_the_argument(form: str, given_crs: str | None) -> None:
    area = parse_aoi(WITH_CRS[form], crs=given_crs)
    assert area.crs.endswith("32632")
    assert area.geometry.bounds == UTM.bounds


def test_srid_0_is_no_crs() -> None:
    assert parse_aoi("SRID=0;POINT (1 2)").crs == LONLAT
    assert parse_aoi("SRID=0;POINT (1 2)", crs="EPSG:32632").crs == "EPSG:32632"


def test_the_crs_may_be_wkt_or_projjson() -> None:
    from pyproj import CRS

    for text in (CRS(32632).to_wkt(), CRS(32632).to_json()):
        assert parse_aoi(UTM.wkt, crs=text).crs == text


def test_a_box_without_width_is_a_line_and_without_area_a_point() -> None:
    assert parse_aoi([1, 2, 1, 4]).geometry.wkt == "LINESTRING (1 2, 1 4)"
    assert parse_aoi([1, 2, 3, 2]).geometry.wkt == "LINESTRING (1 2, 3 2)"
    assert parse_aoi([1, 2, 1, 2]).geometry.wkt == "POINT (1 2)"


def test_a_box_of_longitudes_with_xmin_above_xmax_crosses_the_antimeridian() -> None:
    area = parse_aoi([170, -1, -170, 1])
    assert area.geometry.geom_type == "MultiPolygon"
    assert shapely.equals(
        area.geometry, shapely.union(shapely.box(170, -1, 180, 1), shapely.box(-180, -1, -170, 1))
    )


MESSAGES: dict[str, tuple[Any, str | None, str]] = {
    "null": (None, None, "NULL is not an area; expected WKB, WKT, GeoJSON text, a box"),
    "number": (5, None, "int 5 is not an area; expected WKB"),
    "text": ("hello", None, "'hello' is not valid WKT (Unknown type: 'HELLO'); expected WKB"),
    "empty text": ("", None, "'' is not valid WKT"),
    "bytes": (b"\x01\x02", None, "2 bytes (0102) is not valid WKB"),
    "cut WKB": (shapely.to_wkb(SQUARE)[:50], None, "50 bytes (0103000000010000…) is not valid WKB"),
    "open ring": ("POLYGON ((0 0, 1 0, 1 1))", None, "Points of LinearRing do not form a closed linestring"),
    "cut GeoJSON": ('{"type": "Point"', None, "is not valid GeoJSON"),
    "feature without geometry": (
        '{"type": "Feature", "properties": {}, "geometry": null}',
        None,
        "is not valid GeoJSON",
    ),
    "curve": ("CIRCULARSTRING (0 0, 1 1, 2 0)", None, "curved geometries are not read"),
    "empty": ("POLYGON EMPTY", None, "POLYGON EMPTY is empty; an area has at least one point"),
    "no features": (
        '{"type": "FeatureCollection", "features": []}',
        None,
        "GEOMETRYCOLLECTION EMPTY is empty",
    ),
    "NaN": ("POINT (nan 1)", None, "the coordinate (nan, 1) is not a place"),
    "infinite": ("LINESTRING (0 0, inf 1)", None, "the coordinate (inf, 1) is not a place"),
    "garbage": ("POINT (1e300 1)", "EPSG:32632", "the coordinate (1e+300, 1) is not a place"),
    "three numbers": (
        [1, 2, 3],
        None,
        "or a point of two, x and y; got [1, 2, 3]",
    ),
    "null in a box": ([1, 2, 3, None], None, "expected a box of four numbers"),
    "truth in a box": ([1, 2, 3, True], None, "expected a box of four numbers"),
    "NaN in a box": (
        [1, 2, float("nan"), 4],
        None,
        "the box [1, 2, nan, 4] holds a number that is not finite",
    ),
    "ymin above ymax": ([1, 4, 3, 2], None, "the box [1, 4, 3, 2] has ymin 4 above ymax 2"),
    "xmin above xmax": ([400, 0, 300, 1], None, "the box [400, 0, 300, 1] has xmin 400 above xmax 300"),
    "wrap in metres": ([170, 0, -170, 1], "EPSG:32632", "longitudes only, not in CRS EPSG:32632"),
    "mapping": ({"xmin": 1, "ymin": 2}, None, "has no xmax, ymax"),
    "swapped": ("POINT (50 120)", None, "x is longitude and y is latitude, were they swapped?"),
    "no CRS given": ("POINT (500000 4000000)", None, "give the CRS of these coordinates with aoi_crs"),
    "longitude": ("POINT (700 10)", "EPSG:4326", "longitude 700 is outside -360 to 360 in CRS EPSG:4326"),
    "unknown CRS": (
        "POINT (1 2)",
        "EPSG:1",
        "unknown CRS 'EPSG:1': give an authority code such as 'EPSG:32632'",
    ),
    "unknown SRID": ("SRID=999999;POINT (1 2)", None, "unknown CRS 'EPSG:999999'"),
    "vertical CRS": ("POINT (1 2)", "EPSG:5773", "is not one of maps"),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_what_is_no_area_says_why(case: str) -> None:
    value, crs, message = MESSAGES[case]
    with pytest.raises(ArgumentError) as caught:
        parse_aoi(value, crs=crs)
    assert str(caught.value).startswith("aoi: ")
    assert message in str(caught.value)


def test_one_wrong_value_spoils_no_other() -> None:
    values = [value for value, crs, _ in MESSAGES.values() if crs is None and value is not None]
    areas = parse_aois([v for wrong in values for v in (wrong, "POINT (1 2)")])
    assert [isinstance(area, ArgumentError) for area in areas] == [True, False] * len(values)


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_aoi("POLYGON ((" + "1 2, " * 10_000)
    assert len(str(caught.value)) < 400


@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=6))
def test_wkb_and_wkt_of_any_points_are_the_same_area(points: list[tuple[float, float]]) -> None:
    drawn = shapely.MultiPoint(points)
    by_wkb, by_wkt = parse_aois([shapely.to_wkb(drawn), drawn.wkt])
    assert isinstance(by_wkb, Aoi)
    assert isinstance(by_wkt, Aoi)
    assert by_wkb.geometry == drawn
    assert shapely.equals_exact(by_wkt.geometry, drawn, tolerance=1e-9)  # decimals round
