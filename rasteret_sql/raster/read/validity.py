"""Which pixels of a chip are usable: inside the area, and told so by mask, nodata or alpha."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from rasteret_sql.arrays import Bools, Pixels
from rasteret_sql.geo.masks.rasterize import covers_grid, inside
from rasteret_sql.geotiff.nodata import applies, has_nodata, is_nodata
from rasteret_sql.memory import take
from rasteret_sql.raster.groups import groups
from rasteret_sql.raster.read.chip_plan import ChipPlan
from rasteret_sql.workers import workers

STRIP_BYTES = 1 << 20
"""Pixels looked at together: they stay in a core's cache."""
TASK_BYTES = 4 << 20
"""Pixels that are worth handing to a thread."""
MAX_CHIPS_AT_ONCE = 64
"""Chips whose validity is in memory before it is known that it is worth keeping."""


@dataclass(frozen=True, kw_only=True)
class ReadChip:
    """One chip as it was read."""

    plan: ChipPlan
    pixels: Pixels
    """``(bands, rows, columns)``"""
    shown: Pixels | None
    """``(1, rows, columns)`` of the internal mask or alpha: 0 is not valid."""


def validity(chips: Sequence[ReadChip]) -> list[npt.NDArray[np.uint8] | None]:
    """``(rows, columns)`` of uint8 for each chip, 1 = usable; None when all are.

    By the first of these that the raster has (rasterio's ``dataset_mask``): internal mask not 0, not nodata
    in every band read, alpha not 0; and inside the area. A strip of rows at a time, on all cores.
    """
    covered = _Covered()
    answers = [_Validity(chip, covered) for chip in chips]
    # most chips have no pixel that is not valid: that is found out before memory is taken
    _on_all_cores([answer for answer in answers if answer.covered is None], _Validity.scan)
    masks: list[npt.NDArray[np.uint8] | None] = []
    for start in range(0, len(answers), MAX_CHIPS_AT_ONCE):
        some = answers[start : start + MAX_CHIPS_AT_ONCE]
        partial = [answer for answer in some if answer.is_partial or answer.covered is not None]
        for answer in partial:
            answer.begin()
        _on_all_cores(partial, _Validity.fill)
        # the memory of those that are wholly valid is used again by the next
        masks += [answer.valid.view(np.uint8) if answer.is_partial else None for answer in some]
        for answer in partial:
            del answer.valid
    return masks


def _on_all_cores(answers: Sequence[_Validity], do: Callable[[_Validity, slice], None]) -> None:
    strips = [(answer, rows) for answer in answers for rows in answer.strips()]

    def task(numbers: Sequence[int]) -> None:
        for answer, rows in (strips[number] for number in numbers):
            do(answer, rows)

    tasks = groups(range(len(strips)), lambda number: strips[number][0].strip_bytes, most=TASK_BYTES)
    list(workers().map(task, tasks))


class _Covered:
    """Which pixels of a window its area covers, computed once for all files on a grid."""

    def __init__(self) -> None:
        self._known: dict[Any, Bools | None] = {}

    def pixels(self, plan: ChipPlan) -> Bools | None:
        """``(rows, columns)`` that nobody may change; None when all are."""
        if plan.aoi is None:
            return None
        rows, columns = plan.shape[1:]
        key = (plan.aoi, plan.transform, rows, columns, plan.all_touched)
        if key not in self._known:
            geometry = shapely.from_wkb(plan.aoi)
            everything = covers_grid(geometry, plan.transform, rows, columns)
            self._known[key] = (
                None
                if everything
                else inside(geometry, plan.transform, rows, columns, all_touched=plan.all_touched)
            )
        return self._known[key]


class _Validity:
    """The validity of one chip while it is computed."""

    valid: Bools
    """``(rows, columns)``, from ``begin`` on."""

    def __init__(self, chip: ReadChip, covered: _Covered) -> None:
        self.chip = chip
        self.covered = covered.pixels(chip.plan)
        self.by_nodata = chip.shown is None and applies(chip.pixels.dtype.name, chip.plan.nodata)
        self.is_partial = False
        """Whether a pixel that is not valid was found."""
        row_bytes = max(1, chip.pixels[:, 0].nbytes)
        self.strip_rows = max(1, STRIP_BYTES // row_bytes)
        self.strip_bytes = min(self.strip_rows, chip.pixels.shape[1]) * row_bytes

    def strips(self) -> list[slice]:
        step = self.strip_rows
        return [slice(start, start + step) for start in range(0, self.chip.plan.shape[1], step)]

    def scan(self, rows: slice) -> None:
        """Whether file and pixels say of one of these rows that it has a pixel that is not valid."""
        if not self.is_partial and self._hides_any(rows):
            self.is_partial = True  # and never back: other threads look at other rows

    def _hides_any(self, rows: slice) -> bool:
        chip, nodata = self.chip, self.chip.plan.nodata
        if chip.shown is not None:
            return not chip.shown[0, rows].all()
        if not self.by_nodata or not has_nodata(chip.pixels[0, rows], nodata):
            return False
        bad = None if len(chip.pixels) == 1 else is_nodata(chip.pixels[:, rows], nodata)
        return bad is None or bool(np.all(bad, axis=0).any())

    def begin(self) -> None:
        rows, columns = self.chip.plan.shape[1:]
        self.valid = take(rows * columns).view(np.bool_).reshape(rows, columns)

    def fill(self, rows: slice) -> None:
        valid = self.valid[rows]
        shown, bad = self._mask_or_nodata(rows)
        if shown is not None:
            np.not_equal(shown, 0, out=valid)
        elif bad is not None:
            np.logical_not(bad, out=valid)
        else:
            valid[...] = True
        if self.covered is not None:
            valid &= self.covered[rows]
        if not valid.all():
            self.is_partial = True

    def _mask_or_nodata(self, rows: slice) -> tuple[Pixels | None, Bools | None]:
        """Of some rows, what shows them (0 is not valid), else which pixels are nodata in every band."""
        chip = self.chip
        if chip.shown is not None:
            return chip.shown[0, rows], None
        if not self.by_nodata:
            return None, None
        bad = is_nodata(chip.pixels[:, rows], chip.plan.nodata)
        assert bad is not None
        return None, bad[0] if len(bad) == 1 else np.all(bad, axis=0)
