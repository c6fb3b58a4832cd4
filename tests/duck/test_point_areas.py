"""A point is an area in every function that takes one; with a size, pixels of the raster around it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import Affine
from rasterio.windows import Window

from tests.duck.corpus import HEIGHT, WIDTH, texture, write
from tests.duck.refusals import message

OFF_LINES = Affine(30, 0, 500015, 0, -30, 5300005)
"""A grid whose lines are not multiples of its pixels, as Landsat's are not."""
TURNED = OFF_LINES * Affine.rotation(25)
COLUMN, ROW = 70.3, 41.8
FORMS = ("[{x}, {y}]", "{{'x': {x}, 'y': {y}}}", "'POINT ({x} {y})'", "'POINT ({x} {y})'::GEOMETRY")


@pytest.fixture(scope="module", params=[OFF_LINES, TURNED], ids=["upright", "turned"])
def raster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("points") / "raster.tif"
    write(path, texture(1, "uint16", 3), crs="EPSG:32633", transform=request.param, nodata=0)
    return path


def lonlat(raster: Path) -> tuple[float, float]:
    with rasterio.open(raster) as source:
        place = source.transform * (COLUMN, ROW)
    found: tuple[float, float] = Transformer.from_crs("EPSG:32633", "OGC:CRS84", always_xy=True).transform(
        *place
    )
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [(1, 1), (5, 5), (6, 4)])
def test_a_size_alone_gives_the_own_pixels_of_the_raster(
    con: duckdb.DuckDBPyConnection, raster: Path, form: str, size: tuple[int, int]
) -> None:
    x, y = lonlat(raster)
    query = f"SELECT shape, transform, data, valid FROM read_cog($1, {form.format(x=x, y=y)}, size := $2)"
    (row,) = con.execute(query, [str(raster), list(size)]).fetchall()
    left, top = round(COLUMN - size[0] / 2), round(ROW - size[1] / 2)
    with rasterio.open(raster) as source:
        window = Window(left, top, *size)
        expected, transform = source.read(window=window), source.window_transform(window)
    assert tuple(row[0]) == expected.shape
    assert np.allclose(row[1], tuple(transform)[:6], rtol=0, atol=1e-6)
    assert np.array_equal(np.frombuffer(row[2], np.uint16).reshape(expected.shape), expected)
    assert row[3] is None or np.array_equal(np.frombuffer(row[3], np.uint8) != 0, (expected != 0).ravel())


def test_a_chip_past_the_edge_is_filled_and_not_valid(con: duckdb.DuckDBPyConnection, raster: Path) -> None:
    with rasterio.open(raster) as source:
        x, y = source.transform * (1.5, 1.5)
        corner = source.read(1, window=Window(0, 0, 4, 4))
    query = "SELECT data, valid FROM read_cog($1, [$2, $3], size := 5, aoi_crs := 'EPSG:32633')"
    (row,) = con.execute(query, [str(raster), x, y]).fetchall()
    pixels, valid = np.frombuffer(row[0], np.uint16).reshape(5, 5), np.frombuffer(row[1], np.uint8)
    assert np.array_equal(pixels[1:, 1:], corner)
    assert not valid.reshape(5, 5)[0].any()
    assert not valid.reshape(5, 5)[:, 0].any()


def test_in_another_crs_pixels_have_the_size_of_the_rasters(
    con: duckdb.DuckDBPyConnection, raster: Path
) -> None:
    query = "SELECT shape, transform FROM read_cog($1, [$2, $3], size := 8, crs := 'EPSG:32632')"
    ((shape, transform),) = con.execute(query, [str(raster), *lonlat(raster)]).fetchall()
    assert shape == [1, 8, 8]
    assert np.allclose([transform[0], transform[4]], [30, -30], rtol=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_the_pixel_under_a_point_is_its_zone_its_chip_and_its_clip(
    con: duckdb.DuckDBPyConnection, raster: Path, form: str
) -> None:
    x, y = lonlat(raster)
    with rasterio.open(raster) as source:
        expected = int(source.read(1)[int(ROW), int(COLUMN)])
    area = form.format(x=x, y=y)
    value = "list_sum(flatten(RS_AsArray({})))"
    query = f"""
        SELECT RS_Value($1, {area}), RS_ZonalStats($1, {area}, 'max'), RS_ZonalStats($1, {area}, 'count'),
               {value.format(f"(SELECT c FROM read_cog($1, {area}) AS c)")},
               {value.format(f"RS_Clip($1, {area})")},
               (SELECT count(*) FROM read_cog_tiles($1, {area}))
    """
    assert con.execute(query, [str(raster)]).fetchall() == [(expected, expected, 1, expected, expected, 1)]


def test_points_of_degrees_are_places_in_every_chip_of_a_join(
    con: duckdb.DuckDBPyConnection, raster: Path
) -> None:
    x, y = lonlat(raster)
    con.execute(
        "CREATE TEMP TABLE places AS SELECT $1 + n / 5000 AS lon, $2 AS lat FROM range(5) r(n)", [x, y]
    )
    query = "SELECT c.shape FROM places AS p, read_cog($1, [p.lon, p.lat], size := 16) AS c"
    assert con.execute(query, [str(raster)]).fetchall() == [([1, 16, 16],)] * 5


REFUSED = {
    "[1.5]": "a box of four numbers xmin, ymin, xmax, ymax, or a point of two",
    "[NULL, 2.0]": "a box of four numbers xmin, ymin, xmax, ymax, or a point of two",
    "['inf'::DOUBLE, 2.0]": "the point [inf, 2.0] holds a number that is not finite",
    "[12.0, 470.0]": "latitude 470 is outside -90 to 90",
}


@pytest.mark.parametrize(("area", "expected"), REFUSED.items())
def test_what_is_not_a_point(con: duckdb.DuckDBPyConnection, raster: Path, area: str, expected: str) -> None:
    assert WIDTH > COLUMN
    assert HEIGHT > ROW
    assert expected in message(con, f"FROM read_cog($1, {area}, size := 4)", str(raster))
