"""Servers that cannot, will not or do not do what they are asked: it is done here, and said."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from rasteret_sql.errors import (
    AccessError,
    ArgumentError,
    RasteretError,
    RasteretWarning,
    UnsupportedError,
)  # fmt: skip
from rasteret_sql.stac.search.search import SearchRequest, search

from .archive_api import START, ArchiveApi, items_at
from .searching import always, failing, ids_of
from .serving import Answer, Asked, Server, api, item, page, serving

FOUR = [
    item("a", gsd=10, datetime="2024-01-04T00:00:00Z", **{"eo:cloud_cover": 5}),
    item("b", gsd=20, datetime="2024-01-02T00:00:00Z", **{"eo:cloud_cover": 15}),
    item("c", gsd=30, datetime="2024-01-03T00:00:00Z", **{"eo:cloud_cover": 80}),
    item("d", datetime="2024-01-01T00:00:00Z"),
]


def noticed(server: Server, **arguments: Any) -> tuple[list[str], list[str]]:
    """Ids of a search, and what it says beside them, with the address of the server as HOST."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = ids_of(server.url + "/", **arguments)
    assert all(warning.category is RasteretWarning for warning in caught)
    return found, [str(warning.message).replace(server.url, "HOST") for warning in caught]


def test_a_filter_without_the_extension_is_applied_here() -> None:
    with serving(api(search=always(page(*FOUR)))) as server:
        assert noticed(server, filter="cloud_cover < 20 OR gsd > 25") == (
            ["a", "b", "c"],
            ["stac_search: STAC API HOST/ has no 'filter' extension: filter 'cloud_cover < 20 OR gsd > 25' "
             "is applied here, to all items that come without it"],
        )  # fmt: skip
        assert "filter" not in server.asked[-1].body
        assert noticed(server, filter="cloud_cover > 1", max_items=2)[0] == ["a", "b"]


def test_the_query_extension_gets_its_part_of_a_filter() -> None:
    with serving(api("query", search=always(page(*FOUR)))) as server:
        found, said = noticed(server, filter="cloud_cover < 20 AND (gsd = 20 OR id = 'd') AND gsd < 40")
        assert server.asked[-1].body["query"] == {"eo:cloud_cover": {"lt": 20}, "gsd": {"lt": 40}}
    assert found == ["b"]
    assert said[0] == (
        "stac_search: STAC API HOST/ has no 'filter' extension, and 'query' cannot say all of it: a part of "
        "filter \"cloud_cover < 20 AND (gsd = 20 OR id = 'd') AND gsd < 40\" is applied here, to all items "
        "that come without it"
    )


def test_a_filter_that_is_refused_is_sent_as_far_as_every_server_understands_it() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if "like" in json.dumps(asked.body["filter"]):
            return Answer(status=400, body={"description": "like is not implemented"})
        return Answer(body=page(*FOUR[:3]))

    with serving(api("filter", "cql2-json", search=answer)) as server:
        found, said = noticed(server, filter="gsd < 25 AND collection LIKE 'sc%'")
        assert server.asked[-1].body["filter"] == {"op": "<", "args": [{"property": "gsd"}, 25]}
    assert found == ["a", "b"]
    assert said[0].startswith(
        "stac_search: STAC API HOST/search answered 400 Bad Request: like is not implemented: a part of "
    )


def test_a_refusal_that_is_no_question_of_ability_stays_one() -> None:
    refused = api("filter", "cql2-json", search=always(Answer(status=400, body={"description": "no"})))
    assert failing(refused, ArgumentError, filter="gsd < 1", page_size=10) == (
        "STAC API HOST/search answered 400 Bad Request: no"
    )


def test_a_function_that_nobody_knows() -> None:
    assert failing(api(search=always(page())), UnsupportedError, filter="foo(gsd) = 1") == (
        "STAC API HOST/ has no 'filter' extension, and foo is not a function of CQL2 that could be applied "
        "here, in filter 'foo(gsd) = 1': put the condition in WHERE on the result"
    )


