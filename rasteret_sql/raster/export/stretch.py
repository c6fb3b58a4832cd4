"""Which pixel values become black and which white."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.errors import ArgumentError

FORMS = "[min, max], a list of such pairs (one a band), 'minmax', or percentiles such as '2-98%'"
USUAL = (2.0, 98.0)
PERCENTILES = re.compile(r"\s*(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)\s*%\s*")

Limits = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Limits themselves, or the percentiles of the valid pixels that are the limits."""

    limits: tuple[Limits, ...] = ()
    """One pair for all bands, or one for each."""
    percentiles: Limits | None = None

    def of(self, band: int, values: npt.NDArray[Any]) -> Limits:
        """The limits of one band (from 0), whose valid pixels are ``values``, NaN left out."""
        if self.percentiles is None:
            return self.limits[band if len(self.limits) > 1 else 0]
        if not values.size:
            return 0.0, 1.0
        if self.percentiles == (0.0, 100.0):
            return float(values.min()), float(values.max())
        low, high = np.percentile(values, self.percentiles)
        return float(low), float(high)

    def require_bands(self, count: int) -> None:
        """ArgumentError where there are pairs for another number of bands."""
        if len(self.limits) not in (0, 1, count):
            raise ArgumentError(f"stretch has {len(self.limits)} pairs for {count} bands; expected {FORMS}")


def parse_stretch(value: Any) -> Stretch | None:
    """What one SQL value asks for; None for None."""
    if value is None:
        return None
    if isinstance(value, str):
        if value == "minmax":
            return Stretch(percentiles=(0.0, 100.0))
        match = PERCENTILES.fullmatch(value)
        if match and float(match[1]) < float(match[2]) <= 100:
            return Stretch(percentiles=(float(match[1]), float(match[2])))
    nested = isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple)
    pairs = value if nested else [value]
    limits = [_pair(pair) for pair in pairs]
    if None in limits:
        raise ArgumentError(f"stretch := {value!r}: expected {FORMS}")
    return Stretch(limits=tuple(pair for pair in limits if pair is not None))


def _pair(value: Any) -> Limits | None:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        return None
    try:
        low, high = (float(number) for number in value)
    except (TypeError, ValueError):
        return None
    return (low, high) if np.isfinite(low) and np.isfinite(high) and low < high else None
