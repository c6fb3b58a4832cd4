"""Searching: what is sent, how pages are followed, and many searches at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from rasteret_sql.errors import (
    LimitError,
    MalformedError,
    RasteretError,
    RasteretWarning,
)
from rasteret_sql.settings import configure
from rasteret_sql.stac.api import pages as pages_module
from rasteret_sql.stac.search.search import SearchRequest, search, search_many
from tests.requests_log import newest, since

from .searching import ONE, always, failing, ids_of
from .serving import Answer, Asked, Handler, Server, api, item, landing, page, serving

WITH_PROPERTIES = page(item("a", gsd=1, platform="sentinel-2a", **{"eo:cloud_cover": 5}))


def sent(server: Server) -> Any:
    """Body of the only search."""
    [asked] = [asked for asked in server.asked if asked.path != "/"]
    return asked.body


# What is sent


def test_rows_come_with_relative_hrefs_resolved_against_the_search() -> None:
    with serving(api(search=always(ONE))) as server:
        [row] = search(SearchRequest(catalog=server.url + "/"))
    assert row["assets"]["red"]["href"] == f"{server.url}/red.tif"


def test_the_arguments_are_those_of_item_search() -> None:
    triangle = {"type": "Polygon", "coordinates": [[[7, 51], [8, 51], [8, 52], [7, 51]]]}
    with serving(api("filter", "cql2-json", "sort", search=always(WITH_PROPERTIES))) as server:
        ids_of(
            server.url + "/",
            collections=["scenes"],
            ids=["a"],
            intersects=triangle,
            datetime="2024-01-01/2024-06-30",
            filter="cloud_cover < 20",
            sortby="-cloud_cover",
            page_size=7,
        )
        assert sent(server) == {
            "collections": ["scenes"],
            "ids": ["a"],
            "intersects": triangle,
            "datetime": "2024-01-01T00:00:00Z/2024-06-30T23:59:59.999999Z",
            "filter": {"op": "<", "args": [{"property": "eo:cloud_cover"}, 20]},
            "filter-lang": "cql2-json",
            "sortby": [{"field": "properties.eo:cloud_cover", "direction": "desc"}],
            "limit": 7,
        }


def test_a_bbox_is_sent_as_numbers() -> None:
    with serving(api(search=always(page()))) as server:
        ids_of(server.url + "/", bbox=[170, -20, -170, 60])
        assert sent(server)["bbox"] == [170, -20, -170, 60]


@pytest.mark.parametrize("arguments", [{"ids": []}, {"collections": []}, {"max_items": 0}])
def test_nothing_is_sent_for_what_cannot_match(arguments: dict[str, Any]) -> None:
    with serving(api(search=always(ONE))) as server:
        assert ids_of(server.url + "/", **arguments) == []
        assert server.asked == []


def test_the_landing_page_is_read_once_also_by_many_at_once() -> None:
    with serving(api(search=always(ONE))) as server:
        requests = [SearchRequest(catalog=server.url + "/", ids=["a", str(n)]) for n in range(20)]
        assert search_many(requests) == [[*search(requests[0])]] * 20
        assert [asked.path for asked in server.asked].count("/") == 1


def test_an_api_without_post_is_asked_by_get() -> None:
    with serving(
        api("sort", "filter", "cql2-text", search=always(WITH_PROPERTIES), methods=(None,))
    ) as server:
        ids_of(
            server.url + "/",
            collections=["x", "scenes"],
            filter="cloud_cover < 20",
            sortby="-gsd",
            page_size=5,
        )
        assert server.asked[-1] == Asked(
            method="GET",
            path="/search?limit=5&collections=x%2Cscenes&filter=eo%3Acloud_cover+%3C+20&filter-lang=cql2-text"
            "&sortby=-properties.gsd",
            body=None,
        )


def test_an_api_that_reads_filters_as_text_only_gets_text() -> None:
    with serving(api("filter", "cql2-text", search=always(WITH_PROPERTIES), methods=("POST",))) as server:
        ids_of(server.url + "/", filter="cloud_cover < 20 OR gsd = 1")
        assert sent(server)["filter"] == "eo:cloud_cover < 20 OR gsd = 1"
        assert sent(server)["filter-lang"] == "cql2-text"


def test_an_api_with_the_query_extension_gets_the_filter_in_its_words() -> None:
    with serving(api("query", search=always(WITH_PROPERTIES))) as server:
        ids_of(server.url + "/", filter="cloud_cover < 20 AND platform = 'sentinel-2a'")
        assert sent(server)["query"] == {"eo:cloud_cover": {"lt": 20}, "platform": {"eq": "sentinel-2a"}}
        assert "filter" not in sent(server)


def test_every_request_is_metered() -> None:
    before = newest()
    with serving(api(search=always(ONE))) as server:
        ids_of(server.url + "/")
        records = since(before)
        assert [(record.kind, record.url.replace(server.url, "")) for record in records] == [
            ("stac", "/"), ("stac", "/search"),
        ]  # fmt: skip
        assert records[1].byte_count == len(json.dumps(ONE))


# Pages


def paging(pages: dict[str | None, dict[str, Any]], **next_link: Any) -> Handler:
    """Pages by token; ``pages[token]['to']`` is the token of the next one."""

    def answer(server: Server, asked: Asked) -> Answer:
        token = (asked.body or {}).get("token")
        about = dict(pages[token])
        to = about.pop("to", None)
        body = {"token": to} if next_link.get("merge") else {**(asked.body or {}), "token": to}
        link = {"href": "/search", "method": "POST", "body": body, **next_link}
        return Answer(body={**about, "links": [{"rel": "next", **link}] if to else []})

    return api(search=answer)


@pytest.mark.parametrize("next_link", [{}, {"merge": True}], ids=["body", "merge"])
def test_pages_are_followed_in_order(next_link: dict[str, Any]) -> None:
    pages = {
        None: {**page(item("a"), item("b")), "to": "2"},
        "2": {**page(item("c")), "to": "3"},
        "3": page(item("d")),
    }
    with serving(paging(pages, **next_link)) as server:
        assert ids_of(server.url + "/", collections=["scenes"]) == ["a", "b", "c", "d"]
        assert [asked.body["collections"] for asked in server.asked[1:]] == [["scenes"]] * 3


def test_pages_by_get() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if "token=2" in asked.path:
            return Answer(body=page(item("b")))
        return Answer(body=page(item("a"), next={"href": f"{server.url}/search?token=2"}))

    with serving(api(search=answer, methods=("GET",))) as server:
        assert ids_of(server.url + "/") == ["a", "b"]


def test_max_items_stops_the_paging() -> None:
    pages = {None: {**page(item("a"), item("b")), "to": "2"}, "2": {**page(item("c"), item("d")), "to": "3"}}
    with serving(paging(pages)) as server:
        with pytest.warns(RasteretWarning, match=r"^stac_search: cut to max_items := 3, but more may match$"):
            assert ids_of(server.url + "/", max_items=3) == ["a", "b", "c"]
        with pytest.warns(RasteretWarning, match=r"^stac_search: cut to max_items := 2, but more may match$"):
            assert ids_of(server.url + "/", max_items=2) == ["a", "b"]
        assert [asked.body["limit"] for asked in server.asked[1:]] == [3, 3, 2]


def test_an_empty_last_page_is_an_end() -> None:
    with serving(paging({None: {**page(item("a")), "to": "2"}, "2": page()})) as server:
        assert ids_of(server.url + "/") == ["a"]


def test_an_empty_page_with_a_next_one_is_not_an_end() -> None:
    pages = {
        None: {**page(), "to": "2"},
        "2": {**page(item("a")), "to": "3"},
        "3": {**page(), "to": "4"},
        "4": ONE | {"features": [item("b")]},
    }
    with serving(paging(pages)) as server:
        assert ids_of(server.url + "/") == ["a", "b"]


def test_empty_pages_without_end() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        number = int((asked.body or {}).get("token", 0)) + 1
        found = [item("a")] if number == 1 else []
        return Answer(
            body=page(*found, next={"href": "/search", "method": "POST", "body": {"token": number}})
        )

    assert failing(api(search=answer), MalformedError) == (
        "STAC search at HOST/search: 11 empty pages in a row, each with a next link, after 1 items"
    )


def test_a_next_link_that_leads_back() -> None:
    pages = {
        None: {**page(item("a")), "to": "2"},
        "2": {**page(item("b")), "to": "3"},
        "3": {**page(item("c")), "to": "2"},
    }
    assert failing(paging(pages), MalformedError) == (
        "STAC search at HOST/search: the next link of page 3 leads back to an earlier page, after 3 items"
        "; max_items := 3 takes the items before"
    )


def test_pages_that_repeat_under_new_tokens() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        number = int((asked.body or {}).get("token", 0)) + 1
        link = {"href": "/search", "method": "POST", "body": {"token": number}}
        return Answer(body=page(item("a"), item("b"), next=link))

    assert failing(api(search=answer), MalformedError) == (
        "STAC search at HOST/search: page 2 repeats an earlier page, after 2 items"
        "; max_items := 2 takes the items before"
    )


@pytest.mark.parametrize("count", [{"numberMatched": 1200}, {"context": {"matched": 1200}}])
@pytest.mark.parametrize(
    ("page_size", "advice"),
    [
        (200, "these are all, if that number is an estimate or was counted earlier"),
        (2, "its last page is as full as was requested, so the server may stop at a limit of its own: narrow "
         "the search (bbox, datetime, collections) to see whether there are more"),
    ],
    ids=["a last page", "a full page"],
)  # fmt: skip
def test_fewer_items_than_the_server_counted_are_all_with_a_notice(
    count: dict[str, Any], page_size: int, advice: str
) -> None:
    handler = api(search=always(page(item("a"), item("b"), **count)))
    with serving(handler) as server, pytest.warns(RasteretWarning) as said:
        assert ids_of(server.url + "/", page_size=page_size) == ["a", "b"]
    assert [str(warning.message).replace(server.url, "HOST") for warning in said] == [
        "stac_search: STAC search at HOST/search: the server says that 1,200 items match, but gave 2 and no "
        f"next page; {advice}"
    ]


def test_an_item_on_two_pages_comes_once_and_counts_once() -> None:
    pages = {
        None: {**page(item("a"), item("b"), numberMatched=4), "to": "2"},
        "2": {**page(item("b"), item("c"), item("c"), numberMatched=4), "to": "3"},
        "3": page(item("c"), item("b") | {"collection": "others"}, numberMatched=4),
    }
    with serving(paging(pages)) as server:
        assert ids_of(server.url + "/") == ["a", "b", "c", "b"]
        with pytest.warns(RasteretWarning, match=r"cut to max_items := 3, but 4 items match"):
            assert ids_of(server.url + "/", max_items=3) == ["a", "b", "c"]


def test_pages_of_one_item_that_come_twice() -> None:
    pages = {
        None: {**page(item("a")), "to": "2"},
        "2": {**page(item("a")), "to": "3"},
        "3": page(item("b")),
    }
    with serving(paging(pages)) as server:
        assert ids_of(server.url + "/", page_size=1) == ["a", "b"]


def test_one_item_without_end() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        number = int((asked.body or {}).get("token", 0)) + 1
        return Answer(
            body=page(item("a"), next={"href": "/search", "method": "POST", "body": {"token": number}})
        )

    assert failing(api(search=answer), MalformedError) == (
        "STAC search at HOST/search: 11 pages without a new item in a row, each with a next link, "
        "after 1 items"
    )


def test_items_without_end() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        number = int((asked.body or {}).get("token", 0)) + 1
        link = {"href": "/search", "method": "POST", "body": {"token": number}}
        return Answer(body=page(*(item(f"{number}-{n}") for n in range(10)), next=link))

    configure(max_search_items=45)
    try:
        told = failing(api(search=answer), LimitError)
    finally:
        configure(max_search_items=None)
    assert told == (
        "STAC search at HOST/search: more than 45 items; narrow the search, or take the first by "
        "max_items := … (setting max_search_items)"
    )


def test_what_was_seen_is_forgotten_late_and_not_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages_module, "REMEMBERED", 4)
    seen = pages_module.Seen()
    first = [item(f"{n}") for n in range(6)]
    assert [i["id"] for i in seen.new(first)] == ["0", "1", "2", "3", "4", "5"]
    assert seen.new(first) == []  # up to twice as many are known
    assert [i["id"] for i in seen.new([item(f"{n}") for n in range(4, 10)])] == ["6", "7", "8", "9"]
    assert [i["id"] for i in seen.new([item("0"), item("7")])] == ["0"]
    assert seen.count == 11


@pytest.mark.parametrize("features", [None, [None, item("a")], [item("a"), "b", 7]])
def test_features_that_are_none_are_left_out_with_a_notice(features: Any) -> None:
    answer = {"type": "FeatureCollection", "features": features, "links": []}
    told = r"page 1 has .* its 'features', which is left out$"
    with serving(api(search=always(answer))) as server, pytest.warns(RasteretWarning, match=told):
        assert ids_of(server.url + "/") == (["a"] if features else [])


def test_one_wrong_item_does_not_end_a_search() -> None:
    wrong = item("b", created="2024-05-31", updated="") | {
        "bbox": [],
        "geometry": {},
        "assets": {"red": None},
    }
    strange = [{"type": "Feature"}, {"type": "Collection", "id": "c"}]
    handler = api(search=always(page(item("a"), wrong, *strange, item("z"))))
    with serving(handler) as server, pytest.warns(RasteretWarning) as said:
        rows = list(search(SearchRequest(catalog=server.url + "/")))
    assert [row["id"] for row in rows] == ["a", "b", "z"]
    assert {rows[1][name] for name in ("bbox", "geometry", "created", "updated")} == {None}
    assert len(said) == 6  # one for each kind of thing that is wrong
    assert "a STAC item needs an 'id'" in str(said[0].message)


def test_items_lie_relative_to_where_their_page_came_from() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if asked.path == "/api":
            return Answer(status=301, headers={"Location": "/api/v1/"})
        if asked.path == "/api/v1/":
            links = [{"rel": "search", "href": "./search", "method": "GET"}]
            return Answer(body=landing(server.url) | {"links": links})
        if asked.path.startswith("/api/v1/search?limit"):
            return Answer(status=302, headers={"Location": "/moved/search"})
        if asked.path == "/moved/search":
            return Answer(body=page(item("a"), next={"href": "further/search"}))
        assert asked.path == "/moved/further/search"
        return Answer(body=page(item("b")))

    with serving(answer) as server:
        hrefs = [row["assets"]["red"]["href"] for row in search(SearchRequest(catalog=server.url + "/api"))]
        assert hrefs == [f"{server.url}/moved/red.tif", f"{server.url}/moved/further/red.tif"]


@pytest.mark.parametrize(
    "media_type",
    ["application/geo+json; charset=utf-8", "application/json;charset=UTF-8", "application/GEO+JSON",
     "application/geojson", "application/vnd.geo+json", None, "", "application/octet-stream", 7],
)  # fmt: skip
def test_a_search_link_of_any_media_type_is_one(media_type: Any) -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        html = {"rel": "search", "href": "/page.html", "type": "text/html"}
        link = {"rel": "Search", "href": "/search", "type": media_type}
        return Answer(body=landing(server.url) | {"links": [html, link]} if asked.path == "/" else ONE)

    with serving(answer) as server:
        assert ids_of(server.url + "/") == ["a"]


def test_a_search_link_to_geojson_goes_before_others() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        kinds = {"/any": None, "/json": "application/json", "/geo": "application/geo+json; a=b"}
        links = [{"rel": "search", "href": path, "type": kind} for path, kind in kinds.items()]
        return Answer(body=landing(server.url) | {"links": links} if asked.path == "/" else ONE)

    with serving(answer) as server:
        ids_of(server.url + "/")
        assert server.asked[-1].path.startswith("/geo?")


def test_fewer_items_than_counted_are_enough_when_no_more_were_asked_for() -> None:
    handler = api(search=always(page(item("a"), item("b"), numberMatched=1200)))
    said = r"cut to max_items := 2, but 1,200 items match$"
    with serving(handler) as server, pytest.warns(RasteretWarning, match=said):
        assert ids_of(server.url + "/", max_items=2) == ["a", "b"]


# Many at once


def test_many_requests_answer_in_order_each_with_rows_or_its_error() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        identity = asked.body["ids"][0]
        if identity == "bad":
            return Answer(status=400, body={"description": "no such id"})
        return Answer(body=page(item(identity)))

    with serving(api(search=answer)) as server:
        names = ["c", "bad", "a", "c", "b"]
        answers = search_many([SearchRequest(catalog=server.url + "/", ids=[name]) for name in names])
        found = [
            str(rows) if isinstance(rows, RasteretError) else [row["id"] for row in rows] for rows in answers
        ]
        assert found == [
            ["c"],
            f"STAC API {server.url}/search answered 400 Bad Request: no such id",
            ["a"],
            ["c"],
            ["b"],
        ]
        assert sorted(asked.body["ids"][0] for asked in server.asked if asked.body) == ["a", "b", "bad", "c"]
    assert answers[0] is answers[3]


def test_no_requests() -> None:
    assert search_many([]) == []


def test_searches_run_at_once_within_the_limit(
    concurrent: Callable[[int], tuple[Handler, list[int]]],
) -> None:
    handler, peak = concurrent(3)
    configure(stac_concurrency=3)
    try:
        with serving(api(search=handler)) as server:
            requests = [SearchRequest(catalog=server.url + "/", ids=[str(number)]) for number in range(9)]
            assert all(isinstance(rows, list) for rows in search_many(requests))
    finally:
        configure(stac_concurrency=None)
    assert max(peak) == 3