@pytest.mark.parametrize("extensions", [(), ("sort",)], ids=["cannot", "does not"])
def test_an_order_that_does_not_come_is_made_here(extensions: tuple[str, ...]) -> None:
    with serving(api(*extensions, search=always(page(*FOUR)))) as server:
        found, said = noticed(server, sortby="datetime", max_items=2)
        assert noticed(server, sortby="cloud_cover")[0] == ["a", "b", "c", "d"]
        assert noticed(server, sortby="-cloud_cover,id")[0] == ["c", "b", "a", "d"]
    assert found == ["d", "b"]
    why = "sorts otherwise than asked" if extensions else "has no 'sort' extension"
    assert said == [
        f"stac_search: STAC API HOST/ {why}: all items are fetched and sorted here by properties.datetime, "
        "and then cut to max_items := 2",
        "stac_search: cut to max_items := 2, but 4 items match",
    ]


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ({"ids": ["b", "x"]}, ["b"]),
        ({"collections": ["others"]}, []),
        ({"datetime": "2024-01-02/2024-01-03"}, ["b", "c"]),
        ({"bbox": [0, 0, 1, 1]}, []),
        ({"bbox": [170, 50, 368, 52]}, ["a", "b", "c", "d"]),
        ({"intersects": {"type": "Point", "coordinates": [7.5, 51.6]}}, []),
        ({"filter": "gsd < 40"}, ["a", "b", "c", "d"]),  # d does not say, its server may know
        ({"filter": "gsd > 10"}, ["b", "c"]),  # but this one does not look at all
        ({"datetime": "2024-01-01/..", "max_items": 1}, ["a"]),
    ],
)
def test_what_comes_without_being_asked_for_is_left_out(arguments: dict[str, Any], ids: list[str]) -> None:
    with serving(api("filter", "cql2-json", search=always(page(*FOUR)))) as server:
        found, said = noticed(server, **arguments)
    assert found == ids
    name = next(iter(arguments))
    if len(found) < 4 and "max_items" not in arguments:
        assert said == [
            f"stac_search: STAC API HOST/ gives items that do not match {name} := {LEFT_OUT[name]}; they are "
            "left out here"
        ]


LEFT_OUT = {
    "ids": "['b', 'x'], such as item 'a'",
    "collections": "['others'], such as item 'a' of collection 'scenes'",
    "datetime": "2024-01-02T00:00:00Z/2024-01-03T23:59:59.999999Z, such as item 'a' of 2024-01-04T00:00:00Z",
    "bbox": "[0.0, 0.0, 1.0, 1.0], such as item 'a' with the bounds 7.5, 51.5, 7.5, 51.5",
    "intersects": "a geometry, such as item 'a' with the bounds 7.5, 51.5, 7.5, 51.5",
    "filter": "gsd > 10, such as item 'a'",
}


def named(identity: str, **members: Any) -> dict[str, Any]:
    """An item whose members are replaced; None takes one away."""
    changed = item(identity) | members
    return {key: value for key, value in changed.items() if value is not None}


@pytest.mark.parametrize(
    ("found", "asked"),
    [
        (named("a", collection=None), "scenes"),
        (named("a", collection=""), "scenes"),
        (named("a", collection="Scenes"), "scenes"),
        (named("a", collection="HLSS30_2.0"), "HLSS30.v2.0"),
        (named("a", collection="sentinel_2_l2a"), "sentinel-2-l2a"),
        (
            named(
                "a", collection="C1", links=[{"rel": "collection", "href": "/collections/HLSS30.v2.0?f=json"}]
            ),
            "HLSS30.v2.0",
        ),
    ],
    ids=["none", "empty", "case", "version", "signs", "link"],
)
def test_a_collection_by_another_name_is_kept(found: dict[str, Any], asked: str) -> None:
    with serving(api(search=always(page(found)))) as server:
        assert noticed(server, collections=[asked]) == (["a"], [])


