"""Searches that were once sent to public APIs, answered by what those APIs answered then."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from rasteret_sql.errors import NotFoundError, RasteretWarning
from rasteret_sql.stac.items.static import read
from rasteret_sql.stac.search.search import SearchRequest, search

from .replay import Exchange, Replay, key, local_path, recorded
from .serving import Server, serving

PLANETARY_COMPUTER = "planetarycomputer.microsoft.com/api/stac/v1"
EARTH_SEARCH = "earth-search.aws.element84.com/v1"
READABLE = {"collections", "ids", "bbox", "intersects", "datetime", "limit"}


@pytest.fixture(scope="module")
def replay(stac_data: Path) -> Replay:
    return Replay(recorded(stac_data / "pystac-client"))


@pytest.fixture(scope="module")
def server(replay: Replay) -> Iterator[Server]:
    with serving(replay) as running:
        yield running


def searches(replay: Replay) -> Iterator[tuple[str, Exchange]]:
    """The first request of every recorded search that has only arguments of item search, and its API."""
    for exchange in replay.by_key.values():
        api, _, rest = local_path(exchange["uri"]).rpartition("/search")
        has_landing = any(key("GET", api + slash, None) in replay.by_key for slash in ("", "/"))
        if (
            exchange["method"] == "POST"
            and not rest
            and has_landing
            and set(exchange["req_body"]) <= READABLE
        ):
            yield api, exchange


def test_every_recorded_search_gives_what_was_recorded(replay: Replay, server: Server) -> None:
    count = pages = 0
    for api, first in searches(replay):
        if "/v0" in api:  # its landing page offers no POST, and only POST was recorded
            continue
        chain = list(replay.chain(first))
        expected = [item["id"] for exchange in chain for item in exchange["json"]["features"]]
        about: dict[str, Any] = dict(first["req_body"])
        ends = not any(link["rel"] == "next" for link in chain[-1]["json"]["links"])
        slash = "" if key("GET", api, None) in replay.by_key else "/"
        request = SearchRequest(
            catalog=server.url + api + slash,
            page_size=about.pop("limit", None),
            max_items=None if ends else len(expected),
            **about,
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* cut to max_items", RasteretWarning)
            assert [row["id"] for row in search(request)] == expected
        count, pages = count + 1, pages + len(chain)
    assert count >= 8
    assert pages > count


def test_a_search_that_pages_to_its_end(server: Server) -> None:
    request = SearchRequest(
        catalog=f"{server.url}/{EARTH_SEARCH}",
        collections=["sentinel-2-l2a", "landsat-c2-l2"],
        intersects={"type": "Point", "coordinates": [-105.1019, 40.1672]},
        datetime="2023-10-08T00:00:00Z/2023-10-08T23:59:59Z",
    )
    assert [row["id"] for row in search(request)] == [
        "S2A_13TDE_20231008_0_L2A",
        "LC08_L2SP_033032_20231008_02_T1",
    ]


def test_what_the_server_says_of_what_it_does_not_have(server: Server) -> None:
    with pytest.raises(NotFoundError) as error:
        next(search(SearchRequest(catalog=f"{server.url}/{EARTH_SEARCH}/collections/foo/items")))
    assert str(error.value) == (
        f"STAC API {server.url}/{EARTH_SEARCH}/collections/foo/items answered 404 Not Found: "
        f"not recorded: GET /{EARTH_SEARCH}/collections/foo/items"
    )


def test_a_static_catalogue_is_crawled_over_http(server: Server) -> None:
    root = f"{server.url}/raw.githubusercontent.com/stac-utils/pystac/v1.9.0/docs/example-catalog"
    rows = list(read(f"{root}/catalog.json"))
    assert [row["self_href"].removeprefix(root) for row in rows] == [
        "/landsat-8-l1/2018-06/LC80140332018166LGN00.json",
        "/landsat-8-l1/2018-05/LC80150322018141LGN00.json",
        "/landsat-8-l1/2018-07/LC80150332018189LGN00.json",
        "/landsat-8-l1/2018-06/LC80300332018166LGN00.json",
    ]
    assert {row["collection"] for row in rows} == {"landsat-8-l1"}


def test_an_apis_items_are_paged_as_far_as_they_are_taken(server: Server) -> None:
    rows = islice(
        read(f"{server.url}/{PLANETARY_COMPUTER}/collections/aster-l1t/items?collections=aster-l1t"), 10
    )
    assert len({row["id"] for row in rows}) == 10
