"""What an index is made from: a search that can be written down and made again."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rasteret_sql.duck.quoting import quoted, value
from rasteret_sql.errors import ArgumentError
from rasteret_sql.redaction import RedactedRepr, redact_text, redacted
from rasteret_sql.stac.catalogs.catalogs import resolve
from rasteret_sql.store.redact import display_href

if TYPE_CHECKING:
    import datetime as dt

    import duckdb

KEY = "rasteret_searches"
"""Where the searches of an index are kept: in the comment of a table, in the metadata of a Parquet file."""
_DOCUMENT = re.compile(
    r"\s*(?:SELECT\s+\*\s+)?FROM\s+stac_read\s*\(\s*'(?P<href>(?:[^']|'')*)'\s*\)\s*;?\s*", re.IGNORECASE
)
ARGUMENTS = (
    "collections", "ids", "bbox", "intersects", "datetime", "filter", "max_items", "page_size", "aoi_crs",
    "alternate",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, repr=False)
class Search(RedactedRepr):
    """The items of an index, and which of their assets."""

    catalog: str | None = None
    """As ``stac_search`` takes it."""
    items: str | None = None
    """In its place, a query that gives items: ``FROM stac_read('items.parquet') WHERE …``."""
    document: str | None = None
    """In its place, what ``stac_read`` reads: the query ``FROM stac_read('…')``, kept without SQL."""
    assets: tuple[str, ...] | None = None
    """Asset keys; None for every TIFF."""
    collections: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None
    bbox: tuple[float, ...] | None = None
    intersects: str | None = None
    datetime: str | None = None
    filter: str | None = None
    max_items: int | None = None
    page_size: int | None = None
    aoi_crs: str | None = None
    alternate: str | None = None

    def __post_init__(self) -> None:
        if [self.catalog, self.items, self.document].count(None) != 2:
            raise ArgumentError(
                "an index is built from a catalog of stac_search, or from items := a query that gives items "
                "(FROM stac_read('items.json')): give one of the two"
            )
        given = [name for name in ARGUMENTS if getattr(self, name) is not None]
        if self.catalog is None and given:
            raise ArgumentError(f"items is a query of its own: put {', '.join(given)} into its WHERE")
        if not all(map(math.isfinite, self.bbox or ())):
            raise ArgumentError(f"bbox {list(self.bbox or ())}: four finite numbers were expected")

    @property
    def complete(self) -> bool:
        """It finds every item there is to find, so that one it does not find is gone."""
        return self.max_items is None

    @property
    def secret(self) -> bool:
        """An address or text in it has something that must not be kept."""
        shown = self.as_dict()
        return bool(redacted(shown) != shown)

    @property
    def asked(self) -> str:
        """The host, or the document, that is asked for items."""
        if self.items is not None:
            return "items of a query"
        address = resolve(self.catalog).endpoint if self.catalog is not None else str(self.document)
        try:
            host = urlsplit(address).netloc.rpartition("@")[2]
        except ValueError:  # not a URL: whoever requests it gets the error
            host = ""
        return host if "://" in address and host else display_href(address)

    def rows(self, *, updated_since: dt.datetime | None = None) -> str:
        """A query that gives the items; with ``updated_since`` only those whose ``updated`` is not before."""
        if self.items is not None:
            since = "" if updated_since is None else f" WHERE updated >= {quoted(updated_since.isoformat())}"
            return f"SELECT * FROM ({self.items.rstrip().rstrip(';')}\n){since}"
        if self.document is not None:
            since = "" if updated_since is None else f" WHERE updated >= {quoted(updated_since.isoformat())}"
            return f"SELECT * FROM stac_read({quoted(self.document)}){since}"
        given = {key: getattr(self, key) for key in ARGUMENTS if getattr(self, key) is not None}
        if updated_since is not None:
            late = f"updated >= TIMESTAMP({quoted(updated_since.strftime('%Y-%m-%dT%H:%M:%S.%fZ'))})"
            given["filter"] = f"({self.filter}) AND {late}" if self.filter else late
        arguments = "".join(f", {key} := {value(v)}" for key, v in given.items())
        return f"SELECT * FROM stac_search({quoted(self.catalog)}{arguments})"

    @property
    def wanted(self) -> str:
        """The condition on one asset ``a`` (key and value), as in cog_index."""
        if self.assets is not None:
            return f"list_contains({value(list(self.assets))}, a.key)"
        return (
            "CASE WHEN a.value.type IS NOT NULL THEN a.value.type ILIKE 'image/%tif%' "
            r"ELSE regexp_matches(a.value.href, '\.tiff?(\?|$)', 'i') END"
        )

    def as_dict(self) -> dict[str, Any]:
        """What was asked, as JSON has it."""
        given = {key: v for key, v in asdict(self).items() if v is not None}
        return {key: list(v) if isinstance(v, tuple) else v for key, v in given.items()}


def search_of(catalog: str | None, arguments: Mapping[str, Any]) -> Search:
    """The search that a user's keywords mean. Raises ``ArgumentError`` for one that there is not."""
    known = {*Search.__dataclass_fields__} - {"catalog", "document"}
    unknown = sorted(set(arguments) - known)
    if unknown:
        raise ArgumentError(f"there is no argument {unknown[0]}; expected: {', '.join(sorted(known))}")
    given = {key: _plain(key, v) for key, v in arguments.items()}
    return Search(catalog=catalog, **{**given, **_document(given.get("items"))})


