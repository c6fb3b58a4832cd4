"""The types of an expression's parts, and what DuckDB makes of two of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from rasteret_sql.errors import UnsupportedError

INT64: Final = (-(2**63), 2**63 - 1)
INTEGERS: Final = {
    name: np.dtype(dtype)
    for name, dtype in {
        "TINYINT": "int8",
        "SMALLINT": "int16",
        "INTEGER": "int32",
        "BIGINT": "int64",
        "UTINYINT": "uint8",
        "USMALLINT": "uint16",
        "UINTEGER": "uint32",
        "UBIGINT": "uint64",
    }.items()
}
OTHERS: Final = {"BOOLEAN": np.dtype(np.bool_), "FLOAT": np.dtype("float32"), "DOUBLE": np.dtype("float64")}
SIGNED: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
OF_PIXELS: Final = {dtype.name: name for name, dtype in (INTEGERS | OTHERS).items()} | {"float16": "FLOAT"}
"""DuckDB's type for a NumPy dtype; half floats are widened."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A DuckDB type, and for whole numbers and decimals the range that their values cannot leave."""

    name: str
    """``BOOLEAN``, ``INTEGER`` and its like, ``DECIMAL``, ``FLOAT``, ``DOUBLE``, or ``NULL``."""
    scale: int = 0
    """Digits after the point of a DECIMAL, which is stored as a whole number: value x 10^scale in int64."""
    low: int = 0
    """Smallest stored number."""
    high: int = 0
    literal: bool = False
    """A whole number written in the text takes the type of what it meets, where it fits."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's type of the stored numbers."""
        if self.name in ("DECIMAL", "NULL"):
            return INTEGERS["BIGINT"]
        return INTEGERS.get(self.name) or OTHERS[self.name]

    @property
    def whole(self) -> bool:
        return self.name in INTEGERS

    @property
    def exact(self) -> bool:
        """Whole numbers and decimals, and NULL, which may stand for either."""
        return self.whole or self.name in ("DECIMAL", "NULL")

    @property
    def real(self) -> bool:
        return self.name in ("FLOAT", "DOUBLE")

    @property
    def number(self) -> bool:
        return self.exact or self.real

    @property
    def limits(self) -> tuple[int, int]:
        """What the stored type can hold."""
        info = np.iinfo(self.dtype)
        return int(info.min), int(info.max)


BOOLEAN: Final = Kind(name="BOOLEAN")
FLOAT: Final = Kind(name="FLOAT")
DOUBLE: Final = Kind(name="DOUBLE")
NULL: Final = Kind(name="NULL")


def integer(name: str, low: int | None = None, high: int | None = None) -> Kind:
    """A type of whole numbers, perhaps with a smaller range."""
    least, most = (int(limit) for limit in (np.iinfo(INTEGERS[name]).min, np.iinfo(INTEGERS[name]).max))
    return Kind(name=name, low=least if low is None else low, high=most if high is None else high)


def decimal(scale: int, low: int, high: int) -> Kind:
    """A decimal as long as its digits fit 64 bits, else DOUBLE."""
    if INT64[0] <= low <= high <= INT64[1]:
        return Kind(name="DECIMAL", scale=scale, low=low, high=high)
    return DOUBLE


def of_pixels(dtype: str) -> Kind:
    """The kind of a band's samples; UnsupportedError for complex numbers."""
    name = OF_PIXELS.get(dtype)
    if name is None:
        raise UnsupportedError(f"{dtype} pixels are not numbers of SQL; expressions take real ones")
    return integer(name) if name in INTEGERS else Kind(name=name)


def smallest(low: int, high: int) -> Kind | None:
    """INTEGER, else BIGINT, else UBIGINT: the first that holds the range; None where none does."""
    for name in ("INTEGER", "BIGINT", "UBIGINT"):
        info = np.iinfo(INTEGERS[name])
        if info.min <= low and high <= info.max:
            return integer(name, low, high)
    return None


def rescaled(kind: Kind, scale: int) -> tuple[int, int]:
    """The range of a kind's stored numbers at another scale, which is not smaller."""
    factor = 10 ** (scale - kind.scale)
    return kind.low * factor, kind.high * factor


def common(kinds: Sequence[Kind]) -> Kind:
    """The type that holds them all, as DuckDB finds it for CASE, COALESCE, LEAST, IN and comparisons.

    UBIGINT beside a signed type is BIGINT, where DuckDB makes a HUGEINT, which no pixel has.
    """
    given = [kind for kind in kinds if kind.name != "NULL"]
    names = {kind.name for kind in given}
    if not given:
        return NULL
    if names == {"BOOLEAN"}:
        return BOOLEAN
    for kind in (DOUBLE, FLOAT):
        if kind.name in names:
            return kind
    low, high = _range(given)
    if "DECIMAL" in names:
        return decimal(max(kind.scale for kind in given), low, high)
    typed = [kind.name for kind in given if kind.whole and not kind.literal]
    written = [kind for kind in given if kind.literal]
    name = typed[0] if typed else written[0].name
    for other in typed:
        name = _wider(name, other)
    for literal in written:
        limits = np.iinfo(INTEGERS[name])
        if not limits.min <= literal.low <= limits.max:
            name = _wider(name, literal.name)
    found = integer(name, low, high)
    return replace(found, low=max(low, found.limits[0]), high=min(high, found.limits[1]))


def _range(kinds: Sequence[Kind]) -> tuple[int, int]:
    scale = max(kind.scale for kind in kinds)
    ranges = [(0, 10**scale) if kind.name == "BOOLEAN" else rescaled(kind, scale) for kind in kinds]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def _wider(one: str, other: str) -> str:
    a, b = INTEGERS[one], INTEGERS[other]
    if a.kind == b.kind:
        return one if a.itemsize >= b.itemsize else other
    signed, unsigned = (a, b) if a.kind == "i" else (b, a)
    size = max(signed.itemsize, unsigned.itemsize * 2)
    return next((name for name in SIGNED if INTEGERS[name].itemsize == size), "BIGINT")
