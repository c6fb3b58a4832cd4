"""Datasets known by a short id, so that a query needs no endpoint: ``earthsearch/sentinel-2-l2a``.

They are built in, listed in a TOML file of the user (``user_catalogs``), or registered by a program.
"""

from __future__ import annotations

import difflib
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from rasteret_sql.errors import ArgumentError
from rasteret_sql.redaction import RedactedRepr
from rasteret_sql.stac.catalogs import user_catalogs
from rasteret_sql.stac.catalogs.builtin import (
    EARTH_SEARCH,
    EARTH_SEARCH_DATASETS,
    ELSEWHERE,
    PLANETARY_COMPUTER,
    PLANETARY_COMPUTER_DATASETS,
)
from rasteret_sql.store.redact import display_href

Auth = Literal["none", "requester-pays", "planetary-computer"]
"""What reading the assets asks for: nothing, an AWS account that pays, or hrefs signed when read."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Catalog(RedactedRepr):
    """A STAC API, or one collection of it."""

    id: str
    """What a query says: ``earthsearch/sentinel-2-l2a``, or the URL itself."""
    endpoint: str
    """The landing page of the API."""
    collection: str | None = None
    """The collection searched when the query names none; None means all."""
    title: str | None = None
    licence: str | None = None
    auth: Auth = "none"
    bands: Mapping[str, str] = field(default_factory=dict)
    """Other names for assets: alias -> asset key."""
    alternate: str | None = None
    """The alternate of each asset that is read, where it has one: ``s3`` where its href is a login page."""
    href_rules: Mapping[str, str] = field(default_factory=dict)
    """Prefix of an asset's href -> what to read in its place."""

    def __post_init__(self) -> None:
        for prefix, place_of in self.href_rules.items():
            if not all(re.match(r"^[A-Za-z][A-Za-z0-9+.\-]*://.*/$", one) for one in (prefix, place_of)):
                raise ArgumentError(
                    f"catalogue '{self.id}': a rule for hrefs is two URL prefixes that end in '/', such as "
                    f"{{'https://host/data/': 's3://bucket/'}}; found {display_href(prefix)!r}: "
                    f"{display_href(place_of)!r}"
                )
        if self.auth not in get_args(Auth):
            raise ArgumentError(
                f"catalogue '{self.id}': auth must be one of {', '.join(get_args(Auth))}, found {self.auth!r}"
            )
        if not re.match(r"^https?://[^/]", self.endpoint):
            raise ArgumentError(
                f"catalogue '{self.id}': the endpoint must be an http(s) URL, found "
                f"'{display_href(self.endpoint)}'"
            )


def _built_in() -> list[Catalog]:
    catalogs = [
        Catalog(id="earthsearch", endpoint=EARTH_SEARCH, title="Earth Search: every collection"),
        Catalog(
            id="pc",
            endpoint=PLANETARY_COMPUTER,
            title="Planetary Computer: every collection",
            auth="planetary-computer",
        ),
    ]
    tables = ((catalogs[0], EARTH_SEARCH_DATASETS), (catalogs[1], PLANETARY_COMPUTER_DATASETS))
    for api, datasets in tables:
        catalogs += [
            Catalog(
                id=f"{api.id}/{collection}",
                endpoint=api.endpoint,
                collection=collection,
                title=title,
                licence=licence,
                auth=cast(Auth, auth),
                bands=bands,
                **(ELSEWHERE.get(f"{api.id}/{collection}", {})),
            )
            for collection, title, licence, auth, bands in datasets
        ]
    return catalogs


_built_in_ids: dict[str, Catalog] = {catalog.id: catalog for catalog in _built_in()}
_registered: dict[str, Catalog] = {}
_lock = threading.Lock()


def catalogs() -> list[Catalog]:
    """Every dataset with an id, built in, from the user's files or registered, by id."""
    return sorted(_known().values(), key=lambda catalog: catalog.id)


def _known() -> dict[str, Catalog]:
    """By id; what a program registers goes before the user's files, and these before what is built in."""
    files = user_catalogs.entries(os.environ)
    listed = {id: _from_file(id, entry) for id, entry in files.items()}
    with _lock:
        return {**_built_in_ids, **listed, **_registered}


