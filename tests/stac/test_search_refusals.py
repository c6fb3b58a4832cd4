"""Servers with poor manners, and what an API cannot do: exact errors, retries, nothing dropped."""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import nullcontext
from typing import Any

import pytest

from rasteret_sql.errors import (
    AccessError,
    ArgumentError,
    LimitError,
    MalformedError,
    NotFoundError,
    RasteretError,
    RasteretWarning,
    TransportError,
    UnsupportedError,
)
from rasteret_sql.settings import configure
from rasteret_sql.stac.catalogs.catalogs import resolve
from rasteret_sql.stac.search.collections import collections
from tests.requests_log import newest, since

from .searching import ONE, always, failing, ids_of
from .serving import Answer, Asked, Server, api, item, landing, page, serving

# Servers with poor manners


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (b"<!DOCTYPE html><p>hello", MalformedError,
         "STAC API HOST/: expected JSON, found an HTML page: '<!DOCTYPE html><p>hello'"),
        (b"", MalformedError, "STAC API HOST/: expected JSON, found nothing"),
        (b"Service down", MalformedError, "STAC API HOST/: expected JSON, found 'Service down'"),
        (b"{\"a\": ", MalformedError,
         "STAC API HOST/: expected JSON, found damaged JSON: Expecting value: line 1 column 7 (char 6)"),
        (b"[" * 100_000, LimitError,
         "STAC API HOST/: its JSON is nested 100,000 levels deep; at most 128 are read "
         "(setting max_document_depth)"),
        (b'{"a": ' + b"9" * 9000 + b"}", MalformedError,
         "STAC API HOST/: a number in its JSON has more digits than can be read"),
        (b"[1]", MalformedError, "STAC API HOST/: expected a JSON object, found [1]"),
        (b"\xff\xfe", MalformedError, "STAC API HOST/: the answer is not UTF-8 text"),
        ({"hello": 1}, MalformedError,
         "STAC API HOST/: not the landing page of a STAC API: 'links' and 'stac_version' expected, "
         "found hello"),
        ({"type": "Catalog", "id": "c", "stac_version": "1.0.0", "links": []}, UnsupportedError,
         "STAC API HOST/: a static catalogue, which cannot be searched: "
         "FROM stac_read('HOST/') reads its items"),
        ({"type": "Collection", "stac_version": "1.0.0", "links": [{"rel": "root", "href": "/v1"}]},
         UnsupportedError,
         "STAC API HOST/: not the landing page of a STAC API: a 'Collection' is there; its root is HOST/v1. "
         "FROM stac_read(…) reads static documents"),
    ],
    ids=["html", "nothing", "text", "cut", "deep", "digits", "list", "utf-16", "json", "static",
         "collection"],
)  # fmt: skip
def test_a_landing_page_that_is_none(answer: Any, error: type[RasteretError], message: str) -> None:
    assert failing(always(answer), error) == message


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"<html>later", "STAC API HOST/search: expected JSON, found an HTML page: '<html>later'"),
        ({"type": "Catalog", "id": "x"},
         "STAC search at HOST/search: page 1 is not a FeatureCollection: found type 'Catalog' with type, id"),
        ({"type": "FeatureCollection", "features": {"a": 1}},
         "STAC search at HOST/search: page 1: 'features' must be a list, found {'a': 1}"),
        ({"type": "FeatureCollection", "features": "a"},
         "STAC search at HOST/search: page 1: 'features' must be a list, found 'a'"),
    ],
    ids=["html", "catalog", "object", "string"],
)  # fmt: skip
def test_a_page_that_is_none(answer: Any, message: str) -> None:
    assert failing(api(search=always(answer)), MalformedError) == message


