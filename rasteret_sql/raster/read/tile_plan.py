"""From a header and an area of interest to the internal tiles that touch it."""

from __future__ import annotations

from collections.abc import Iterator

import shapely

from rasteret_sql.blocks.selection import select
from rasteret_sql.geo.window import Window, clip_window, corners, window_transform
from rasteret_sql.geotiff.header import Header, Level
from rasteret_sql.raster.read.chip_plan import ChipPlan
from rasteret_sql.raster.read.plan import Planner, ReadRequest


def plan_tiles(
    header: Header, request: ReadRequest, planner: Planner
) -> Iterator[tuple[int, int, int, ChipPlan]]:
    """Level, tile column, tile row and plan of every internal tile that touches the area.

    Of a band-interleaved raster each band's tile is one of its own, in the order of the bands.
    """
    seen: set[tuple[int, int]] = set()
    for number, chip in planner.chips(header, request):  # two at the ends of a global raster
        for column, row, tile in _touched(header, number, chip):
            if (column, row) not in seen:
                seen.add((column, row))
                for plan in _plans(header, number, chip, tile):
                    yield number, column, row, plan


def _touched(header: Header, number: int, chip: ChipPlan) -> Iterator[tuple[int, int, Window]]:
    """Column, row and pixels of each tile under a chip that its area touches."""
    level, window = header.levels[number], chip.window
    transform = header.level_transform(number)
    geometry = None if chip.aoi is None else shapely.from_wkb(chip.aoi)
    shapely.prepare(geometry)
    for row in _spanned(window.y_off, window.height, level.tile_height):
        for column in _spanned(window.x_off, window.width, level.tile_width):
            tile = _tile(level, column, row)
            outline = shapely.Polygon(corners(window_transform(transform, tile), tile))
            if geometry is None or shapely.intersects(geometry, outline):
                yield column, row, tile


def _spanned(start: int, length: int, step: int) -> range:
    return range(start // step, (start + length - 1) // step + 1)


def _tile(level: Level, column: int, row: int) -> Window:
    whole = Window(
        x_off=column * level.tile_width,
        y_off=row * level.tile_height,
        width=level.tile_width,
        height=level.tile_height,
    )
    tile = clip_window(whole, level.width, level.height)
    assert tile is not None, "the window lies on the level"
    return tile


def _plans(header: Header, number: int, chip: ChipPlan, tile: Window) -> Iterator[ChipPlan]:
    level, stored = header.levels[number], chip.selection.stored
    groups: list[tuple[int, ...]] = [(b,) for b in chip.bands] if level.interleave == "band" else [chip.bands]
    for bands in groups:
        yield ChipPlan(
            selection=select(stored, level, stored.image.blocks(tile, bands)),
            window=tile,
            bands=bands,
            transform=window_transform(header.level_transform(number), tile),
            nodata=header.nodata,
            alpha_band=None,
            mask=None,
            aoi=None,
            all_touched=False,
        )
