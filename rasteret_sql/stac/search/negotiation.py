"""What of a search is sent to an API, by what the API says of itself, and what is left to do here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rasteret_sql.errors import UnsupportedError
from rasteret_sql.stac.api.landing_page import Api
from rasteret_sql.stac.filter.evaluate.matching import unknown_functions
from rasteret_sql.stac.filter.filters import cql2_text
from rasteret_sql.stac.filter.query_extension import conjuncts, divide, to_query
from rasteret_sql.stac.search.request import SearchRequest
from rasteret_sql.stac.values import short
from rasteret_sql.store.redact import display_href

BASIC = frozenset({"and", "or", "not", "=", "<>", "<", "<=", ">", ">=", "isNull"})
"""Operators of the conformance class Basic CQL2, which every server with filters has."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """One search of one API."""

    method: str
    conditions: Mapping[str, Any]
    """How the filter is sent, in pystac-client's words."""
    sent: Mapping[str, Any] | None
    """The part of the filter that the API applies."""
    here: Mapping[str, Any] | None
    """The part that is applied here; an item stays where it is true."""
    sorts: bool
    """The API sorts as asked, or need not."""
    notices: Mapping[str, str]
    """Reason -> notice."""


def negotiate(api: Api, request: SearchRequest) -> Agreement:
    """What is asked of ``api`` for ``request``: as much as it can do.

    Raises ``UnsupportedError`` for a filter that neither the API nor this package can apply.
    """
    sent, here = _parts(api, request.expression)
    return _agreement(api, request, sent, here, refused=None)


def renegotiate(api: Api, request: SearchRequest, before: Agreement, refusal: str) -> Agreement | None:
    """What is asked after a refusal of the filter: only Basic CQL2; None where that would change nothing."""
    if before.sent is None or not api.has("filter"):
        return None
    parts = conjuncts(before.sent)
    basic = [part for part in parts if _operators(part) <= BASIC]
    rest = [part for part in parts if part not in basic]
    if not rest or unknown_functions(rest):
        return None
    return _agreement(api, request, _all(basic), _all(rest), refused=refusal.rstrip("."))


def _parts(
    api: Api, expression: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    if expression is None or api.has("filter"):
        return expression, None
    parts = conjuncts(expression)
    taken, rest = divide(parts) if api.has("query") else ([], parts)
    return _all(taken), _all(rest)


def _agreement(
    api: Api,
    request: SearchRequest,
    sent: Mapping[str, Any] | None,
    here: Mapping[str, Any] | None,
    refused: str | None,
) -> Agreement:
    name = f"STAC API {display_href(api.endpoint)}"
    notices: dict[str, str] = {}
    if here is not None:
        part = "filter" if sent is None else "a part of filter"
        why = refused or f"{name} has no 'filter' extension" + (
            ", and 'query' cannot say all of it" if api.has("query") else ""
        )
        if unknown := unknown_functions(here):
            raise UnsupportedError(
                f"{why}, and {min(unknown)} is not a function of CQL2 that could be applied here, in filter "
                f"{short(request.filter, 200)}: put the condition in WHERE on the result"
            )
        notices[f"{name} filter"] = (
            f"{why}: {part} {short(request.filter, 200)} is applied here, to all items that come without it"
        )
    sorts = not request.order or api.has("sort")
    if not sorts:
        notices[f"{name} sort"] = f"{name} has no 'sort' extension: {sorting_here(request)}"
    conditions, method = _sent(api, sent)
    return Agreement(method=method, conditions=conditions, sent=sent, here=here, sorts=sorts, notices=notices)


def sorting_here(request: SearchRequest) -> str:
    """What sorting here costs, in words."""
    names = ", ".join(f"{'-' if key.descending else ''}{key.field}" for key in request.order)
    cut = "" if request.max_items is None else f", and then cut to max_items := {request.max_items}"
    return f"all items are fetched and sorted here by {names}{cut}"


def _sent(api: Api, sent: Mapping[str, Any] | None) -> tuple[dict[str, Any], str]:
    """How this API takes a filter, and by which HTTP method the search is sent."""
    methods = api.search_hrefs
    method = "POST" if "POST" in methods else "GET"
    if sent is None:
        return {}, method
    if not api.has("filter"):
        return {"query": to_query(sent)}, method
    only_text = api.has_cql2("text") and not api.has_cql2("json")
    if only_text and "GET" in methods:
        method = "GET"
    if only_text or method == "GET":
        return {"filter": cql2_text(sent), "filter_lang": "cql2-text"}, method
    return {"filter": dict(sent), "filter_lang": "cql2-json"}, method


def _all(parts: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return None if not parts else parts[0] if len(parts) == 1 else {"op": "and", "args": parts}


def _operators(node: Any) -> frozenset[str]:
    if isinstance(node, list):
        return frozenset().union(*map(_operators, node))
    if not isinstance(node, Mapping):
        return frozenset()
    own = {str(node["op"])} if "op" in node else set()
    return frozenset(own) | _operators(node.get("args", []))