@pytest.mark.usefixtures("no_retries")
@pytest.mark.parametrize(
    ("status", "body", "error", "told"),
    [
        (400, {"code": "InvalidParameter", "description": "cql2: unknown function foo"}, ArgumentError,
         "400 Bad Request: cql2: unknown function foo"),
        (422, {"detail": [{"loc": ["body", "bbox"], "msg": "wrong"}]}, ArgumentError,
         "422 Unprocessable Entity: body.bbox: wrong"),
        (401, b"", AccessError, "401 Unauthorized"),
        (403, {"message": "see https://u:p@host/x?sig=SECRET for access"}, AccessError,
         "403 Forbidden: see https://host/x?sig=… for access"),
        (404, b"<html><style>p {}</style><h1>No such\npage</h1></html>", NotFoundError,
         "404 Not Found: No such page"),
        (405, b"", TransportError, "405 Method Not Allowed"),
        (500, b"x" * 1000, TransportError, "500 Internal Server Error: " + "x" * 297 + "..."),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_the_servers_words(status: int, body: Any, error: Any, told: str) -> None:
    message = failing(api(search=always(Answer(body=body, status=status))), error, page_size=10)
    assert message == f"STAC API HOST/search answered {told}"


def test_a_long_wait_is_not_waited() -> None:
    refused = Answer(status=429, headers={"Retry-After": "3600"})
    with serving(api(search=always(refused))) as server:
        with pytest.raises(TransportError) as error:
            ids_of(server.url + "/")
        assert str(error.value) == (
            f"STAC API {server.url}/search answered 429 Too Many Requests; it asks to wait 3600 s"
        )
        assert (error.value.transient, len(server.asked)) == (True, 2)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_faults_that_pass_are_tried_again(status: int) -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if len(server.asked) < 4:
            return Answer(status=status, headers={"Retry-After": "0"})
        return Answer(body=ONE)

    before = newest()
    with serving(api(search=answer)) as server:
        assert ids_of(server.url + "/") == ["a"]
    assert [(record.attempt, record.error is None) for record in since(before)] == [
        (1, True), (1, False), (2, False), (3, True),
    ]  # fmt: skip


def test_retries_end() -> None:
    configure(max_retries=2)
    try:
        with serving(api(search=always(Answer(status=503, headers={"Retry-After": "0"})))) as server:
            with pytest.raises(TransportError, match=r"answered 503 Service Unavailable$"):
                ids_of(server.url + "/")
            assert len(server.asked) == 1 + 3
    finally:
        configure(max_retries=None)


@pytest.mark.usefixtures("no_retries")
def test_an_answer_that_stops_coming() -> None:
    cut = Answer(body=b'{"type": "FeatureCollection", "features": []}', headers={"Content-Length": "1000"})

    def answer(server: Server, asked: Asked) -> Answer:
        return cut if len(server.asked) == 2 else Answer(body=ONE)

    with serving(api(search=answer)) as server:
        configure(request_timeout_s=0.5)
        try:
            with pytest.raises(TransportError) as error:
                ids_of(server.url + "/")
        finally:
            configure(request_timeout_s=None)
    assert str(error.value) == f"STAC API {server.url}/search: no answer within 0.5 s"
    assert error.value.transient


@pytest.mark.usefixtures("no_retries")
def test_compressed_nonsense() -> None:
    handler = api(search=always(Answer(body=b"plain", headers={"Content-Encoding": "gzip"})))
    assert failing(handler, MalformedError) == "STAC API HOST/search: expected JSON, found 'plain'"
    damaged = Answer(body=b"\x1f\x8b\x08" + b"\xff" * 40, headers={"Content-Encoding": "gzip"})
    told = failing(api(search=always(damaged)), MalformedError)
    assert told.startswith("HOST/search: its gzip data is damaged (")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip, aws-chunked", gzip.compress(json.dumps(ONE).encode())),
        ("aws-chunked,gzip", gzip.compress(json.dumps(ONE).encode())),
        ("gzip", json.dumps(ONE).encode()),  # unpacked by a proxy that kept the header
        ("X-GZIP", gzip.compress(json.dumps(ONE).encode())),
        ("deflate", zlib.compress(json.dumps(ONE).encode())),
        ("none", json.dumps(ONE).encode()),
        ("", json.dumps(ONE).encode()),
    ],
)
def test_an_encoding_that_is_not_quite_what_came(encoding: str, body: bytes) -> None:
    answer = Answer(body=body, headers={"Content-Encoding": encoding})
    with serving(api(search=always(answer))) as server:
        assert ids_of(server.url + "/") == ["a"]


def test_a_compressed_answer() -> None:
    answer = Answer(body=gzip.compress(json.dumps(ONE).encode()), headers={"Content-Encoding": "gzip"})
    with serving(api(search=always(answer))) as server:
        assert ids_of(server.url + "/") == ["a"]


def test_an_answer_that_is_stored_compressed() -> None:
    with serving(api(search=always(Answer(body=gzip.compress(json.dumps(ONE).encode()))))) as server:
        assert ids_of(server.url + "/") == ["a"]


