"""The user's own catalogues, in TOML: a table a catalogue, named by its id.

    ["ours/scenes"]
    endpoint = "https://stac.example.com/v1"
    collection = "scenes"
    title = "Our scenes"
    licence = "CC-BY-4.0"
    auth = "none"
    bands = { red = "B04", nir = "B08" }
    alternate = "s3"
    href_rules = { "https://login.example.com/data/" = "s3://ours/" }

The file is ``$RASTERET_CATALOGS``, else ``$XDG_CONFIG_HOME/rasteret/catalogs.toml``, where XDG_CONFIG_HOME
is ``~/.config`` unless it is set (XDG Base Directory Specification).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rasteret_sql.errors import ArgumentError
from rasteret_sql.stac.values import short

VARIABLE = "RASTERET_CATALOGS"
TEXTS = ("endpoint", "collection", "title", "licence", "auth", "alternate")
TABLES = {
    "bands": 'asset keys by name, such as { nir = "B08" }',
    "href_rules": 'URL prefixes by URL prefix, such as { "https://host/data/" = "s3://bucket/" }',
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One catalogue of a file."""

    path: str
    fields: Mapping[str, Any]
    """Arguments of ``Catalog``."""


def entries(environ: Mapping[str, str]) -> dict[str, Entry]:
    """The catalogues of the user's file by id; none where there is no file.

    Raises ``ArgumentError`` with the file and the key for what cannot be read, and when the file that the
    variable names is not there. A file is read again when it has changed.
    """
    path, is_named = _path(environ)
    try:
        about = path.stat()
    except OSError as error:
        if not is_named:
            return {}
        raise ArgumentError(f"{VARIABLE} names {path}, which cannot be read ({error.strerror})") from error
    return dict(_read(path, about.st_mtime_ns, about.st_size))


def _path(environ: Mapping[str, str]) -> tuple[Path, bool]:
    named = environ.get(VARIABLE)
    if named:
        return Path(named).expanduser(), True
    base = environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if base.startswith("/") else Path(environ.get("HOME") or "~").expanduser() / ".config"
    return folder / "rasteret" / "catalogs.toml", False


@lru_cache(maxsize=4)
def _read(path: Path, modified: int, size: int) -> Mapping[str, Entry]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArgumentError(f"{path}: not TOML that can be read: {error}") from error
    return {id: Entry(path=str(path), fields=_fields(table, path, id)) for id, table in tables.items()}


def _fields(table: Any, path: Path, id: str) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise _wrong(path, id, None, 'a table such as ["ours/scenes"]', table)
    for key, value in table.items():
        if key in TABLES:
            if not (isinstance(value, dict) and all(isinstance(text, str) for text in value.values())):
                raise _wrong(path, id, key, TABLES[key], value)
        elif key not in TEXTS:
            raise _wrong(path, id, key, f"one of {', '.join((*TEXTS, *TABLES))}", key)
        elif not isinstance(value, str):
            raise _wrong(path, id, key, "text", value)
    if "endpoint" not in table:
        raise ArgumentError(f'{path}: ["{id}"] has no endpoint, the URL of its STAC API')
    return dict(table)


def _wrong(path: Path, id: str, key: str | None, expected: str, value: Any) -> ArgumentError:
    place = f'["{id}"]' if key is None else f'["{id}"] {key}'
    return ArgumentError(f"{path}: {place}: expected {expected}, found {short(value)}")
