"""Longitudes that differ by a turn are one place, in every function that takes an area or a point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.features import geometry_mask
from rasterio.transform import Affine, from_origin

RNG = np.random.default_rng(13)
PIXELS = RNG.integers(0, 60_000, (180, 360)).astype(np.uint16)


def write(path: Path, pixels: Any, crs: str, transform: Any, **more: Any) -> str:
    height, width = pixels.shape
    options = {"driver": "GTiff", "tiled": True, "blockxsize": 64, "blockysize": 64, **more}
    with rasterio.open(
        path,
        "w",
        width=width,
        height=height,
        count=1,
        dtype=pixels.dtype,
        crs=crs,
        transform=transform,
        **options,
    ) as file:
        file.write(pixels, 1)
    return str(path)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The same numbers from -180 to 180 and, rolled by half a turn, from 0 to 360."""
    folder = tmp_path_factory.mktemp("worlds")
    rolled = np.roll(PIXELS, 180, axis=1)
    return {
        "west": write(folder / "west.tif", PIXELS, "EPSG:4326", from_origin(-180, 90, 1, 1)),
        "east": write(folder / "east.tif", rolled, "EPSG:4326", from_origin(0, 90, 1, 1)),
        "nad83": write(folder / "nad83.tif", rolled, "EPSG:4269", from_origin(0, 90, 1, 1)),
        "far": write(folder / "far.tif", PIXELS, "EPSG:4326", from_origin(180, 90, 1, 1)),
    }


