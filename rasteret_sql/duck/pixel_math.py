"""The arguments expression := and mask := of the functions that read pixels."""

from __future__ import annotations

import pyarrow as pa

from rasteret_sql.duck.arguments import texts
from rasteret_sql.raster.band_math import BandMath


def asked_math(expression: pa.Array, mask: pa.Array) -> list[BandMath | None]:
    """What each row asks of its bands, equal rows the same object; None where it asks nothing.

    ArgumentError, with the position, for a text that is no expression: before any file is looked at.
    """
    known: dict[tuple[str | None, str | None], BandMath | None] = {(None, None): None}
    found = []
    for pair in zip(texts(expression, "expression"), texts(mask, "mask"), strict=True):
        if pair not in known:
            asked = BandMath(expression=pair[0], mask=pair[1])
            assert asked.expressions, "compiled, or refused"
            known[pair] = asked
        found.append(known[pair])
    return found
