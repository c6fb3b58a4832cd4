"""The pixels of a case: from its name alone, so every run and every machine has the same."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from rasterio.transform import Affine

from tests.matrix import edits
from tests.matrix.case import Case

Pixels = np.ndarray[Any, Any]

WIDTH, HEIGHT = 83, 70
NORTH_UP = Affine(10.0, 0.0, 699_960.0, 0.0, -10.0, 5_300_040.0)
TRANSFORMS = {
    "south-up": Affine(10.0, 0.0, 699_960.0, 0.0, 10.0, 5_300_040.0),
    "rotated": NORTH_UP @ Affine.rotation(30),
}


def size(case: Case) -> tuple[int, int]:
    """Width and height of a case's image."""
    if case.writer == "cog":
        return 2 * WIDTH, 2 * HEIGHT  # its smallest tile is 128
    if edits.is_odd(case):
        return 75, 70
    return WIDTH, HEIGHT


def transform(case: Case) -> Affine:
    """The affine of a case's file."""
    return next((TRANSFORMS[extra] for extra in case.extras if extra in TRANSFORMS), NORTH_UP)


def random(case: Case) -> np.random.Generator:
    """Random numbers of this case."""
    return np.random.default_rng(zlib.crc32(case.name.encode()))


def pixels(case: Case) -> Pixels:
    """Shape (bands, rows, columns), in the dtype that NumPy has for the case's.

    A smooth picture, so that codecs find something, with noise, the ends of the range and for floats
    the special values; a patch of nodata where the case has one.
    """
    width, height = size(case)
    rng = random(case)
    y, x = np.mgrid[0:height, 0:width]
    phases = np.arange(case.bands)[:, None, None]
    smooth = (np.sin(x / 9 + phases) + np.cos(y / 7 - phases / 2) + 2) / 4
    noisy = smooth * 0.9 + rng.random(smooth.shape) * 0.1
    dtype = np.dtype({"complex_int16": "complex64"}.get(case.dtype, case.dtype))
    values = {"u": _unsigned, "i": _signed, "f": _floats, "c": _complex}[dtype.kind](case, dtype, noisy, rng)
    if "alpha" in "".join(case.extras) or "premultiplied" in case.extras:
        _make_alpha(case, values)
    if case.nodata:
        _place_nodata(case, values)
    return values


def expected(case: Case) -> Pixels:
    """What a reader has to give of full resolution, where no other reader does."""
    values = pixels(case)
    if "signed" in case.extras:  # the bits as two's complement
        unused = 8 * values.itemsize - case.bits
        values = (values << unused).view(f"i{values.itemsize}") >> unused
    return values


def mask(case: Case) -> Pixels:
    """Which pixels an internal mask lets pass; shape (rows, columns), bool."""
    width, height = size(case)
    return random(case).random((height, width)) < 0.7


def _unsigned(case: Case, dtype: Any, noisy: Pixels, rng: np.random.Generator) -> Pixels:
    bits = case.bits or dtype.itemsize * 8
    top = (1 << bits) - 1
    values = np.minimum((noisy * float(top)).astype("float64"), float(top - top // 2**40)).astype(dtype)
    where = rng.random(noisy.shape)
    if not smooth_only(case):
        values[where < 0.02], values[where > 0.98] = 0, top
    return values


def _signed(case: Case, dtype: Any, noisy: Pixels, rng: np.random.Generator) -> Pixels:
    limits = np.iinfo(dtype)
    values = ((noisy - 0.5) * float(limits.max)).astype(dtype)
    where = rng.random(noisy.shape)
    values[where < 0.02], values[where > 0.98] = limits.min, limits.max
    return values


def _floats(case: Case, dtype: Any, noisy: Pixels, rng: np.random.Generator) -> Pixels:
    values = ((noisy - 0.4) * 1000).astype(dtype)
    special = [0.0, -0.0, np.finfo(dtype).max, np.finfo(dtype).min, np.finfo(dtype).tiny]
    if case.compression not in ("lerc", "lerc_deflate", "lerc_zstd", "jpegxl"):
        special += [np.nan, np.inf, -np.inf]
    elif "nan" in case.extras:
        special = [np.nan]
    elif case.options:
        special = [0.0]
    where = rng.random(values.shape) < 0.1
    return np.where(where, rng.choice(np.array(special, dtype), values.shape), values)


def _complex(case: Case, dtype: Any, noisy: Pixels, rng: np.random.Generator) -> Pixels:
    if case.dtype == "complex_int16":
        real, imaginary = rng.integers(-(2**15), 2**15, (2, *noisy.shape))
        return (real + 1j * imaginary).astype(dtype)
    part = np.dtype(f"f{dtype.itemsize // 2}")
    values = np.empty(noisy.shape, dtype)
    values.real = _floats(case, part, noisy, rng)
    values.imag = _floats(case, part, noisy[:, ::-1], rng)
    return values


def smooth_only(case: Case) -> bool:
    """Whether the picture has no spikes, which lossy codecs smear."""
    return case.compression in ("jpeg", "webp") or bool(case.options and case.writer != "edited")


def _make_alpha(case: Case, values: Pixels) -> None:
    band = 0 if "alpha-first" in case.extras else -1
    half = 255 if values.dtype.kind == "u" and values.itemsize == 1 else 7
    choices = [0, 255] if "binary-alpha" in case.extras else [0, 1, half]
    columns = np.array(choices, values.dtype)[np.arange(values.shape[2]) // 9 % len(choices)]
    values[band] = columns[None, :]


def _place_nodata(case: Case, values: Pixels) -> None:
    """A patch of it in each band, one pixel further each, so that some pixels lack a few bands only."""
    try:
        with np.errstate(all="raise"):
            value = values.dtype.type(
                case.nodata if values.dtype.kind not in "iu" else int(float(case.nodata))
            )
    except (ValueError, OverflowError, FloatingPointError):
        return  # outside the dtype: no pixel can hold it
    for band, plane in enumerate(values):
        plane[10 + band : 25 + band, 12 + band : 40] = value
