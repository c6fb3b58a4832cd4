"""Questions whose answer is pixels: read_cog, RS_Clip, read_cog_tiles, RS_AsGeoTiff."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import rasterio

from rasteret_sql.geotiff.nodata import applies
from tests.differential import areas, oracle
from tests.differential.case import Array, Query, Raster, apart

CHIP = "x_off, y_off, width, height, dtype, shape, data, valid"


def some_bands(choose: random.Random, count: int) -> list[int] | None:
    """All by default, or some in any order."""
    return None if choose.random() < 0.5 else choose.sample(range(1, count + 1), choose.randint(1, count))


def chip_differs(rows: Sequence[Any], expected: Any) -> str | None:
    """Rows of ``CHIP`` against (window, pixels, valid), or none."""
    if expected is None:
        return f"{len(rows)} rows, expected none" if rows else None
    if len(rows) != 1:
        return f"{len(rows)} rows, expected one"
    window, pixels, usable = expected
    x, y, width, height, dtype, shape, data, valid = rows[0]
    own = (window.col_off, window.row_off, window.width, window.height)
    if (x, y, width, height) != own:
        return f"window {(x, y, width, height)}, expected {own}"
    found = np.frombuffer(data, dtype).reshape(shape).astype(pixels.dtype)
    flags = np.ones(height * width, bool) if valid is None else np.frombuffer(valid, np.uint8) > 0
    return apart(found, pixels, "pixels") or apart(flags.reshape(height, width), usable, "valid")


def window(choose: random.Random, raster: Raster) -> Query | None:
    """A window of a level, some bands."""
    with rasterio.open(raster.path) as dataset:
        levels = len(dataset.overviews(1))
    level = choose.randint(0, levels)
    with rasterio.open(raster.path, **({"overview_level": level - 1} if level else {})) as dataset:
        bands = some_bands(choose, dataset.count)
        part = areas.pixel_window(choose, dataset)
        expected = (
            part,
            oracle.read(dataset, bands, part),
            oracle.valid(dataset, raster, bands, part),
        )
    chosen = f", bands := {bands}" if bands else ""
    return Query(
        sql=f"SELECT {CHIP} "
        f"FROM read_cog('{raster.path}', {areas.window_literal(part)}, level := {level}{chosen})",
        expected=expected,
        same=chip_differs,
    )


def polygon(choose: random.Random, raster: Raster) -> Query | None:
    """A polygon in the raster's CRS, perhaps a turn away."""
    with rasterio.open(raster.path) as dataset:
        shape, bands, touched = (
            areas.polygon(choose, dataset),
            some_bands(choose, dataset.count),
            choose.random() < 0.4,
        )
        if not areas.on_the_globe(shape, dataset):
            return None
        part = oracle.window_of(dataset, shape)
        expected = None
        if part is not None:
            usable = oracle.valid(dataset, raster, bands, part)
            usable &= oracle.inside(dataset, shape, part, touched=touched)
            expected = (part, oracle.read(dataset, bands, part), usable)
        area = areas.literal(choose, areas.another_turn(choose, shape, dataset))
        options = f"{area}, aoi_crs := {areas.crs_literal(dataset)}, all_touched := {touched}"
    chosen = f", bands := {bands}" if bands else ""
    if choose.random() < 0.5:
        columns = ", ".join(f"c.{name}" for name in CHIP.split(", "))
        clip = f"SELECT RS_Clip('{raster.path}', {options}{chosen}) AS c"
        sql = f"SELECT {columns} FROM ({clip}) WHERE c IS NOT NULL"
    else:
        sql = f"SELECT {CHIP} FROM read_cog('{raster.path}', {options}{chosen})"
    return Query(sql=sql, expected=expected, same=chip_differs)


def tiles(choose: random.Random, raster: Raster) -> Query | None:
    """Internal tiles under a window: all of them, with their pixels."""
    with rasterio.open(raster.path) as dataset:
        part, bands = areas.pixel_window(choose, dataset), some_bands(choose, dataset.count)
        pixels = oracle.read(dataset, None, oracle.whole(dataset))
        across, down = dataset.block_shapes[0][1], dataset.block_shapes[0][0]

    def same(rows: Sequence[Any], expected: Any) -> str | None:
        seen = np.zeros(pixels.shape, bool)
        for numbers, x, y, width, height, dtype, shape, data in rows:
            place = np.ix_([n - 1 for n in numbers], range(y, y + height), range(x, x + width))
            found = np.frombuffer(data, dtype).reshape(shape).astype(pixels.dtype)
            difference = apart(found, pixels[place], f"tile at {x}, {y}")
            if difference:
                return difference
            seen[place] = True
        return apart(seen, expected, "which pixels are there")

    expected = np.zeros(pixels.shape, bool)
    rows = slice(part.row_off // down * down, -(-(part.row_off + part.height) // down) * down)
    columns = slice(part.col_off // across * across, -(-(part.col_off + part.width) // across) * across)
    expected[[n - 1 for n in bands or range(1, len(pixels) + 1)], rows, columns] = True
    chosen = f", bands := {bands}" if bands else ""
    return Query(
        sql="SELECT bands, x_off, y_off, width, height, dtype, shape, data "
        f"FROM read_cog_tiles('{raster.path}', {areas.window_literal(part)}{chosen})",
        expected=expected,
        same=same,
    )


def written(choose: random.Random, raster: Raster) -> Query | None:
    """RS_AsGeoTiff of the file, its index row or its chip, read by GDAL."""
    with rasterio.open(raster.path) as dataset:
        pixels = oracle.read(dataset, None, oracle.whole(dataset))
        usable = oracle.valid(dataset, raster, None, oracle.whole(dataset))
        nodata = dataset.nodata if applies(raster.about["dtype"], dataset.nodata) else None
        place, crs = dataset.transform, dataset.crs
        words = (dataset.scales, dataset.offsets, dataset.descriptions)

    def same(rows: Sequence[Any], expected: Any) -> str | None:
        with rasterio.MemoryFile(rows[0][0]) as memory, memory.open() as made:
            found = (made.scales, made.offsets, made.descriptions)
            if found != words:
                return f"words {found}, expected {words}"
            if not made.transform.almost_equals(place, 1e-9):
                return f"transform {made.transform}, expected {place}"
            if made.crs != crs and made.crs.to_epsg() != crs.to_epsg():
                return f"CRS {made.crs.to_wkt()}, expected {crs.to_wkt()}"
            # of int64 rasterio has no nodata in every release
            if pixels.dtype.itemsize < 8 and repr(made.nodata) != repr(_whole(pixels, nodata)):
                return f"nodata {made.nodata}, expected {nodata}"
            return apart(made.read(), pixels, "pixels") or apart(
                oracle.valid(made, raster, None, oracle.whole(made)), usable, "valid"
            )

    source = choose.choice(["href", "row", "chip"])
    sql = {
        "href": f"SELECT RS_AsGeoTiff('{raster.path}')",
        "row": f"SELECT RS_AsGeoTiff(h) FROM cog_header('{raster.path}') AS h",
        "chip": f"SELECT RS_AsGeoTiff(c) FROM read_cog('{raster.path}') AS c",
    }[source]
    return Query(sql=sql, expected=None, same=same)


def _whole(pixels: Array, nodata: float | None) -> float | None:
    return nodata if nodata is None or pixels.dtype.kind not in "iu" else float(int(nodata))


QUESTIONS = {"window": window, "polygon": polygon, "tiles": tiles, "written": written}
