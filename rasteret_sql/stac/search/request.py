"""What one search asks for: checked when it is made, so that nothing downstream checks again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import shapely
import shapely.geometry

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.guard import from_mapping
from rasteret_sql.geo.longitudes import in_usual_turn, why_swapped
from rasteret_sql.redaction import RedactedRepr
from rasteret_sql.stac.catalogs.catalogs import Catalog, resolve
from rasteret_sql.stac.filter.filters import SortField, parse_filter, parse_sortby
from rasteret_sql.stac.interval import parse_interval
from rasteret_sql.stac.values import short
from rasteret_sql.store.redact import display_href

LARGEST_PAGE = 10_000
"""``limit`` of STAC API, Item Search."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SearchRequest(RedactedRepr):
    """The arguments of ``stac_search``. None means: not asked."""

    catalog: str
    """Id of a known dataset, or the URL of a STAC API."""
    collections: Sequence[str] | None = None
    ids: Sequence[str] | None = None
    bbox: Sequence[float] | None = None
    """``xmin, ymin, xmax, ymax`` in degrees, or six with heights; ``xmin > xmax``: over the antimeridian."""
    intersects: Mapping[str, Any] | None = None
    """GeoJSON geometry or Feature in OGC:CRS84."""
    datetime: str | None = None
    filter: str | None = None
    """CQL2 text or CQL2 JSON."""
    sortby: str | Sequence[str] | None = None
    max_items: int | None = None
    """None gives all items."""
    page_size: int | None = None

    alternate: str | None = None
    """Which of an asset's hrefs is taken, see ``asset_choice``; None leaves it to the catalogue."""

    assets: Sequence[str] | None = None
    """Asset keys that will be read, or the catalogue's other names for them; nothing is filtered by them."""

    limited: bool = False
    """Whether the query itself has ``LIMIT max_items``, so that a cut need not be reported."""

    target: Catalog = field(init=False, repr=False)
    """The catalogue that ``catalog`` names."""
    interval: str | None = field(init=False, repr=False)
    expression: Mapping[str, Any] | None = field(init=False, repr=False)
    """``filter`` as CQL2 JSON in STAC's property names."""
    order: tuple[SortField, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        target = resolve(self.catalog)
        checked: dict[str, Any] = {
            "target": target,
            "collections": _collections(target, _names("collections", self.collections)),
            "ids": _names("ids", self.ids),
            "assets": _names("assets", self.assets),
            "bbox": _bbox(self.bbox),
            "intersects": _geometry(self.intersects),
            "interval": None if self.datetime is None else parse_interval(self.datetime),
            "expression": None if self.filter is None else parse_filter(self.filter),
            "order": () if self.sortby is None else tuple(parse_sortby(self.sortby)),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if self.bbox is not None and self.intersects is not None:
            raise ArgumentError("bbox and intersects cannot both be given: a STAC API takes one of them")
        if self.max_items is not None and self.max_items < 0:
            raise ArgumentError(
                f"max_items must be 0 or more, found {self.max_items}; leave it out for all items"
            )
        if self.page_size is not None and not 1 <= self.page_size <= LARGEST_PAGE:
            raise ArgumentError(f"page_size must be between 1 and {LARGEST_PAGE:,}, found {self.page_size}")

    @property
    def is_empty(self) -> bool:
        """Whether nothing can match, so that no server need be asked."""
        return self.max_items == 0 or self.ids == () or self.collections == ()

    def body(self, *, limit: int) -> dict[str, Any]:
        """The members of ``POST /search`` (STAC API, Item Search) that are given, but for the filter, which
        servers take in several forms."""
        members: dict[str, Any] = {
            "collections": None if self.collections is None else list(self.collections),
            "ids": None if self.ids is None else list(self.ids),
            "bbox": None if self.bbox is None else list(self.bbox),
            "intersects": None if self.intersects is None else dict(self.intersects),
            "datetime": self.interval,
            "sortby": [key.as_json() for key in self.order] or None,
            "limit": limit,
        }
        return {name: value for name, value in members.items() if value is not None}

    @property
    def key(self) -> str:
        """Equal for requests that ask the same."""
        parts = (
            self.target.endpoint, self.collections, self.ids, self.bbox, self.intersects, self.interval,
            self.expression, [key.as_json() for key in self.order], self.max_items, self.page_size,
            self.limited, self.alternate, self.assets,
        )  # fmt: skip
        return json.dumps(parts, sort_keys=True)


def _names(argument: str, value: Sequence[str] | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(name, str) and name for name in names):
        raise ArgumentError(f"{argument} must be non-empty text, found {short(list(names))}")
    return tuple(dict.fromkeys(names))


def _collections(target: Catalog, asked: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if target.collection is None:
        return asked
    if asked is not None and any(name != target.collection for name in asked):
        raise ArgumentError(
            f"catalogue '{display_href(target.id)}' is collection '{target.collection}', but collections := "
            f"{short(list(asked))} asks for another; name the API instead, or leave collections out"
        )
    return asked if asked == () else (target.collection,)


def _bbox(value: Sequence[float] | None) -> tuple[float, ...] | None:
    if value is None:
        return None
    shown = f"found {short(list(value))}"
    if len(value) not in (4, 6):
        raise ArgumentError(f"bbox needs 4 numbers (xmin, ymin, xmax, ymax) or 6 with heights, {shown}")
    if any(number is None or not math.isfinite(number) for number in value):
        raise ArgumentError(f"bbox needs finite numbers, {shown}")
    half = len(value) // 2
    box = tuple(map(float, value))
    xmin, ymin, xmax, ymax = box[0], box[1], box[half], box[half + 1]
    if not (max(abs(xmin), abs(xmax)) <= 540 and -90 <= ymin <= 90 and -90 <= ymax <= 90):
        raise ArgumentError(
            f"bbox is in degrees, longitude -180 to 180 and latitude -90 to 90 (OGC:CRS84), {shown}; "
            "transform projected coordinates first"
        )
    reason = why_swapped(xmin, xmax)
    if reason is not None:
        raise ArgumentError(f"bbox {short(list(value))} {reason}")
    west, east = in_usual_turn(xmin, xmin + (xmax - xmin) % 360 if xmin > xmax else xmax)
    box = (west, *box[1:half], east, *box[half + 1 :])
    if ymin > ymax or (half == 3 and box[2] > box[5]):
        raise ArgumentError(
            f"bbox is xmin, ymin, xmax, ymax, but its lower side is above its upper side: {shown}"
        )
    return box


def _geometry(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if value is None:
        return None
    geometry: Any = value.get("geometry") if value.get("type") == "Feature" else value
    try:
        shape = from_mapping(geometry)
        xmin, ymin, xmax, ymax = shape.bounds
    except (
        shapely.errors.ShapelyError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        raise ArgumentError(f"intersects is not a GeoJSON geometry: {short(value)} ({error})") from error
    if shape.is_empty:
        raise ArgumentError(f"intersects is an empty geometry: {short(value)}")
    if not (-180 <= xmin <= xmax <= 180 and -90 <= ymin <= ymax <= 90):
        raise ArgumentError(
            "intersects is in degrees, longitude -180 to 180 and latitude -90 to 90 (OGC:CRS84), but its "
            f"bounds are {xmin:g}, {ymin:g}, {xmax:g}, {ymax:g}; transform projected coordinates first"
        )
    return {key: geometry[key] for key in ("type", "coordinates", "geometries") if key in geometry}
