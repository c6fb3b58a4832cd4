"""The plan of a chip whose pixels go through an expression or a mask."""

from __future__ import annotations

from dataclasses import dataclass

import shapely

from rasteret_sql.arrays import Bools, Pixels
from rasteret_sql.geo.masks.rasterize import inside
from rasteret_sql.geotiff.nodata import fill_value
from rasteret_sql.raster.algebra.bound_math import BoundMath
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.read.chip_plan import ChipPlan, with_condition_masks, with_joined_masks
from rasteret_sql.raster.warp.warp_plan import WarpPlan


@dataclass(frozen=True, kw_only=True)
class MathPlan:
    """All that one such chip takes; on a grid of its own the answer is warped, not what it is made of."""

    plan: ChipPlan | WarpPlan
    """Of the bands that are read."""
    math: BoundMath

    @property
    def source(self) -> ChipPlan:
        """What is read of the file."""
        return self.plan.source

    @property
    def to_read(self) -> ChipPlan:
        """A mask alone leaves the bands that are answered to their own masks."""
        if self.math.asked.expression is None:
            return with_condition_masks(self.source, self.math.answered, self.math.places.values())
        return with_joined_masks(self.source)

    @property
    def warp(self) -> WarpPlan:
        """The plan of an answer on a grid of its own."""
        assert isinstance(self.plan, WarpPlan), "asked where nothing is warped"
        return self.plan

    @property
    def nodata(self) -> float | None:
        return self.math.nodata

    @property
    def dtype(self) -> str:
        return self.math.dtype

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.math.answered, *self.plan.shape[1:]

    def finish(self, pixels: Pixels, valid: Bools | None, out: Pixels) -> Bools | None:
        """Fill ``out`` from the pixels of the source, and say which of it are valid (None: all)."""
        source = self.source
        chip = Chip(pixels=pixels, valid=valid, transform=source.transform, crs=None, nodata=source.nodata)
        answer = self.math.on(chip, by_nodata=source.mask is None)
        if isinstance(self.plan, WarpPlan):
            return self.plan.finish_as(answer.pixels, answer.valid, out, nodata=self.math.nodata)
        out[...] = answer.pixels
        return self._inside(out, answer.valid, valid)

    def _inside(self, out: Pixels, valid: Bools | None, source_valid: Bools | None) -> Bools | None:
        """An expression that gives numbers for NULL gives none outside the area."""
        aoi, rows, columns = self.source.aoi, *out.shape[1:]
        if aoi is None or source_valid is None or (valid is not None and not (valid & ~source_valid).any()):
            return valid
        within = inside(
            shapely.from_wkb(aoi), self.source.transform, rows, columns, all_touched=self.source.all_touched
        )
        out[:, ~within] = fill_value(self.dtype, self.math.nodata)
        return within if valid is None else valid & within
