"""Plans of chips: what reading one takes, and what all kinds of plans have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import numpy as np

from rasteret_sql.arrays import Bools, Pixels
from rasteret_sql.blocks.selection import Selection, mask_sample
from rasteret_sql.geo.window import Affine, Window


@dataclass(frozen=True, kw_only=True)
class ChipPlan:
    """All that reading one chip takes; made without a request when the header is known."""

    selection: Selection
    window: Window
    bands: tuple[int, ...]
    """From 0, in the order wanted."""
    transform: Affine
    """Of the window's own pixels."""
    nodata: float | None
    alpha_band: int | None
    """From 0; read beside the bands for validity."""
    mask: Selection | None
    """The internal mask's blocks."""
    any_of: int | None = None
    """How many of the first bands are answered as they are: valid where the mask of any of them is, as in
    rasterio's ``dataset_mask``. None: all."""
    all_of: tuple[int, ...] = ()
    """Places of the bands that something is made of: valid where the mask of each of them is."""
    aoi: bytes | None
    """WKB in the raster's CRS; None: every pixel of the window is inside."""
    all_touched: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.bands), self.window.height, self.window.width

    @property
    def dtype(self) -> str:
        return self.selection.stored.image.block.dtype

    @property
    def source(self) -> ChipPlan:
        """Itself: the pixels of the file are the answer."""
        return self

    @property
    def to_read(self) -> ChipPlan:
        return self

    def finish(self, pixels: Pixels, valid: Bools | None, out: Pixels) -> Bools | None:
        """The pixels that were read are the answer; nothing is done where they were read into ``out``."""
        if out is not pixels:
            out[...] = pixels
        return valid

    @property
    def mask_bands(self) -> tuple[int, ...]:
        """Samples of the internal mask that apply to the bands."""
        count = 1 if self.mask is None else self.mask.stored.image.band_count
        return tuple(dict.fromkeys(mask_sample(count, band) for band in self.bands))


class Planned(Protocol):
    """Pixels of a known type and shape."""

    @property
    def dtype(self) -> str: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...


class Plan(Planned, Protocol):
    """One chip to be read: pixels of the file (``ChipPlan``), warped, or through an expression."""

    @property
    def source(self) -> ChipPlan:
        """The pixels of the file that it is made of; the plan itself where those are the answer."""
        ...

    @property
    def to_read(self) -> ChipPlan:
        """The same with the masks joined as the answer needs them."""
        ...

    def finish(self, pixels: Pixels, valid: Bools | None, out: Pixels) -> Bools | None:
        """Fill ``out`` from the pixels of the source, and say which of it are valid (None: all)."""
        ...


def pixel_bytes(plan: Planned) -> int:
    """Bytes of the pixels of a plan."""
    bands, rows, columns = plan.shape
    return bands * rows * columns * _sample_bytes(plan.dtype)


@lru_cache(maxsize=64)
def _sample_bytes(dtype: str) -> int:
    return np.dtype(dtype).itemsize


def with_joined_masks(plan: ChipPlan) -> ChipPlan:
    """The plan of bands that are made into one number per pixel."""
    return with_condition_masks(plan, 0, range(len(plan.bands)))


def with_condition_masks(plan: ChipPlan, answered: int, used: Iterable[int]) -> ChipPlan:
    """The plan of bands of which the first are answered, under a condition that uses some of all."""
    return (
        replace(plan, any_of=answered, all_of=tuple(sorted(set(used)))) if len(plan.mask_bands) > 1 else plan
    )
