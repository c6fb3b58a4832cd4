"""Geometries that GEOS would follow until the process ends are refused before it sees them."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import pytest
import shapely

import rasteret_sql
from rasteret_sql.errors import ArgumentError, LimitError
from rasteret_sql.geo.aoi import parse_aois
from rasteret_sql.geo.guard import (
    MAX_DEPTH,
    from_geojson,
    from_mapping,
    from_wkb,
    from_wkt,
    why_wkb,
)
from rasteret_sql.settings import configure
from tests.fuzz.geometry_input import nested_geojson, nested_wkb, nested_wkt

pytestmark = pytest.mark.slow

FORMS: dict[str, tuple[Any, Any]] = {
    "WKB": (from_wkb, nested_wkb),
    "WKT": (from_wkt, nested_wkt),
    "GeoJSON": (from_geojson, nested_geojson),
    "a mapping": (from_mapping, lambda depth: json.loads(nested_geojson(depth))),
}


BEYOND = {"WKB": 1, "a mapping": 1, "WKT": 3, "GeoJSON": 5}
"""Texts are counted by their brackets, with those of the innermost polygon that may be there."""


@pytest.mark.parametrize("form", FORMS)
def test_the_limit_is_of_collections(form: str) -> None:
    read, nested = FORMS[form]
    inner = read(nested(MAX_DEPTH))
    for _ in range(MAX_DEPTH):
        (inner,) = inner.geoms
    assert inner == shapely.Point(15, 47.8)
    with pytest.raises(LimitError, match="nested too deeply: at most 128 levels"):
        read(nested(MAX_DEPTH + BEYOND[form]))


@pytest.mark.parametrize("kind", [4, 5, 6, 7, 9, 10, 11, 12, 1007, 2006, 3004, 7 | 0x80000000])
@pytest.mark.parametrize("order", "<>")
def test_parts_of_every_kind_and_byte_order_count(kind: int, order: str) -> None:
    one = struct.pack(f"{order}BII", order == "<", kind, 1)
    assert why_wkb(one * 200 + struct.pack("<BIdd", 1, 1, 15.0, 47.8)) is not None
    # not the first part, but the second, is deep
    beside = struct.pack(f"{order}BII", order == "<", kind, 2) + struct.pack("<BIdd", 1, 1, 1.0, 2.0)
    assert why_wkb(beside * 200 + struct.pack("<BIdd", 1, 1, 15.0, 47.8)) is not None


def test_many_parts_side_by_side_are_not_deep() -> None:
    rng = random.Random(3)
    collection = shapely.GeometryCollection(
        [
            shapely.MultiPolygon([shapely.box(x, 0, x + 1, 1) - shapely.box(x + 0.2, 0.2, x + 0.4, 0.4)])
            for x in (rng.uniform(-90, 90) for _ in range(1000))
        ]
    )  # fmt: skip
    for wkb in (shapely.to_wkb(collection), shapely.to_wkb(collection, byte_order=0), shapely.to_wkb(
        shapely.force_3d(shapely.set_srid(collection, 4326)), include_srid=True
    )):  # fmt: skip
        assert why_wkb(wkb) is None
        assert from_wkb(wkb) == shapely.from_wkb(wkb)
    assert from_wkt(collection.wkt).equals(collection)
    assert from_geojson(shapely.to_geojson(collection)).equals(collection)


def test_truncated_and_random_bytes_are_left_to_geos() -> None:
    rng = random.Random(5)
    whole = nested_wkb(100) * 30
    for _ in range(300):
        start, length = rng.randrange(len(whole)), rng.randrange(2000)
        data = bytearray(whole[start : start + length])
        for _ in range(5):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        why_wkb(bytes(data))  # ends, and raises nothing


def test_vertices_are_bounded_by_a_setting(restored_settings: None) -> None:
    configure(max_area_vertices=100)
    line = shapely.LineString([(i / 10, i / 10) for i in range(200)])
    for read, value in (
        (from_wkb, shapely.to_wkb(line)),
        (from_wkt, shapely.to_wkt(line)),
        (from_geojson, shapely.to_geojson(line)),
    ):
        with pytest.raises(LimitError, match=r"over max_area_vertices \(100\)"):
            read(value)
    assert from_wkb(shapely.to_wkb(line.segmentize(1).simplify(1))).is_valid


@pytest.fixture
def restored_settings() -> Any:
    yield
    configure(max_area_vertices=10_000_000)


def test_an_area_has_its_own_error_and_others_are_read() -> None:
    good, deep, text, other = parse_aois(
        ["POINT (1 2)", nested_wkb(20_000), nested_wkt(100_000), nested_geojson(100_000)]
    )
    assert not isinstance(good, ArgumentError)
    for error in (deep, text, other):
        assert isinstance(error, ArgumentError)
        assert "nested too deeply" in str(error)
        assert len(str(error)) < 400


def test_a_query_ends_with_the_error(tmp_path: Any) -> None:
    with rasteret_sql.connect() as con, pytest.raises(Exception, match="nested too deeply"):
        con.execute("FROM stac_search('http://127.0.0.1:9/', intersects := $1)", [nested_wkb(20_000)])