@pytest.mark.parametrize("other", ["landsat-c2-l1", "landsat-c2-l22", "S2", 7])
def test_another_collection_is_left_out_and_named(other: Any) -> None:
    with serving(
        api(search=always(page(named("a", collection=other), named("b", collection="landsat-c2-l2"))))
    ) as server:
        found, [said] = noticed(server, collections=["landsat-c2-l2"])
    assert found == ["b"]
    assert f"collections := ['landsat-c2-l2'], such as item 'a' of collection {other!r}" in said


# Servers that refuse POST


@pytest.mark.parametrize("status", [403, 405, 501])
@pytest.mark.parametrize("methods", [("POST",), ("GET", "POST")])
def test_a_search_that_post_refuses_is_asked_by_get_with_all_it_has(
    status: int, methods: tuple[str, ...]
) -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        return Answer(status=status) if asked.method == "POST" else Answer(body=page(*FOUR[:1]))

    triangle = {"type": "Polygon", "coordinates": [[[7, 51], [8, 51], [8, 52], [7, 51]]]}
    extensions = ("filter", "cql2-json", "cql2-text", "sort")
    with serving(api(*extensions, search=answer, methods=methods)) as server:
        for _ in range(2):
            found, said = noticed(
                server,
                collections=["scenes", "others"],
                intersects=triangle,
                datetime="2024-01-01/2024-06-30",
                filter="cloud_cover < 20",
                sortby="-datetime,gsd",
                page_size=7,
            )
            assert (found, said) == (["a"], [])
        assert [asked.method for asked in server.asked] == ["GET", "POST", "GET", "GET"]
        query = {key: value for key, [value] in parse_qs(urlsplit(server.asked[-1].path).query).items()}
    assert json.loads(query.pop("intersects")) == triangle
    assert query == {
        "collections": "scenes,others",
        "datetime": "2024-01-01T00:00:00Z/2024-06-30T23:59:59.999999Z",
        "filter": "eo:cloud_cover < 20",
        "filter-lang": "cql2-text",
        "sortby": "-properties.datetime,+properties.gsd",
        "limit": "7",
    }


def test_a_search_that_both_methods_refuse_says_what_post_was_told() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        return Answer(status=403 if asked.method == "POST" else 404, body={"description": asked.method})

    assert failing(api(search=answer), AccessError) == "STAC API HOST/search answered 403 Forbidden: POST"


@pytest.mark.parametrize("status", [403, 405, 501])
@pytest.mark.parametrize("way", ["link", "body", "body of its own"])
def test_a_later_page_that_post_refuses_is_asked_by_get(status: int, way: str) -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        query = parse_qs(urlsplit(asked.path).query)
        if asked.method == "POST" and "token" in asked.body:
            return Answer(status=status)
        at = int(query.get("token", ["0"])[0])
        post: dict[str, Any] = {
            "href": f"{server.url}/search",
            "method": "POST",
            "body": {"token": str(at + 1)},
        }
        if way == "body":
            post["merge"] = True
            assert at == 0 or query["collections"] == ["scenes"]
        made = page(FOUR[at], next=post if at < 3 else None)
        if way == "link" and at < 3:
            made["links"].append({"rel": "next", "href": f"{server.url}/search?token={at + 1}"})
        return Answer(body=made)

    with serving(api(search=answer)) as server:
        assert noticed(server, collections=["scenes"]) == (["a", "b", "c", "d"], [])
        assert [asked.method for asked in server.asked] == ["GET", "POST", "POST", "GET", "GET", "GET"]


def test_a_later_page_that_only_post_can_ask_for_names_the_way_out() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if "token" in asked.body:
            return Answer(status=405)
        link = {"href": f"{server.url}/search", "method": "POST", "body": {"token": "2"}, "merge": True}
        return Answer(body=page(*FOUR[:2], next=link))

    point = {"type": "Point", "coordinates": [7.5, 51.5]}
    assert failing(api(search=answer), RasteretError, intersects=point) == (
        "STAC search at HOST/search: the next link of page 1 cannot be followed, after 2 items: STAC API "
        "HOST/search answered 405 Method Not Allowed. It asks for POST, which the server refuses, and GET is "
        "refused too or cannot say the same: search without filter, intersects and sortby, or with a larger "
        "page_size; max_items := … takes the items before"
    )