def test_a_redirected_search_would_lose_its_conditions() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if asked.path == "/search":
            return Answer(status=301, headers={"Location": "/v1/search"})
        return Answer(body=ONE)

    assert failing(api(search=answer), TransportError, ids=["b"]) == (
        "STAC API HOST/search: redirects the search to HOST/v1/search; "
        "name the API by the address that it redirects to"
    )


def test_a_redirect_that_keeps_the_method_is_followed() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if asked.path == "/search":
            return Answer(status=307, headers={"Location": "/v1/search"})
        return Answer(body=ONE)

    with serving(api(search=answer)) as server:
        assert ids_of(server.url + "/", ids=["a", "b"]) == ["a"]
        assert server.asked[-1].body["ids"] == ["a", "b"]


@pytest.mark.parametrize("way", ["redirect", "next"])
def test_credentials_do_not_follow_to_another_host(way: str) -> None:
    with serving(api(search=always(ONE))) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")

        def answer(server: Server, asked: Asked) -> Answer:
            if asked.path == "/":
                links = [
                    {"rel": "search", "href": "search", "type": "application/geo+json", "method": "POST"}
                ]
                return Answer(body={**landing(server.url), "links": links})
            if way == "redirect":
                return Answer(status=307, headers={"Location": f"{elsewhere}/search"})
            return Answer(body=page(item("z"), next={"href": f"{elsewhere}/search", "method": "POST"}))

        with serving(answer) as server:
            url = server.url.replace("http://", "http://user:SECRET@")
            said = pytest.warns(RasteretWarning, match="leads to another origin")
            with said if way == "next" else nullcontext():
                assert "a" in ids_of(f"{url}/")
            assert "Authorization" in server.asked[0].headers
        assert other.asked
        assert not any("Authorization" in asked.headers for asked in other.asked)


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    configure(max_document_bytes="3 MiB")
    try:
        told = failing(api(search=always(Answer(body=b" " * (4 << 20)))), LimitError)
    finally:
        configure(max_document_bytes=None)
    assert told == (
        "STAC API HOST/search: the answer is larger than 3,145,728 bytes (setting max_document_bytes); "
        "set a smaller page_size"
    )


def test_pages_of_collections_without_end() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if asked.path == "/":
            return Answer(body=landing(server.url))
        return Answer(body={"collections": [], "links": [{"rel": "next", "href": "/collections"}]})

    with serving(answer) as server, pytest.raises(MalformedError, match=r"pages of collections do not end"):
        list(collections(resolve(server.url + "/")))


def test_what_is_not_a_collection_is_left_out_with_a_notice() -> None:
    members = [{"id": "a", "type": "Collection"}, None, {"title": "no id"}, {"id": 7}, {"id": "b"}]

    def answer(server: Server, asked: Asked) -> Answer:
        return Answer(body=landing(server.url) if asked.path == "/" else {"collections": members})

    with serving(answer) as server, pytest.warns(RasteretWarning, match="left out what is not a") as said:
        assert [row["id"] for row in collections(resolve(server.url + "/"))] == ["a", "b"]
    assert len(said) == 1


def test_a_collection_on_two_pages_comes_once() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if asked.path == "/":
            return Answer(body=landing(server.url))
        if "page=2" in asked.path:
            return Answer(body={"collections": [{"id": "b"}, {"id": "c"}, {"id": "a"}]})
        links = [{"rel": "next", "href": "/collections?page=2"}]
        return Answer(body={"collections": [{"id": "a"}, {"id": "b"}], "links": links})

    with serving(answer) as server:
        assert [row["id"] for row in collections(resolve(server.url + "/"))] == ["a", "b", "c"]


def test_a_host_that_does_not_listen() -> None:
    with serving(always(b"")) as server:
        url = server.url
    with pytest.raises(TransportError) as error:
        ids_of(f"{url}/?key=SECRET")
    assert str(error.value) == (
        f"STAC API {url}/?key=…: the host cannot be reached: connection refused or no network"
    )


def test_a_host_that_does_not_exist() -> None:
    with pytest.raises(TransportError) as error:
        ids_of("https://user:SECRET@catalogue.invalid/v1")
    assert str(error.value) == (
        "STAC API https://catalogue.invalid/v1: there is no host of this name, or no network"
    )


def test_a_failed_landing_page_is_asked_for_again() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if len(server.asked) == 1:
            return Answer(status=404)
        return Answer(body=landing(server.url) if asked.path == "/" else ONE)

    with serving(answer) as server:
        with pytest.raises(NotFoundError):
            ids_of(server.url + "/")
        assert ids_of(server.url + "/") == ["a"]
