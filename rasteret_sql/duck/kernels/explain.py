"""rasteret_explain: what a query reads and asks, without doing it; rasteret_last_query: what one has read."""

from __future__ import annotations

import json
from datetime import UTC, date, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import shapely
from sqlglot import exp

from rasteret_sql.duck.arguments.arguments import WHOLE_TEXT, numbers, optional_flags, texts
from rasteret_sql.duck.arrow.plan_rows import Node, Reader, reads_of, rows_of
from rasteret_sql.duck.pushdown import mentions_search
from rasteret_sql.duck.pushdown.constants import UNKNOWN, Parameters, constant
from rasteret_sql.duck.pushdown.datetimes import Interval
from rasteret_sql.duck.pushdown.plan import Plan
from rasteret_sql.duck.pushdown.planned import NOTHING, conditions, reads
from rasteret_sql.duck.pushdown.planned import planned_text as select_of
from rasteret_sql.duck.pushdown.rewrite import plans, spliced
from rasteret_sql.duck.pushdown.source import UnreadableError
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.guard import from_geojson, from_wkt
from rasteret_sql.metering import Meter, last_of, plan, plan_of
from rasteret_sql.raster.algebra.sql import duckdb_version
from rasteret_sql.redaction import redacted
from rasteret_sql.settings import settings
from rasteret_sql.sql_conditions import Tree
from rasteret_sql.stac.search.request import SearchRequest

BANDWIDTH = 100.0
"""Mbit/s of whoever says nothing else."""
BINDS_AGAIN = (2, 0, 0)
UNPREPARED = "SELECT error('rasteret_explain: DuckDB 1.5 cannot PREPARE a plan: call it without')"
NOT_SENT = "what is read of the items that a search finds is not counted; look_up := true sends the search"
BOX = ("xmin", "ymin", "xmax", "ymax")
_NONE_KNOWN = Parameters(values={}, auto=False)
_OF_REQUEST = (
    "collections", "ids", "bbox", "intersects", "datetime", "filter", "sortby", "max_items", "page_size",
)  # fmt: skip


def planned_text(sql: pa.Array, look_up: pa.Array, query: pa.Array, prepared: pa.Array) -> list[str]:
    """What a plan runs in place of a query: called while DuckDB binds the statement that asks for the plan.

    The query of the statement is known for a plan from here on, so that its kernels send nothing. DuckDB 1.5
    does not bind a prepared statement again, and would read with it.
    """
    told = zip(
        texts(sql, "sql"), optional_flags(look_up, "look_up"), texts(query, "query"),
        optional_flags(prepared, "prepared"), strict=True,
    )  # fmt: skip
    made = []
    for text, looks, key, is_prepared in told:
        if is_prepared and not duckdb_version.at_least(BINDS_AGAIN):
            made.append(UNPREPARED)
            continue
        if key is not None:
            plan(key, look_up=bool(looks), cache_bytes=settings().tile_cache_bytes)
        made.append(NOTHING if text is None else select_of(text))
    return made


def explain(
    sql: pa.Array, zone: pa.Array, bandwidth: pa.Array, region: pa.Array, query: pa.Array, planned: pa.Array
) -> list[list[dict[str, Any]]]:
    """The plan of the text of a row; ``zone`` is the time zone of the session.

    ``planned`` is what the text gave when it ran without reading: it is over.
    """
    columns = zip(
        texts(sql, "sql"), texts(zone, "zone"), numbers(bandwidth, "bandwidth"), texts(region, "region"),
        texts(query, "query"), strict=True,
    )  # fmt: skip
    return [
        [] if text is None else _rows(text, _zone(name), _reader(speed, place), key)
        for text, name, speed, place, key in columns
    ]


def _reader(speed: float | None, region: str | None) -> Reader:
    if speed is not None and not 0 < speed < float("inf"):
        raise ArgumentError(f"bandwidth := {speed:g}: a number of Mbit/s above 0 was expected")
    return Reader(bandwidth=speed or BANDWIDTH, region=region or settings().query_region)


def _rows(sql: str, zone: tzinfo, reader: Reader, key: str | None) -> list[dict[str, Any]]:
    meter = None if key is None else plan_of(key)
    searches = _searches(sql, zone) if mentions_search(sql) else []
    if searches and reads(sql) and meter is not None and not looks_up(meter):
        searches.append(Node(text=NOT_SENT))
    if meter is None or not meter.tallies:
        return [row for node in searches for row in rows_of(node)]
    top = reads_of(meter, reader, planned=True)
    below, above = conditions(sql)
    top.below += [Node(text=f"pushed down to {table}: {text}") for table, text in below]
    top.below += [Node(text=f"not pushed down: {text}") for text in above]
    top.below += searches
    return [redacted(row) for row in rows_of(top)]


def looks_up(meter: Meter) -> bool:
    """Whether a plan has sent its searches."""
    return meter.planning is not None and meter.planning.look_up


def last_query(query: pa.Array) -> list[list[dict[str, Any]]]:
    """What the connection's latest query that read something has read, and what limited it."""
    answers = []
    for key in texts(query, "query"):
        meter = None if key is None else last_of(key)
        answers.append([] if meter is None else _read(meter))
    return answers


def _read(meter: Meter) -> list[dict[str, Any]]:
    top = reads_of(meter, Reader(bandwidth=BANDWIDTH, region=settings().query_region), planned=False)
    with meter.lock:
        whole = meter.ended - (meter.began or meter.ended)
        network = min(meter.on_the_wire.seconds, whole)
        kernels = meter.in_kernels.seconds
    stages = {
        "network": network,
        "decode": max(0.0, kernels - network),
        "DuckDB": max(0.0, whole - max(kernels, network)),
    }
    top.values |= {f"{name.lower()}_s": seconds for name, seconds in stages.items()}
    top.values |= {"seconds": whole, "limited_by": max(stages, key=lambda name: stages[name])}
    shown = ", ".join(f"{name} {seconds:.2g} s" for name, seconds in stages.items())
    top.text += f"; {whole:.2g} s, limited by {top.values['limited_by']} ({shown})"
    for node in top.below:
        node.values["seconds"] = None
    return [redacted(row) for row in rows_of(top)]


def _searches(sql: str, zone: tzinfo) -> list[Node]:
    try:
        made = plans(sql)
    except UnreadableError as error:
        reason = str(error).splitlines()[0] if str(error) else "it breaks off"
        raise ArgumentError(f"the query cannot be read: {reason}; it runs without pushdown") from error
    whole = spliced(sql, made)
    return [_search(each, zone, whole) for each in made]


def _search(each: Plan, zone: tzinfo, whole: str) -> Node:
    values = redacted(
        {
            "function": each.call.function,
            "catalog": _catalog(each),
            "arguments": {name: added.sql for name, added in each.added.items()},
            "request": _request(each, zone),
            "local": [{"condition": condition, "reason": reason} for condition, reason in each.local],
            "sql": whole,
        }
    )
    added = ", ".join(f"{name} := {sql}" for name, sql in values["arguments"].items())
    left = "; ".join(one["condition"] for one in values["local"] if one["condition"])
    text = f"{each.call.function}({values['catalog']}): pushed down: {added or 'nothing'}"
    return Node(text=f"{text}; left to DuckDB: {left}" if left else text, values=values)


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
