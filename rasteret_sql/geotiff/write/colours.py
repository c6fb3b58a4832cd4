"""Colours of bands as TIFF stores them: PhotometricInterpretation, ExtraSamples, ColorMap, GDAL_METADATA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geotiff.colorinterp import (
    ASSOCIATED_ALPHA,
    GRAY,
    OF_EXTRA_SAMPLE,
    OF_PHOTOMETRIC,
    PALETTE,
    UNDEFINED,
    colours_of,
    to_gdal,
)

_LEADING = ("rgb", "cmyk", "palette", "miniswhite", "cielab", "icclab", "itulab")
"""Photometric interpretations by which the first bands are known; any other is minisblack."""
_EXTRA_SAMPLES = {colour: kind for kind, colour in OF_EXTRA_SAMPLE.items()}


@dataclass(frozen=True, kw_only=True)
class Painting:
    """How a file tells the colours of its bands."""

    colours: tuple[str, ...]
    photometric: str
    extra_samples: tuple[str, ...]
    colormap: tuple[int, ...] | None
    named: tuple[str | None, ...] | None
    """Colours that only GDAL_METADATA can tell, in its words."""


def default_colours(band_count: int, *, palette: bool) -> tuple[str, ...]:
    """Those of a file that does not say more: gray, or a palette's, and bands without one."""
    return (PALETTE if palette else GRAY, *[UNDEFINED] * (band_count - 1))


def painting_of(colours: Sequence[str], colormap: tuple[int, ...] | None) -> Painting:
    """One colour a band. ``ArgumentError`` names a band whose colour no file holds in that place."""
    given = tuple(colours)
    if colormap is not None and given[0] != PALETTE:
        raise ArgumentError(
            f"a GeoTIFF to write has a colour table and bands {', '.join(given)}: "
            "a file has one for its first band alone; select the band of the palette first"
        )
    leading = {name: OF_PHOTOMETRIC[name] for name in _LEADING if name != "palette" or colormap is not None}
    photometric = next(
        (name for name, first in leading.items() if given[: len(first)] == first), "minisblack"
    )
    first = OF_PHOTOMETRIC[photometric]
    extra = tuple(_EXTRA_SAMPLES.get(colour, "unspecified") for colour in given[len(first) :])
    stored = colours_of(photometric, extra, len(given))
    named = tuple(
        None if colour == there else _name(band, colour)
        for band, (colour, there) in enumerate(zip(given, stored, strict=True), start=1)
    )
    return Painting(
        colours=given,
        photometric=photometric,
        extra_samples=extra,
        colormap=colormap if photometric == PALETTE else None,
        named=named if any(named) else None,
    )


def _name(band: int, colour: str) -> str:
    name = to_gdal(colour)
    if name is None:
        way = "select all bands of that colour space, first and in their order"
        raise ArgumentError(
            f"band {band} of a GeoTIFF to write is {colour!r}, "
            "which a file cannot tell of a band in that place; "
            + ("select it last" if colour == ASSOCIATED_ALPHA else way)
        )
    return name


def whole_table(colormap: Sequence[int], dtype: np.dtype[Any]) -> tuple[int, ...]:
    """A colour table for all values of the dtype: that of fewer bits goes on in black."""
    size = 1 << 8 * dtype.itemsize if dtype.kind == "u" and dtype.itemsize <= 2 else 0
    length = len(colormap) // 3
    if length * 3 != len(colormap) or length.bit_count() != 1 or length >= size:
        return tuple(colormap)
    parts = (colormap[at * length : (at + 1) * length] for at in range(3))
    return tuple(value for part in parts for value in (*part, *[0] * (size - length)))
