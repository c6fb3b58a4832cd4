"""What lies outside an area, marked without cutting it off; and what is not valid, written over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.masks.rasterize import inside
from rasteret_sql.geo.turns import places, union
from rasteret_sql.geo.window import Window, clip_window
from rasteret_sql.geotiff.nodata import require_fits
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.read.plan import area_in
from rasteret_sql.raster.valid_pixels import valid_mask


def only_inside(chip: Chip, area: Aoi | Window, *, all_touched: bool) -> Chip | None:
    """The whole chip, valid inside the area only; None where they do not overlap."""
    columns, rows = chip.window.width, chip.window.height
    if isinstance(area, Aoi):
        geometry = area_in(area, chip.grid(), chip.name)
        on_chip = places(geometry, chip.crs or "", chip.transform, columns, rows)
        if not on_chip:
            return None
        whole = on_chip[0].geometry if len(on_chip) == 1 else union([place.geometry for place in on_chip])
        covered = inside(whole, chip.transform, rows, columns, all_touched=all_touched)
    else:
        window = clip_window(area, columns, rows)
        if window is None:
            return None
        covered = np.zeros((rows, columns), np.bool_)
        right, bottom = window.x_off + window.width, window.y_off + window.height
        covered[window.y_off : bottom, window.x_off : right] = True
    return replace(chip, valid=covered if chip.valid is None else chip.valid & covered)


def with_nodata(chip: Chip, nodata: float) -> Chip:
    """The chip with ``nodata`` as its nodata, written wherever a pixel is nodata.

    ArgumentError where the dtype cannot hold the value.
    """
    kind = chip.pixels.dtype
    require_fits(nodata, kind)
    good = valid_mask(chip)
    pixels = chip.pixels
    if not good.all():
        pixels = np.where(good, pixels, kind.type(nodata))
    return replace(chip, pixels=pixels, nodata=nodata)
