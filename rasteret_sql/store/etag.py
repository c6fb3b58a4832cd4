"""Entity tags: whether two of them stand for one content (RFC 9110, 8.8.3)."""

from __future__ import annotations

import re
from typing import Final

OPAQUE: Final = r'^\s*(?:[Ww]/)?"?(.*?)(?:(?:--?|;)gzip|-br)?"?\s*$'
"""Group 1 is what weak comparison looks at, for Python and DuckDB alike. A proxy or CDN that may compress
turns a tag weak (nginx), or puts the coding after it (Apache ``-gzip`` and ``-br``, Jetty ``--gzip``); some
listings leave the quotes out."""
_OPAQUE = re.compile(OPAQUE)
_EMPTY = frozenset({"", '""', 'W/""', 'w/""', "W/"})


def opaque(tag: str) -> str:
    """The tag without weakness, quotes and coding."""
    match = _OPAQUE.match(tag)
    return match[1] if match else tag


def same(a: str, b: str) -> bool:
    """Weak comparison. It leaves lengths aside, which are compared too wherever this is asked."""
    return a == b or opaque(a) == opaque(b)


def etag_or_none(value: object) -> str | None:
    """The tag as the store gives it; None for the empty one of a server that has none."""
    tag = str(value) if value else ""
    return None if tag.strip() in _EMPTY else tag
