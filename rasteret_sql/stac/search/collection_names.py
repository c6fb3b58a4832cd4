"""Whether an item belongs to a collection, by all the names that catalogues have for one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from rasteret_sql.stac.links import has_href, has_rel, links_of


def is_of(item: Mapping[str, Any], asked: Iterable[str]) -> bool | None:
    """Whether ``item`` is of one of the collections; None where it does not say, as STAC allows.

    Letters' case, signs between words and the ``v`` of a version make no difference: an API that is asked for
    ``HLSS30.v2.0`` may name it ``HLSS30_2.0`` in the items. The link to an item's collection counts too.
    """
    named = item.get("collection")
    if named is None or named == "":
        return None
    wanted = {_plain(name) for name in asked}
    return _plain(str(named)) in wanted or any(_plain(name) in wanted for name in _linked(item))


def _linked(item: Mapping[str, Any]) -> list[str]:
    """The ids at the end of the item's links to its collection."""
    return [
        unquote(re.split(r"[?#]", str(link["href"]), maxsplit=1)[0].rstrip("/").rpartition("/")[2])
        for link in links_of(item)
        if has_href(link) and has_rel(link, "collection")
    ]


def _plain(name: str) -> str:
    folded = name.casefold()
    return re.sub(r"[\W_]", "", re.sub(r"(?<![^\W\d_])v(?=\d)", "", folded)) or folded
