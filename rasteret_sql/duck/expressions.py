"""RS_MapAlgebra: an expression over the pixels of rasters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from rasteret_sql.cog.window import Affine
from rasteret_sql.duck.chip_values import chip_column
from rasteret_sql.duck.expression_rows import Row, rows_of
from rasteret_sql.duck.named_rasters import Raster, read_rasters, scaling
from rasteret_sql.errors import LimitError
from rasteret_sql.raster.align import onto, require_same_place
from rasteret_sql.raster.aoi import Aoi
from rasteret_sql.raster.band_math import Column, answer, column
from rasteret_sql.raster.groups import groups
from rasteret_sql.raster.pixels import Chip, clip
from rasteret_sql.raster.plan import plan_chip
from rasteret_sql.settings import settings
from rasteret_sql.store.redact import place


def map_algebra(expression: pa.Array, rasters: pa.Array, *more: pa.Array) -> pa.Array:
    """One chip a row: the expression's answer on the grid of the first raster that it names."""
    rows = rows_of(expression, rasters, *more)
    chips: list[Chip | None] = [None] * len(expression)
    held = 0
    for group in groups(rows, _bytes):
        for one, chip in zip(group, _answers(group), strict=True):
            chips[one.row] = chip
            held += 0 if chip is None else chip.pixels.nbytes
            _limit(held)
    return chip_column(chips)


def _bytes(one: Row) -> int:
    """What the rasters and the answer take, about, where the first is a file: others may be finer."""
    raster, request = one.read(one.first)
    if raster.header is None:
        return 0
    planned = plan_chip(raster.header, request)
    if planned is None:
        return 0
    window, area = planned[1].window, _pixel_area(planned[1].transform)
    total = 8.0
    for text, (name, _) in one.places.items():
        header = one.rasters[name].header
        finer = 1.0 if header is None else max(1.0, area / _pixel_area(header.transform))
        total += finer * np.dtype(one.dtypes[text]).itemsize
    return int(window.width * window.height * total)


def _pixel_area(transform: Affine) -> float:
    a, b, _, d, e, _ = transform
    return abs(a * e - b * d)


def _answers(rows: Sequence[Row]) -> list[Chip | None]:
    """Read the first raster of every row, then what the others have there, all files of a kind together."""
    firsts = read_rasters([one.read(one.first) for one in rows])
    wanted = [
        (i, name, one.read(name, **_around(one.rasters[name], name, chip)))
        for i, (one, chip) in enumerate(zip(rows, firsts, strict=True))
        if chip is not None
        for name in one.others
    ]
    others: dict[tuple[int, str], Chip | None] = {
        (i, name): chip
        for (i, name, _), chip in zip(wanted, read_rasters([w for *_, w in wanted]), strict=True)
    }
    return [
        None if chip is None else _answer(one, chip, {name: others[i, name] for name in one.others})
        for i, (one, chip) in enumerate(zip(rows, firsts, strict=True))
    ]


def _around(raster: Raster, name: str, first: Chip) -> dict[str, Any]:
    """What is read of another raster: where the first chip lies, and of a chip, or without CRS, all of it.

    Where the first is an overview, the others' coarsest level that is no coarser.
    """
    changes: dict[str, Any] = {"area": None, "level": None, "all_touched": True}
    header = raster.header
    if header is not None:
        require_same_place(header.crs, header.transform, first, f"{name} ({place(header.href)})")
        if first.crs is not None:
            changes["area"] = Aoi(geometry=shapely.box(*first.bounds), crs=first.crs)
        if first.level:
            a, b, _, d, e, _ = first.transform
            changes["resolution"] = max(math.hypot(a, d), math.hypot(b, e))
    return changes


def _answer(one: Row, first: Chip, others: Mapping[str, Chip | None]) -> Chip:
    shape = first.pixels.shape[1:]
    columns: dict[str, Column] = {}
    for text, (name, band) in one.places.items():
        chip = first if name == one.first else others[name]
        if chip is None:  # nothing of it lies here
            columns[text] = Column(np.zeros(shape, one.dtypes[text]), np.ones(shape, np.bool_))
            continue
        placed = onto(chip, first, name)
        columns[text] = column(
            placed, one.bands(name).index(band), scaling(one.rasters[name], band) if one.scaled else None
        )
    found = answer(one.asked, columns, first)
    inside = None
    if isinstance(one.request.area, Aoi) and first.valid is not None:
        inside = clip(replace(first, valid=None), one.request)
    if inside is None or inside.valid is None or inside.valid.shape != shape:
        return found
    return _outside(found, ~inside.valid)


def _outside(chip: Chip, outside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Chip:
    """An expression that gives numbers for NULL gives none outside the area."""
    valid = ~outside if chip.valid is None else chip.valid & ~outside
    chip.pixels[:, ~valid] = 0 if chip.nodata is None else chip.nodata
    return replace(chip, valid=valid)


def _limit(held: int) -> None:
    limit = settings().max_read_bytes
    if held > limit:
        raise LimitError(
            f"the answers of one batch hold over {limit / 2**20:,.0f} MiB (max_read_bytes); take smaller "
            "areas, a coarser resolution, dtype := 'float32', fewer rows at once or a higher max_read_bytes"
        )
