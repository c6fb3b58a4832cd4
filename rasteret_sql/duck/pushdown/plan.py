"""What is added to one search, what is not, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlglot import exp

from rasteret_sql.duck.pushdown import areas, datetimes, reasons
from rasteret_sql.duck.pushdown.constants import Constant, Parameters, constant
from rasteret_sql.duck.pushdown.filters import NUMBERS, Cql2Condition, Known, comparison, to_cql2
from rasteret_sql.duck.pushdown.scope import Scope, limit, order, scope
from rasteret_sql.duck.pushdown.source import Call, without_numbers
from rasteret_sql.duck.pushdown.text import Text, joined, plain
from rasteret_sql.duck.quoting import quoted
from rasteret_sql.errors import ArgumentError
from rasteret_sql.sql_conditions import Tree
from rasteret_sql.stac.catalogs.catalogs import Catalog, resolve

LISTS = {"id": "ids", "collection": "collections"}
"""The arguments that are lists of texts, by their columns."""


@dataclass(frozen=True, kw_only=True)
class Added:
    """One argument that is added."""

    sql: str
    value: Any
    """A text, list or number; ``datetimes.Interval`` for a time; None when only DuckDB can tell."""


@dataclass(kw_only=True)
class Plan:
    """What becomes of one search."""

    call: Call
    added: dict[str, Added] = field(default_factory=dict)
    local: list[tuple[str, str]] = field(default_factory=list)
    """Conditions that the catalogue is not asked for, and why."""


@dataclass(kw_only=True)
class _Gathered:
    """What the conditions of one search say, taken together."""

    interval: datetimes.Interval | None = None
    lists: dict[str, list[str]] = field(default_factory=dict)
    area: areas.Question | None = None
    filters: list[Cql2Condition] = field(default_factory=list)
    exact: bool = True
    """Whether the catalogue gives the very items that WHERE keeps."""


def plan(call: Call, parameters: Parameters) -> Plan:
    """What can be added to ``call``."""
    made = Plan(call=call)
    where = scope(call)
    refusal = reasons.of_call(call, where)
    if refusal is not None or where is None:
        terms = [_shown(term) for term in where.conditions] if where else [""]
        made.local += [(shown, refusal or reasons.NO_SELECT) for shown in terms]
        return made
    known = Known(column=where.column, constant=partial(constant, parameters=parameters))
    gathered = _Gathered()
    for term in where.conditions:
        reason = _take(term, known, call, gathered)
        if reason is not None:
            gathered.exact = False
            made.local.append((_shown(term), reason))
    _add(made, gathered)
    _add_limit(made, where, gathered, known)
    return made


def _take(term: Tree, known: Known, call: Call, terms: _Gathered) -> str | None:
    """Put one condition where it belongs; else the reason why it stays local."""
    column = _list_column(term, known)
    if column is not None:
        return _take_list(column, term, known, call, terms)
    times = datetimes.interval(term, known)
    if times is not None:
        if "datetime" in call.given:
            return reasons.given("datetime")
        terms.interval = times & (terms.interval or datetimes.Interval())
        terms.exact = False  # items with a range of time are found, too
        return None
    area = areas.question(term, known)
    if area is not None:
        rivals = ("bbox", "intersects") if area.boxes else ("bbox", "intersects", "aoi_crs")
        if taken := [name for name in rivals if name in call.given]:
            return reasons.given(taken[0])
        if terms.area is not None:
            return reasons.ONE_AREA
        terms.area = area
        terms.exact &= not area.boxes
        return None
    condition = to_cql2(term, known)
    if condition is None:
        return reasons.of_condition(term, known)
    if not _takes_filter(call):
        return reasons.given("filter")
    terms.filters.append(condition)
    terms.exact &= condition.exact
    return None


def _list_column(term: Tree, known: Known) -> str | None:
    column = known.column(term.this) if isinstance(term, exp.In) else (comparison(term, known) or (None,))[0]
    return column if column in LISTS else None


def _take_list(column: str, term: Tree, known: Known, call: Call, terms: _Gathered) -> str | None:
    """Put a condition on the id or collection where it belongs; else the reason why it stays local."""
    argument = LISTS[column]
    if isinstance(term, exp.In):
        nodes = [] if term.args.get("query") or term.args.get("unnest") else term.expressions
    else:
        compared = comparison(term, known)
        nodes = [compared[2]] if compared and compared[1] == "=" else []
    constants = [known.constant(node) for node in nodes]
    names = [c.value for c in constants if c is not None and isinstance(c.value, str) and c.value]
    if not names or len(names) < len(constants):
        return reasons.NOT_NAMES
    if argument in call.given:
        return reasons.given(argument)
    if column == "collection":
        catalog = _catalog(call)
        if catalog is None:  # a dataset, which is one collection, refuses to be asked for another
            return reasons.OPEN_CATALOGUE
        if catalog.collection is not None:
            return None if catalog.collection in names else reasons.OTHER_COLLECTION
    before = terms.lists.get(argument)
    terms.lists[argument] = [name for name in names if before is None or name in before]
    terms.exact &= column != "id"  # a server may take ids as the whole question
    return None


def _catalog(call: Call) -> Catalog | None:
    """The catalogue of a call; None when it is not a literal, or an unknown one."""
    name = call.positional[0] if call.positional else None
    if not isinstance(name, exp.Literal) or not name.is_string:
        return None
    try:
        return resolve(str(name.this))
    except ArgumentError:
        return None


def _takes_filter(call: Call) -> bool:
    """Whether a condition can be added to the filter: there is none, or a literal that is text."""
    given = call.given.get("filter")
    if given is None:
        return True
    text = str(given.this).strip() if isinstance(given, exp.Literal) and given.is_string else ""
    joinable = bool(text) and not text.startswith("{") and "--" not in text and "/*" not in text
    return joinable and "filter" in call.spans


def _add(made: Plan, terms: _Gathered) -> None:
    for argument, names in terms.lists.items():
        sql = f"[{', '.join(map(quoted, names))}]" if names else "[]::VARCHAR[]"
        made.added[argument] = Added(sql=sql, value=names)
    texts = [condition.text for condition in terms.filters]
    if (area := terms.area) is not None:
        if area.boxes:
            made.added["bbox"] = Added(sql=str(area.parallels), value=area.parallels)
            if area.meridians is not None and _says_areas(made.call) and _takes_filter(made.call):
                texts.append(plain(area.meridians))
        else:
            made.added["intersects"] = Added(sql=quoted(area.wkt), value=area.shape)
    if terms.interval is not None:
        made.added["datetime"] = Added(sql=terms.interval.sql, value=terms.interval)
    if texts:
        whole: Text = joined(texts, "AND")
        made.added["filter"] = Added(sql=whole.sql, value=whole.known)


def _says_areas(call: Call) -> bool:
    """Whether the API is known to take areas in filters: no other is asked, as it could refuse the search."""
    catalog = _catalog(call)
    return catalog is not None and catalog.id.partition("/")[0] in ("earthsearch", "pc")


def _add_limit(made: Plan, where: Scope, terms: _Gathered, known: Known) -> None:
    clause = where.select.args.get("limit")
    if not isinstance(clause, exp.Limit) or made.call.function != "stac_search":
        return
    node, keys = limit(where), order(where)
    constant_limit: Constant | None = None if node is None else known.constant(node)
    count = None if constant_limit is None else constant_limit.value
    shown = without_numbers(clause.sql(dialect="duckdb").strip())
    numbers: set[str] = set().union(*(condition.numbers for condition in terms.filters)) & {*NUMBERS}
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        made.local.append((shown, reasons.OTHER_LIMIT))
    elif not terms.exact:
        made.local.append((shown, reasons.INEXACT))
    elif (
        keys is None or (keys and "sortby" in made.call.given) or any(name not in numbers for name, _ in keys)
    ):
        made.local.append((shown, reasons.ORDER))
    else:
        if keys:
            sortby = ",".join(f"{'-' if descending else ''}{name}" for name, descending in keys)
            made.added["sortby"] = Added(sql=quoted(sortby), value=sortby)
        made.added["max_items"] = Added(sql=str(count), value=count)
        made.added["limited"] = Added(sql="true", value=True)


def _shown(term: Tree) -> str:
    return without_numbers(str(term.sql(dialect="duckdb")))
