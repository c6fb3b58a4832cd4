"""What an index is made from: a search that can be written down and made again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rasteret_sql.duck.quoting import quoted, value
from rasteret_sql.errors import ArgumentError
from rasteret_sql.redaction import RedactedRepr, redacted

if TYPE_CHECKING:
    import datetime as dt

KEY = "rasteret_searches"
"""Where the searches of an index are kept: in the comment of a table, in the metadata of a Parquet file."""
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
    """In its place, a query that gives items: ``FROM stac_read('items.parquet')``."""
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
        if (self.catalog is None) == (self.items is None):
            raise ArgumentError(
                "an index is built from a catalog of stac_search, or from items := a query that gives items "
                "(FROM stac_read('items.json')): give one of the two"
            )
        given = [name for name in ARGUMENTS if getattr(self, name) is not None]
        if self.items is not None and given:
            raise ArgumentError(f"items is a query of its own: put {', '.join(given)} into its WHERE")

    @property
    def complete(self) -> bool:
        """It finds every item there is to find, so that one it does not find is gone."""
        return self.max_items is None

    @property
    def secret(self) -> bool:
        """An address or text in it has something that must not be kept."""
        shown = self.as_dict()
        return bool(redacted(shown) != shown)

    def rows(self, *, updated_since: dt.datetime | None = None) -> str:
        """A query that gives the items; with ``updated_since`` only those whose ``updated`` is not before."""
        if self.items is not None:
            since = "" if updated_since is None else f" WHERE updated >= {quoted(updated_since.isoformat())}"
            return f"SELECT * FROM ({self.items.rstrip().rstrip(';')}){since}"
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
    known = {*Search.__dataclass_fields__} - {"catalog"}
    unknown = sorted(set(arguments) - known)
    if unknown:
        raise ArgumentError(f"there is no argument {unknown[0]}; expected: {', '.join(sorted(known))}")
    return Search(catalog=catalog, **{key: _plain(key, v) for key, v in arguments.items()})


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
        found: Sequence[Mapping[str, Any]] = json.loads(kept or "{}")[KEY]
        return tuple(
            search_of(one.get("catalog"), {k: v for k, v in one.items() if k != "catalog"}) for one in found
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return ()
