"""Which documents a place stands for: itself, the files that match a pattern, or those of a folder."""

from __future__ import annotations

import os
import re

from rasteret_sql.errors import NotFoundError
from rasteret_sql.store.address import family_of, is_chain, parse_address
from rasteret_sql.store.documents import list_files
from rasteret_sql.store.redact import display_href

ROOTS = ("catalog.json", "collection.json")
"""A folder that has one of them is what it links to."""
NAMES = "*.json, *.geojson, *.ndjson, *.jsonl, *.parquet and *.geoparquet, gzipped or not"
_DOCUMENT = re.compile(
    r"\.(json|geojson|nd(geo)?json|(geo)?jsonl|geojsons|(geo)?parq(uet)?)(\.gz)?$", re.IGNORECASE
)
_HIDDEN = re.compile(r"(^|/)[._]")
_WILD = re.compile(r"[*\[]|\?(?!\w+=)")
"""Signs of a pattern; a question mark before a key and '=' begins a query."""


def documents(href: str) -> list[str]:
    """The documents that ``href`` stands for, sorted by path.

    A pattern (``*``, ``**``, ``?``, ``[…]``) is every file that matches. A folder (a local one, or a URL that
    ends in ``/``) is its ``catalog.json`` or ``collection.json``, else every document in it and in the
    folders below; names that begin with ``.`` or ``_`` are left out. Servers of http have no lists, and
    chains of fsspec are opened as they are. Raises ``NotFoundError`` where there is nothing.
    """
    family = family_of(href)
    if family == "http" or is_chain(href):
        return [href]
    is_local = family == "local"
    path = parse_address(href).key if is_local else href
    is_folder = os.path.isdir(path) if is_local else href.endswith("/")
    if is_folder:
        return _of_folder(href)
    if not _WILD.search(href) or (is_local and os.path.exists(path)):
        return [href]
    files = [entry.href for entry in list_files(href)]
    if not files:
        raise NotFoundError(f"{display_href(href)}: no file matches this pattern")
    return files


def _of_folder(href: str) -> list[str]:
    folder = href.rstrip("/") or "/"
    pattern = re.sub(r"([*?\[])", r"[\1]", folder)  # its own signs are letters
    base = _bare(parse_address(folder).key if family_of(folder) == "local" else folder)
    files = {_bare(entry.href)[len(base) :].lstrip("/"): entry.href for entry in list_files(f"{pattern}/**")}
    for name in ROOTS:
        if name in files:
            return [files[name]]
    documents = [file for path, file in files.items() if _DOCUMENT.search(path) and not _HIDDEN.search(path)]
    if not documents:
        raise NotFoundError(f"{display_href(href)}: no STAC document is in this folder or below ({NAMES})")
    return documents


def _bare(href: str) -> str:
    return re.sub(r"^[A-Za-z][A-Za-z0-9+.\-]*://", "", href).lstrip("/")
