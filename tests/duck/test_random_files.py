"""Random files of random kinds equal rasterio's pixels, masks, windows and transforms."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.features import geometry_mask, geometry_window
from rasterio.windows import Window

from tests.duck.random_files import write_random

SEEDS = range(60)
READ = """
SELECT x_off, y_off, width, height, transform, dtype, shape, data, valid
FROM read_cog($1, {}, level := $2, bands := $3::INTEGER[], all_touched := $4, aoi_crs := $5)
"""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_file(con: duckdb.DuckDBPyConnection, tmp_path: Path, seed: int) -> None:
    path = tmp_path / "a.tif"
    about = write_random(path, seed)
    compare(con, path, about)


def compare(con: duckdb.DuckDBPyConnection, path: Path, about: dict[str, Any]) -> int:
    """Random windows and areas of every level against rasterio; the number of comparisons."""
    choose = random.Random(about["seed"])
    with rasterio.open(path) as dataset:
        levels = [None, *range(len(dataset.overviews(1)))]
    compared = 0
    for level, overview in enumerate(levels):
        options = {} if overview is None else {"overview_level": overview}
        with rasterio.open(path, **options) as dataset:
            for _ in range(2):
                bands = _bands(choose, dataset.count)
                for area in (None, _pixel_window(choose, dataset), _polygon(choose, dataset)):
                    _compare_one(con, path, dataset, level, bands, area, choose.random() < 0.4, about)
                    compared += 1
    return compared


def _bands(choose: random.Random, count: int) -> list[int] | None:
    return None if choose.random() < 0.5 else choose.sample(range(1, count + 1), choose.randint(1, count))


def _pixel_window(choose: random.Random, dataset: Any) -> Window:
    x, y = choose.randrange(dataset.width), choose.randrange(dataset.height)
    return Window(x, y, choose.randint(1, dataset.width - x), choose.randint(1, dataset.height - y))


def _polygon(choose: random.Random, dataset: Any) -> Any:
    """In the CRS of the raster; parts may lie outside."""
    x, y = choose.uniform(0, dataset.width), choose.uniform(0, dataset.height)
    angles = sorted(choose.uniform(0, 6.283) for _ in range(choose.randint(3, 9)))
    radius = choose.uniform(0.3, 80)
    corners = [(x + radius * np.cos(t), y + radius * np.sin(t) * choose.uniform(0.5, 1)) for t in angles]
    return shapely.Polygon([dataset.transform @ corner for corner in corners])


def _compare_one(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    dataset: Any,
    level: int,
    bands: list[int] | None,
    area: Any,
    touched: bool,
    about: dict[str, Any],
) -> None:
    window = Window(0, 0, dataset.width, dataset.height)
    sql = "NULL"
    if isinstance(area, Window):
        window = area
        sql = f"{{'x_off': {area.col_off}, 'y_off': {area.row_off}, 'width': {area.width}, 'height': {area.height}}}"
    elif area is not None:
        sql = f"from_hex('{area.wkb_hex}')"
        try:
            window = geometry_window(dataset, [area])
        except rasterio.errors.WindowError:
            window = None
    found = con.execute(READ.format(sql), [str(path), level, bands, touched, about["crs"]]).fetchall()
    if window is None:
        assert found == []
        return
    ((x, y, width, height, transform, dtype, shape, data, valid),) = found
    assert (x, y, width, height) == (window.col_off, window.row_off, window.width, window.height)
    want = dataset.read(bands, window=window)
    got = np.frombuffer(data, dtype).reshape(shape)
    assert dtype == ("float16" if about["dtype"] == "float16" else str(want.dtype))
    np.testing.assert_array_equal(got.astype(want.dtype), want)
    own = rasterio.Affine(*transform)
    np.testing.assert_allclose(own[:6], dataset.window_transform(window)[:6], rtol=1e-12, atol=1e-9)
    usable = _usable(dataset, bands, window)
    if area is not None and not isinstance(area, Window):
        usable &= geometry_mask([area], (height, width), own, all_touched=touched, invert=True)
    flags = (
        np.ones((height, width), bool)
        if valid is None
        else np.frombuffer(valid, np.uint8).reshape(height, width) > 0
    )
    np.testing.assert_array_equal(flags, usable)


def _usable(dataset: Any, bands: list[int] | None, window: Window) -> Any:
    """GDAL's masks, and alpha also where GDAL has none for it (not 8 or 16 bits, not 2 or 4 bands)."""
    if dataset.mask_flag_enums[0] == [MaskFlags.all_valid] and dataset.colorinterp[-1] == ColorInterp.alpha:
        return dataset.read(dataset.count, window=window) != 0
    if bands is None:
        return dataset.dataset_mask(window=window) > 0
    if MaskFlags.per_dataset in dataset.mask_flag_enums[0]:
        return dataset.read_masks(1, window=window) > 0
    return dataset.read_masks(bands, window=window).any(axis=0)
