"""Filter and sort expressions: from what a SQL user writes to what a STAC API reads.

A filter is SQL, or CQL2 (OGC 21-065) as JSON or text, and may use the column names of the result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rasteret_sql.errors import ArgumentError
from rasteret_sql.stac.filter.cql2_bounds import is_bounded, is_shallow
from rasteret_sql.stac.interval import parse_moment
from rasteret_sql.stac.items.item import ITEM_COLUMNS, PROPERTY_OF_COLUMN
from rasteret_sql.stac.values import short

_TYPED_LITERAL = re.compile(
    r"(?:\b(?P<kind>DATE|TIMESTAMP|TIMESTAMPTZ)\s+)?(?P<literal>'(?:[^']|'')*')", re.IGNORECASE
)
_ARITHMETIC = ("+", "-", "*", "/", "%", "div", "^", "casei", "accenti")
_ADVICE = "write a condition as in WHERE, such as cloud_cover < 20 AND platform = 'sentinel-2a'"
_TOP_LEVEL = ("id", "collection", "geometry", "bbox", "type", "properties", "assets")


@dataclass(frozen=True, kw_only=True)
class SortField:
    """One key of an order, as the sort extension names it."""

    field: str
    descending: bool

    def as_json(self) -> dict[str, str]:
        return {"field": self.field, "direction": "desc" if self.descending else "asc"}


def parse_filter(text: str) -> dict[str, Any]:
    """CQL2 JSON of a filter in SQL, CQL2 JSON or CQL2 text, with column names turned into STAC properties.

    A text that begins with ``{`` is CQL2 JSON. Any other is read as SQL, and as CQL2 text where it does not
    follow SQL's grammar (``S_INTERSECTS(geometry, POINT(7.5 51.5))``). ``cloud_cover < 20`` gives
    ``eo:cloud_cover``; ``proj_code = 'EPSG:32633'`` gives ``proj:code`` or ``proj:epsg``, whichever an item
    has. Raises ``ArgumentError`` for anything but the three, with the place, for SQL that CQL2 cannot say,
    and for a column without a property.
    """
    try:
        return _parsed(text)
    except RecursionError:
        raise ArgumentError(f"filter {short(text, 200)} is nested too deeply") from None


def _parsed(text: str) -> dict[str, Any]:
    expression = _cql2_json(text) if text.lstrip().startswith("{") else _sql_or_cql2_text(text)
    if not isinstance(expression, dict) or expression.get("op", "+") in _ARITHMETIC:
        raise ArgumentError(f"filter {short(text, 200)} is not a condition: a comparison is expected")
    if not is_shallow(expression):
        raise ArgumentError(f"filter {short(text, 200)} is nested too deeply")
    renamed = _rename(expression)
    assert isinstance(renamed, dict)  # an operator stays an operator
    return renamed


def _cql2_json(text: str) -> Any:
    import cql2

    try:
        return cql2.parse_json(text).to_json()
    except (ValueError, cql2.ParseError, cql2.ValidationError, RecursionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ArgumentError(f"filter {short(text, 200)} is not CQL2 JSON: {reason}; {_ADVICE}") from error


def _sql_or_cql2_text(text: str) -> Any:
    import cql2

    from rasteret_sql.stac.filter.sql_filter import from_sql
    from rasteret_sql.stac.filter.sql_syntax import NotSqlError, shown_place

    try:
        return from_sql(text)
    except NotSqlError as sql_error:
        try:
            if not is_bounded(text):
                raise ValueError("more than cql2 can read")
            return cql2.parse_text(_with_cql2_literals(text)).to_json()
        except (ValueError, cql2.ParseError, cql2.ValidationError, RecursionError):
            what = str(sql_error) if text.strip() else "it is empty"
            shown = shown_place(text, sql_error.at)
            raise ArgumentError(
                f"filter {short(text, 200)} is neither SQL nor CQL2 text{shown}: {what}; {_ADVICE}"
            ) from None


def cql2_text(expression: Mapping[str, Any]) -> str:
    """The CQL2 text of a CQL2 JSON expression."""
    import cql2

    text: str = cql2.parse_json(json.dumps(expression)).to_text()
    return text


def parse_sortby(sortby: str | Sequence[str]) -> list[SortField]:
    """The keys of ``'-datetime'``, ``'datetime,-cloud_cover'`` or a list of such, with column names resolved.

    Members of ``properties`` get that prefix, as the sort extension asks: servers refuse the bare name.
    """
    parts = (
        sortby.split(",") if isinstance(sortby, str) else [part for key in sortby for part in key.split(",")]
    )
    keys = []
    for part in (part.strip() for part in parts):
        name = part.lstrip("+-").strip()
        if not name or len(part) - len(part.lstrip("+-")) > 1 or " " in name:
            raise ArgumentError(
                f"sortby {short(sortby)}: expected names with - for descending order, such as "
                f"'-datetime,cloud_cover', found {part!r}"
            )
        name = _sort_property(name)
        top_level = name.partition(".")[0] in _TOP_LEVEL
        keys.append(
            SortField(field=name if top_level else f"properties.{name}", descending=part.startswith("-"))
        )
    return keys


def _sort_property(name: str) -> str:
    if name.lower() == "proj_code":
        raise ArgumentError("sortby 'proj_code': name the property, proj:code or proj:epsg")
    return PROPERTY_OF_COLUMN.get(name.lower(), name)


def _rename(node: Any) -> Any:
    """``node`` with column names as STAC properties, dates as timestamps, and whole numbers as integers."""
    if isinstance(node, float) and node.is_integer() and abs(node) < 2**53:
        return int(node)
    if isinstance(node, list):
        return [_rename(member) for member in node]
    if not isinstance(node, dict):
        return node
    if "property" in node:
        return {"property": _property(node["property"])}
    if isinstance(node.get("date"), str) and len(node) == 1:
        # STAC's times are timestamps; pgstac, asked to compare one with a date, finds nothing.
        return {"timestamp": f"{node['date']}T00:00:00Z"}
    args = node.get("args")
    if isinstance(args, list) and {"property": "proj_code"} in [_lowered(arg) for arg in args]:
        return _proj_code(node)
    return {key: _rename(member) for key, member in node.items()}


def _lowered(node: Any) -> Any:
    is_property = isinstance(node, dict) and isinstance(node.get("property"), str)
    return {"property": node["property"].lower()} if is_property else node


def _property(name: str) -> str:
    column = name.lower()
    if column in PROPERTY_OF_COLUMN:
        return PROPERTY_OF_COLUMN[column]
    if column in ITEM_COLUMNS and column not in ("id", "collection", "geometry"):
        raise ArgumentError(
            f"filter: a STAC API cannot filter by column {column}; put it in WHERE on the result"
        )
    return column if column in ITEM_COLUMNS else name


def _proj_code(node: Mapping[str, Any]) -> dict[str, Any]:
    op, args = node["op"], node["args"]
    values = [arg for arg in args if not isinstance(arg, dict)]
    codes = values[0] if len(values) == 1 and op == "in" else values
    if op not in ("=", "in") or len(codes) == 0 or not all(isinstance(code, str) for code in codes):
        raise ArgumentError(
            f"filter: proj_code can be compared with = and IN to codes such as 'EPSG:32633', not by '{op}'; "
            "for more name the property, proj:code or proj:epsg"
        )
    either: list[dict[str, Any]] = []
    for code in codes:
        either.append({"op": "=", "args": [{"property": "proj:code"}, code]})
        authority, _, number = code.partition(":")
        if authority.upper() == "EPSG" and number.isdecimal():
            either.append({"op": "=", "args": [{"property": "proj:epsg"}, int(number)]})
    return {"op": "or", "args": either} if len(either) > 1 else either[0]


def _with_cql2_literals(text: str) -> str:
    """``text`` with SQL's ``DATE '…'`` and ``TIMESTAMP '…'`` as CQL2's timestamps; strings stay untouched."""

    def rewrite(match: re.Match[str]) -> str:
        if match["kind"] is None:
            return match[0]
        moment = parse_moment(match["literal"][1:-1])
        if moment is None:
            raise ArgumentError(f"filter {short(text, 200)}: {match[0]} is not a date or time")
        return f"TIMESTAMP('{moment}')"

    return _TYPED_LITERAL.sub(rewrite, text)
