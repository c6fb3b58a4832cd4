"""Why a condition stays local, in words for ``rasteret_explain``."""

from __future__ import annotations

from sqlglot import exp

from rasteret_sql.duck.pushdown.filters import TEXTS, Known
from rasteret_sql.duck.pushdown.scope import Scope
from rasteret_sql.duck.pushdown.source import Call
from rasteret_sql.sql_conditions import Tree

NO_SELECT = (
    "the search is under an outer join, in a macro, sampled, or not itself in FROM: "
    "its rows are not those that WHERE sees"
)
POSITION = "arguments are given by position: name them"
MAX_ITEMS = "max_items := is given, and counts items before WHERE does"
ONE_AREA = "a search takes one area, and another condition has given it"
NOT_NAMES = "only = and IN with constant, non-empty texts become a list of names"
OTHER_COLLECTION = "the catalogue is another collection: no item can meet this"
OPEN_CATALOGUE = "whether the catalogue has several collections is not known before the query runs"
OTHER_LIMIT = "it does not count the items themselves: rows are joined, grouped, made or skipped before it"
INEXACT = "the catalogue may give items that WHERE takes away, so that more must be requested"
ORDER = "ORDER BY is by something that a catalogue may order otherwise, or that an item may lack"
COMPLEX = "not a comparison of a column that catalogues know with a constant"
TEXT_ORDER = "servers compare text by rules of their own; only =, <>, IN and NOT IN are the same everywhere"

_COLUMNS = {
    "created": "some servers compare created and updated as text, others refuse to",
    "updated": "some servers compare created and updated as text, others refuse to",
    "start_datetime": "servers differ in what they make of items without a range",
    "end_datetime": "servers differ in what they make of items without a range",
    "proj_code": "items have it under two names, or in their assets",
    "geometry": "no constant area in degrees of a shape that every server takes",
    "datetime": "only =, <, <=, >, >= and BETWEEN with constants become an interval",
    "bbox": "a catalogue cannot be asked for it",
    "assets": "a catalogue cannot be asked for it",
    "self_href": "a catalogue cannot be asked for it",
}


def given(argument: str) -> str:
    """For an argument that the query gives itself."""
    return f"{argument} := is given"


def of_call(call: Call, where: Scope | None) -> str | None:
    """Why nothing can be added to a call."""
    if where is None:
        return NO_SELECT
    if len(call.positional) != 1:
        return POSITION
    max_items = call.given.get("max_items")
    return MAX_ITEMS if max_items is not None and not isinstance(max_items, exp.Null) else None


def of_condition(term: Tree, known: Known) -> str:
    """Why a condition cannot be said."""
    columns = {str(column.name).lower() for column in term.find_all(exp.Column)}
    if len(columns) != 1 or isinstance(term, exp.Is):
        return COMPLEX
    name = columns.pop()
    if name in TEXTS:
        return TEXT_ORDER
    return _COLUMNS.get(name, COMPLEX)
