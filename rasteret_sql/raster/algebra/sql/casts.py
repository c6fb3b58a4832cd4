"""From one kind to another: where DuckDB does it by itself, and CAST and TRY_CAST."""

from __future__ import annotations

from typing import Any

import numpy as np

from rasteret_sql.arrays import Bools
from rasteret_sql.raster.algebra.sql.kinds import DOUBLE, Kind
from rasteret_sql.raster.algebra.sql.values import Array, Frame, Node, Value, either, refuse

EXACT_UP_TO = {"float32": 2**24, "float64": 2**53}
"""Whole numbers that the type holds exactly."""


def to_kind(node: Node, kind: Kind) -> Node:
    """The node's numbers as another kind that holds them, as DuckDB casts the sides of an operator."""
    if node.kind.name == kind.name and node.kind.scale == kind.scale:
        return Node(kind=kind, run=node.run)
    source = node.kind
    if source.name == "UBIGINT" and kind.name == "BIGINT" and source.high > kind.limits[1]:
        return cast(node, kind)

    def run(frame: Frame) -> Value:
        value = node.run(frame)
        return Value(stored_as(value.data, source, kind), value.null)

    return Node(kind=kind, run=run)


def stored_as(data: Array, source: Kind, kind: Kind) -> Array:
    """Stored numbers of one kind as those of another that holds them."""
    if kind.real and source.name == "DECIMAL":
        return decimal_to_real(data, source.scale, kind.dtype)
    if kind.name == "DECIMAL":
        factor = 10 ** (kind.scale - source.scale)
        whole = data.astype(np.int64, copy=False)
        return whole if factor == 1 else whole * np.int64(factor)
    return data.astype(kind.dtype, copy=False)


def decimal_to_real(data: Array, scale: int, dtype: np.dtype[Any]) -> Array:
    """DuckDB's way: one division where the digits are exact, else whole part and fraction apart."""
    power = 10**scale
    exact = np.abs(data) <= EXACT_UP_TO[dtype.name]
    real = data.astype(dtype) / dtype.type(power)
    if scale and not exact.all():
        rest = np.fmod(data, np.int64(power))
        whole = (data - rest) // np.int64(power)
        real = np.where(exact, real, whole.astype(dtype) + rest.astype(dtype) / dtype.type(power))
    return np.asarray(real)


def cast(node: Node, kind: Kind, *, attempt: bool = False) -> Node:
    """CAST, or TRY_CAST, which gives NULL where CAST would be an error."""
    source = node.kind

    def run(frame: Frame) -> Value:
        value = node.run(frame)
        data, bad = _converted(value.data, source, kind)
        if bad is None:
            return Value(data, value.null)
        if attempt:
            return Value(data, either(value.null, bad))
        shown = _shown(value.data, source)
        refuse(bad, frame, value.null, f"{{}} does not fit {named(kind)}; use TRY_CAST for NULL there", shown)
        return Value(data, value.null)

    return Node(kind=kind, run=run)


def named(kind: Kind) -> str:
    """A kind as SQL writes it."""
    if kind.name != "DECIMAL":
        return kind.name
    return f"DECIMAL({len(str(kind.high))},{kind.scale})"


def _shown(data: Array, source: Kind) -> Array:
    return stored_as(data, source, DOUBLE) if source.name == "DECIMAL" else data


def _converted(data: Array, source: Kind, kind: Kind) -> tuple[Array, Bools | None]:
    """The numbers, and where they are out of the new kind's range."""
    if source.name == "NULL":
        return np.zeros((), kind.dtype), None
    if kind.name == "BOOLEAN":
        return data != 0, None
    if kind.name == "DOUBLE" or (kind.name == "FLOAT" and source.name != "DOUBLE"):
        return stored_as(data, source, kind), None
    if kind.name == "FLOAT":
        narrow = data.astype(np.float32)
        return narrow, np.isinf(narrow) & ~np.isinf(data)
    if source.real:
        return _real_to_exact(data, kind)
    return _exact_to_exact(data, source, kind)


def _real_to_exact(data: Array, kind: Kind) -> tuple[Array, Bools]:
    """To whole numbers half to even; to decimals half away from zero."""
    rounded = np.rint(data) if kind.whole else half_away(data.astype(np.float64) * 10.0**kind.scale)
    # high may round up to the next power of two, which is out of range: hence below, not at most
    fits = (rounded >= np.float64(kind.low)) & (rounded < np.float64(kind.high + 1))
    return np.where(fits, rounded, 0).astype(kind.dtype), ~fits


def half_away(data: Array) -> Array:
    """Rounded, halves away from zero."""
    whole = np.trunc(data)
    return np.asarray(whole + np.where(np.abs(data - whole) >= 0.5, np.copysign(1.0, data), 0.0))


def _exact_to_exact(data: Array, source: Kind, kind: Kind) -> tuple[Array, Bools | None]:
    if source.name == "BOOLEAN":
        data = data.astype(np.int64)
    if kind.scale < source.scale:
        data = divided_half_away(data, 10 ** (source.scale - kind.scale))
    elif kind.scale > source.scale:
        factor = 10 ** (kind.scale - source.scale)
        out = (data > kind.high // factor) | (data < -(-kind.low // factor))
        return np.where(out, 0, data).astype(np.int64) * np.int64(factor), out
    out = (data < kind.low) | (data > kind.high)
    return data.astype(kind.dtype), out


def divided_half_away(data: Array, divisor: int) -> Array:
    """Whole numbers divided and rounded, halves away from zero."""
    quotient, rest = np.divmod(np.abs(data), np.int64(divisor))
    return np.asarray((quotient + (rest * 2 >= divisor)) * np.sign(data))
