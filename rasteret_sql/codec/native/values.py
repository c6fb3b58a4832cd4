"""Whether pixels hold a value, by the compiled kernel: without an array of answers."""

from __future__ import annotations

from rasteret_sql.arrays import Pixels
from rasteret_sql.codec.native.library import kernel

_EQUAL_BITS, _NEAR_FLOAT, _NOT_A_NUMBER = range(3)


def has_value(pixels: Pixels, value: float | int) -> bool | None:
    """Whether any of ``pixels`` is ``value``; None where the kernel does not know, or is not there.

    Integers: equal to a whole number in their range. float32 and float64: NaN, or within two units of
    float32's rounding, as GDAL compares (``ARE_REAL_EQUAL``), computed in their own type.
    """
    native, dtype = kernel(), pixels.dtype
    if native is None or not pixels.flags.c_contiguous or not dtype.isnative:
        return None
    if dtype.kind in "iu":
        how, bits, number = _EQUAL_BITS, int(value) & (2 ** (8 * dtype.itemsize) - 1), 0.0
    elif dtype.kind == "f":
        how, bits, number = (_NOT_A_NUMBER if value != value else _NEAR_FLOAT), 0, float(value)
    else:
        return None
    address = pixels.__array_interface__["data"][0]
    return native.has(address, pixels.size, dtype.itemsize, how, bits, number)