def _document(items: str | None) -> dict[str, str | None]:
    """A query that is no more than ``FROM stac_read('…')``, as the name that it gives."""
    match = _DOCUMENT.fullmatch(items or "")
    return {} if match is None else {"items": None, "document": match["href"].replace("''", "'")}


def require_select(connection: duckdb.DuckDBPyConnection, items: str) -> None:
    """``ArgumentError`` unless DuckDB's parser finds one SELECT in a query of items, and nothing besides."""
    import duckdb

    try:
        statements = connection.extract_statements(items)
    except duckdb.Error as error:
        raise ArgumentError(f"items: {str(error).splitlines()[0]}, in: {_shown(items)}") from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ArgumentError(f"items: one SELECT was expected, which gives items, not: {_shown(items)}")


def require_repeated(stored: Iterable[Search], given: Sequence[str]) -> None:
    """``ArgumentError`` unless the caller repeats every query that an index has stored."""
    kept = [search.items.strip() for search in stored if search.items is not None]
    repeated = {items.strip() for items in given if not _document(items)}
    documents = {_document(items).get("document") for items in given} - {None}
    missing = [items for items in kept if items not in repeated]
    if missing:
        raise ArgumentError(
            f"the index was built from items of this query: {_shown(missing[0])}. SQL that is stored in "
            "an index is not run; if you trust it, repeat it with items= "
            "(rasteret-sql index refresh … --items SQL)"
        )
    unknown = sorted(repeated - set(kept)) + sorted(map(str, documents - {s.document for s in stored}))
    if unknown:
        raise ArgumentError(
            f"items: the index was not built from {_shown(unknown[0])}; "
            "build_index puts another search into it"
        )


def _shown(items: str) -> str:
    text = redact_text(" ".join(items.split()))
    return text if len(text) <= 300 else f"{text[:299]}…"


def _plain(key: str, given: Any) -> Any:
    if given is None:
        return None
    if key in ("assets", "collections", "ids"):
        return (given,) if isinstance(given, str) else tuple(map(str, given))
    if key == "bbox":
        return tuple(map(float, given))
    if key in ("max_items", "page_size"):
        return int(given)
    return json.dumps(given) if isinstance(given, Mapping) else str(given)


def searches_text(searches: Iterable[Search]) -> str:
    """Searches as they are kept."""
    return json.dumps({KEY: [search.as_dict() for search in searches]})


def searches_in(kept: str | None) -> tuple[Search, ...]:
    """The searches in what was kept; none in a text of someone else's."""
    try:
        searches: Sequence[Mapping[str, Any]] = json.loads(kept or "{}")[KEY]
        return tuple(_kept(one) for one in searches)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return ()


def _kept(one: Mapping[str, Any]) -> Search:
    """One search as it was kept: typed arguments, each checked as a caller's are."""
    known = {key: given for key, given in one.items() if key not in ("catalog", "document")}
    if not set(known) <= {*Search.__dataclass_fields__}:
        raise ValueError("not a search of this version")
    json.dumps(dict(one), ensure_ascii=False).encode()  # half a character is not a text of SQL's
    texts: dict[str, Any] = {
        key: None if one.get(key) is None else str(one[key]) for key in ("catalog", "document")
    }
    return Search(**texts, **{key: _plain(key, given) for key, given in known.items()})
