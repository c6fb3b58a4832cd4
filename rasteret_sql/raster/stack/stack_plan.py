"""The plan of a chip whose bands are rasters of their own, all on one grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import shapely

from rasteret_sql.arrays import Bools, Pixels
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.masks.rasterize import covers_grid, inside
from rasteret_sql.geotiff.nodata import fill_value
from rasteret_sql.geotiff.scaling import Scaling
from rasteret_sql.raster.algebra.band_math import BandMath, Column, evaluate, masked_out, nulls
from rasteret_sql.raster.physical import physical_pixels
from rasteret_sql.raster.read.chip_plan import ChipPlan, pixel_bytes
from rasteret_sql.raster.read.read_plans import held_bytes
from rasteret_sql.raster.stack.aligned_plan import AlignedPlan
from rasteret_sql.raster.warp.warp_plan import WarpPlan


@dataclass(frozen=True, kw_only=True)
class Member:
    """One band of one raster on the grid of the stack."""

    plan: ChipPlan | AlignedPlan | WarpPlan | None
    """None: nothing of the raster lies on the grid."""
    dtype: str
    nodata: float | None
    scaling: Scaling | None = None
    """What makes physical values of its pixels; None: they are those."""


@dataclass(frozen=True, kw_only=True)
class StackPlan:
    """All that one such chip takes; made without a request when the headers are known."""

    members: tuple[Member, ...]
    """Each band that is read, once."""
    answered: tuple[int, ...]
    """Of each band of the answer, which member it is."""
    place: Grid
    dtype: str
    """NumPy's name of the answer's samples."""
    nodata: float | None
    aoi: bytes | None
    """WKB in the CRS of the grid; None: every pixel is inside."""
    all_touched: bool
    physical: bool = False
    """Whether the answer has physical values."""
    mask: str | None = None
    """A condition; where it is not true, a pixel is not valid."""
    names: Mapping[str, int] = field(default_factory=dict)
    """Of each name of the mask and the expression, which member it is."""
    scaled: bool = True
    """Whether the names of the mask, and of the expression, stand for physical values."""
    expression: str | None = None
    """What the only band is computed by; None: the bands are those that are ``answered``."""

    @property
    def shape(self) -> tuple[int, int, int]:
        count = len(self.answered) if self.expression is None else 1
        return count, self.place.height, self.place.width

    @cached_property
    def own_bands(self) -> Mapping[int, int]:
        """Members that are read straight into a band of the answer, and that band."""
        own: dict[int, int] = {}
        for band, number in enumerate(self.answered):
            if self.members[number].dtype == self.dtype and not self.physical:
                own.setdefault(number, band)
        return own

    @property
    def byte_count(self) -> int:
        """What reading it takes: its pixels, which of them are valid, and what is read besides."""
        _, rows, columns = self.shape
        besides = 0
        for number, member in enumerate(self.members):
            own = rows * columns * np.dtype(member.dtype).itemsize
            besides += own if member.plan is None else held_bytes(member.plan)
            besides -= own if number in self.own_bands else 0
        return pixel_bytes(self) + rows * columns + besides

    def finish(self, parts: Sequence[Pixels], valid: Sequence[Bools | None], out: Pixels) -> Bools | None:
        """Fill ``out`` from the members ``(rows, columns)``, and say which pixels are valid (None: all).

        A pixel is valid where any of the rasters is, or where the expression gives a number; inside the area
        and where the mask is true.
        """
        if self.expression is not None:
            good = self._evaluated(parts, valid, out)
        else:
            good = self._answered(parts, valid, out)
        inside = self._inside()
        return good if inside is None else inside if good is None else good & inside

    def _answered(self, parts: Sequence[Pixels], valid: Sequence[Bools | None], out: Pixels) -> Bools | None:
        for band, number in enumerate(self.answered):
            if self.physical:
                out[band] = self._physical(number, parts[number], valid[number])
            elif self.own_bands.get(number) != band:
                out[band] = parts[number]
        good = _any(valid[number] for number in dict.fromkeys(self.answered))
        kept = self._kept(parts, valid)
        return good if kept is None else kept if good is None else good & kept

    def _evaluated(self, parts: Sequence[Pixels], valid: Sequence[Bools | None], out: Pixels) -> Bools | None:
        asked = BandMath(expression=self.expression, mask=self.mask)
        kept = self._kept(parts, valid)
        data, good, _ = evaluate(asked, self._columns(parts, valid), self.shape[1:], kept)
        out[0] = data
        if good is not None:
            out[0][~good] = fill_value(self.dtype, self.nodata)
        return good

    def _physical(self, number: int, pixels: Pixels, valid: Bools | None) -> Pixels:
        member = self.members[number]
        values: Pixels = physical_pixels(pixels[np.newaxis], valid, member.nodata, [member.scaling])[0]
        if valid is not None:
            values[~valid] = np.nan
        return values

    def _inside(self) -> Bools | None:
        if self.aoi is None:
            return None
        geometry, place = shapely.from_wkb(self.aoi), self.place
        if covers_grid(geometry, place.transform, place.height, place.width):
            return None
        return inside(geometry, place.transform, place.height, place.width, all_touched=self.all_touched)

    def _kept(self, parts: Sequence[Pixels], valid: Sequence[Bools | None]) -> Bools | None:
        """Where the mask is true."""
        if self.mask is None:
            return None
        return ~masked_out(self.mask, self._columns(parts, valid), self.shape[1:])

    def _columns(self, parts: Sequence[Pixels], valid: Sequence[Bools | None]) -> dict[str, Column]:
        """The pixels behind each name."""
        return {
            text: Column(
                parts[number],
                nulls(parts[number], valid[number], self.members[number].nodata),
                self.members[number].scaling if self.scaled else None,
            )
            for text, number in self.names.items()
        }


def _any(valid: Iterable[Bools | None]) -> Bools | None:
    joined: Bools | None = None
    for one in valid:
        if one is None:
            return None
        joined = one if joined is None else joined | one
    return joined
