"""A chip as a picture: 8 bits a channel, transparent where a pixel is not valid, encoded as PNG."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Bools
from rasteret_sql.errors import ArgumentError, UnsupportedError
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.export.colours import Ramp, Table
from rasteret_sql.raster.export.stretch import USUAL, Stretch

Picture = npt.NDArray[np.uint8]
BRIGHTEST = 255


def png(chip: Chip, *, stretch: Stretch | None, colours: Ramp | Table | None, bands: bool = False) -> bytes:
    """The picture as a PNG file; gray, RGB, or either with opacity where a pixel is not valid."""
    drawn = picture(chip, stretch=stretch, colours=colours, bands=bands)
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(drawn)))


def picture(
    chip: Chip, *, stretch: Stretch | None, colours: Ramp | Table | None, bands: bool = False
) -> Picture:
    """``(rows, columns)`` of gray, or ``(rows, columns, channels)`` of gray, RGB, and opacity last.

    One band is gray, or coloured by ``colours``; three are red, green, blue; a fourth is opacity where
    ``bands`` says that it was requested, from 0 to the largest value of its dtype (1.0 for floats). Of more
    bands the first three are drawn, of two the first. Without ``stretch`` uint8 is taken as it is, a ramp
    with limits of its own keeps them, and all else is stretched from its 2nd to its 98th percentile, each
    band by itself.
    """
    pixels = chip.pixels
    if pixels.dtype.kind == "c":
        raise UnsupportedError(f"{pixels.dtype} pixels have no brightness; take RS_MapAlgebra of them first")
    count = _drawn(pixels, colours, bands=bands)
    opaque = np.ones(pixels.shape[1:], np.bool_) if chip.valid is None else chip.valid
    for band in pixels[:count]:
        if band.dtype.kind == "f":
            opaque = opaque & ~np.isnan(band)
    if stretch is not None:
        stretch.require_bands(min(count, 3))
    if isinstance(colours, Table):
        painted, known = colours.paint(pixels[0])
        return _with_opacity(painted, opaque if known is None else opaque & known)
    if isinstance(colours, Ramp):
        painted, _ = colours.paint(_bright(pixels[0], opaque, 0, stretch or _own(colours)))
        return _with_opacity(painted, opaque)
    channels = [_bright(band, opaque, i, stretch) for i, band in enumerate(pixels[: min(count, 3)])]
    light = channels[0] if count == 1 else np.stack(channels, axis=-1)
    return _with_opacity(light, opaque, _opacity(pixels[3]) if count == 4 else None)


def _drawn(pixels: npt.NDArray[Any], colours: Ramp | Table | None, *, bands: bool) -> int:
    """How many bands are drawn."""
    count = len(pixels)
    if colours is not None:
        if bands and count > 1:
            raise ArgumentError(f"colormap colours one band, and bands lists {count}; leave one of them out")
        if isinstance(colours, Table) and pixels.dtype.kind == "f":
            raise ArgumentError(f"a colormap of categories takes whole numbers, not {pixels.dtype}")
        return 1
    if bands and count not in (1, 3, 4):
        raise ArgumentError(f"bands lists {count}; a picture has 1 (gray), 3 (RGB) or 4 (RGB and opacity)")
    return count if bands else 3 if count >= 3 else 1


def _own(colours: Ramp) -> Stretch | None:
    return None if colours.limits is None else Stretch(limits=(colours.limits,))


def _bright(band: npt.NDArray[Any], opaque: Bools, number: int, stretch: Stretch | None) -> Picture:
    """One band from 0 to 255, black at the lower limit and below; NaN is black."""
    if stretch is None:
        if band.dtype == np.uint8:
            return band
        stretch = Stretch(percentiles=USUAL)
    low, high = stretch.of(number, band if opaque.all() else band[opaque])
    light = band.astype(np.float32 if band.dtype.itemsize <= 2 else np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        np.subtract(light, low, out=light)
        np.multiply(light, BRIGHTEST / (high - low) if high > low else np.inf, out=light)
    np.nan_to_num(light, copy=False, nan=0.0, posinf=BRIGHTEST, neginf=0.0)
    bright: Picture = np.rint(np.clip(light, 0, BRIGHTEST, out=light), out=light).astype(np.uint8)
    return bright


def _opacity(band: npt.NDArray[Any]) -> Picture:
    full = np.iinfo(band.dtype).max if band.dtype.kind in "iu" else 1.0
    share = np.nan_to_num(band.astype(np.float64) / full).clip(0, 1)
    return np.asarray(np.rint(share * BRIGHTEST)).astype(np.uint8)


def _with_opacity(light: Picture, opaque: Bools, share: Picture | None = None) -> Picture:
    """The channels with opacity last, black where nothing shows; without it where all is opaque."""
    if share is None and opaque.all():
        return light
    alpha = opaque * (np.uint8(BRIGHTEST) if share is None else share)
    layers = light[..., np.newaxis] if light.ndim == 2 else light
    drawn = np.concatenate([layers, alpha[..., np.newaxis]], axis=-1)
    drawn[~opaque] = 0
    return drawn
