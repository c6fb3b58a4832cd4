"""Searches of a served API, in a line each."""

from __future__ import annotations

from typing import Any

import pytest

from rasteret_sql.errors import RasteretError
from rasteret_sql.stac.search.search import SearchRequest, search

from .serving import Answer, Handler, item, page, serving

ONE = page(item("a"))


def ids_of(catalog: str, **arguments: Any) -> list[str]:
    return [row["id"] for row in search(SearchRequest(catalog=catalog, **arguments))]


def always(answer: Any) -> Handler:
    return lambda server, asked: answer if isinstance(answer, Answer) else Answer(body=answer)


def failing(handler: Handler, error: type[RasteretError], **arguments: Any) -> str:
    """The message of a search that fails, with the address of the server as HOST."""
    with serving(handler) as server:
        with pytest.raises(error) as caught:
            ids_of(server.url + "/", **arguments)
        return str(caught.value).replace(server.url, "HOST")
