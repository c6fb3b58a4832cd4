"""Which href of an asset is read, and its common name, where a catalogue knows more than its items."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rasteret_sql.notices import Notices
from rasteret_sql.stac.catalogs.catalogs import Catalog, dataset_of
from rasteret_sql.stac.href import resolve_href
from rasteret_sql.stac.links import is_remote, leads_away
from rasteret_sql.stac.values import json_text

AS_GIVEN = "none"
"""The ``alternate`` that leaves every href as its item has it."""
COMMON_NAMES = frozenset({
    "pan", "coastal", "blue", "green", "green05", "yellow", "red", "rededge", "rededge071", "rededge075",
    "rededge078", "nir", "nir08", "nir09", "cirrus", "swir16", "swir22", "lwir", "lwir11", "lwir12",
})  # fmt: skip
"""Common names of the electro-optical extension 1.1."""

Row = dict[str, Any]


class AssetChoice:
    """What one search makes of the assets of its rows.

    ``alternate`` names an entry of an asset's ``alternate`` object (Alternate Assets extension) by its key,
    its ``alternate:name`` or its scheme. Without it the catalogue's own ``alternate`` and ``href_rules``
    count. The href that was not taken stays in ``extra_fields``, as an alternate named by its scheme.
    """

    def __init__(self, target: Catalog | None, alternate: str | None) -> None:
        self._target = target
        self._alternate = alternate
        self._datasets: dict[str | None, Catalog | None] = {}
        self._names: dict[str | None, dict[str, str | None]] = {}
        self._taken, self._others = 0, set[str]()

    def of(self, row: Row) -> Row:
        """``row`` with its assets' hrefs and common names; changed in place."""
        assets = row["assets"] or {}
        dataset = self._dataset(row["collection"])
        if dataset is not None and dataset.bands:
            names = self._names.setdefault(row["collection"], {})
            for key, asset in assets.items():
                if asset["common_name"] is None:
                    if key not in names:
                        names[key] = common_name(key, dataset.bands)
                    asset["common_name"] = names[key]
        rules = {} if dataset is None else dataset.href_rules
        wanted = self._alternate or (None if dataset is None else dataset.alternate)
        if wanted != AS_GIVEN and (wanted or rules):
            for asset in assets.values():
                self._place(asset, wanted, rules, row["self_href"])
        return row

    def _place(
        self, asset: dict[str, Any], wanted: str | None, rules: Mapping[str, str], base: str | None
    ) -> None:
        """Put the href that is read into ``asset``."""
        if asset["href"] is None:
            return
        href = self._named(asset, wanted, base) if wanted else None
        href = href or by_rule(asset["href"], rules)
        if href is not None and href != asset["href"]:
            asset["extra_fields"] = _with_alternate(asset)
            asset["href"] = href

    def notice(self, notices: Notices) -> None:
        """Say so when the alternate that the caller named is nowhere in what was found."""
        if self._alternate not in (None, AS_GIVEN) and not self._taken and self._others:
            there = ", ".join(sorted(self._others))
            notices.say(
                f"no asset has the alternate {self._alternate!r}, so that hrefs stay as the items have them; "
                f"there are: {there}",
                reason="alternate",
            )

    def _dataset(self, collection: str | None) -> Catalog | None:
        if self._target is None:
            return None
        if collection not in self._datasets:
            self._datasets[collection] = dataset_of(self._target, collection)
        return self._datasets[collection]

    def _named(self, asset: Mapping[str, Any], wanted: str, base: str | None) -> str | None:
        """The asset's href of that name: an alternate's, or its own where that has the name or scheme."""
        choices = list(_choices(asset, base))
        for names, href in choices:
            if wanted.lower() in names:
                self._taken += 1
                return href
        self._others |= {names[0] for names, _ in choices}
        return None


def _choices(asset: Mapping[str, Any], base: str | None) -> Iterator[tuple[list[str], str]]:
    """Names (lower case) and href of each place of an asset: by key, by name, its own, by scheme."""
    own, extra = asset["href"], asset["extra_fields"] or ""
    fields = json.loads(extra) if '"alternate' in extra else {}
    given = fields.get("alternate")
    places = {key: one for key, one in given.items() if _has_href(one)} if isinstance(given, dict) else {}
    hrefs = {key: resolve_href(one["href"], base) for key, one in places.items()}
    if base is not None and is_remote(base):  # as for every other href of a document from the network
        hrefs = {key: href for key, href in hrefs.items() if leads_away(href, base)}
        places = {key: places[key] for key in hrefs}
    yield from (([key.lower()], hrefs[key]) for key in places)
    yield from (([str(one.get("alternate:name", "")).lower()], hrefs[key]) for key, one in places.items()
                if one.get("alternate:name"))  # fmt: skip
    yield [str(fields.get("alternate:name") or scheme(own)).lower(), scheme(own)], own
    yield from (([scheme(href)], href) for href in hrefs.values())


def _has_href(place: Any) -> bool:
    return isinstance(place, Mapping) and isinstance(place.get("href"), str)


def scheme(href: str) -> str:
    """``s3``, ``https``, …; ``file`` for a path."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.\-]*)://", href)
    return match[1].lower() if match else "file"


def _with_alternate(asset: Mapping[str, Any]) -> str:
    """The asset's other fields, with the href that is not taken among its alternates."""
    fields = json.loads(asset["extra_fields"] or "{}")
    given = fields.get("alternate")
    places = given if isinstance(given, dict) else {}
    name = str(fields.get("alternate:name") or scheme(asset["href"]))
    return json_text({**fields, "alternate": {name: {"href": asset["href"]}, **places}})


def by_rule(href: str, rules: Mapping[str, str]) -> str | None:
    """``href`` with its prefix replaced, the longest of ``rules`` that it has; None where it has none."""
    prefix = max((prefix for prefix in rules if href.startswith(prefix)), key=len, default=None)
    return None if prefix is None else rules[prefix] + href[len(prefix) :]


def common_name(key: str, bands: Mapping[str, str]) -> str | None:
    """The common name that a catalogue's table has for an asset: its key, or one that stands for it."""
    if not bands or key in COMMON_NAMES:
        return key if bands else None
    return next((alias for alias, asset in bands.items() if asset == key and alias in COMMON_NAMES), None)
