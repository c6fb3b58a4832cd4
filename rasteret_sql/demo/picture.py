"""Chips as pictures: NDVI in colours, red and near infrared in false colour, encoded as PNG or JPEG."""

from __future__ import annotations

import base64

import imagecodecs
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

NDVI_COLOURS: tuple[tuple[float, tuple[int, int, int]], ...] = (
    (-0.30, (33, 72, 132)),
    (-0.02, (118, 164, 205)),
    (0.05, (219, 205, 178)),
    (0.22, (226, 190, 120)),
    (0.40, (203, 203, 98)),
    (0.60, (111, 172, 70)),
    (0.78, (35, 125, 58)),
    (0.92, (7, 71, 42)),
)
"""Water blue, bare soil sand, then the greener the denser; between the stops colours are blended."""
CLOUD_GREY = (196, 199, 204)


def ndvi_colours(ndvi: Floats) -> npt.NDArray[np.uint8]:
    """The colour of each value, uint8 (rows, columns, 3)."""
    stops = [stop for stop, _ in NDVI_COLOURS]
    channels = np.array([colour for _, colour in NDVI_COLOURS], float).T
    colours = [np.interp(np.nan_to_num(ndvi), stops, channel) for channel in channels]
    return np.stack(colours, -1).round().astype(np.uint8)


def ndvi_png(ndvi: Floats, *, inside: Mask, clear: Mask) -> bytes:
    """NDVI inside the area; clouds and their shadows in grey; transparent outside."""
    colours = ndvi_colours(ndvi)
    colours[~clear] = CLOUD_GREY
    return _png(colours, np.where(inside, 255, 0))


def false_colour(red: Floats, nir: Floats) -> npt.NDArray[np.uint8]:
    """Reflectances as a colour-infrared picture, uint8 (rows, columns, 3): vegetation red, soil grey."""
    light = np.stack([nir / 0.52, red / 0.26, 0.75 * red / 0.26 + 0.25 * nir / 0.52], -1)
    return np.asarray(255 * np.clip(light, 0, 1) ** 0.85).round().astype(np.uint8)


def false_colour_png(red: Floats, nir: Floats, *, inside: Mask, seen: Mask) -> bytes:
    """False colour inside the area, faint around it, transparent where there are no data."""
    return _png(false_colour(red, nir), np.where(inside, 255, 90) * seen)


def false_colour_jpeg(red: Floats, nir: Floats, *, seen: Mask) -> bytes:
    """A whole scene, small; black where there are no data."""
    colours = false_colour(red, nir)
    colours[~seen] = 0
    return bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(colours), level=82))


def data_uri(image: bytes) -> str:
    """The picture as a ``data:`` URI."""
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def _png(colours: npt.NDArray[np.uint8], alpha: npt.NDArray[np.integer]) -> bytes:
    rgba = np.concatenate([colours, alpha.astype(np.uint8)[..., None]], -1)
    rgba[alpha == 0] = 0
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(rgba), level=9))
