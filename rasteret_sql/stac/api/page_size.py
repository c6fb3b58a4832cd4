"""What to do where a server refuses pages as large as were requested."""

from __future__ import annotations

import re

from rasteret_sql.errors import RasteretError
from rasteret_sql.stac.api.errors import reworded

SMALL = 10
"""A server that refuses a page of so few items has another reason."""
_TOO_LARGE = frozenset({413, 414, 502, 504})
"""What servers and the gateways before them answer when a page is too large or takes too long."""
_MAYBE = frozenset({400, 422, 500})
"""A refusal for any reason, unless the server's words name another argument."""
_OF_SIZE = re.compile(
    r"\b(limits?|page|pages|size|sizes|large|larger|big|exceed\w*|max\w*|payload)\b",
    re.IGNORECASE,
)
_OF_ARGUMENTS = re.compile(
    r"\b(filter\w*|cql\w*|bbox|intersects|datetime|date|sort\w*|collections?|ids?|query|token|function|"
    r"property|propert\w+|operator|geometr\w+|implemented)\b",
    re.IGNORECASE,
)


def with_advice(error: RasteretError, limit: int | None) -> RasteretError:
    """``error``, and how to ask for smaller pages where that may be the reason for it.

    A server that names another argument in its refusal is not given this advice.
    """
    if error.status is None or limit is None or limit <= SMALL:
        return error
    reason = str(error).partition(": ")[2]
    about_size = bool(_OF_SIZE.search(reason)) or not _OF_ARGUMENTS.search(reason)
    if error.status not in _TOO_LARGE and not (error.status in _MAYBE and about_size):
        return error
    smaller = max(SMALL, min(100, limit // 2))
    return reworded(
        error,
        f"{str(error).rstrip('.')}; a page of {limit:,} items was asked for: if that is more than the server "
        f"gives, page_size := {smaller} asks for less",
    )
