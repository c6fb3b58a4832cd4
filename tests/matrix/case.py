"""One file of the matrix: who writes it, and every choice that could make a reader stumble."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LAYOUTS: dict[str, tuple[int, int] | int] = {
    "tile16": (16, 16),
    "tile32": (32, 32),
    "tile64x16": (64, 16),
    "tile48x80": (48, 80),
    "tile256": (256, 256),
    "strip1": 1,
    "strip7": 7,
    "strip16": 16,
    "strip": 10_000,
}
"""Name -> width and height of a tile, or rows of a strip. ``tile256`` is larger than every image here."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """How one file is made. Its ``name`` says all that differs from the defaults."""

    writer: str
    """``gdal``, ``cog`` (GDAL's COG driver), ``tifffile``, or ``edited``: tifffile's with tags changed."""
    compression: str
    """As GDAL calls it, in small letters: ``lerc_zstd``, ``ccittfax4``."""
    dtype: str
    """NumPy name, or GDAL's ``complex_int16``."""
    bits: int = 0
    """Bits of a stored sample; 0: those of the dtype."""
    predictor: int = 1
    byte_order: str = "little"
    interleave: str = "pixel"
    layout: str = "tile32"
    bands: int = 1
    overviews: int = 0
    big: bool = False
    nodata: str = ""
    extras: tuple[str, ...] = ()
    """What else the file has: ``mask``, ``alpha``, ``sparse``, ``subifds``, …"""
    options: tuple[tuple[str, str], ...] = ()
    """Of the compression or the driver, as the writer calls them."""

    @property
    def name(self) -> str:
        """Unique among all cases."""
        parts = [self.writer, self.compression, self.dtype]
        parts += [f"{self.bits}bit"] if self.bits else []
        parts += [f"p{self.predictor}"] if self.predictor > 1 else []
        parts += ["big-endian"] if self.byte_order == "big" else []
        parts += ["bigtiff"] if self.big else []
        parts += [self.layout, f"{self.bands}{self.interleave}"]
        parts += [f"ovr{self.overviews}"] if self.overviews else []
        parts += [f"nodata={self.nodata}"] if self.nodata else []
        parts += [*self.extras, *(f"{key}={value}" for key, value in self.options)]
        return "-".join(parts)

    def matches(self, where: Mapping[str, str]) -> bool:
        """Whether every attribute fits its regular expression; of several values one is enough."""
        return all(self._has(name, expression) for name, expression in where.items())

    def is_one_of(self, cases: Iterable[Mapping[str, str]]) -> bool:
        """Whether it matches one of them."""
        return any(self.matches(where) for where in cases)

    def _has(self, name: str, expression: str) -> bool:
        value = getattr(self, name)
        if name == "options":
            value = tuple(f"{key}={text}" for key, text in value)
        values = (value or ("",)) if isinstance(value, tuple) else (value,)
        return any(re.fullmatch(expression, str(one)) for one in values)
