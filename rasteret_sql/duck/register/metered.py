"""Which query a vector belongs to, and what a plan counts of its columns."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from rasteret_sql import metering
from rasteret_sql.duck.arguments.arguments import WHOLE_TEXT

TELLING = ("asked", "memory_limit", "query")
"""Columns that say which query calls, as ``_rasteret_asked``, ``_rasteret_memory_limit`` and
``_rasteret_query`` do."""
AREAS = ("aoi", "zone", "point", "points")


def meter_of(
    arrays: Sequence[pa.Array], names: Sequence[str] | None, *, told_query: bool
) -> metering.Meter | None:
    """The meter of the query that calls; None for a kernel that is not told which it is."""
    column = arrays[-1] if told_query else None
    for name in TELLING:
        if column is None and names is not None and name in names:
            column = arrays[names.index(name)]
    if column is None or not len(column):
        return None
    key = column[0].as_py()
    if isinstance(key, dict):
        key = f"{key['connection']}/{key['query']}"
    return metering.meter_of(key) if isinstance(key, str) and key.count("/") >= 2 else None


def note_areas(
    meter: metering.Meter, function: str, arrays: Sequence[pa.Array], names: Sequence[str] | None
) -> None:
    """Count the different areas of a vector."""
    for name in AREAS:
        if names is not None and name in names:
            values = arrays[names.index(name)].to_pylist()
            different = {
                hash(value if isinstance(value, str | bytes) else repr(value))
                for value in values
                if value is not None and value != WHOLE_TEXT
            }
            with meter.lock:
                meter.tally(function).areas |= different
