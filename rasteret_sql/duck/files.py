"""Kernel of cog_files: the files of a glob, an index without STAC."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arguments import texts
from rasteret_sql.store.document import list_files


def cog_files(pattern: pa.Array) -> list[list[dict[str, Any]] | None]:
    """The files of each row's pattern; equal patterns are listed once."""
    patterns = texts(pattern, "pattern")
    listed = {name: list_files(name) for name in dict.fromkeys(patterns) if name is not None}
    return [
        None if name is None else [asdict(entry) for entry in listed[name]] for name in patterns
    ]
