"""What stored numbers stand for: physical value = scale * stored + offset, band by band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = tuple[float, ...]


class Scaling(NamedTuple):
    """Scale and offset of one band."""

    scale: float
    offset: float

    def of(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Physical values, in float64; a new array."""
        values: npt.NDArray[np.float64] = np.multiply(stored, self.scale, dtype=np.float64)
        values += self.offset
        return values


SAME = Scaling(1.0, 0.0)


def scaling_of(scales: Numbers | None, offsets: Numbers | None, band: int) -> Scaling | None:
    """Scale and offset of a band (from 0); None where the stored number is the physical value."""
    scaling = Scaling(
        1.0 if scales is None else float(scales[band]), 0.0 if offsets is None else float(offsets[band])
    )
    return None if scaling == SAME else scaling


def picked(numbers: Numbers | None, bands: Sequence[int]) -> Numbers | None:
    """Scales, or offsets, of some bands (from 0)."""
    return None if numbers is None else tuple(numbers[band] for band in bands)
