"""Signers by URL prefix: what a function gives is used for one request at a time, and never shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from time import time

import pytest

import rasteret_sql
from rasteret_sql.errors import AccessError, ArgumentError, NotFoundError
from rasteret_sql.settings import configure
from rasteret_sql.store import request_log
from rasteret_sql.store.documents import read_document
from rasteret_sql.store.options import set_storage_options
from rasteret_sql.store.protocol import Block
from rasteret_sql.store.signing.signed_url import expires_at
from tests.requests_log import newest, since
from tests.store.conftest import DATA
from tests.store.endpoints import KEY, SECRET, s3_signed
from tests.store.reading import fault_of, read
from tests.store.server import Fault, FaultServer


@pytest.fixture(params=["auto", "fsspec"], autouse=True)
def transport(request: pytest.FixtureRequest) -> str:
    configure(transport=request.param)
    return str(request.param)


class Signing:
    """A function that signs, and counts how often it is asked."""

    def __init__(self, *, expires_in_s: float | None = None) -> None:
        self.asked: list[str] = []
        self.expires_in_s = expires_in_s

    def __call__(self, href: str) -> str:
        self.asked.append(href)
        ends = "" if self.expires_in_s is None else f"&Expires={int(time() + self.expires_in_s)}"
        return f"{href}?sig=hush{len(self.asked)}{ends}"


def test_a_signed_url_is_used_for_all_ranges_of_a_file_and_not_shown(server: FaultServer) -> None:
    signing = Signing()
    rasteret_sql.register_signer(server.origin, signing)
    began = newest()
    assert sorted(
        bytes(block.data) for block in read(server.url("a.tif"), parts=20) if isinstance(block, Block)
    )
    assert read_document(server.url("a.tif")) == DATA
    assert signing.asked == [server.url("a.tif")]
    assert {request.target for request in server.requests} == {"/a.tif?sig=hush1"}
    assert {row.url for row in since(began)} == {server.url("a.tif")}


@pytest.mark.parametrize(("expires_in_s", "asked"), [(None, 1), (3600, 1), (1, 2)])
def test_it_is_made_anew_when_its_own_query_says_that_it_expires(
    server: FaultServer, expires_in_s: float | None, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    signing = Signing(expires_in_s=expires_in_s)
    rasteret_sql.register_signer(server.origin, signing)
    read(server.url("a.tif"))
    later = time() + 3
    monkeypatch.setattr("rasteret_sql.store.signing.token_cache.time.time", lambda: later)
    read(server.url("a.tif"))
    assert len(signing.asked) == asked


def test_a_refused_signature_is_made_anew_once(server: FaultServer) -> None:
    signing = Signing()
    rasteret_sql.register_signer(server.origin, signing)
    server.allow = lambda target, headers: "hush1" not in target
    assert all(isinstance(block, Block) for block in read(server.url("a.tif"), parts=20))
    assert len(signing.asked) == 2

    server.allow = lambda target, headers: False
    error = fault_of(server.url("a.tif"))
    assert isinstance(error, AccessError)
    assert str(error) == (
        f"{server.url('a.tif')}: access was refused (HTTP 403, AccessDenied); what the signer of "
        f"{server.origin} gave anew was refused as well: check what it may read."
    )
    assert len(signing.asked) == 2


def test_errors_name_the_file_without_its_signature(server: FaultServer) -> None:
    rasteret_sql.register_signer(server.origin, Signing())
    error = fault_of(server.url("gone.tif"))
    assert isinstance(error, NotFoundError)
    assert str(error) == f"{server.url('gone.tif')}: there is no such file (HTTP 404, NoSuchKey)."
    server.fail("a.tif", Fault(shift=5))
    assert str(fault_of(server.url("a.tif"))).startswith(f"{server.url('a.tif')}: bytes 0 to 99 were asked")


def test_headers_may_be_signed_too(server: FaultServer) -> None:
    numbers = count(1)
    rasteret_sql.register_signer(server.origin, lambda href: {"X-Api-Key": f"hush{next(numbers)}"})
    server.allow = lambda target, headers: headers.get("x-api-key") == "hush2"
    assert all(isinstance(block, Block) for block in read(server.url("a.tif"), parts=5))
    assert {request.headers["x-api-key"] for request in server.requests} == {"hush1", "hush2"}
    assert not any("hush" in repr(row) for row in request_log.snapshot())


def test_the_longest_prefix_signs_and_none_takes_it_away(server: FaultServer) -> None:
    server.files["public/a.tif"] = server.files["folder/a.tif"] = DATA
    rasteret_sql.register_signer(f"{server.origin}/", lambda href: f"{href}?by=host")
    rasteret_sql.register_signer(f"{server.origin}/folder/", lambda href: f"{href}?by=folder")
    for path in ("a.tif", "folder/a.tif"):
        read(server.url(path))
    rasteret_sql.register_signer(f"{server.origin}/folder/", None)
    read(server.url("folder/a.tif"))
    assert [r.target for r in server.requests] == [
        "/a.tif?by=host",
        "/folder/a.tif?by=folder",
        "/folder/a.tif?by=host",
    ]


def fails(href: str) -> str:
    raise ValueError("hush")


@pytest.mark.parametrize(
    ("function", "kind", "told"),
    [
        (fails, AccessError, "the signer of {origin} failed (ValueError)."),
        (lambda href: 7, ArgumentError, "the signer of {origin} gave a int; expected an http(s) URL"),
        (lambda href: "s3://bucket/a.tif", ArgumentError, "gave a str; expected an http(s) URL"),
        (lambda href: {"X-Key": 7}, ArgumentError, "gave a dict; expected an http(s) URL"),
    ],
)
def test_what_cannot_be_used_is_said(server: FaultServer, function: object, kind: type, told: str) -> None:
    rasteret_sql.register_signer(server.origin, function)  # type: ignore[arg-type]
    error = fault_of(server.url("a.tif"))
    assert isinstance(error, kind)
    assert told.format(origin=server.origin) in str(error)
    assert "hush" not in repr([error, error.__cause__])
    assert server.requests == []


@pytest.mark.parametrize(
    ("prefix", "signer", "told"),
    [
        ("folder", Signing(), "a URL prefix such as https://host/folder/ is expected, found 'folder'"),
        ("https://host", "azure", "must be a function of an href, 'planetary-computer' or None"),
        ("https://me:hush@host", 7, "the signer of 'https://host' must be a function"),
    ],
)
def test_what_cannot_be_registered_is_refused(prefix: str, signer: object, told: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        rasteret_sql.register_signer(prefix, signer)  # type: ignore[arg-type]
    assert told in str(caught.value)
    assert "hush" not in str(caught.value)


def test_an_answer_holds_for_a_second_at_least() -> None:
    with pytest.raises(ArgumentError, match="valid_s must be at least 1 second, found 0"):
        rasteret_sql.register_signer("https://host/", Signing(), valid_s=0)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sv=2024&se=2026-11-23T06%3A00%3A00Z&sig=x", 1795413600.0),
        ("sv=2024&se=2026-11-23&sig=x", 1795392000.0),
        ("X-Amz-Date=20261123T050000Z&X-Amz-Expires=3600&X-Amz-Signature=x", 1795413600.0),
        ("X-Goog-Date=20261123T050000Z&X-Goog-Expires=3600&X-Goog-Signature=x", 1795413600.0),
        ("AWSAccessKeyId=k&Signature=x&Expires=1795413600", 1795413600.0),
        ("token=x", None),
        ("X-Amz-Date=yesterday&X-Amz-Expires=3600", None),
    ],
)
def test_the_end_of_a_signature_is_read_from_its_url(query: str, expected: float | None) -> None:
    assert expires_at(f"https://host/a.tif?{query}") == expected


# --- a store that verifies what it is given -----------------------------------------------------------------


@pytest.fixture(scope="module")
def nanio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("presigned")
    with s3_signed(folder) as port:
        (folder / "nanio" / "bucket" / "a.tif").write_bytes(DATA)
        yield port


def test_an_s3_href_is_read_by_presigned_urls(nanio: int) -> None:
    """As where only a service may sign, and the process that reads has no key."""
    assert "hush" not in str(fault_of("s3://bucket/a.tif"))
    rasteret_sql.register_signer("s3://bucket/", presigning(nanio, SECRET))
    [block] = read("s3://bucket/a.tif")
    assert isinstance(block, Block)
    assert (bytes(block.data), block.info.size) == (DATA[:100], len(DATA))

    rasteret_sql.register_signer("s3://bucket/", presigning(nanio, "wrong"))
    error = fault_of("s3://bucket/a.tif")
    assert str(error) == (
        "s3://bucket/a.tif: access was refused (HTTP 403, SignatureDoesNotMatch); what the signer of "
        "s3://bucket/ gave anew was refused as well: check what it may read."
    )


def presigning(port: int, secret: str) -> Callable[[str], str]:
    from datetime import timedelta

    import obstore
    from obstore.store import S3Store

    store = S3Store(
        "bucket",
        endpoint=f"http://127.0.0.1:{port}",
        access_key_id=KEY,
        secret_access_key=secret,
        region="us-east-1",
        client_options={"allow_http": True},
    )

    def sign(href: str) -> str:
        signed: str = obstore.sign(store, "GET", href.removeprefix("s3://bucket/"), timedelta(minutes=5))
        return signed

    return sign


# --- what is not handed on to others ------------------------------------------------------------------------


@pytest.fixture
def elsewhere() -> Iterator[FaultServer]:
    with FaultServer({"b.tif": DATA}) as running:
        yield running


def to(target: str) -> Fault:
    return Fault(status=302, headers={"Location": target}, body=b"")


SECRETS: dict[str, Mapping[str, object]] = {
    "bearer token": {"bearer_token": "hush"},
    "another header": {"headers": {"X-Api-Key": "hush", "Authorization": "hush"}},
    "fsspec's spelling": {"client_kwargs": {"headers": {"Private-Token": "hush"}}},
}


@pytest.mark.parametrize("options", SECRETS.values(), ids=SECRETS)
def test_headers_of_one_origin_do_not_follow_a_redirect_to_another(
    server: FaultServer, elsewhere: FaultServer, options: Mapping[str, object]
) -> None:
    server.allow = lambda target, headers: "hush" in repr(headers)
    server.files["c.tif"] = DATA
    set_storage_options({server.origin: options})
    for target, expected in ((elsewhere.url("b.tif"), elsewhere), ("/c.tif", server)):
        server.fail("a.tif", to(target))
        [block] = read(server.url("a.tif"))
        assert isinstance(block, Block), block
        assert expected.requests[-1].status == 206
    assert not any("hush" in repr(request) for request in elsewhere.requests)
    assert elsewhere.requests[-1].range == "bytes=0-99"


def test_neither_do_signed_headers_nor_a_user(server: FaultServer, elsewhere: FaultServer) -> None:
    rasteret_sql.register_signer(f"{server.origin}/a.tif", lambda href: {"X-Api-Key": "hush"})
    server.fail("a.tif", to(elsewhere.url("b.tif")))
    assert isinstance(read(server.url("a.tif"))[0], Block)
    server.files["c.tif"] = DATA
    with_user = server.origin.replace("://", "://me:hush@")
    for target in (elsewhere.url("b.tif"), "/d.tif", server.url("d.tif")):
        server.files["d.tif"] = DATA
        server.fail("c.tif", to(target))
        assert isinstance(read(f"{with_user}/c.tif")[0], Block)
    assert len(elsewhere.requests) == 2
    assert not any({"authorization", "x-api-key"} & set(request.headers) for request in elsewhere.requests)
    assert all(
        r.headers["authorization"].startswith("Basic ") for r in server.requests if r.target == "/d.tif"
    )


def test_the_other_origin_gets_what_the_options_have_for_it(
    server: FaultServer, elsewhere: FaultServer
) -> None:
    set_storage_options(
        {server.origin: {"headers": {"X-Api-Key": "one"}}, elsewhere.origin: {"bearer_token": "two"}}
    )
    server.fail("a.tif", to(elsewhere.url("b.tif")))
    assert isinstance(read(server.url("a.tif"))[0], Block)
    [request] = elsewhere.requests
    assert (request.headers.get("x-api-key"), request.headers["authorization"]) == (None, "Bearer two")


CLOUDS = {
    "s3": ({"key": KEY, "secret": "hush"}, "bucket/a.tif"),
    "gs": ({"token": "ya29.hush"}, "bucket/a.tif"),
    "az": ({"account_name": "account", "account_key": "aHVzaA=="}, "account/bucket/a.tif"),
}


@pytest.mark.parametrize("scheme", CLOUDS)
def test_a_redirect_of_a_cloud_takes_no_signature_along(
    server: FaultServer, elsewhere: FaultServer, scheme: str, transport: str
) -> None:
    options, path = CLOUDS[scheme]
    if scheme == "az":
        text = f"AccountName=account;BlobEndpoint={server.origin}/account"
        set_storage_options(
            {"az://bucket": {"connection_string": text, "account_key": options["account_key"]}}
        )
    else:
        set_storage_options({f"{scheme}://bucket": {**options, "endpoint_url": server.origin}})
    if transport == "fsspec":
        pytest.importorskip({"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}[scheme])
        path = path if scheme != "gs" else "download/storage/v1/b/bucket/o/a.tif"
    server.fail(path, Fault(status=307, headers={"Location": elsewhere.url("b.tif")}, body=b""), times=9)
    read(f"{scheme}://bucket/a.tif")
    assert server.requests, "the redirect was not met"
    for request in elsewhere.requests:
        assert "authorization" not in request.headers
        assert "hush" not in repr(request.headers)
