"""Files of one archive, whose headers are taken from each other: each is read as itself."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window

from rasteret_sql.tiff import alike

SIZE = 150
WINDOW = {"x_off": 20, "y_off": 30, "width": 70, "height": 60}


@pytest.fixture(params=[True, False], ids=["tiles", "strips"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> list[Path]:
    """Scenes written by one program: nothing differs but pixels, and so where the blocks lie."""
    profile = {
        "driver": "GTiff", "width": SIZE, "height": SIZE, "count": 1, "dtype": "uint16", "crs": "EPSG:32632",
        "transform": from_origin(700_000, 5_300_000, 10, 10), "compress": "deflate", "nodata": 0,
    }  # fmt: skip
    if request.param:
        profile |= {"tiled": True, "blockxsize": 64, "blockysize": 64}
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.tif" for number in range(4)]
    for number, path in enumerate(paths):
        with rasterio.open(path, "w", **profile) as out:
            out.write(rng.integers(0, 2 ** (4 + 3 * number), (SIZE, SIZE), np.uint16), 1)
    return paths


def test_chips_are_those_of_their_files(con: duckdb.DuckDBPyConnection, archive: list[Path]) -> None:
    alike._known.clear()
    for _ in range(2):
        for path in archive:
            data, _ = con.execute("SELECT data, shape FROM read_cog($1, $2)", [str(path), WINDOW]).fetchone()
            with rasterio.open(path) as dataset:
                expected = dataset.read(1, window=Window(20, 30, 70, 60))
            np.testing.assert_array_equal(np.frombuffer(data, np.uint16).reshape(60, 70), expected)
    assert len(alike._known) == 1, "these files are alike"


def test_statistics_are_those_of_their_files(con: duckdb.DuckDBPyConnection, archive: list[Path]) -> None:
    for path in archive:
        (found,) = con.execute("SELECT RS_ZonalStatsAll($1, $2)", [str(path), WINDOW]).fetchone()
        with rasterio.open(path) as dataset:
            pixels = dataset.read(1, window=Window(20, 30, 70, 60))
        assert (found["count"], found["sum"]) == ((pixels != 0).sum(), pixels.sum(dtype=np.int64))
