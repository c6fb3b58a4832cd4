"""An item becomes one typed row, whichever version of STAC it is and whatever it lacks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest
import shapely

from rasteret_sql.errors import MalformedError
from rasteret_sql.stac.items.item import ITEM_COLUMNS, item_row
from rasteret_sql.stac.items.item_type import ITEM_TYPE

from .serving import item


def row(
    changes: dict[str, Any] | None = None, *, base_href: str | None = None, **properties: Any
) -> dict[str, Any]:
    return item_row(item("a", **properties) | (changes or {}), base_href=base_href)


def noted(changes: dict[str, Any], *, base_href: str | None = None) -> tuple[dict[str, Any], list[str]]:
    """The row of a changed item, and what was said about it."""
    said: list[str] = []
    got = item_row(item("a") | changes, base_href=base_href, say=lambda kind, message: said.append(message))
    return got, said


NULL_HERE = "; it is NULL here, as in other items like this one"


UTM = (
    'PROJCRS["WGS 84 / UTM zone 33N",BASEGEOGCRS["WGS 84",DATUM["World Geodetic System 1984",'
    'ELLIPSOID["WGS 84",6378137,298.257223563]],ID["EPSG",4326]],CONVERSION["UTM zone 33N",'
    'METHOD["Transverse Mercator",ID["EPSG",9807]]],CS[Cartesian,2],AXIS["(E)",east],AXIS["(N)",north],'
    'LENGTHUNIT["metre",1],ID["EPSG",32633]]'
)
"""The identifiers of its parts stand before its own."""


def self_link(href: str) -> dict[str, Any]:
    return {"links": [{"rel": "self", "href": href}]}


def test_a_row_has_the_columns_of_the_type_in_their_order() -> None:
    fields = [name for name, _ in duckdb.sql(f"SELECT NULL::{ITEM_TYPE} AS t").types[0].children]
    assert list(row()) == fields == list(ITEM_COLUMNS)


def test_an_item_of_nothing_but_an_id_is_a_row_of_nulls() -> None:
    assert item_row({"type": "Feature", "id": "a"}, base_href=None) == {
        **dict.fromkeys(ITEM_COLUMNS), "id": "a", "assets": {}, "properties": "{}",
    }  # fmt: skip


def test_common_metadata_has_columns() -> None:
    got = row(**{"eo:cloud_cover": 12, "platform": "sentinel-2a", "constellation": "sentinel-2", "gsd": 10})
    assert (got["cloud_cover"], got["platform"], got["constellation"], got["gsd"]) == (
        12.0, "sentinel-2a", "sentinel-2", 10.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-31T10:15:00Z", datetime(2024, 5, 31, 10, 15, tzinfo=UTC)),
        ("2024-05-31t10:15:00z", datetime(2024, 5, 31, 10, 15, tzinfo=UTC)),
        ("2024-05-31 10:15:00Z", datetime(2024, 5, 31, 10, 15, tzinfo=UTC)),
        ("2024-05-31T10:15:00.1Z", datetime(2024, 5, 31, 10, 15, 0, 100_000, tzinfo=UTC)),
        ("2024-05-31T10:15:00.123456789Z", datetime(2024, 5, 31, 10, 15, 0, 123_456, tzinfo=UTC)),
        ("2024-05-31T10:15:00+05:30", datetime(2024, 5, 31, 4, 45, tzinfo=UTC)),
        ("2024-01-01T00:30:00.5-01:00", datetime(2024, 1, 1, 1, 30, 0, 500_000, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2024-05-31T10:15:00", datetime(2024, 5, 31, 10, 15, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_datetimes_are_utc_to_the_microsecond(text: str, expected: datetime) -> None:
    assert row(datetime=text)["datetime"] == expected


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("2024-05-31", "expected RFC 3339, such as 2024-05-31T10:15:00Z"),
        ("yesterday", "expected RFC 3339, such as 2024-05-31T10:15:00Z"),
        ("2024-13-01T00:00:00Z", "month must be in 1..12"),
        ("0001-01-01T00:00:00+01:00", "outside the years 1 to 9999"),
        (20240531, "expected RFC 3339 text"),
    ],
)
def test_a_malformed_datetime_is_null_and_names_item_and_property(value: Any, why: str) -> None:
    got, said = noted({"properties": {"updated": value}}, base_href="https://u:p@host/i.json?sig=SECRET")
    assert got["updated"] is None
    assert json.loads(got["properties"]) == {"updated": value}
    assert said == [
        f"item 'a' of collection 'scenes' in https://host/i.json?sig=…: "
        f"property 'updated' is {value!r}: {why}{NULL_HERE}"
    ]


def test_a_range_of_time_has_no_datetime() -> None:
    got = row(datetime=None, start_datetime="2024-01-01T00:00:00Z", end_datetime="2024-01-31T23:59:59.999Z")
    assert (got["datetime"], got["start_datetime"], got["end_datetime"]) == (
        None, datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [
        ([1, 2, 3, 4], (1, 2, 3, 4)),
        ([1, 2, -5, 3, 4, 99.5], (1, 2, 3, 4)),
        ([170, -20, -170, -10], (170, -20, -170, -10)),
        ([1, 2, None, 3, 4, None], (1, 2, 3, 4)),
        (None, None),
    ],
    ids=["2-D", "3-D", "antimeridian", "no heights", "none"],
)
def test_bbox(bbox: Any, expected: Any) -> None:
    assert row({"bbox": bbox})["bbox"] == expected


@pytest.mark.parametrize(
    "bbox",
    [[], [1, 2, 3], "1,2,3,4", [1, 2, "3", 4], [1, 2, None, 4], [1, 2, float("nan"), 4], {}, [10**400] * 4],
)
def test_a_malformed_bbox_is_null_and_named(bbox: Any) -> None:
    got, [said] = noted({"bbox": bbox})
    assert got["bbox"] is None
    assert said.startswith("item 'a' of collection 'scenes': 'bbox' must be 4 or 6 numbers, found ")
    assert said.endswith(NULL_HERE)


@pytest.mark.parametrize(
    "wkt",
    [
        "POINT (7.5 51.5)",
        "POLYGON ((0 0, 1 0, 1 1, 0 0), (0.5 0.2, 0.6 0.2, 0.6 0.3, 0.5 0.2))",
        "MULTIPOLYGON (((170 0, 180 0, 180 1, 170 0)), ((-180 0, -170 0, -180 1, -180 0)))",
        "POINT Z (7.5 51.5 120)",
        "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))",
    ],
)
def test_geometry_is_wkb(wkt: str) -> None:
    geometry = shapely.from_wkt(wkt)
    wkb = row({"geometry": shapely.geometry.mapping(geometry)})["geometry"]
    assert shapely.from_wkb(wkb) == geometry
    assert row({"geometry": wkb})["geometry"] == wkb


@pytest.mark.parametrize(
    "geometry",
    [
        {},
        {"type": "Polygon"},
        {"type": "Circle", "coordinates": [0, 0]},
        {"type": "Point", "coordinates": ["east", "north"]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Point", "coordinates": [float("nan"), 1]},
        {"type": "Point", "coordinates": [10**400, 1]},
        [7.5, 51.5],
    ],
)
def test_a_malformed_geometry_is_null_and_named(geometry: Any) -> None:
    got, [said] = noted({"geometry": geometry})
    assert got["geometry"] is None
    assert said.startswith("item 'a' of collection 'scenes': 'geometry' is not GeoJSON: ")
    assert said.endswith(NULL_HERE)


@pytest.mark.parametrize(
    ("properties", "assets", "expected"),
    [
        ({"proj:code": "EPSG:32633"}, {}, "EPSG:32633"),
        ({"proj:epsg": 32633}, {}, "EPSG:32633"),
        ({"proj:code": "IAU_2015:30100", "proj:epsg": 4326}, {}, "IAU_2015:30100"),
        ({"proj:code": None, "proj:epsg": 32633}, {}, "EPSG:32633"),
        ({"proj:epsg": None}, {"a": {"proj:epsg": 4326}}, "EPSG:4326"),
        (
            {"proj:code": None, "proj:epsg": None},
            {"a": {"proj:code": "EPSG:32633"}, "b": {"proj:epsg": 4326}},
            None,
        ),
        ({"proj:epsg": "32633"}, {}, "EPSG:32633"),
        ({"proj:wkt2": UTM}, {}, "EPSG:32633"),
        ({"proj:wkt2": UTM.replace(',ID["EPSG",32633]]', "]")}, {}, None),
        ({"proj:epsg": None}, {"a": {"proj:wkt2": UTM}, "b": {"proj:epsg": 32633}}, "EPSG:32633"),
        ({"proj:projjson": {"id": {"authority": "EPSG", "code": 32633}}}, {}, "EPSG:32633"),
        ({}, {"a": {"bands": [{"proj:code": "EPSG:32633"}, {"proj:epsg": 32633}]}}, "EPSG:32633"),
        ({}, {"a": {"bands": [{"proj:code": "EPSG:32633"}, {"proj:epsg": 4326}]}}, None),
        ({"proj:epsg": 10**400}, {}, None),
        ({}, {"a": {"proj:code": "EPSG:32633"}, "b": {}, "c": {"proj:epsg": 32633}}, "EPSG:32633"),
        ({}, {"a": {"proj:code": "EPSG:32633"}, "b": {"proj:code": "EPSG:4326"}}, None),
        ({}, {}, None),
    ],
    ids=[
        "code",
        "epsg",
        "both",
        "null code",
        "null epsg",
        "null and assets differ",
        "text",
        "wkt2",
        "wkt2 without an id of its own",
        "wkt2 of an asset",
        "projjson",
        "bands",
        "bands differ",
        "huge",
        "shared by assets",
        "assets differ",
        "none",
    ],
)
def test_proj_code(properties: dict[str, Any], assets: dict[str, Any], expected: str | None) -> None:
    assert row({"assets": assets}, **properties)["proj_code"] == expected


def test_an_asset_keeps_what_has_no_column() -> None:
    asset = {
        "href": "https://host/a.tif",
        "type": "image/tiff",
        "title": "Red",
        "roles": ["data"],
        "file:size": 12,
        "alternate": {"s3": {"href": "s3://b/a.tif"}},
    }
    got = row({"assets": {"red": asset}})["assets"]["red"]
    extra = json.loads(got.pop("extra_fields"))
    assert got == {
        "href": "https://host/a.tif", "type": "image/tiff", "title": "Red", "roles": ["data"],
        "file_size": 12, "bands": None, "common_name": None, "scales": None, "offsets": None,
    }  # fmt: skip
    assert extra == {"alternate": {"s3": {"href": "s3://b/a.tif"}}}


def test_a_bare_asset_is_nulls() -> None:
    assert row({"assets": {"x": {}}})["assets"]["x"] == {
        "href": None, "type": None, "title": None, "roles": [], "file_size": None, "bands": None,
        "common_name": None,
        "scales": None, "offsets": None,
        "extra_fields": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"bands": [{"name": "B04", "eo:common_name": "red"}]}, ["B04"]),
        (
            {"eo:bands": [{"name": "Red"}, {"name": "Green"}], "raster:bands": [{"nodata": 0}] * 2},
            ["Red", "Green"],
        ),
        ({"raster:bands": [{"name": "dem"}]}, ["dem"]),
        ({"bands": [{"data_type": "uint8"}], "eo:bands": [{"name": "Red"}]}, ["Red"]),
        ({"bands": [{"name": "a"}, {}, {"name": "c"}]}, ["a", None, "c"]),
        ({"raster:bands": [{"nodata": 0}]}, None),
        ({}, None),
    ],
    ids=["STAC 1.1", "eo:bands", "raster:bands", "unnamed 1.1 bands", "one unnamed", "all unnamed", "none"],
)
def test_band_names_are_those_of_either_version(fields: dict[str, Any], expected: Any) -> None:
    assert row({"assets": {"x": {"href": "x", **fields}}})["assets"]["x"]["bands"] == expected


@pytest.mark.parametrize(
    ("links", "base_href", "expected"),
    [
        (self_link("https://host/items/a.json"), None, "https://host/items/red.tif"),
        (self_link("s3://bucket/items/a.json"), "https://elsewhere/x", "s3://bucket/items/red.tif"),
        (self_link("./a.json"), "/data/items/a.json", "/data/items/red.tif"),
        ({"links": []}, "memory://store/items/a.json", "memory://store/items/red.tif"),
        ({}, "items/a.json", "items/red.tif"),
        (
            {"links": [{"rel": "parent", "href": "https://host/"}, "nonsense", {"rel": "self"}]},
            None,
            "red.tif",
        ),
    ],
    ids=["self", "self wins", "relative self", "base", "local base", "neither"],
)
def test_relative_hrefs(links: dict[str, Any], base_href: str | None, expected: str) -> None:
    assert row(links, base_href=base_href)["assets"]["red"]["href"] == expected


def test_properties_are_kept_whole_and_as_json() -> None:
    properties = {
        "a": 1,
        "mixed": [1, "x", None, {"deep": True}],
        "eo:cloud_cover": "n/a",
        "gsd": [10, 20],
        "ü": "ø",
    }
    got = row(**properties)
    assert json.loads(got["properties"]) == {"datetime": "2024-05-31T10:15:00Z", **properties}
    assert (got["cloud_cover"], got["gsd"]) == (None, None)


def test_a_number_as_text_is_a_number_and_another_type_in_a_text_column_is_its_json() -> None:
    got = row(**{"eo:cloud_cover": "12.5", "platform": ["a", "b"], "constellation": 7})
    assert (got["cloud_cover"], got["platform"], got["constellation"]) == (12.5, '["a","b"]', "7")


def test_what_json_text_cannot_hold_is_replaced() -> None:
    got = row({"id": "x\ud800y"}, nodata=float("nan"), limit=[float("-inf")], name="\ud83d")
    assert json.loads(got["properties"]) | {"datetime": None} == {
        "datetime": None, "nodata": "nan", "limit": ["-inf"], "name": "\ufffd",
    }  # fmt: skip
    assert got["id"] == "x\ufffdy"
    duckdb.sql("SELECT $1::JSON", params=[got["properties"]]).fetchall()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([1], "item: not a STAC item: found [1]"),
        (
            {"type": "Collection", "id": "c"},
            "item 'c': not a STAC item: expected type 'Feature', found 'Collection'",
        ),
        ({"type": "Feature"}, "item: a STAC item needs an 'id', found None"),
        ({"type": "Feature", "id": [1]}, "item [1]: a STAC item needs an 'id', found [1]"),
    ],
)
def test_what_is_not_an_item_is_refused(document: Any, message: str) -> None:
    with pytest.raises(MalformedError) as error:
        item_row(document, base_href=None)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("changes", "column", "value", "what"),
    [
        ({"properties": [1]}, "properties", "{}", "'properties' must be an object, found [1]"),
        ({"properties": "x"}, "cloud_cover", None, "'properties' must be an object, found 'x'"),
        ({"assets": []}, "assets", None, "'assets' must be an object, found []"),
        (
            {"links": [{"rel": "self", "href": "file:///etc/a.json"}]},
            "self_href",
            None,
            "its self link leads to 'file:///etc/a.json', which a document from the network cannot name",
        ),
        (
            {"links": [{"rel": "self", "href": "C:\\a.json"}]},
            "self_href",
            None,
            "its self link leads to 'C:\\\\a.json', which a document from the network cannot name",
        ),
    ],
)
def test_a_member_of_a_wrong_form_is_null_and_said(
    changes: dict[str, Any], column: str, value: Any, what: str
) -> None:
    got, said = noted(changes, base_href="https://host/x.json")
    assert got[column] == value
    assert said == [f"item 'a' of collection 'scenes' in https://host/x.json: {what}{NULL_HERE}"]


@pytest.mark.parametrize("asset", [None, 1, "red.tif", [{}]])
def test_an_asset_that_is_not_an_object_is_a_bare_one_and_said(asset: Any) -> None:
    got, said = noted({"assets": {"red": asset, "nir": {"href": "nir.tif"}}})
    assert {key: value["href"] for key, value in got["assets"].items()} == {"red": None, "nir": "nir.tif"}
    assert said == [
        f"item 'a' of collection 'scenes': asset 'red' must be an object, found {asset!r}{NULL_HERE}"
    ]


@pytest.mark.parametrize("href", [7, "", " ", ["a.tif"]])
def test_an_href_that_is_not_text_is_null_and_said(href: Any) -> None:
    got, said = noted({"assets": {"red": {"href": href, "title": "Red"}}}, base_href="https://host/x.json")
    assert (got["assets"]["red"]["href"], got["assets"]["red"]["title"]) == (None, "Red")
    assert said == [
        f"item 'a' of collection 'scenes' in https://host/x.json: 'href' of asset 'red' must be text, "
        f"found {href!r}{NULL_HERE}"
    ]


@pytest.mark.parametrize("kind", [None, "feature", "FEATURE "])
def test_a_type_in_other_letters_or_left_out_is_an_item(kind: Any) -> None:
    got, said = noted({"type": kind})
    assert (got["id"], said) == ("a", [])


def test_the_place_where_an_item_was_read_goes_before_its_self_link() -> None:
    got = item_row(
        item("a") | self_link("https://elsewhere/a.json"), base_href="cat/i/a.json", self_href="cat/i/a.json"
    )
    assert (got["self_href"], got["assets"]["red"]["href"]) == ("cat/i/a.json", "cat/i/red.tif")
