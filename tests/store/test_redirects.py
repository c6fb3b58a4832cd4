"""Redirects of files, over both HTTP transports: to another host only where documents might name it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rasteret_sql.errors import RasteretError, UnsupportedError
from rasteret_sql.settings import configure
from rasteret_sql.store import nearness
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.http import proxies
from rasteret_sql.store.nearness import Nearness
from rasteret_sql.store.options import set_storage_options
from rasteret_sql.store.protocol import Block, ByteRange
from tests.store.conftest import DATA
from tests.store.server import Fault, FaultServer

PUBLIC = "127.0.0.1"
"""Stands for a host of the internet; ``localhost`` is this machine."""


@pytest.fixture(params=["auto", "fsspec"], autouse=True)
def transport(request: pytest.FixtureRequest) -> str:
    configure(transport=request.param, max_retries=0)
    return str(request.param)


@pytest.fixture(autouse=True)
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = nearness.of_host
    monkeypatch.setattr(nearness, "of_host", lambda host: Nearness.PUBLIC if host == PUBLIC else whole(host))


@pytest.fixture
def elsewhere() -> Iterator[FaultServer]:
    with FaultServer({"b.tif": DATA}) as running:
        yield running


def to(target: str) -> Fault:
    return Fault(status=302, headers={"Location": target}, body=b"")


def read(href: str) -> Block | RasteretError:
    [(_, outcome)] = fetch([ByteRange(href=href, start=0, length=100)], kind="tile")
    return outcome


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.2", "LOCALHOST", "0x7f.1", "2130706434", "localhost."]
)
def test_no_request_reaches_a_host_that_is_nearer(
    server: FaultServer, elsewhere: FaultServer, host: str
) -> None:
    port = elsewhere.origin.rpartition(":")[2]
    for status in (301, 302, 303, 307, 308):
        target = f"http://{host}:{port}/b.tif"
        server.fail("a.tif", Fault(status=status, headers={"Location": target}, body=b""), times=2)
        found = read(server.url("a.tif"))
        assert isinstance(found, UnsupportedError), found
        assert str(found).endswith(
            "a host that is nearer than its own; the setting allow_private_hosts allows it."
        )
    assert elsewhere.requests == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "data:text/plain,x", "ftp://localhost/a"])
def test_redirects_lead_to_the_web_alone(server: FaultServer, target: str) -> None:
    server.fail("a.tif", to(target), times=2)
    found = read(server.url("a.tif"))
    assert isinstance(found, RasteretError)
    assert "redirects to something that is not an HTTP address" in str(found)


def test_redirects_without_end(server: FaultServer) -> None:
    server.fail("a.tif", to(server.url("a.tif")), times=50)
    assert str(read(server.url("a.tif"))).endswith("more than 10 redirects; expected a file.")


def test_a_redirect_over_a_public_host_is_judged_at_every_step(
    server: FaultServer, elsewhere: FaultServer
) -> None:
    server.fail("a.tif", to(server.url("c.tif")), times=2)
    server.fail("c.tif", to(elsewhere.url("b.tif").replace(PUBLIC, "localhost")), times=2)
    assert isinstance(read(server.url("a.tif")), UnsupportedError)
    assert elsewhere.requests == []


def test_where_private_hosts_are_allowed_it_is_followed_without_credentials(
    server: FaultServer, elsewhere: FaultServer
) -> None:
    configure(allow_private_hosts=True)
    set_storage_options({server.origin: {"headers": {"Authorization": "Bearer hush"}}})
    server.fail("a.tif", to(elsewhere.url("b.tif").replace(PUBLIC, "localhost")), times=2)
    found = read(server.url("a.tif"))
    assert isinstance(found, Block)
    assert bytes(found.data) == DATA[:100]
    assert [(r.status, "authorization" in r.headers) for r in elsewhere.requests] == [(206, False)]


def test_files_that_are_elsewhere_are_asked_for_once_more_than_needed(
    server: FaultServer, elsewhere: FaultServer, transport: str
) -> None:
    configure(allow_private_hosts=True)
    server.fail("a.tif", to(elsewhere.url("b.tif").replace(PUBLIC, "localhost")), times=9)
    for _ in range(3):
        assert isinstance(read(server.url("a.tif")), Block)
    assert len(elsewhere.requests) == 3
    assert len(server.requests) == 3 + (transport == "auto")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "127.1", "2130706433"])
def test_hosts_are_reached_however_they_are_written(server: FaultServer, host: str) -> None:
    configure(transport="auto")
    found = read(server.url("a.tif").replace("127.0.0.1", host))
    assert isinstance(found, Block)
    assert bytes(found.data) == DATA[:100]


def test_behind_a_proxy_the_same_rule_holds(
    server: FaultServer, elsewhere: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """obstore has one proxy, and needs it for the rule; so there the other client reads."""
    href = "http://tiles.example.org/a.tif"
    monkeypatch.setitem(proxies._PROXIES, "http://tiles.example.org", server.origin)
    elsewhere_here = elsewhere.url("b.tif").replace(PUBLIC, "localhost")
    server.fail("a.tif", to(elsewhere_here))
    assert isinstance(read(href), RasteretError)
    assert [request.target for request in server.requests] == [href]
    assert elsewhere.requests == []
