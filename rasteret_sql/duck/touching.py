"""One warning a query in which no area touches any raster: an answer of nothing is rarely what was meant."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

import pyarrow as pa

from rasteret_sql.cog.header import Header
from rasteret_sql.cog.window import Window
from rasteret_sql.duck.arguments import query_of
from rasteret_sql.duck.chip_values import chips_of, is_chip
from rasteret_sql.duck.headers import rasters
from rasteret_sql.errors import ArgumentError
from rasteret_sql.notices import Notices
from rasteret_sql.raster.aoi import Aoi
from rasteret_sql.raster.apart import Placed, why_apart
from rasteret_sql.raster.pixels import Chip
from rasteret_sql.store.redact import place

VECTOR_ROWS = 2048
"""A full vector: others of the query follow, which may touch."""
REMEMBERED = 1000
"""Queries of which it is known that something was touched."""
First = Callable[[], tuple[Aoi, Header | Chip] | None]
"""An area and its raster that do not touch; None where no area is asked for."""


def any_touched(areas: Sequence[Any], found: Sequence[Any]) -> bool:
    """Whether something was found in an area; whole rasters are none."""
    return any(one and isinstance(area, Aoi | Window) for area, one in zip(areas, found, strict=True))


def first_apart(raster: pa.Array, wanted: Sequence[Any]) -> First:
    """The first row with an area and a raster: href, row of an index or chip."""

    def first() -> tuple[Aoi, Header | Chip] | None:
        for row, area in enumerate(wanted):
            if isinstance(area, Aoi):
                one = raster.slice(row, 1)
                (found,) = chips_of(one) if is_chip(one.type) else rasters(one, [False])
                if isinstance(found, Header | Chip):
                    return area, found
        return None

    return first


_touched: OrderedDict[str, None] = OrderedDict()
_lock = Lock()


def note_touching(speaker: str, asked: pa.Array, *, touched: bool, first: First) -> None:
    """Remember that an area of the query touches its raster, or say that none does.

    ``asked`` is the column of ``_rasteret_asked``. Vectors of one query are looked at one by one: one that is
    full says nothing yet, and of several that are not, the first decides.
    """
    query = query_of(asked)
    if query is None or not len(asked):
        return
    with _lock:
        if touched:
            _touched[query] = None
            if len(_touched) > REMEMBERED:
                _touched.popitem(last=False)
        known = query in _touched
    if known or len(asked) == VECTOR_ROWS:
        return
    pair = first()
    if pair is None:
        return
    area, raster = pair
    placed = _placed(raster)
    if placed is None:
        return
    try:
        reason = why_apart(area, placed)
    except ArgumentError:  # what cannot be compared is not told
        return
    Notices(speaker, query).say(f"no area touches any raster: {reason}", "nothing is touched")


def _placed(raster: Header | Chip) -> Placed | None:
    if raster.crs is None:
        return None
    name = place(raster.href) if raster.href else "the chip"
    size: Any = raster.full if isinstance(raster, Header) else raster.window
    return Placed(name=name, crs=raster.crs, transform=raster.transform, width=size.width, height=size.height)
