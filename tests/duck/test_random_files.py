"""Random files of random kinds equal rasterio's pixels, masks, windows and transforms."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import WindowError
from rasterio.features import geometry_mask, geometry_window
from rasterio.windows import Window

import rasteret_sql
from tests.duck.random_files import write_random

READ = """
SELECT x_off, y_off, width, height, transform, dtype, shape, data, valid
FROM read_cog($1, $2, level := $3, bands := $4::INTEGER[], all_touched := $5, aoi_crs := $6)
"""


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with rasteret_sql.connect() as con:
        yield con


@pytest.mark.parametrize("seed", range(40))
def test_a_random_file(connection: duckdb.DuckDBPyConnection, tmp_path: Path, seed: int) -> None:
    path = tmp_path / "a.tif"
    about = write_random(path, seed)
    print(about)
    compare(connection, path, about)


def compare(con: duckdb.DuckDBPyConnection, path: Path, about: dict[str, Any]) -> int:
    """The whole, a random window and a random polygon of every level; the number of comparisons."""
    choose = random.Random(about["seed"])
    with rasterio.open(path) as dataset:
        levels = [None, *range(len(dataset.overviews(1)))]
    for level, overview in enumerate(levels):
        options = {} if overview is None else {"overview_level": overview}
        with rasterio.open(path, **options) as dataset:
            for area in (None, pixel_window(choose, dataset), polygon(choose, dataset)):
                bands = some_bands(choose, dataset.count)
                compare_one(con, path, dataset, level, bands, area, choose.random() < 0.4, about)
    return 3 * len(levels)


def some_bands(choose: random.Random, count: int) -> list[int] | None:
    return None if choose.random() < 0.5 else choose.sample(range(1, count + 1), choose.randint(1, count))


def pixel_window(choose: random.Random, dataset: Any) -> Window:
    x, y = choose.randrange(dataset.width), choose.randrange(dataset.height)
    return Window(x, y, choose.randint(1, dataset.width - x), choose.randint(1, dataset.height - y))


def polygon(choose: random.Random, dataset: Any) -> Any:
    """In the CRS of the raster; parts may lie outside."""
    x, y = choose.uniform(0, dataset.width), choose.uniform(0, dataset.height)
    angles = sorted(choose.uniform(0, 6.283) for _ in range(choose.randint(3, 9)))
    radius = choose.uniform(0.3, 80)
    corners = [(x + radius * np.cos(t), y + radius * np.sin(t) * choose.uniform(0.5, 1)) for t in angles]
    return shapely.Polygon([dataset.transform @ corner for corner in corners])


def compare_one(
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
    value: Any = "all"
    if isinstance(area, Window):
        window = area
        value = {"x_off": area.col_off, "y_off": area.row_off, "width": area.width, "height": area.height}
    elif area is not None:
        value = area.wkb
        try:
            window = geometry_window(dataset, [area])
        except WindowError:
            window = None
    found = con.execute(READ, [str(path), value, level, bands, touched, about["crs"]]).fetchall()
    if window is None:
        assert found == []
        return
    x, y, width, height, transform, dtype, shape, data, valid = found[0]
    assert (x, y, width, height) == (window.col_off, window.row_off, window.width, window.height)
    want = dataset.read(bands, window=window)
    got = np.frombuffer(data, dtype).reshape(-1, height, width)
    assert list(got.shape) == shape
    assert dtype == ("float16" if about["dtype"] == "float16" else want.dtype.name)
    np.testing.assert_array_equal(got.astype(want.dtype), want if want.ndim == 3 else want[None])
    own = rasterio.Affine(*transform)
    np.testing.assert_allclose(own[:6], dataset.window_transform(window)[:6], rtol=1e-12, atol=1e-9)
    usable = gdal_valid(dataset, bands, window, about)
    if area is not None and not isinstance(area, Window):
        usable &= geometry_mask([area], (height, width), own, all_touched=touched, invert=True)
    flags = np.ones(height * width, np.uint8) if valid is None else np.frombuffer(valid, np.uint8)
    np.testing.assert_array_equal(flags.reshape(height, width) > 0, usable)


def gdal_valid(dataset: Any, bands: list[int] | None, window: Window, about: dict[str, Any]) -> Any:
    """GDAL's masks; alpha also where GDAL has no mask for it, and nodata where GDAL forgets it."""
    flags = dataset.mask_flag_enums[0]
    if MaskFlags.per_dataset in flags:
        return dataset.read_masks(1, window=window) > 0
    if flags == [MaskFlags.all_valid] and ColorInterp.alpha in dataset.colorinterp:
        return dataset.read(dataset.colorinterp.index(ColorInterp.alpha) + 1, window=window) != 0
    if about["dtype"] in ("int64", "uint64") and about["nodata"] is not None:  # lost in GDAL's overviews
        return (dataset.read(bands, window=window) != int(about["nodata"])).any(axis=0)
    if bands is None:
        return dataset.dataset_mask(window=window) > 0
    return dataset.read_masks(bands, window=window).any(axis=0)
