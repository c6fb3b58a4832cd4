"""A cube: the pixels of one grid at several times, in several bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Bools, Floats, Pixels
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.window import Affine


@dataclass(frozen=True, kw_only=True, eq=False)
class Cube:
    """Pixels of one grid, by time and band. All arrays are the caller's own."""

    pixels: Pixels
    """``(time, band, y, x)``, in the native dtype; stored numbers, as they are in the files."""
    valid: Bools
    """``(time, band, y, x)``; or ``(time, 1, y, x)`` where all bands of a time share it. It broadcasts."""
    times: npt.NDArray[np.datetime64]
    """UTC, ascending, in microseconds; one NaT where no row has a time."""
    bands: tuple[str, ...]
    transform: Affine
    """Affine of the outer corners of pixels: x = a · column + b · row + c, y = d · column + e · row + f."""
    crs: str | None
    nodata: float | None
    """The value of missing pixels where all bands share one."""
    scales: Floats | None = None
    """``(time, band)``: physical value = scale · pixel + offset; None where no file has one."""
    offsets: Floats | None = None
    """``(time, band)``; None where ``scales`` is."""

    def of(self, bands: Sequence[str], function: str) -> Cube:
        """Some of its bands; ArgumentError for one that is not there, which ``function`` is asked for."""
        missing = [band for band in bands if band not in self.bands]
        if missing or not bands or len(set(bands)) < len(bands):
            wrong = (
                f"there is no band {missing[0]!r}"
                if missing
                else f"bands = {list(bands)} is not a list of bands"
            )
            raise ArgumentError(f"{function}: {wrong}; the bands are: {', '.join(map(repr, self.bands))}")
        places = [self.bands.index(band) for band in bands]
        return replace(
            self,
            pixels=self.pixels[:, places],
            valid=self.valid if self.valid.shape[1] == 1 else self.valid[:, places],
            bands=tuple(bands),
            scales=None if self.scales is None else self.scales[:, places],
            offsets=None if self.offsets is None else self.offsets[:, places],
        )

    @property
    def masked(self) -> np.ma.MaskedArray[Any, Any]:
        """``pixels`` with what is not valid masked; without a copy of the pixels."""
        mask = np.broadcast_to(~self.valid, self.pixels.shape)
        return np.ma.MaskedArray(self.pixels, mask, fill_value=self.nodata)
