"""Which pixels of a chip are usable: inside the area, and told so by mask, nodata or alpha."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import shapely

from rasteret_sql.memory import take
from rasteret_sql.raster.nodata import applies, is_nodata
from rasteret_sql.raster.rasterize import covers_grid, inside
from rasteret_sql.workers import workers

if TYPE_CHECKING:
    from rasteret_sql.raster.chip import ChipPlan

Pixels = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
STRIP_BYTES = 1 << 20
"""Pixels looked at together: they stay in a core's cache."""
TOGETHER = 64
"""Chips whose validity is in memory before it is known that it is worth keeping."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One chip as it was read."""

    plan: ChipPlan
    pixels: Pixels
    """``(bands, rows, columns)``"""
    shown: Pixels | None
    """``(1, rows, columns)`` of the internal mask or alpha: 0 is not valid."""


def validity(questions: Sequence[Question]) -> list[npt.NDArray[np.uint8] | None]:
    """``(rows, columns)`` of uint8 for each chip, 1 = usable; None when all are.

    By the first of these that the raster has (rasterio's ``dataset_mask``): internal mask not 0, not nodata
    in every band read, alpha not 0; and inside the area. A strip of rows at a time, on all cores.
    """
    covered = _Covered()
    found: list[npt.NDArray[np.uint8] | None] = []
    for start in range(0, len(questions), TOGETHER):
        answers = [_Answer(question, covered) for question in questions[start : start + TOGETHER]]
        strips = [(answer, rows) for answer in answers if answer.is_open for rows in answer.strips()]
        list(workers().map(lambda strip: strip[0].fill(strip[1]), strips))
        # the memory of those that are wholly valid is used again by the next
        found += [answer.valid.view(np.uint8) if answer.is_partial else None for answer in answers]
    return found


class _Covered:
    """Which pixels of a window its area covers, worked out once for all files on a grid."""

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


class _Answer:
    """The validity of one chip while it is worked out."""

    def __init__(self, question: Question, covered: _Covered) -> None:
        self.question = question
        self.covered = covered.pixels(question.plan)
        self.by_nodata = question.shown is None and applies(question.pixels.dtype.name, question.plan.nodata)
        self.is_open = self.covered is not None or self.by_nodata or question.shown is not None
        self.is_partial = False
        rows, columns = question.plan.shape[1:]
        self.valid = take(rows * columns if self.is_open else 0).view(np.bool_)
        if self.is_open:
            self.valid = self.valid.reshape(rows, columns)

    def strips(self) -> list[slice]:
        row_bytes = max(1, self.question.pixels[:, 0].nbytes)
        step = max(1, STRIP_BYTES // row_bytes)
        return [slice(start, start + step) for start in range(0, len(self.valid), step)]

    def fill(self, rows: slice) -> None:
        valid, question = self.valid[rows], self.question
        if question.shown is not None:
            np.not_equal(question.shown[0, rows], 0, out=valid)
        elif self.by_nodata:
            bad = is_nodata(question.pixels[:, rows], question.plan.nodata)
            assert bad is not None
            np.logical_not(bad[0] if len(bad) == 1 else np.all(bad, axis=0), out=valid)
        else:
            valid[...] = True
        if self.covered is not None:
            valid &= self.covered[rows]
        if not valid.all():
            self.is_partial = True
