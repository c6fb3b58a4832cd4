"""Kernels on catalogues: stac_search, stac_read, stac_collections, stac_catalogs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import shapely

from rasteret_sql.duck.arguments.arguments import (
    WHOLE_TEXT,
    areas,
    asked_area,
    plain,
    sql,
    texts,
    values_of,
)
from rasteret_sql.duck.arguments.call import Call, by_name
from rasteret_sql.duck.arrow.item_lists import Blocks, blocks_of, lists_of
from rasteret_sql.duck.arrow.rows import box
from rasteret_sql.errors import ArgumentError, value_or_raise
from rasteret_sql.geo.antimeridian import split_at_antimeridian
from rasteret_sql.geo.aoi import Aoi, require_on_globe
from rasteret_sql.geo.crs import LONLAT
from rasteret_sql.geo.reprojection.reproject import project
from rasteret_sql.geo.window import Window
from rasteret_sql.notices import Notices
from rasteret_sql.redaction import redacted
from rasteret_sql.stac.catalogs.asset_choice import AssetChoice
from rasteret_sql.stac.catalogs.catalogs import Catalog, catalogs, resolve
from rasteret_sql.stac.catalogs.catalogs import asset_keys as catalog_keys
from rasteret_sql.stac.items.static import read_many
from rasteret_sql.stac.search.collections import collections_many
from rasteret_sql.stac.search.request import SearchRequest
from rasteret_sql.stac.search.search import search_many

DEGREES = 1e-6
"""How far a search area's edges may stray when it is reprojected: a tenth of a metre."""


@by_name
def stac_search(call: Call) -> pa.Array:
    """The items of each row's search; equal searches are sent once."""
    found_areas = areas(call["intersects"], call["intersects_type"], call["aoi_crs"])
    names, given = call.texts("catalog"), call.values("bbox")
    boxes = [None if v is None or v == WHOLE_TEXT else _bbox(plain(v)) for v in given]
    lists = {name: _text_lists(call[name], name) for name in ("collections", "ids", "assets")}
    orders = _text_lists(call["sortby"], "sortby")
    moments = [_moment(v) for v in call.values("datetime")]
    conditions, alternates = call.texts("filter"), call.texts("alternate")
    limits, pages = call.integers("max_items"), call.integers("page_size")
    quiet = call.flags("limited")
    asked: list[tuple[int, SearchRequest]] = []
    for i, name in enumerate(names):
        if name is None:
            raise ArgumentError(
                "the catalog is NULL; give the URL of a STAC API, or an id of stac_catalogs()"
            )
        if found_areas[i] is None or given[i] is None:
            continue
        asked.append(
            (
                i,
                SearchRequest(
                    catalog=name,
                    collections=lists["collections"][i],
                    ids=lists["ids"][i],
                    bbox=boxes[i],
                    intersects=_geojson(asked_area(found_areas[i])),
                    datetime=moments[i],
                    filter=conditions[i],
                    sortby=orders[i],
                    max_items=limits[i],
                    page_size=pages[i],
                    limited=bool(quiet[i]),
                    alternate=alternates[i],
                    assets=lists["assets"][i],
                ),
            )
        )
    notices = Notices("stac_search", call.texts("query")[0] if len(names) else None)
    answers: list[Blocks | None] = [None] * len(names)
    found = search_many([request for _, request in asked], notices=notices, gather=blocks_of)
    for (i, _), answer in zip(asked, found, strict=True):
        answers[i] = value_or_raise(answer)
    return lists_of(answers)


@by_name
def stac_read(call: Call) -> list[list[dict[str, Any]] | None]:
    """The items of each row's documents."""
    asked = list(zip(_text_lists(call["href"], "href"), call.texts("alternate"), strict=True))
    items_by_call: dict[Any, list[dict[str, Any]]] = {}
    notices = Notices("stac_read", call.texts("query")[0] if len(asked) else None)
    for name in dict.fromkeys(name for _, name in asked):
        places = list(dict.fromkeys(given for given, other in asked if given is not None and other == name))
        for given, answer in zip(places, read_many(places, notices=notices), strict=True):
            choice = AssetChoice(None, name)
            items_by_call[given, name] = [_item(choice.of(row)) for row in value_or_raise(answer)]
            choice.notice(notices)
    return [items_by_call.get(key) for key in asked]


def stac_collections(catalog: pa.Array) -> list[list[dict[str, Any]] | None]:
    """The collections of each row's catalogue."""
    names = texts(catalog, "catalog")
    asked = [name for name in names if name is not None]
    answers = dict(zip(asked, collections_many(asked), strict=True))
    return [None if name is None else [_item(row) for row in value_or_raise(answers[name])] for name in names]


def asset_keys(catalog: pa.Array, assets: pa.Array, there: pa.Array) -> list[list[str] | None]:
    """The keys among ``there`` that ``assets`` names, itself or by the catalogue's aliases."""
    wanted, keys = _text_lists(assets, "assets"), _text_lists(there, "assets")
    known: dict[str, Catalog] = {}
    answers: list[list[str] | None] = []
    for name, names, own in zip(texts(catalog, "catalog"), wanted, keys, strict=True):
        if name is None or names is None or own is None:
            answers.append(None)
            continue
        if name not in known:
            known[name] = resolve(name)
        answers.append(catalog_keys(known[name], list(names), list(own)))
    return answers


def stac_catalogs(rows: pa.Array) -> list[list[dict[str, Any]]]:
    """Every dataset known by name."""
    names = (
        "id", "title", "endpoint", "collection", "licence", "auth", "bands", "alternate", "href_rules",
    )  # fmt: skip
    return [[redacted({name: getattr(one, name) for name in names}) for one in catalogs()]] * len(rows)


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "bbox": box(row["bbox"])}


def _bbox(value: Any) -> tuple[float, ...]:
    numbers = (
        [value.get(key) for key in ("xmin", "ymin", "xmax", "ymax")] if isinstance(value, dict) else value
    )
    if not isinstance(numbers, list | tuple) or not all(isinstance(n, float) for n in numbers):
        raise ArgumentError(f"bbox := {sql(value)}: [xmin, ymin, xmax, ymax] in degrees was expected")
    return tuple(numbers)


def _text_lists(column: pa.Array, name: str) -> list[tuple[str, ...] | None]:
    lists: list[tuple[str, ...] | None] = []
    for value in values_of(column):
        items = [value] if isinstance(value, str) else value
        if items is not None and not (isinstance(items, Sequence) and all(isinstance(x, str) for x in items)):
            raise ArgumentError(f"{name} := {sql(value)}: text, or a list of texts, was expected")
        lists.append(None if items is None else tuple(items))
    return lists


def _moment(value: Any) -> str | None:
    """DATE and TIMESTAMP values as RFC 3339; a TIMESTAMP without a zone is UTC, as STAC's are."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, str):
        return value
    raise ArgumentError(f"datetime := {sql(value)}: text such as '2024-01-01/2024-06-30' was expected")


def _geojson(area: Aoi | Window | None) -> dict[str, Any] | None:
    if area is None:
        return None
    if not isinstance(area, Aoi):
        raise ArgumentError("intersects takes a geometry or a box, not a pixel window")
    require_on_globe(area)
    lonlat = split_at_antimeridian(project(area, LONLAT, tolerance=DEGREES))
    mapping: dict[str, Any] = shapely.geometry.mapping(lonlat)
    return mapping
