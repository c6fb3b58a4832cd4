"""Resampling: the value of a target pixel from the source pixels where it looks.

The rules are those of GDAL's warper. Nearest: the pixel that holds the place; one on an edge belongs to the
pixel to its right and below. Bilinear and cubic (Catmull-Rom, a = -0.5): weights over 2 x 2 and 4 x 4
pixels, over more where the target is coarser, divided by the sum of those of valid pixels; invalid where the
nearest pixel is. Cubic is bilinear where one of its 16 pixels is missing. Average, mode, min and max: the
pixels that touch the target pixel's box, in the average weighted by how much of them lies inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Bools, Floats, Pixels
from rasteret_sql.raster.warp.resample_area import TIE

Picked = tuple[Pixels, Bools]
"""Values of (bands, places), and which of them are valid."""
Places = tuple[npt.NDArray[np.intp], Bools]
"""Flat indices of pixels, and which places are on the raster at all."""

UNSCALED = 0.95
"""A target that is less than a twentieth coarser is not smoothed."""
MIN_WEIGHT = 1e-6


def _bilinear(distance: Floats) -> Floats:
    return np.maximum(0.0, 1.0 - np.abs(distance))


def _cubic(distance: Floats) -> Floats:
    d = np.abs(distance)
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return np.where(d <= 1, near, np.where(d <= 2, far, 0.0))


KERNELS: Mapping[str, tuple[int, Callable[[Floats], Floats]]] = {
    "bilinear": (1, _bilinear),
    "cubic": (2, _cubic),
}
"""Radius in pixels, and weight by distance."""


def filter_scale(step: float) -> float:
    """How much a kernel is stretched: target pixels a source pixel, near 1 / n made 1 / n, as GDAL does."""
    if step <= 1:
        return 1.0
    whole = math.floor(step + 0.5)
    return 1.0 / (whole if abs(step - whole) < 0.05 else step)


def reach(resampling: str, step: float) -> float:
    """Pixels of the source to either side of a place that its value depends on."""
    if resampling not in KERNELS:
        return 0.0
    radius, _ = KERNELS[resampling]
    return math.ceil(radius / filter_scale(step)) - 0.5


def nearest(pixels: Pixels, valid: Bools | None, places: Places) -> Picked:
    """The pixel at each place."""
    return pixels.reshape(len(pixels), -1).take(places[0], axis=1), _valid_at(valid, places)


def pixels_at(shape: tuple[int, ...], x: Floats, y: Floats) -> Places:
    """The pixels that hold places: ``x`` and ``y``, one-dimensional, in pixels of an array of ``shape``."""
    rows, columns = shape
    there = (x >= -TIE) & (x <= columns + TIE) & (y >= -TIE) & (y <= rows + TIE)  # NaN compares false
    column, row = (
        np.clip(np.floor(np.where(there, place, 0.0) + TIE), 0, size - 1).astype(np.intp)
        for place, size in ((x, columns), (y, rows))
    )
    return row * columns + column, there


def _valid_at(valid: Bools | None, places: Places) -> Bools:
    """Whether there is a valid pixel at each place."""
    flat, there = places
    return there if valid is None else there & valid.ravel().take(flat)


def kernel(
    pixels: Pixels,
    valid: Bools | None,
    x: Floats,
    y: Floats,
    *,
    resampling: str,
    steps: tuple[float, float],
) -> Picked:
    """Weighted means of the pixels around each place, as float64."""
    scales = [filter_scale(step) for step in steps]
    there = _valid_at(valid, pixels_at(pixels.shape[1:], x, y))
    x, y = np.where(there, x, 0.5), np.where(there, y, 0.5)
    if min(scales) < UNSCALED:
        values, weight, _ = _convolve(pixels, valid, x, y, resampling, scales)
    else:
        values, weight, complete = _convolve(pixels, valid, x, y, resampling, [1.0, 1.0])
        if resampling == "cubic" and not complete[there].all():
            plain, plain_weight, _ = _convolve(pixels, valid, x, y, "bilinear", [1.0, 1.0])
            values = np.where(complete, values, plain)
            weight = np.where(complete, weight, plain_weight)
    good = there & (weight >= MIN_WEIGHT)
    return values / np.where(good, weight, 1.0), good


def _convolve(
    pixels: Pixels, valid: Bools | None, x: Floats, y: Floats, resampling: str, scales: list[float]
) -> tuple[Floats, Floats, Bools]:
    """Sum of weighted values, sum of weights, and whether no pixel was missing."""
    radius, weight_at = KERNELS[resampling]
    rows, columns = pixels.shape[1:]
    flat, mask = pixels.reshape(len(pixels), -1), None if valid is None else valid.ravel()
    taps = []
    for place, size, scale in ((x, columns, scales[0]), (y, rows, scales[1])):
        first = np.floor(place - 0.5)
        offset = place - 0.5 - first
        start, reach_ = first.astype(np.intp), math.ceil(radius / scale)
        taps.append(
            [
                (
                    np.clip(start + i, 0, size - 1),
                    (start + i >= 0) & (start + i < size),
                    weight_at((i - offset) * scale),
                )
                for i in range(1 - reach_, reach_ + 1)
            ]
        )
    total, weights = np.zeros((len(pixels), len(x))), np.zeros(len(x))
    complete = np.ones(len(x), np.bool_)
    for row, row_there, row_weight in taps[1]:
        for column, column_there, column_weight in taps[0]:
            at = row * columns + column
            there = row_there & column_there
            if mask is not None:
                there &= mask.take(at)
            complete &= there
            weight = np.where(there, row_weight * column_weight, 0.0)
            counted = weight != 0
            values = flat.take(at, axis=1)
            total += weight * (values if counted.all() else np.where(counted, values, 0))
            weights += weight
    return total, weights, complete


def finish(values: Floats, dtype: Any, nodata: float | None) -> Pixels:
    """Computed values as ``dtype``: rounded half up, clamped to its range, and none of them nodata.

    A value that happens to be nodata would be taken for it wherever the mask is lost, so it becomes its
    neighbour, as GDAL does for integers.
    """
    kind = np.dtype(dtype)
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            made = values.astype(kind)
        if nodata is not None and nodata == nodata:
            made[made == kind.type(nodata)] = np.nextafter(kind.type(nodata), kind.type(np.inf))
        return made
    limits = np.iinfo(kind)
    rounded = np.floor(np.where(np.isnan(values), 0.0, values) + 0.5)
    most = float(limits.max)
    if kind.itemsize == 8:  # which is one more than the largest of them, as a float
        most = math.nextafter(most, 0.0)
    made = np.clip(rounded, float(limits.min), most).astype(kind)
    made[rounded > most] = limits.max
    if nodata is not None and limits.min <= nodata <= limits.max and nodata == int(nodata):
        other = nodata + 1 if nodata == limits.min else nodata - 1
        made[made == kind.type(int(nodata))] = kind.type(int(other))
    return made
