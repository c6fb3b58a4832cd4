"""What each band of a raster means to the eye: red, gray, alpha, an index into a palette."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

ALPHA, ASSOCIATED_ALPHA, GRAY, PALETTE, UNDEFINED = (
    "alpha",
    "associated_alpha",
    "gray",
    "palette",
    "undefined",
)
MINISWHITE: Final = "miniswhite"
"""Gray whose zero is white."""

OF_PHOTOMETRIC: Final[Mapping[str, tuple[str, ...]]] = {
    "minisblack": (GRAY,),
    "miniswhite": (MINISWHITE,),
    "palette": (PALETTE,),
    "rgb": ("red", "green", "blue"),
    "ycbcr": ("red", "green", "blue"),  # what the JPEG decoder makes of it; others are not read
    "cmyk": ("cyan", "magenta", "yellow", "black"),
    "cielab": ("cielab",) * 3,
    "icclab": ("icclab",) * 3,
    "itulab": ("itulab",) * 3,
}
"""The first bands of an image, by a name of ``tiff.tags.PHOTOMETRICS``."""
OF_EXTRA_SAMPLE: Final = {"unassociated_alpha": ALPHA, "associated_alpha": ASSOCIATED_ALPHA}
_RENAMED: Final = {"grey": GRAY, "ycbcr_y": "Y", "ycbcr_cb": "Cb", "ycbcr_cr": "Cr"}
"""GDAL's names, in lower case, that rasterio changes otherwise."""
GDAL_NAMES: Final = (
    "Undefined", "Gray", "Palette", "Red", "Green", "Blue", "Alpha", "Hue", "Saturation", "Lightness",
    "Cyan", "Magenta", "Yellow", "Black", "YCbCr_Y", "YCbCr_Cb", "YCbCr_Cr", "Pan", "Coastal", "RedEdge",
    "NIR", "SWIR", "MWIR", "LWIR", "TIR", "OtherIR", "SAR_Ka", "SAR_K", "SAR_Ku", "SAR_X", "SAR_C", "SAR_S",
    "SAR_L", "SAR_P",
)  # fmt: skip


def of_gdal(name: str) -> str:
    """The name of a colour in GDAL_METADATA, as rasterio writes it; undefined where GDAL knows none."""
    lower = name.strip().lower()
    return _RENAMED.get(lower, lower) if lower in _TO_GDAL_BY_LOWER else UNDEFINED


def to_gdal(colour: str) -> str | None:
    """The name that GDAL_METADATA has for a colour; None where it has none."""
    return _TO_GDAL.get(colour)


def colours_of(photometric: str, extra_samples: Sequence[str], band_count: int) -> tuple[str, ...]:
    """One colour a band, by PhotometricInterpretation and ExtraSamples, as GDAL reads them."""
    colours = [*OF_PHOTOMETRIC.get(photometric, ()), *[UNDEFINED] * band_count][:band_count]
    for at, kind in enumerate(extra_samples, start=band_count - len(extra_samples)):
        if kind in OF_EXTRA_SAMPLE:
            colours[at] = OF_EXTRA_SAMPLE[kind]
    return tuple(colours)


def amended(tagged: str, named: str | None) -> str:
    """The colour that GDAL_METADATA names, unless the tags tell the same more exactly."""
    if named is None or (tagged == ASSOCIATED_ALPHA and named == ALPHA):
        return tagged
    return tagged if to_gdal(tagged) is None and named in (UNDEFINED, GRAY) else named


_TO_GDAL_BY_LOWER: Final = {name.lower(): name for name in GDAL_NAMES}
_TO_GDAL: Final = {_RENAMED.get(lower, lower): name for lower, name in _TO_GDAL_BY_LOWER.items()}
