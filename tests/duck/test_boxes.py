"""Boxes written the wrong way round are errors; a raster's own bounds are areas, over the poles too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

SWAPPED = {
    "an array": "[12.01, 47.98, 12.0, 47.99]",
    "a struct": "{'xmin': 12.02, 'ymin': 47.95, 'xmax': 12.01, 'ymax': 47.99}",
    "half of the globe and more": "[-1.0, 0.0, -2.0, 1.0]",
    "past 180": "[190.0, 0.0, 170.0, 1.0]",
}


@pytest.fixture
def world(tmp_path: Path) -> str:
    """The grid of ERA5: its first and last rows are centred on the poles."""
    pixels = np.arange(73 * 144, dtype=np.float32).reshape(73, 144)
    transform = from_origin(-181.25, 91.25, 2.5, 2.5)
    path = tmp_path / "era.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=144, height=73, count=1, dtype="float32", crs="EPSG:4326",
        transform=transform,
    ) as file:  # fmt: skip
        file.write(pixels, 1)
    return str(path)


@pytest.mark.parametrize("box", SWAPPED)
@pytest.mark.parametrize(
    "call", ["FROM read_cog($1, {})", "SELECT RS_ZonalStats($1, {}, 'count')", "SELECT RS_Clip($1, {})"]
)
def test_a_box_that_would_be_wider_than_half_the_globe_names_both_readings(
    con: duckdb.DuckDBPyConnection, world: str, call: str, box: str
) -> None:
    with pytest.raises(duckdb.InvalidInputException) as caught:
        con.execute(call.format(SWAPPED[box]), [world]).fetchall()
    assert "across the antimeridian" in str(caught.value)
    assert "Were xmin and xmax swapped?" in str(caught.value)


@pytest.mark.parametrize("argument", ["bbox := [12.01, 47.98, 12.0, 47.99]", f"bbox := {SWAPPED['a struct']}",
                                      "intersects := [12.01, 47.98, 12.0, 47.99]"])  # fmt: skip
def test_so_does_a_search(con: duckdb.DuckDBPyConnection, argument: str) -> None:
    with pytest.raises(duckdb.InvalidInputException, match=r"across the antimeridian.*swapped"):
        con.execute(f"FROM stac_search('http://127.0.0.1:9/', {argument})").fetchall()


def test_narrow_boxes_cross_the_antimeridian(con: duckdb.DuckDBPyConnection, world: str) -> None:
    for box in ("[170.0, 0.0, -170.0, 5.0]", "[170.0, 0.0, 190.0, 5.0]", "[-190.0, 0.0, -170.0, 5.0]"):
        assert one(con, f"SELECT RS_ZonalStats($1, {box}, 'pixels', coverage := true)", world) == 16


def test_a_rasters_own_bounds_are_an_area(con: duckdb.DuckDBPyConnection, world: str) -> None:
    whole = one(con, "SELECT data FROM read_cog($1)", world)
    for crs in ("OGC:CRS84", "EPSG:4326"):
        own = f"FROM cog_header($1) AS h, read_cog(h, h.bbox, aoi_crs := '{crs}') AS c"
        assert one(con, f"SELECT c.data {own}", world) == whole
        assert one(con, f"SELECT c.valid {own}", world) is None
    assert one(con, "SELECT RS_ZonalStats($1, h.bbox, 'count') FROM cog_header($1) AS h", world) == 73 * 144
    clip = "SELECT RS_Clip(c, c.bbox).data FROM read_cog($1) AS c"
    assert one(con, clip, world) == whole
    for again in ("read_cog($1, w.bbox)", "read_cog_tiles($1, w.bbox)"):
        assert one(con, f"SELECT count(*) FROM cog_windows($1, size := 72) AS w, {again}", world) >= 4


@pytest.mark.parametrize(
    ("box", "latitude"),
    [
        ("[0.0, 80.0, 10.0, 120.0]", "120"),
        ("[0.0, 80.0, 10.0, 95.0]", "95"),
        ("[0.0, -93.0, 9.0, 0.0]", "-93"),
    ],
)
def test_other_latitudes_beyond_the_poles_are_errors(
    con: duckdb.DuckDBPyConnection, world: str, corpus: Path, box: str, latitude: str
) -> None:
    for call in ("FROM read_cog($1, {})", "SELECT RS_ZonalStats($1, {}, 'count')", "SELECT RS_Clip($1, {})"):
        with pytest.raises(duckdb.InvalidInputException, match=f"latitude {latitude} is outside -90 to 90"):
            con.execute(call.format(box), [world]).fetchall()
    # of a raster that does not reach over a pole, its pixels' size
    utm = str(corpus / "utm32_uint16.tif")
    with pytest.raises(duckdb.InvalidInputException, match=r"latitude 91\.25 is outside"):
        con.execute("FROM read_cog($1, [0.0, 80.0, 10.0, 91.25])", [utm]).fetchall()
    with pytest.raises(duckdb.InvalidInputException, match=r"latitude 91\.25 is outside"):
        con.execute("FROM stac_search('http://127.0.0.1:9/', intersects := [0.0, 80, 10, 91.25])").fetchall()


def one(con: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> Any:
    row = con.execute(sql, list(values)).fetchone()
    assert row is not None
    return row[0]
