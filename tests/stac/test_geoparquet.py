"""STAC GeoParquet gives the items that went into it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from rasteret_sql.errors import MalformedError, RasteretWarning, UnsupportedError
from rasteret_sql.stac.items.item import item_row
from rasteret_sql.stac.items.static import read

WKB = shapely.to_wkb(shapely.Point(7.5, 51.5), flavor="iso")
MOMENT = datetime(2024, 5, 31, 10, 15, 0, 123_000, tzinfo=UTC)


def column(kind: pa.DataType, *values: Any) -> pa.Array:
    return pa.array(list(values), kind)


ASSET = pa.struct(
    {
        "href": pa.string(),
        "roles": pa.list_(pa.string()),
        "eo:bands": pa.list_(pa.struct({"name": pa.string()})),
    }
)
BOX = pa.struct({side: pa.float64() for side in ("xmin", "ymin", "xmax", "ymax")})
COLUMNS: dict[str, pa.Array] = {
    "type": column(pa.string(), "Feature", "Feature"),
    "id": column(pa.string(), "a", "b"),
    "collection": column(pa.string(), "scenes", None),
    "geometry": column(pa.binary(), WKB, None),
    "bbox": column(BOX, {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}, None),
    "links": column(
        pa.list_(pa.struct({"rel": pa.string(), "href": pa.string()})),
        [{"rel": "self", "href": "https://host/x/a.json"}],
        None,
    ),
    "assets": column(
        pa.struct({"red": ASSET, "nir": ASSET}),
        {"red": {"href": "./red.tif", "roles": ["data"], "eo:bands": [{"name": "B04"}]}, "nir": None},
        {"red": None, "nir": {"href": "https://host/nir.tif", "roles": None, "eo:bands": None}},
    ),
    "datetime": column(pa.timestamp("ms", "UTC"), MOMENT, None),
    "eo:cloud_cover": column(pa.float64(), 12.5, None),
    "proj:epsg": column(pa.int64(), 32632, None),
    "created": column(pa.string(), "2024-05-31T12:00:00+02:00", None),
}


def rows(
    tmp_path: Path, columns: dict[str, Any], metadata: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    path = tmp_path / "items.parquet"
    table = pa.table(columns)
    if metadata is not None:
        table = table.replace_schema_metadata({"geo": json.dumps(metadata)})
    pq.write_table(table, path)
    return list(read(str(path)))


def geo(**about: Any) -> dict[str, Any]:
    return {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", **about}},
    }


def test_columns_become_an_item(tmp_path: Path) -> None:
    first, second = rows(tmp_path, COLUMNS)
    assert first == item_row(
        {
            "type": "Feature",
            "id": "a",
            "collection": "scenes",
            "geometry": {"type": "Point", "coordinates": [7.5, 51.5]},
            "bbox": [1, 2, 3, 4],
            "links": [{"rel": "self", "href": "https://host/x/a.json"}],
            "assets": {"red": {"href": "./red.tif", "roles": ["data"], "eo:bands": [{"name": "B04"}]}},
            "properties": {
                "datetime": "2024-05-31T10:15:00.123000Z",
                "eo:cloud_cover": 12.5,
                "proj:epsg": 32632,
                "created": "2024-05-31T12:00:00+02:00",
            },
        },
        base_href=None,
    )
    assert second == item_row(
        {"type": "Feature", "id": "b", "assets": {"nir": {"href": "https://host/nir.tif"}}}, base_href=None
    )


@pytest.mark.parametrize(
    "kind", [pa.timestamp("us", "Europe/Berlin"), pa.timestamp("ns", "UTC"), pa.timestamp("us")]
)
def test_times_of_any_unit_and_zone(tmp_path: Path, kind: pa.DataType) -> None:
    times = pa.array([MOMENT, None], pa.timestamp("us", "UTC")).cast(kind)
    assert [row["datetime"] for row in rows(tmp_path, COLUMNS | {"datetime": times})] == [MOMENT, None]


def test_a_box_with_heights_and_a_box_as_a_list(tmp_path: Path) -> None:
    solid = {"xmin": 1.0, "ymin": 2.0, "zmin": 0.0, "xmax": 3.0, "ymax": 4.0, "zmax": 9.0}
    boxes = pa.array([solid, None], pa.struct(dict.fromkeys(solid, pa.float64())))
    assert rows(tmp_path, COLUMNS | {"bbox": boxes})[0]["bbox"] == (1, 2, 3, 4)
    lists = pa.array([[1.0, 2.0, 3.0, 4.0], None], pa.list_(pa.float64()))
    assert rows(tmp_path, COLUMNS | {"bbox": lists})[0]["bbox"] == (1, 2, 3, 4)


def test_assets_as_a_map_and_as_json(tmp_path: Path) -> None:
    asset = {"href": "./red.tif", "roles": ["data"], "eo:bands": [{"name": "B04"}]}
    mapped = pa.array([[("red", asset)], []], pa.map_(pa.string(), ASSET))
    written = pa.array([json.dumps({"red": asset}), "{}"], pa.string())
    expected = rows(tmp_path, COLUMNS)[0]["assets"]
    assert rows(tmp_path, COLUMNS | {"assets": mapped})[0]["assets"] == expected
    assert rows(tmp_path, COLUMNS | {"assets": written})[0]["assets"] == expected


@pytest.mark.parametrize(
    ("columns", "metadata", "error", "told"),
    [
        ({"x": pa.array([1])}, None, MalformedError,
         "not STAC GeoParquet: columns id and assets expected, found x"),
        (COLUMNS, geo(encoding="polygon"), UnsupportedError,
         "geometry is encoded as 'polygon'; only WKB is read"),
        (COLUMNS, geo(crs={"id": {"authority": "EPSG", "code": 32632}}), UnsupportedError,
         "geometry is in CRS 32632; STAC items are in OGC:CRS84"),
        (COLUMNS, {"columns": []}, MalformedError,
         "its GeoParquet metadata does not describe column geometry"),
        (COLUMNS | {"assets": pa.array(["{", "{}"])}, None, MalformedError,
         "column assets holds text that is not JSON: '{'"),
    ],
    ids=["columns", "encoding", "crs", "metadata", "json"],
)  # fmt: skip
def test_what_is_not_read(tmp_path: Path, columns: Any, metadata: Any, error: Any, told: str) -> None:
    with pytest.raises(error) as caught:
        rows(tmp_path, columns, metadata)
    assert str(caught.value) == f"{tmp_path / 'items.parquet'}: {told}"


def test_damaged_wkb_is_null_and_names_the_item(tmp_path: Path) -> None:
    said = r"^stac_read: item 'a' of collection 'scenes' in .*'geometry' is not WKB.*NULL"
    with pytest.warns(RasteretWarning, match=said):
        found = rows(tmp_path, COLUMNS | {"geometry": pa.array([b"\x01\x03", None])})
    assert [row["geometry"] for row in found] == [None, None]


@pytest.mark.parametrize(
    "text", [WKB.hex(), WKB.hex().upper(), '{"type": "Point", "coordinates": [7.5, 51.5]}']
)
def test_a_geometry_that_was_written_as_text(tmp_path: Path, text: str) -> None:
    first, second = rows(tmp_path, {**COLUMNS, "geometry": column(pa.string(), text, None)})
    assert (first["geometry"], second["geometry"]) == (WKB, None)


@pytest.mark.parametrize("text", ["0101", "{", "somewhere"])
def test_text_that_is_not_a_geometry_is_null_and_said(tmp_path: Path, text: str) -> None:
    with pytest.warns(RasteretWarning, match="'geometry' is not .* it is NULL here"):
        first, _ = rows(tmp_path, {**COLUMNS, "geometry": column(pa.string(), text, None)})
    assert first["geometry"] is None


def test_a_box_with_other_names_is_null_and_said(tmp_path: Path) -> None:
    other = pa.array([{"minx": 1.0, "miny": 2.0, "maxx": 3.0, "maxy": 4.0}, None])
    with pytest.warns(RasteretWarning, match="'bbox' must be 4 or 6 numbers, found {'minx': 1.0"):
        first, second = rows(tmp_path, {**COLUMNS, "bbox": other})
    assert (first["bbox"], second["bbox"]) == (None, None)


def test_a_box_of_nulls_is_no_box(tmp_path: Path) -> None:
    sides = ("xmin", "ymin", "zmin", "xmax", "ymax", "zmax")
    none = dict.fromkeys(sides)
    flat = none | {"xmin": 1.0, "ymin": 2.0, "xmax": 3.0, "ymax": 4.0}
    found = rows(tmp_path, COLUMNS | {"bbox": pa.array([flat, none])})
    assert [row["bbox"] for row in found] == [(1, 2, 3, 4), None]


@pytest.mark.parametrize("crs", [None, {"id": {"authority": "OGC", "code": "CRS84"}}, {"name": "WGS 84"}])
def test_longitude_and_latitude(tmp_path: Path, crs: Any) -> None:
    assert rows(tmp_path, COLUMNS, geo(crs=crs))[0]["geometry"] == WKB


@pytest.mark.parametrize(
    ("name", "count"),
    [("100-landsat-items", 100), ("100-sentinel-2-items", 100), ("1000-sentinel-2-items", 1000)],
)
def test_real_files_say_what_duckdb_reads_in_them(stac_data: Path, name: str, count: int) -> None:
    path = str(stac_data / f"rustac/{name}.parquet")
    found = list(read(path))
    assert len(found) == count
    expected = duckdb.sql(
        f"""
        SELECT id, collection, epoch_us("datetime"), "eo:cloud_cover", platform, 'EPSG:' || "proj:epsg",
               bbox.xmin, bbox.ymax, list_filter(links, lambda link: link.rel = 'self')[1].href
        FROM '{path}'
        """
    ).fetchall()
    assert [
        (
            row["id"], row["collection"], round(row["datetime"].timestamp() * 1e6), row["cloud_cover"],
            row["platform"], row["proj_code"], row["bbox"][0], row["bbox"][3], row["self_href"],
        )
        for row in found
    ] == expected  # fmt: skip
    first = duckdb.sql(f"SELECT assets::JSON FROM '{path}' LIMIT 1").fetchall()[0][0]
    assets = {key: asset for key, asset in json.loads(first).items() if asset is not None}
    assert {key: asset["href"] for key, asset in found[0]["assets"].items()} == {
        key: asset["href"] for key, asset in assets.items()
    }


def test_values_are_as_json_has_them(tmp_path: Path) -> None:
    """Numbers, times, objects and hexadecimal digits, at any depth; never Python's text of a value."""
    nested = pa.struct(
        {"d": pa.decimal128(9, 3), "t": pa.timestamp("ns"), "m": pa.map_(pa.string(), pa.time64("ns"))}
    )
    columns = {
        "id": column(pa.string(), "a"),
        "assets": column(pa.string(), '{"red": {"href": "https://host/red.tif"}}'),
        "decimal": column(pa.decimal128(5, 2), Decimal("1.50")),
        "whole": column(pa.decimal256(40, 0), Decimal(2**70)),
        "time": column(pa.time32("ms"), time(10, 30)),
        "date": column(pa.date32(), date(2024, 5, 31)),
        "nested": column(
            pa.list_(nested),
            [{"d": Decimal("0.125"), "t": MOMENT.replace(tzinfo=None), "m": [("k", time(1))]}, None],
        ),
        "blob": column(pa.binary(), b"\xaa\x01"),
        "fixed": column(pa.binary(2), b"\xaa\x01"),
        "word": column(pa.dictionary(pa.int8(), pa.string()), "w"),
        "json": pa.ExtensionArray.from_storage(pa.json_(), column(pa.string(), '{"x": [1, null]}')),
        "uuid": pa.ExtensionArray.from_storage(pa.uuid(), column(pa.binary(16), bytes(16))),
        "proj:geometry": column(pa.binary(), WKB),
        "centre": column(pa.binary(), WKB),
    }
    described = geo()
    described["columns"]["centre"] = {"encoding": "WKB"}
    (row,) = rows(tmp_path, columns, described)
    point = {"type": "Point", "coordinates": [7.5, 51.5]}
    assert json.loads(row["properties"]) == {
        "decimal": 1.5, "whole": 2**70, "time": "10:30:00", "date": "2024-05-31",
        "nested": [{"d": 0.125, "t": "2024-05-31T10:15:00.123000Z", "m": {"k": "01:00:00"}}, None],
        "blob": "aa01", "fixed": "aa01", "word": "w", "json": {"x": [1, None]},
        "uuid": "00000000-0000-0000-0000-000000000000", "proj:geometry": point, "centre": point,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("proj:geometry", column(pa.binary(), b"\x00"), "column proj:geometry"),
        ("x", pa.ExtensionArray.from_storage(pa.json_(), column(pa.string(), "{")), "column x: text that is"),
    ],
)
def test_what_is_not_what_its_column_says(tmp_path: Path, name: str, values: Any, told: str) -> None:
    columns = {"id": column(pa.string(), "a"), "assets": column(pa.string(), "{}"), name: values}
    with pytest.raises(MalformedError, match=told):
        rows(tmp_path, columns)
