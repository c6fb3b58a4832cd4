"""GDAL_NODATA (tag 42113): its text as GDAL turns it into a number."""

from __future__ import annotations

import math
import re
from typing import Final

import numpy as np

from rasteret_sql.errors import UnsupportedError

SPACES: Final = " \t\n\r"
NUMBER: Final = re.compile(r"-?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
WHOLE: Final = re.compile(r"[+-]?[0-9]+")
SPECIAL: Final[tuple[tuple[re.Pattern[str], float], ...]] = (
    (re.compile(r"\+?(?:nan|NaN)\Z"), math.nan),
    (re.compile(r"\+?(?:inf|Inf|INF|Infinity)\Z"), math.inf),
    (re.compile(r"-(?:inf|Inf|INF|Infinity)\Z"), -math.inf),
    (re.compile(r"-1\.#(?:QNAN|IND)|1\.#[QS]NAN"), math.nan),
    (re.compile(r"1\.#INF", re.IGNORECASE), math.inf),
    (re.compile(r"-1\.#INF", re.IGNORECASE), -math.inf),
)
"""What is not a decimal number. ``Infinity`` is how Java prints it, ``1.#INF`` and its like are how
Microsoft's C library did. Other spellings (``INFINITY``, ``inf x``) are 0 to GDAL."""
WHOLE_RANGES: Final = {"int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1)}


def read_nodata(text: str | None, dtype: str) -> float | None:
    """The number at the start of the text, as C's ``strtod`` and GDAL find it; None for no text.

    Text that starts with no number is 0, in GDAL and so here: what GDAL masks is masked. For float32 it is
    the float32 nearest to the text, which is what pixels hold. For 64-bit integers it is the whole number at
    the start: clamped to int64, and for uint64 clamped or, if negative, wrapped around. Only
    there GDAL is not followed in exponents and what is not finite: rasterio writes the smallest int64 as
    -9.2233720368547758e+18, which GDAL reads as -9, and nan as 0.

    Raises ``UnsupportedError`` for a value of 64-bit integers that a float64 does not hold.
    """
    if not text:
        return None
    if dtype in WHOLE_RANGES:
        return _whole(text.lstrip(SPACES + "\v\f"), dtype)
    value = leading_float(text)
    if dtype != "float32":
        return value
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def leading_float(text: str) -> float:
    """The number that a text starts with, as GDAL's ``CPLAtofM`` reads it; 0 where it starts with none."""
    start = text.lstrip(SPACES)
    for pattern, value in SPECIAL:
        if pattern.match(start):
            return value
    number = NUMBER.match(start.removeprefix("+"))
    return float(number[0].replace(",", ".")) if number else 0.0


def _whole(start: str, dtype: str) -> float:
    least, most = WHOLE_RANGES[dtype]
    other, number = leading_float(start), NUMBER.match(start)
    if not math.isfinite(other):
        return other
    if number and "e" in number[0].lower():
        value = math.trunc(other)
        if value > most + 1 or value < least:
            return other
    else:
        match = WHOLE.match(start)
        value = _digits(match[0]) if match else 0
        if dtype == "uint64" and -most <= value < 0:
            value += most + 1
        value = most if dtype == "uint64" and value < least else min(max(value, least), most)
    if value > most or float(value) != value:
        raise UnsupportedError(f"GDAL_NODATA is {start[:40].strip()}, which no 64-bit float holds exactly")
    return float(value)


def _digits(text: str) -> int:
    """Python refuses to convert thousands of digits; 30 are beyond every range already."""
    sign, digits = text.startswith("-"), text.lstrip("+-").lstrip("0")
    return (-1 if sign else 1) * int(digits[:30] or "0")
