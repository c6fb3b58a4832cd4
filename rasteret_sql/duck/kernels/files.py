"""Kernels on files as they are now: those of a glob (cog_files), and what became of indexed ones."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arguments.arguments import texts
from rasteret_sql.errors import NotFoundError, RasteretError
from rasteret_sql.store.documents import list_files
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.protocol import ByteRange


def cog_files(pattern: pa.Array) -> list[list[dict[str, Any]] | None]:
    """The files of each row's pattern; equal patterns are listed once."""
    patterns = texts(pattern, "pattern")
    listed = {name: list_files(name) for name in dict.fromkeys(patterns) if name is not None}
    return [None if name is None else [asdict(entry) for entry in listed[name]] for name in patterns]


def file_states(href: pa.Array) -> list[dict[str, Any] | None]:
    """What a store says of each file now, from one byte of it; its error where it cannot be read."""
    hrefs = texts(href, "href")
    distinct = [name for name in dict.fromkeys(hrefs) if name is not None]
    states: dict[str, dict[str, Any]] = {}
    for at, answer in fetch([ByteRange(href=name, start=0, length=1) for name in distinct], kind="header"):
        if isinstance(answer, RasteretError):
            states[distinct[at]] = {"missing": isinstance(answer, NotFoundError), "error": str(answer)}
        else:
            states[distinct[at]] = {"missing": False, "size": answer.info.size, "etag": answer.info.etag}
    return [None if name is None else states[name] for name in hrefs]
