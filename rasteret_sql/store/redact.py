"""Addresses without their secrets, for messages and logs."""

from __future__ import annotations

import re
from functools import lru_cache

from rasteret_sql import redaction
from rasteret_sql.store.gdal_path import shown

LONGEST_PLACE = 300
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters: ends of lines, and what turns the direction of text."""


@lru_cache(maxsize=4096)
def redact(url: str) -> str:
    """``url`` as ``redaction.redact`` has it; of GDAL's ``/vsicurl?…&url=…`` only the URL."""
    bare = url.strip()
    return redaction.redact(shown(bare) if bare else url)


def display_href(href: str) -> str:
    """How a message names a file: redacted, on one line, and cut in the middle where it is endless."""
    text = _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], redact(href))
    if len(text) > LONGEST_PLACE:
        half = LONGEST_PLACE // 2
        text = f"{text[:half]}…{text[-half:]}"
    return text
