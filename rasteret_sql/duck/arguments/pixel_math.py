"""The arguments expression :=, mask := and scale := of the functions that read pixels."""

from __future__ import annotations

import pyarrow as pa

from rasteret_sql.duck.arguments.arguments import optional_flags, texts
from rasteret_sql.duck.arguments.chip_values import SCALED, is_chip
from rasteret_sql.duck.arrow.fits import fields_of
from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.algebra.band_math import BandMath


def require_scale(kind: pa.DataType) -> None:
    """ArgumentError for a type of chips or index rows that does not say which scale its numbers have."""
    names = fields_of(kind)
    missing = [name for name in SCALED if name not in names]
    if missing and (is_chip(kind) or "tile_offsets" in names):
        what, whole = ("chip", "read_cog") if is_chip(kind) else ("index row", "cog_header or the index")
        raise ArgumentError(
            f"scale := true: the {what} has no columns {' and '.join(missing)}, which say its scale; "
            f"pass a row of {whole} as it is"
        )


def asked_math(
    raster: pa.Array, expression: pa.Array, mask: pa.Array, scale: pa.Array
) -> list[BandMath | None]:
    """What each row asks of its bands, equal rows the same object; None where it asks nothing.

    ArgumentError, with the position, for a text that is not an expression: before any file is looked at.
    """
    known: dict[tuple[str | None, str | None, bool | None], BandMath | None] = {}
    maths = []
    given = texts(expression, "expression"), texts(mask, "mask"), scales_of(raster, scale)
    for asked in zip(*given, strict=True):
        if asked not in known:
            one = BandMath(expression=asked[0], mask=asked[1], scale=asked[2])
            known[asked] = one if one.expressions or one.scale else None
        maths.append(known[asked])
    return maths


def scales_of(raster: pa.Array, scale: pa.Array) -> list[bool | None]:
    """Of each row whether physical values are wanted (None: of the names in expressions alone).

    ArgumentError where they are wanted of a chip or an index row that does not say its scale.
    """
    flags = optional_flags(scale, "scale")
    if any(flags):
        require_scale(raster.type)
    return flags
