"""DuckDB's settings of what may be opened, as values: what the Python connections and the shell share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rasteret_sql.store.access import Access

_TAKEN_FOR_PATH = re.compile(r"/(?:.*?/)?(https?|s3[an]?|gc?s|az|azure|abfss?):/([^/].*)")


def access(
    external: bool, directories: Sequence[str], paths: Sequence[str], disabled: frozenset[str] = frozenset()
) -> Access:
    """The settings as DuckDB gives them.

    DuckDB 1.5 takes a URL for a local path while no extension that reads it is loaded.
    """
    return Access(
        external=external,
        directories=(*directories, *_urls(directories)),
        paths=(*paths, *_urls(paths)),
        disabled=disabled,
    )


def _urls(paths: Sequence[str]) -> Iterator[str]:
    """``https://host/a`` of ``/working/directory/https:/host/a``."""
    for path in paths:
        if match := _TAKEN_FOR_PATH.fullmatch(path):
            yield f"{match[1]}://{match[2]}"