def one(con: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> Any:
    row = con.execute(sql, list(values)).fetchone()
    return None if row is None else row[0]


def value(lon: float, lat: float) -> int:
    return int(PIXELS[int(np.floor(90 - lat)), int(np.floor(lon + 180)) % 360])


def under(geometry: Any) -> Any:
    """The numbers whose pixels have their centre in an area: rasterio on three worlds side by side."""
    wide = np.concatenate([PIXELS] * 5, axis=1)
    mask = geometry_mask([geometry], (180, 1800), from_origin(-900, 90, 1, 1), invert=True, all_touched=False)
    return wide[mask]


AREAS = {
    "across Greenwich": shapely.box(-2.2, 10.1, 2.3, 12.4),
    "across 180": shapely.Polygon([(175.3, 10.2), (186.1, 11.7), (183.4, 25.9), (178.8, 18.2)]),
    "west": shapely.Polygon([(-122.31, 10.4), (-118.2, 10.1), (-119.9, 13.7)]),
    "half of the globe": shapely.box(-100.3, -20.2, 99.6, 20.4),
    "in two parts": shapely.MultiPolygon(
        [shapely.box(170.2, 1.1, 180, 5.3), shapely.box(-180, 1.1, -170.7, 5.3)]
    ),
}


TURNED = [
    (name, turn)
    for name, area in AREAS.items()
    for turn in (-360, 0, 360)
    if area.bounds[0] + turn >= -360 and area.bounds[2] + turn <= 360
]
"""Areas in every turn that longitudes may have."""


@pytest.mark.parametrize("raster", ["west", "east", "nad83", "far"])
@pytest.mark.parametrize(("area", "turn"), TURNED)
def test_zones_count_the_same_pixels_in_every_turn(
    con: duckdb.DuckDBPyConnection, worlds: dict[str, str], area: str, raster: str, turn: int
) -> None:
    zone = shapely.transform(AREAS[area], lambda xy: np.add(xy, (turn, 0)))
    expected = under(AREAS[area]).astype(float)
    stats = one(con, "SELECT RS_ZonalStatsAll($1, $2)", worlds[raster], shapely.to_wkb(zone))
    assert (stats["count"], stats["sum"]) == (len(expected), expected.sum())
    assert stats["median"] == np.median(expected)
    bins = one(
        con, "SELECT RS_Histogram($1, bins := 3, zone := $2::BLOB)", worlds[raster], shapely.to_wkb(zone)
    )
    assert sum(b["count"] for b in bins) == len(expected)
    # chips, whatever their number, have the same pixels; so have clips, which are one
    for sql in ("SELECT c FROM read_cog($1, $2) AS c", "SELECT RS_Clip($1, $2::BLOB)"):
        chips = con.execute(sql, [worlds[raster], shapely.to_wkb(zone)]).fetchall()
        numbers = np.concatenate([valid_pixels(chip) for (chip,) in chips])
        assert sorted(numbers.tolist()) == sorted(expected.astype(int).tolist())


def valid_pixels(chip: dict[str, Any]) -> Any:
    pixels = np.frombuffer(chip["data"], chip["dtype"])
    return pixels if chip["valid"] is None else pixels[np.frombuffer(chip["valid"], np.uint8) != 0]


@pytest.mark.parametrize("raster", ["west", "east", "nad83", "far"])
def test_points_have_the_pixel_of_their_place(
    con: duckdb.DuckDBPyConnection, worlds: dict[str, str], raster: str
) -> None:
    points = [[lon + turn, lat] for lon, lat in ((-120.5, 10.5), (0.5, -89.5), (179.9, 3.2), (-180.0, 1.5))
              for turn in (-360, 0, 360) if abs(lon + turn) <= 360]  # fmt: skip
    found = one(con, "SELECT RS_Values($1, $2)", worlds[raster], points)
    assert found == [value(lon, lat) for lon, lat in points]
    chip = "SELECT RS_Value(c, [-120.5, 10.5]) FROM read_cog($1) AS c"
    assert one(con, chip, worlds[raster]) == value(-120.5, 10.5)
    utm = "SELECT RS_Value($1, [500000.0, 5000000.0], aoi_crs := 'EPSG:32615')"
    assert one(con, utm, worlds[raster]) == value(-93, 45.15)


@pytest.mark.parametrize("start", [-180, 0])
def test_columns_that_run_to_the_west_meet_at_the_seam(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, start: int
) -> None:
    """The right edge of the first column is its own, the left edge of the last belongs to the first."""
    mirrored = np.roll(PIXELS, -(start + 180), axis=1)[:, ::-1]
    path = write(tmp_path / "m.tif", mirrored, "EPSG:4326", Affine(-1, 0, start + 360, 0, -1, 90))
    points = [(lon, 10.5) for lon in (-360.0, -180.0, 0.0, 180.0, 360.0, -0.5, 179.5, 45.0)]
    found = one(con, "SELECT RS_Values($1, $2)", path, [list(point) for point in points])
    assert found == [value(np.ceil(lon) - 0.5, lat) for lon, lat in points]


def test_a_chip_across_the_seam_is_two_rows_and_a_clip_is_one_chip(
    con: duckdb.DuckDBPyConnection, worlds: dict[str, str]
) -> None:
    box = "[-2.0, 10.0, 3.0, 12.0]"
    rows = con.execute(
        f"SELECT x_off, width, transform[3] FROM read_cog($1, {box}) ORDER BY x_off", [worlds["east"]]
    )
    assert rows.fetchall() == [(0, 3, 0.0), (358, 2, 358.0)]
    clip = one(con, f"SELECT RS_Clip($1, {box})", worlds["east"])
    assert (clip["x_off"], clip["shape"][2], clip["bbox"]["xmin"]) == (358, 5, 358.0)
    expected = PIXELS[78:80, 178:183]
    assert np.array_equal(np.frombuffer(clip["data"], np.uint16).reshape(2, 5), expected)
    # a clip of a clip, or of a chip of the whole file, is the same
    for raster in ("c", f"RS_Clip(c, {box})"):
        again = one(con, f"SELECT RS_Clip({raster}, {box}) FROM read_cog($1) AS c", worlds["east"])
        assert again["data"] == clip["data"]
    doubled = one(con, f"SELECT RS_MapAlgebra('b1 * 2', $1, aoi := {box})", worlds["east"])
    assert np.array_equal(np.frombuffer(doubled["data"], doubled["dtype"]).reshape(2, 5), expected * 2.0)


def test_tiles_at_both_ends_come_once_each(con: duckdb.DuckDBPyConnection, worlds: dict[str, str]) -> None:
    tiles = con.execute(
        "SELECT tile_col, tile_row FROM read_cog_tiles($1, [-2.0, 30.0, 3.0, 40.0]) ORDER BY ALL",
        [worlds["east"]],
    )
    assert tiles.fetchall() == [(0, 0), (5, 0)]
    assert one(con, "SELECT count(*) FROM read_cog_tiles($1, [-180.0, -90, 180, 90])", worlds["east"]) == 18


def test_a_raster_of_half_a_globe_is_found_a_turn_away(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = write(tmp_path / "pacific.tif", PIXELS[:, 300:], "EPSG:4326", from_origin(150, 90, 1, 1))
    row = con.execute("SELECT x_off, width FROM read_cog($1, [-175.0, 0.0, -172.0, 5.0])", [path]).fetchone()
    assert row == (35, 3)
    assert con.execute("SELECT * FROM read_cog($1, [-120.0, 0.0, -110.0, 5.0])", [path]).fetchall() == []
    outline = shapely.from_wkt(one(con, "SELECT ST_AsText(footprint) FROM cog_header($1)", path))
    assert outline.equals(shapely.union(shapely.box(150, -90, 180, 90), shapely.box(-180, -90, -150, 90)))


def test_grads_of_paris_are_places_too(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """NTF (Paris): longitudes in grads from Paris; the raster runs from 0 to 400 of them."""
    pixels = np.tile(np.arange(400, dtype=np.float32), (200, 1))
    path = write(tmp_path / "paris.tif", pixels, "EPSG:4807", from_origin(0, 100, 1, 1))
    # 90 degrees west of Paris are 300 grads east of it
    west = -90 + 2.33722917
    assert one(con, "SELECT RS_Value($1, [$2, 10.0])", path, west + 0.3) == 300
    zone = [west + 0.05, 9.05, west + 3.55, 9.85]
    # centres every 0.9 degrees: 300.5, 301.5, 302.5, 303.5 grads are 0.45, 1.35, 2.25, 3.15 degrees
    assert one(con, "SELECT RS_ZonalStats($1, $2::DOUBLE[4], 'sum')", path, zone) == 300 + 301 + 302 + 303
    across = [2.33722917 - 1.85, 9.05, 2.33722917 + 1.85, 9.85]
    assert one(con, "SELECT RS_ZonalStats($1, $2::DOUBLE[4], 'sum')", path, across) == 398 + 399 + 0 + 1
