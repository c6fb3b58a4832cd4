"""One warning a query in which no area touches any raster: an answer of nothing is rarely what was meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from rasteret_sql import metering
from rasteret_sql.duck.arguments.arguments import combined
from rasteret_sql.duck.arguments.chip_values import chips_of, is_chip
from rasteret_sql.duck.arguments.named_rasters import is_named, named_rasters
from rasteret_sql.duck.arguments.rasters import rasters
from rasteret_sql.duck.arguments.untouched import query_of, say
from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.window import Window
from rasteret_sql.raster.read.apart import why_apart
from rasteret_sql.raster.source import Raster
from rasteret_sql.store.redact import display_href

First = Callable[[], tuple[Aoi, Raster] | None]
"""An area and its raster that do not touch; None where no area is requested."""


def any_touched(areas: Sequence[Any], answers: Sequence[Any]) -> bool:
    """Whether something was found in an area; whole rasters are none."""
    return any(one and isinstance(area, Aoi | Window) for area, one in zip(areas, answers, strict=True))


def first_apart(raster: pa.Array, wanted: Sequence[Any]) -> First:
    """The first row with an area and a raster: href, row of an index or chip."""

    def first() -> tuple[Aoi, Raster] | None:
        for row, area in enumerate(wanted):
            if isinstance(area, Aoi):
                one = raster.slice(row, 1)
                first_raster = _first(one)
                if first_raster is not None and not isinstance(first_raster, RasteretError):
                    return area, first_raster
        return None

    return first


def _first(one: pa.Array) -> Raster | RasteretError | None:
    """The raster of one row; of several under names the first."""
    if is_chip(one.type):
        return chips_of(one)[0]
    if not is_named(one.type):
        return rasters(one, [False])[0]
    named = named_rasters(one, overviews=False, needed=lambda row, keys: keys[:1])[0]
    first = next(iter((named or {}).values()), None)
    try:
        return None if first is None else first.raster
    except RasteretError as error:
        return error


def note_touching(speaker: str, asked: pa.Array, *, touched: bool, first: First) -> None:
    """Remember whether an area of the query touches its raster, for when the query ends.

    ``asked`` is the column of ``_rasteret_asked``. A query that is one call alone has no other row. A plan
    says nothing.
    """
    column = combined(asked)
    if metering.planning() is not None:
        return
    if not len(column) or not pa.types.is_struct(column.type):
        return
    query = query_of(column.field("connection")[0].as_py(), column.field("query")[0].as_py())
    query.touched = query.touched or touched
    if query.touched or query.apart is not None:
        return
    message = _message(first)
    if message is None:
        return
    query.apart = speaker, message
    text = column.field("text")[0].as_py()
    if text is not None and len(column) == 1:
        from rasteret_sql.duck.arguments.lone_call import is_lone_call

        if is_lone_call(text):
            say(query)


def _message(first: First) -> str | None:
    """What is wrong with the first area; None where no area is compared with any place."""
    pair = first()
    if pair is None or pair[1].crs is None:
        return None
    area, raster = pair
    try:
        reason = why_apart(area, raster.grid(), display_href(raster.name))
    except ArgumentError:  # what cannot be compared
        return None
    return f"no area touches any raster: {reason}"