# Servers that refuse large pages


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "limit must be at most 100"), (400, "too large"), (413, ""), (422, "limit: at most 100"),
        (500, "Internal Server Error"), (502, "Bad Gateway"), (504, "timed out"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("no_retries")
def test_a_refused_page_names_the_way_out(status: int, said: str) -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if asked.body["limit"] > 100:
            return Answer(status=status, body={"description": said})
        return Answer(body=page(*FOUR))

    with serving(api(search=answer)) as server:
        with pytest.raises(RasteretError) as error:
            ids_of(server.url + "/")
        assert ids_of(server.url + "/", page_size=100) == ["a", "b", "c", "d"]
    assert str(error.value).endswith(
        "; a page of 200 items was asked for: if that is more than the server gives, page_size := 100 asks "
        "for less"
    )


@pytest.mark.parametrize("said", ["cql2: unknown function foo", "body.bbox: wrong", "no such collection"])
def test_a_refusal_of_another_argument_is_not_blamed_on_the_page(said: str) -> None:
    told = failing(api(search=always(Answer(status=400, body={"description": said}))), ArgumentError)
    assert told == f"STAC API HOST/search answered 400 Bad Request: {said}"


def test_a_notice_comes_once_a_search_and_again_with_the_next() -> None:
    api_of_many = ArchiveApi(items_at([START] * 60), "query")
    with serving(api_of_many) as server:
        for _ in range(2):
            assert len(noticed(server, filter="gsd IS NULL", page_size=10)[1]) == 1


def test_sql_in_properties_is_a_text_like_any_other() -> None:
    evil = "'); DROP TABLE idx; --"
    quoted = "'" + evil.replace("'", "''") + "'"
    handler = api(search=always(page(item("a", platform=evil, title="{{ 1 + 1 }}"), item("b", platform="x"))))
    with serving(handler) as server, pytest.warns(RasteretWarning):
        [row] = search(SearchRequest(catalog=server.url + "/", filter=f"platform = {quoted}"))
    assert row["platform"] == evil


# rustac's server: one that answers everything, whatever was asked


@pytest.fixture(scope="module")
def rustac(stac_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("rustac")
    program = Path(sys.executable).with_name("rustac")
    if not program.exists():
        pytest.skip("rustac is not installed")
    collection = stac_data / "rustac/earth-search-s2-c1-collection.json"
    items = stac_data / "rustac/earth-search-s2-c1-item-collection.json"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [program, "serve", "--addr", address, collection, items], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://{address}/", timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://{address}"
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait()


def test_an_api_that_ignores_what_it_does_not_know(rustac: str, stac_data: Path) -> None:
    path = stac_data / "rustac/earth-search-s2-c1-item-collection.json"
    items = json.loads(path.read_text())["features"]
    covers = {i["id"]: i["properties"]["eo:cloud_cover"] for i in items}
    clear = sorted(identity for identity, cover in covers.items() if cover < 20)
    assert 0 < len(clear) < len(items)
    assert sorted(ids_of(rustac)) == sorted(covers)
    with pytest.warns(RasteretWarning, match="has no 'filter' extension"):
        assert sorted(ids_of(rustac, filter="cloud_cover < 20", page_size=4)) == clear
    with pytest.warns(RasteretWarning, match="has no 'sort' extension"):
        found = ids_of(rustac, sortby="-cloud_cover,id")
    assert found == sorted(covers, key=lambda identity: (-covers[identity], identity))
    assert ids_of(rustac, ids=clear[:1]) == clear[:1]
    assert ids_of(rustac, datetime="1999") == []
