"""Whether the items that come back are those asked for: some servers ignore what they do not know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import shapely

from rasteret_sql.stac.filter.evaluate.matching import Truth, matches, unknown_functions
from rasteret_sql.stac.filter.evaluate.spatial import box_shape, shape_of
from rasteret_sql.stac.filter.evaluate.temporal import span_of_item, span_of_text
from rasteret_sql.stac.geometry import quiet
from rasteret_sql.stac.search.collection_names import is_of
from rasteret_sql.stac.search.negotiation import Agreement
from rasteret_sql.stac.search.request import SearchRequest
from rasteret_sql.stac.values import short

NEAR_DEGREES = 1e-6
"""Servers round coordinates; an item this near is not an error of theirs."""

_TIMES = ("datetime", "start_datetime", "end_datetime")

Item = Mapping[str, Any]


class Check:
    """The conditions of one search, applied to what came."""

    def __init__(self, request: SearchRequest, agreement: Agreement) -> None:
        self._request = request
        self._here = agreement.here
        self._ignored: set[str] = set()
        sent = agreement.sent
        # What only the server knows cannot be checked here.
        self._sent = None if sent is None or unknown_functions(sent) else sent
        self._conditions: dict[str, Callable[[Item], Truth]] = {
            name: condition
            for name, asked, condition in (
                ("collections", request.collections, self._in_collections),
                ("ids", request.ids, self._in_ids),
                ("datetime", request.interval, self._in_time),
                ("bbox" if request.bbox else "intersects", request.bbox or request.intersects, self._in_area),
                ("filter", self._sent, self._filtered),
            )
            if asked is not None
        }

    def fault(self, item: Item) -> str | None:
        """The argument that ``item`` does not meet although it was requested; None for none.

        Where nobody but the server can tell, as for a property that the item lacks, the server is believed,
        until it has shown that it ignores the argument.
        """
        for name, holds in self._conditions.items():
            truth = holds(item)
            if truth is False or (truth is None and name in self._ignored):
                self._ignored.add(name)
                return name
        return None

    def stays(self, item: Item) -> bool:
        """Whether ``item`` meets the part of the filter that is applied here."""
        return self._here is None or matches(self._here, item) is True

    def asked(self, fault: str) -> str:
        """What was requested by the argument ``fault``, for a message."""
        request = self._request
        value = {
            "collections": request.collections, "ids": request.ids, "datetime": request.interval,
            "bbox": request.bbox, "filter": request.filter,
        }.get(fault, "a geometry")  # fmt: skip
        return f"{fault} := {short(list(value), 200) if isinstance(value, tuple) else value}"

    def found(self, fault: str, item: Item) -> str:
        """What ``item`` is instead, for a message."""
        name = f"item {short(item.get('id'))}"
        if fault == "collections":
            return f"{name} of collection {short(item.get('collection'))}"
        if fault == "datetime":
            properties = item.get("properties")
            times = {key: properties.get(key) for key in _TIMES} if isinstance(properties, Mapping) else {}
            return f"{name} of {' to '.join(str(t) for t in times.values() if t is not None)}"
        if fault in ("bbox", "intersects"):
            shape = shape_of(item.get("geometry"))
            bounds = "" if shape is None else ", ".join(f"{side:g}" for side in shape.bounds)
            return f"{name} with the bounds {bounds}"
        return name

    def _in_collections(self, item: Item) -> Truth:
        return is_of(item, self._request.collections or ())

    def _in_ids(self, item: Item) -> Truth:
        return str(item.get("id")) in (self._request.ids or ())

    def _in_time(self, item: Item) -> Truth:
        properties = item.get("properties")
        span = span_of_item(properties) if isinstance(properties, Mapping) else None
        if span is None:
            return None
        start, end = self._asked_time
        return bool(span[1] >= start and span[0] <= end)

    @cached_property
    def _asked_time(self) -> Any:
        assert self._request.interval is not None
        return span_of_text(self._request.interval)

    @cached_property
    def _asked_area(self) -> Any:
        box = self._request.bbox
        area = box_shape(tuple(box)) if box is not None else shape_of(self._request.intersects)
        shapely.prepare(area)
        return area

    def _in_area(self, item: Item) -> Truth:
        geometry = item.get("geometry")
        shape = None if geometry is None else shape_of(geometry)
        if shape is None or shape.is_empty or shape.bounds[2] - shape.bounds[0] > 180:
            return None  # over the antimeridian servers disagree about what is inside
        try:
            with quiet():
                return bool(shapely.dwithin(self._asked_area, shape, NEAR_DEGREES))
        except shapely.errors.ShapelyError:
            return None

    def _filtered(self, item: Item) -> Truth:
        return matches(self._sent, item)
