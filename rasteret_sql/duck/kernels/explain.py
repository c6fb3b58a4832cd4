"""rasteret_explain: what each STAC search of a query asks of its catalogue, told without asking."""

from __future__ import annotations

import json
from datetime import UTC, date, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import shapely
from sqlglot import exp

from rasteret_sql.duck.arguments.arguments import WHOLE_TEXT, texts
from rasteret_sql.duck.pushdown.constants import UNKNOWN, Parameters, constant
from rasteret_sql.duck.pushdown.datetimes import Interval
from rasteret_sql.duck.pushdown.plan import Plan
from rasteret_sql.duck.pushdown.rewrite import plans, spliced
from rasteret_sql.duck.pushdown.source import UnreadableError
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.guard import from_geojson, from_wkt
from rasteret_sql.redaction import redacted
from rasteret_sql.settings import settings
from rasteret_sql.sql_conditions import Tree
from rasteret_sql.stac.search.request import SearchRequest

BOX = ("xmin", "ymin", "xmax", "ymax")
_NONE_KNOWN = Parameters(values={}, auto=False)
_OF_REQUEST = (
    "collections", "ids", "bbox", "intersects", "datetime", "filter", "sortby", "max_items", "page_size",
)  # fmt: skip


def explain(sql: pa.Array, zone: pa.Array) -> list[list[dict[str, Any]]]:
    """One struct for each search in the text of a row; ``zone`` is the time zone of the session."""
    return [
        [] if text is None else _searches(text, _zone(name))
        for text, name in zip(texts(sql, "sql"), texts(zone, "zone"), strict=True)
    ]


def _searches(sql: str, zone: tzinfo) -> list[dict[str, Any]]:
    try:
        made = plans(sql)
    except UnreadableError as error:
        reason = str(error).splitlines()[0] if str(error) else "it breaks off"
        raise ArgumentError(f"the query cannot be read: {reason}; it runs without pushdown") from error
    whole = spliced(sql, made)
    return [
        redacted(
            {
                "function": plan.call.function,
                "catalog": _catalog(plan),
                "arguments": {name: added.sql for name, added in plan.added.items()},
                "request": _request(plan, zone),
                "local": [{"condition": condition, "reason": reason} for condition, reason in plan.local],
                "sql": whole,
            }
        )
        for plan in made
    ]


def _catalog(plan: Plan) -> str | None:
    """The catalogue that a call names, or the SQL that gives it."""
    node = plan.call.positional[0] if plan.call.positional else plan.call.given.get("catalog")
    return None if node is None else node.name if isinstance(node, exp.Literal) else _sql(node)


def _request(plan: Plan, zone: tzinfo) -> str | None:
    """The body of the search as JSON; what only DuckDB can tell is there as ``{"sql": …}``.

    None when the catalogue itself is not known.
    """
    first = plan.call.positional[0] if plan.call.positional else plan.call.given.get("catalog")
    catalog = None if first is None else _value(first)
    if not isinstance(catalog, str):
        return None
    values: dict[str, Any] = {}
    open_members: dict[str, Any] = {}
    for name, node in plan.call.given.items():
        value = _value(node)
        (open_members if value is UNKNOWN else values)[name] = _sql(node) if value is UNKNOWN else value
    for name, added in plan.added.items():
        value = added.value.known(zone) if isinstance(added.value, Interval) else added.value
        if name == "filter" and "filter" in plan.call.given and value is not None:
            value = f"({values['filter']}) AND ({value})"
        if value is None:
            values.pop(name, None)
            open_members[name] = added.sql
        else:
            values[name] = value
    for name in ("bbox", "intersects"):
        if values.get(name) == WHOLE_TEXT:
            del values[name]
    if isinstance(values.get("bbox"), dict):
        values["bbox"] = [values["bbox"][name] for name in BOX]
    if "intersects" in values:
        values["intersects"] = None if "aoi_crs" in plan.call.given else _area(values["intersects"])
        if values["intersects"] is None:
            open_members["intersects"] = _sql(plan.call.given["intersects"])
    asked = SearchRequest(catalog=catalog, **{k: v for k, v in values.items() if k in _OF_REQUEST})
    body = _body(asked) | {name: {"sql": text} for name, text in open_members.items() if name in _OF_REQUEST}
    return json.dumps({"url": asked.target.endpoint, **body})


def _area(value: Any) -> dict[str, Any] | None:
    """GeoJSON of an area, however a query writes it; None for one that only DuckDB reads."""
    try:
        if isinstance(value, dict):
            value = [value[name] for name in BOX]
        if isinstance(value, list):
            value = shapely.box(*value)
        if isinstance(value, str):
            value = (from_geojson if value.lstrip().startswith("{") else from_wkt)(value)
        mapping: dict[str, Any] = shapely.geometry.mapping(value)
    except (shapely.errors.ShapelyError, KeyError, TypeError, ValueError):
        return None
    return mapping


def _body(asked: SearchRequest) -> dict[str, Any]:
    """The body of the search, with the filter in CQL2 JSON, and after how many items it ends."""
    more = {"filter": asked.expression, "max_items": asked.max_items}
    given = {name: value for name, value in more.items() if value is not None}
    return asked.body(limit=asked.page_size or settings().stac_page_size) | given


def _value(node: Tree) -> Any:
    """What an argument that the query gives is; ``UNKNOWN`` where only DuckDB can tell."""
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Array):
        members = [_value(member) for member in node.expressions]
        return UNKNOWN if UNKNOWN in members else members
    if isinstance(node, exp.Struct):
        pairs = {member.this.name: _value(member.expression) for member in node.expressions}
        return UNKNOWN if UNKNOWN in pairs.values() else pairs
    known = constant(node, _NONE_KNOWN)
    value: Any = UNKNOWN if known is None else known.value
    return value.isoformat() if isinstance(value, date) else value


def _sql(node: Tree) -> str:
    return str(node.sql(dialect="duckdb"))


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
