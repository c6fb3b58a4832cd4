"""RS_Burn: labels on the grid of chips, cubes and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from rasterio.features import rasterize
from rasterio.transform import Affine
from shapely import Polygon, to_wkt

from tests.duck.band_files import write
from tests.duck.corpus import UTM32, texture
from tests.duck.refusals import message

FIELD = Polygon([UTM32 * at for at in ((30.2, 40.7), (80.3, 60.1), (60.8, 90.2))])
OTHER = Polygon([UTM32 * at for at in ((50.2, 50.7), (90.3, 55.1), (90.8, 80.2))])
WKT, SECOND = (f"'{to_wkt(one, rounding_precision=-1)}'" for one in (FIELD, OTHER))
SHAPES = f"[{{'geom': {WKT}, 'value': 3}}, {{'geom': {SECOND}, 'value': 2}}]"
CRS = "aoi_crs := 'EPSG:32632'"


@pytest.fixture(scope="module")
def href(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("burn") / "a.tif"
    write(path, texture(1, "uint16", 5), nodata=0)
    return f"'{path}'"


def burnt(con: duckdb.DuckDBPyConnection, arguments: str, rows: str = "(SELECT 1)") -> dict[str, Any]:
    ((found,),) = con.execute(f"SELECT RS_Burn({arguments}) FROM {rows}").fetchall()
    return found


def pixels(found: dict[str, Any]) -> np.ndarray[Any, Any]:
    assert found["shape"] == [1, found["height"], found["width"]]
    return np.frombuffer(found["data"], found["dtype"]).reshape(found["shape"])[0]


def expected(found: dict[str, Any], **more: Any) -> np.ndarray[Any, Any]:
    transform = Affine(*found["transform"])
    return rasterize([(FIELD, 3), (OTHER, 2)], found["shape"][1:], transform=transform, dtype="uint8", **more)


def test_labels_lie_on_the_grid_of_a_chip(con: duckdb.DuckDBPyConnection, href: str) -> None:
    rows = f"read_cog({href}, {WKT}, {CRS}) AS c"
    found = burnt(con, f"{SHAPES}, c, {CRS}", rows)
    ((chip,),) = con.execute(f"SELECT c FROM {rows}").fetchall()
    for name in ("crs", "transform", "bbox", "width", "height"):
        assert found[name] == chip[name]
    assert (found["dtype"], found["valid"], found["nodata"], found["href"]) == ("uint8", None, None, None)
    np.testing.assert_array_equal(pixels(found), expected(found))
    touched = burnt(con, f"{SHAPES}, c, {CRS}, all_touched := true", rows)
    np.testing.assert_array_equal(pixels(touched), expected(found, all_touched=True))
    largest = burnt(con, f"{SHAPES}, c, {CRS}, merge := 'max', dtype := 'int16', fill := -1", rows)
    assert largest["dtype"] == "int16"
    assert set(np.unique(pixels(largest))) == {-1, 2, 3}
    assert (pixels(largest) == 3).sum() > (pixels(found) == 3).sum()


def test_labels_on_files_rows_of_an_index_and_cubes(con: duckdb.DuckDBPyConnection, href: str) -> None:
    file = burnt(con, f"{SHAPES}, {href}, {CRS}")
    row = burnt(con, f"{SHAPES}, h, {CRS}", f"cog_header({href}) AS h")
    scenes = f"[{{'datetime': DATE '2024-05-01', 'raster': {href}}}]"
    cube = burnt(con, f"{SHAPES}, c, {CRS}", f"read_cube({scenes}) AS c")
    assert file == row == cube
    np.testing.assert_array_equal(pixels(file), expected(file))


FORMS = {
    "geometry": "[{'geom': $wkt::GEOMETRY, 'value': true}]",
    "with a CRS": "[{'value': 1, 'GEOM': ST_SetCRS($wkt::GEOMETRY, 'EPSG:32632')}]",
    "geometry as a name": "[{'geometry': ST_AsWKB($wkt::GEOMETRY), 'value': 1::TINYINT, 'more': 'x'}]",
    "decimal": "[{'geom': $wkt, 'value': 1.0}]",
    "NULLs": "[NULL, {'geom': NULL, 'value': 2}, {'geom': $wkt, 'value': 1}, {'geom': $wkt, 'value': NULL}]",
}


@pytest.mark.parametrize("form", FORMS)
def test_shapes_in_every_form(con: duckdb.DuckDBPyConnection, href: str, form: str) -> None:
    shapes = FORMS[form].replace("$wkt", WKT)
    crs = "aoi_crs := 'EPSG:4326'" if form == "with a CRS" else CRS
    found = burnt(con, f"{shapes}, {href}, {crs}")
    assert found["dtype"] == "uint8"
    np.testing.assert_array_equal(pixels(found), one(found))


def one(found: dict[str, Any]) -> np.ndarray[Any, Any]:
    return rasterize([(FIELD, 1)], found["shape"][1:], transform=Affine(*found["transform"]), dtype="uint8")


def test_no_shapes(con: duckdb.DuckDBPyConnection, href: str) -> None:
    assert burnt(con, f"NULL, {href}") is None
    assert burnt(con, f"{SHAPES}, NULL, {CRS}") is None
    for shapes in ("[]", "[{'geom': NULL, 'value': NULL}]"):
        empty = burnt(con, f"{shapes}, {href}, fill := 7")
        assert (pixels(empty) == 7).all()


def test_rows_of_a_join(con: duckdb.DuckDBPyConnection, href: str) -> None:
    rows = (
        f"(VALUES (1, {WKT}, 5), (1, {SECOND}, 6), (2, {SECOND}, 300)) AS l(field, geom, class) "
        f"GROUP BY field ORDER BY field"
    )
    query = (
        f"SELECT RS_Burn(list({{'geom': geom, 'value': class}} ORDER BY class), {href}, {CRS}) FROM {rows}"
    )
    first, second = (row[0] for row in con.execute(query).fetchall())
    assert (first["dtype"], second["dtype"]) == ("uint8", "uint16")
    assert set(np.unique(pixels(first))) == {0, 5, 6}
    assert set(np.unique(pixels(second))) == {0, 300}


REFUSALS = {
    "'x', {href}": "shapes is a value of type VARCHAR; expected a list of STRUCT(geom, value)",
    "[1], {href}": "shapes is a list of INTEGER; expected a list of STRUCT(geom, value)",
    "[{'geom': [1, 2]}], {href}": "expected a list of STRUCT(geom, value)",
    "[{'geom': 'x', 'value': 1}], {href}": "aoi: ",
    "[{'geom': [1, 2], 'value': 'x'}], {href}": "value := 'x': a finite number was expected",
    "[{'geom': [1, 2], 'value': 'nan'::DOUBLE}], {href}": "a finite number was expected",
    "[{'geom': {'x_off': 0, 'y_off': 0, 'width': 1, 'height': 1}, 'value': 1}], {href}": "a pixel window",
    "[], {href}, merge := 'min'": "merge := 'min': one of 'replace', 'add', 'max' was expected",
    "[], {href}, dtype := 'uint7'": "dtype := 'uint7': one of 'uint8', 'int8', 'uint16'",
    "[], {href}, fill := 'x'": "fill := 'x': a finite number was expected",
    "[], {'shape': [1, 2], 'transform': [1.0], 'crs': 'EPSG:32632'}": "the grid has shape [1, 2] and",
    "[], {'shape': [1, 2, 2], 'transform': [1.0, 0, 0, 0, 1, 0], 'crs': NULL}": "the grid has no CRS",
    "[], '/nowhere.tif'": "/nowhere.tif",
}


@pytest.mark.parametrize("arguments", REFUSALS)
def test_refusals(con: duckdb.DuckDBPyConnection, href: str, arguments: str) -> None:
    said = message(con, f"SELECT RS_Burn({arguments.replace('{href}', href)})")
    assert said.startswith("RS_Burn: ")
    assert REFUSALS[arguments] in said
