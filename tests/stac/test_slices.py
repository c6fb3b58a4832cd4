"""A large search is cut along time and paged at once: every item once, in order, in bounded memory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from rasteret_sql.errors import RasteretWarning
from rasteret_sql.settings import configure
from rasteret_sql.stac.search.search import SearchRequest, search

from .archive_api import START, ArchiveApi, days, items_at
from .searching import ids_of
from .serving import Server, serving


@contextmanager
def archive(api: ArchiveApi) -> Iterator[Server]:
    with serving(api) as server:
        yield server


def requests_of(server: Server) -> int:
    return sum(asked.path == "/search" for asked in server.asked)


@pytest.mark.parametrize(("count", "requests"), [(20, 1), (90, 5), (100, 5)])
def test_a_small_search_is_not_cut(count: int, requests: int) -> None:
    api = ArchiveApi(items_at(days(count)))
    with archive(api) as server:
        assert ids_of(server.url + "/", page_size=20) == [i["id"] for i in api.items]
        assert requests_of(server) == requests
        assert api.most_together == 1


@pytest.mark.parametrize(
    ("sortby", "datetime"),
    [(None, None), ("datetime", None), ("-datetime", "2024"), (None, "2024-01-10/..")],
)
def test_a_large_search_gives_what_page_after_page_gives(sortby: str | None, datetime: str | None) -> None:
    """Many items share a moment, so that cuts fall on them, and some days are crowded."""
    draw = random.Random(7)
    moments = [START + timedelta(days=draw.choice((0, 1, 2, 40, 41, 300, 364))) for _ in range(100)]
    moments += [START + timedelta(seconds=draw.randrange(365 * 86400)) for _ in range(250)]
    api = ArchiveApi(items_at(moments))
    with archive(api) as server:
        arguments: dict[str, Any] = {"sortby": sortby, "datetime": datetime, "page_size": 20}
        cut = ids_of(server.url + "/", **arguments)
        assert api.most_together > 1
        configure(stac_concurrency=1)
        try:
            page_after_page = ids_of(server.url + "/", **arguments)
        finally:
            configure(stac_concurrency=None)
    assert cut == page_after_page
    assert len(cut) == len(set(cut)) >= 280


def test_ten_thousand_items_are_paged_at_once_within_the_limit() -> None:
    api = ArchiveApi(items_at(days(10_000, hours=0.5)))
    configure(stac_concurrency=3)
    try:
        with archive(api) as server:
            request = SearchRequest(catalog=server.url + "/", page_size=1000, datetime="2024")
            taken, most_ahead = 0, 0
            for _ in search(request):
                taken += 1
                if taken % 500 == 0:
                    most_ahead = max(most_ahead, requests_of(server) - taken // 1000)
            assert taken == 10_000
            assert 2 <= api.most_together <= 3
            assert requests_of(server) <= 30
    finally:
        configure(stac_concurrency=None)
    assert most_ahead < 25  # what is fetched waits to be taken: no more than a few slices do


def test_max_items_takes_the_newest_of_a_large_search_and_says_so() -> None:
    api = ArchiveApi(items_at(days(400)))
    with archive(api) as server:
        with pytest.warns(RasteretWarning, match=r"150, but 400 items match$"):
            found = ids_of(server.url + "/", page_size=20, max_items=150)
        assert requests_of(server) <= 20
        assert api.together == 0  # nothing is on its way any more
    assert found == [i["id"] for i in api.items[:150]]


def test_what_slices_do_not_find_is_fetched_page_after_page() -> None:
    """Without 'sort' nobody knows where time begins; with it, an item may lie outside of what it says."""
    without_sort = ArchiveApi(items_at(days(200)), "query")
    ranged = items_at(days(200))
    for number in (3, 150):
        about = ranged[number]["properties"]
        about |= {"start_datetime": about["datetime"], "end_datetime": about["datetime"]}
    for api in (without_sort, ArchiveApi(ranged), ArchiveApi(ranged, matched=False)):
        with archive(api) as server:
            assert ids_of(server.url + "/", page_size=20) == [i["id"] for i in api.items]
