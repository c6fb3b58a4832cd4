"""Links that a server sends: followed by GET and POST, over http(s), with headers for its own origin."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rasteret_sql.errors import MalformedError, NotFoundError, RasteretError, RasteretWarning, TransportError
from rasteret_sql.stac.catalogs.catalogs import resolve
from rasteret_sql.stac.items.static import read
from rasteret_sql.stac.search.collections import collections

from .searching import ONE, always, ids_of
from .serving import Answer, Asked, Server, api, item, landing, page, serving

NEXT = "STAC search at HOST/search: the next link of page 1 "


def linking(link: dict[str, Any], second: Any = None) -> Any:
    """An API whose first page has this next link; HOST in its href is the address of the server."""

    def answer(server: Server, asked: Asked) -> Answer:
        if len(server.asked) > 2 or asked.path.startswith("/second"):
            return second or Answer(body=page(item("b")))
        told = json.loads(json.dumps(link).replace("HOST", server.url))
        return Answer(body=page(item("a"), next=told))

    return api(search=answer)


def failing(
    link: dict[str, Any],
    error: type[RasteretError] = MalformedError,
    second: Any = None,
    *,
    way_out: str = "; max_items := 1 takes the items before",
) -> str:
    with serving(linking(link, second)) as server:
        with pytest.raises(error) as caught:
            ids_of(server.url + "/")
        assert not any(asked.path.startswith("/second") for asked in server.asked) or second
        told = str(caught.value).replace(server.url, "HOST")
        assert told.endswith(way_out)
        return told.removesuffix(way_out)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "post;x", "", 7, ["GET"]])
def test_other_methods_are_not_sent(method: Any) -> None:
    told = failing({"href": "/second", "method": method})
    assert told == f"{NEXT}asks for method {method!r}: only GET and POST are sent for a next page"


@pytest.mark.parametrize(
    "link",
    [{"href": None}, {"href": ""}, {"href": "/second", "method": "PUT"}, {"href": "ftp://host/x"},
     {"href": "/second", "method": "POST", "body": "x"}, {"href": "/second", "headers": ["a"]}],
)  # fmt: skip
def test_the_items_before_a_wrong_link_can_be_taken(link: dict[str, Any]) -> None:
    with serving(linking(link)) as server, pytest.warns(RasteretWarning, match="more may match"):
        assert ids_of(server.url + "/", max_items=1) == ["a"]


@pytest.mark.parametrize("method", ["get", "Post", None])
def test_a_method_in_other_letters_is_sent(method: Any) -> None:
    with serving(linking({"href": "/second", "method": method, "body": {"t": 1}})) as server:
        assert ids_of(server.url + "/") == ["a", "b"]
        assert server.asked[-1].method == (method or "GET").upper()


@pytest.mark.parametrize(
    "href",
    ["file:///etc/passwd", "FILE:///etc/passwd", "ftp://host/x", "s3://bucket/x", "data:application/json,{}",
     "memory://x/y", "simplecache::http://host/x", "http://", "http:///x", "http://[x", "javascript:alert(1)",
     "https://:80/x"],
)  # fmt: skip
def test_nothing_but_the_web_is_followed(href: str) -> None:
    told = failing({"href": href, "method": "GET"})
    assert told.startswith(f"{NEXT}leads to ")
    assert "expected an http(s) address" in told


@pytest.mark.parametrize("href", [None, "", "  ", 7, {"a": 1}, ["/second"]])
def test_a_link_that_leads_nowhere_is_not_an_end(href: Any) -> None:
    assert failing({"href": href}) == f"{NEXT}has no href: found {href!r}"


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"X": "a\r\nHost: evil"}, "{'X': 'a\\r\\nHost: evil'}"),
        ({"Host": "evil"}, "{'Host': 'evil'}"),
        ({"content-length": "0"}, "{'content-length': '0'}"),
        ({"Transfer-Encoding": "chunked"}, "{'Transfer-Encoding': 'chunked'}"),
        ({"X Y": "1"}, "{'X Y': '1'}"),
        ({"X": None}, "{'X': None}"),
        ({"X": {"y": 1}}, "{'X': {'y': 1}}"),
        ({"X": "€"}, "{'X': '€'}"),
    ],
)
def test_headers_that_are_not_sent_are_named(headers: Any, found: str) -> None:
    told = failing({"href": "/second", "headers": headers})
    assert told == f"{NEXT}sets a header that is not sent: {found}"


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ({"headers": ["a"]}, "has headers that are not an object: found ['a']"),
        ({"method": "POST", "body": "x"}, "has a body that is not an object: found 'x'"),
        ({"method": "POST", "body": {"t": math.nan}}, "has a body with a number that JSON lacks: {'t': nan}"),
    ],
)
def test_other_members_of_a_wrong_form(link: dict[str, Any], told: str) -> None:
    assert failing({"href": "/second", **link}) == NEXT + told


@pytest.mark.parametrize(("value", "sent"), [(2, "2"), ("two", "two"), (["a", 1], "a, 1")])
def test_headers_go_to_the_origin_that_sent_them(value: Any, sent: str) -> None:
    with serving(linking({"href": "/second", "headers": {"X-Page": value}})) as server:
        assert ids_of(server.url + "/") == ["a", "b"]
        assert server.asked[-1].headers["X-Page"] == sent


@pytest.fixture
def other() -> Iterator[Server]:
    with serving(always(ONE | {"features": [item("other")]})) as server:
        yield server


def test_another_origin_gets_no_headers_and_is_said(other: Server) -> None:
    link = {"href": f"{other.url}/x", "headers": {"Metadata-Flavor": "Google"}}
    with serving(linking(link)) as server:
        with pytest.warns(RasteretWarning) as said:
            assert ids_of(server.url + "/") == ["a", "other"]
        assert [str(warning.message).replace(server.url, "HOST") for warning in said] == [
            f"stac_search: {NEXT}leads to another origin, {other.url}/x; it is followed, without the headers "
            "that it sets (Metadata-Flavor)"
        ]
    assert not any("Metadata-Flavor" in asked.headers for asked in other.asked)


def test_headers_do_not_follow_a_redirect_to_another_origin(other: Server) -> None:
    moved = Answer(status=302, headers={"Location": f"{other.url}/x"})
    link = {"href": "/second", "headers": {"X-Key": "SECRET"}}
    with serving(linking(link, moved)) as server:
        assert ids_of(server.url + "/") == ["a", "other"]
        assert server.asked[-1].headers["X-Key"] == "SECRET"
    assert "X-Key" not in other.asked[-1].headers


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://host/x", "gopher:x"])
def test_a_redirect_leads_to_the_web_alone(location: str) -> None:
    moved = Answer(status=302, headers={"Location": location})
    told = failing({"href": "/second"}, TransportError, moved, way_out="")
    assert f"redirects to {location}: expected an http(s) address" in told


@pytest.mark.parametrize("location", ["http://a..b/x", "http://[zz]/x", "http://a:99999/x", "http:// /x"])
def test_a_redirect_to_what_is_no_host(location: str) -> None:
    moved = Answer(status=302, headers={"Location": location})
    told = failing({"href": "/second"}, TransportError, moved, way_out="")
    assert told.isprintable()


def test_redirects_without_end() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        return Answer(status=302, headers={"Location": f"/{len(server.asked)}"})

    with serving(answer) as server, pytest.raises(TransportError, match="it redirects without end"):
        ids_of(server.url + "/")
    assert len(server.asked) == 11


def test_a_link_that_cannot_be_followed_is_blamed_and_not_the_address_of_the_api() -> None:
    told = failing(
        {"href": "/second"}, NotFoundError, Answer(status=404, body={"detail": "Not Found"}), way_out=""
    )
    assert told == (
        f"{NEXT}cannot be followed, after 1 items: STAC API HOST/second answered 404 Not Found: Not Found. "
        "Where a proxy is before the server, its links may name a wrong host or path; max_items := … takes "
        "the items before"
    )


def test_of_two_links_the_one_by_the_same_method_is_followed() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if (asked.body or {}).get("token"):
            return Answer(body=page(item("b")))
        links = [
            {"rel": "next", "href": "/search?token=2", "method": "GET"},
            {"rel": "NEXT", "href": "/search", "method": "POST", "body": {"token": 2}},
        ]
        return Answer(body=page(item("a")) | {"links": [None, 7, {"href": "/x"}, *links]})

    with serving(api(search=answer)) as server:
        assert ids_of(server.url + "/") == ["a", "b"]


def test_a_user_stays_with_absolute_links_to_the_same_origin() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        assert "Authorization" in asked.headers
        return Answer(body=landing(server.url) if asked.path == "/" else ONE)

    with serving(answer) as server:
        url = server.url.replace("http://", "http://user:SECRET@")
        [row] = read_search(f"{url}/")
    assert row["assets"]["red"]["href"] == f"{server.url}/red.tif"


def read_search(catalog: str) -> list[dict[str, Any]]:
    from rasteret_sql.stac.search.search import SearchRequest, search

    return list(search(SearchRequest(catalog=catalog)))


def test_a_search_at_another_origin_is_said(other: Server) -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        return Answer(body=landing(other.url))

    with serving(answer) as server, pytest.warns(RasteretWarning, match="is searched at another origin"):
        assert ids_of(server.url + "/") == ["other"]


@pytest.mark.parametrize("href", ["file:///etc/passwd", "s3://bucket/search"])
def test_a_search_link_leads_to_the_web_alone(href: str) -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        return Answer(body=landing(server.url) | {"links": [{"rel": "search", "href": href}]})

    with serving(answer) as server, pytest.raises(MalformedError, match="its search link leads to"):
        ids_of(server.url + "/")


def test_links_of_collections_lead_to_the_web_alone() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if asked.path == "/":
            return Answer(body=landing(server.url))
        return Answer(body={"collections": [], "links": [{"rel": "next", "href": "file:///etc/passwd"}]})

    with serving(answer) as server, pytest.raises(MalformedError, match="the next link of its collections"):
        list(collections(resolve(server.url + "/")))


# Documents that are read by stac_read


@pytest.mark.parametrize("rel", ["item", "child", "items", "Item"])
@pytest.mark.parametrize(
    "href", ["file:///etc/passwd", "memory://x/y", "C:\\a.json", "zip::https://host/a.zip"]
)
def test_a_document_from_the_network_names_nothing_nearer(rel: str, href: str) -> None:
    catalog = {"type": "Catalog", "stac_version": "1.0.0", "links": [{"rel": rel, "href": href}]}
    with serving(always(catalog)) as server:
        with pytest.raises(MalformedError) as error:
            list(read(f"{server.url}/catalog.json"))
        assert str(error.value).startswith(f"{server.url}/catalog.json: its {rel} link leads to ")
        assert len(server.asked) == 1


def test_a_local_document_names_what_it_likes(tmp_path: Path) -> None:
    with serving(always(item("b"))) as server:
        (tmp_path / "a.json").write_text(json.dumps(item("a")))
        hrefs = ["a.json", (tmp_path / "a.json").as_uri(), f"{server.url}/b.json"]
        links = [{"rel": "item", "href": href} for href in hrefs]
        catalog = tmp_path / "catalog.json"
        catalog.write_text(json.dumps({"type": "Catalog", "stac_version": "1.0.0", "links": links}))
        assert [row["id"] for row in read(str(catalog))] == ["a", "a", "b"]


@pytest.mark.parametrize("link", [{"href": "file:///etc/passwd"}, {"href": "/x", "method": "PUT"}])
def test_pages_of_a_document_are_followed_by_the_same_rules(link: dict[str, Any]) -> None:
    with serving(always(page(item("a"), next=link))) as server:
        with pytest.raises(MalformedError, match="the next link of page 1"):
            list(read(f"{server.url}/items"))
        assert [asked.method for asked in server.asked] == ["GET"]


def test_a_catalogue_by_a_relative_path_names_paths_that_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "cat/i"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps(item("a")))
    links = [{"rel": "item", "href": "./i/a.json"}]
    catalog = {"type": "Catalog", "stac_version": "1.0.0", "links": links}
    (tmp_path / "cat/catalog.json").write_text(json.dumps(catalog))
    [row] = read("cat/catalog.json")
    assert (row["self_href"], row["assets"]["red"]["href"]) == ("cat/i/a.json", "cat/i/red.tif")
    [again] = read(row["self_href"])
    assert again == row