def _from_file(id: str, entry: user_catalogs.Entry) -> Catalog:
    try:
        return Catalog(id=id, **entry.fields)
    except ArgumentError as error:
        raise ArgumentError(f"{entry.path}: {error}") from error


def register_catalog(
    id: str,
    *,
    endpoint: str,
    collection: str | None = None,
    title: str | None = None,
    licence: str | None = None,
    auth: Auth = "none",
    bands: Mapping[str, str] | None = None,
    alternate: str | None = None,
    href_rules: Mapping[str, str] | None = None,
) -> Catalog:
    """Give a STAC API, or one collection of it, an id for this process; the same id again replaces it.

    Raises ``ArgumentError`` for an id that is empty or a URL, an unknown ``auth``, an endpoint that is not
    http(s), and rules that are not pairs of URL prefixes.
    """
    if not id.strip() or "://" in id:
        raise ArgumentError(
            f"register_catalog: an id such as 'ours/sentinel-2' is expected, found '{display_href(id)}'"
        )
    catalog = Catalog(
        id=id, endpoint=endpoint, collection=collection,
        title=title, licence=licence, auth=auth, bands=dict(bands or {}),
        alternate=alternate, href_rules=dict(href_rules or {}),
    )  # fmt: skip
    with _lock:
        _registered[id] = catalog
    return catalog


def add_catalog(catalog: Catalog) -> None:
    """Register one that another process has, under its id."""
    with _lock:
        _registered[catalog.id] = catalog


def catalogs_beyond_built_in() -> tuple[Catalog, ...]:
    """Those of the user's files and of ``register_catalog``, by id."""
    return tuple(one for one in catalogs() if one != _built_in_ids.get(one.id))


def unregister_catalog(id: str) -> None:
    """Take back ``register_catalog``; what is built in or in a file is there again."""
    with _lock:
        _registered.pop(id, None)


def resolve(catalog: str) -> Catalog:
    """The catalogue that a query names by id or by URL (of an API, or of one ``…/collections/<id>`` of it).

    Raises ``ArgumentError`` with the nearest ids when there is no such id.
    """
    name = catalog.strip()
    if re.match(r"^https?://", name, re.IGNORECASE):
        match = re.match(r"^(?P<endpoint>[^?#]+)/collections/(?P<collection>[^/?#]+)/?$", name)
        if match:
            return Catalog(id=name, endpoint=match["endpoint"], collection=match["collection"])
        return Catalog(id=name, endpoint=name)
    known = _known()
    if name in known:
        return known[name]
    if "://" in name:
        raise ArgumentError(
            f"catalogue '{display_href(name)}': a STAC API has an http(s) URL; stac_read reads a static "
            "catalogue"
        )
    raise ArgumentError(f"unknown catalogue {name!r}: {_suggestion(name, list(known))}")


def dataset_of(target: Catalog, collection: str | None) -> Catalog:
    """The dataset that an item of ``target`` belongs to: of the same API and collection, else ``target``."""
    known = _known()
    is_named = target.id in known
    if is_named and target.collection is not None:
        return target
    endpoint = target.endpoint.rstrip("/")
    same = {one.collection: one for one in known.values() if one.endpoint.rstrip("/") == endpoint}
    return same.get(collection) or (target if is_named else same.get(None, target))


def _suggestion(name: str, ids: list[str]) -> str:
    folded = {known.lower(): known for known in ids}
    near = [known for known in ids if name and known.lower().endswith(f"/{name.lower()}")]
    close = difflib.get_close_matches(name.lower(), list(folded), n=3, cutoff=0.6)
    near = list(dict.fromkeys([*near, *(folded[match] for match in close)]))[:3]
    hint = f"did you mean {' or '.join(repr(match) for match in near)}? " if near else ""
    return f"{hint}FROM stac_catalogs() lists every id; the URL of a STAC API works too"


def asset_keys(catalog: Catalog, wanted: list[str], there: list[str]) -> list[str]:
    """The keys of an item's assets that ``wanted`` names: itself, else the one that its alias stands for."""
    return [
        key for name in wanted if (key := name if name in there else catalog.bands.get(name, name)) in there
    ]
