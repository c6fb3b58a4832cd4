"""What a document may name, by where it came from; and hosts in every way of writing that addresses have."""

from __future__ import annotations

import pytest
from yarl import URL

from rasteret_sql.errors import RefusedError, UnsupportedError
from rasteret_sql.settings import configure
from rasteret_sql.stac.href import resolve_href
from rasteret_sql.stac.items.item import item_row
from rasteret_sql.store.address import parse_address
from rasteret_sql.store.http.redirects import _next
from rasteret_sql.store.nearness import Nearness, nearness, of_host
from rasteret_sql.store.options import set_storage_options

LOOPBACK = [
    "127.0.0.1", "127.1", "127.9.9.9", "0.0.0.0", "0", "2130706433", "0x7f000001", "0x7f.1", "017700000001",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "localhost", "LOCALHOST", "localhost.",
    "a.localhost", "localhost.localdomain",
]  # fmt: skip
PRIVATE = [
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "2852039166",
    "[fe80::1%25eth0]",
    "[fd00::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "minio", "nas.local", "metadata.google.internal",
    "host.lan", "0xA9FEA9FE",
]  # fmt: skip
PUBLIC = [
    "example.org",
    "8.8.8.8",
    "[2001:4860:4860::8888]",
    "localhost.example.org",
    "10.example.org",
    "1.1.1.1.",
]


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine(host: str) -> None:
    if host != "localhost.example.org":
        assert of_host(host) is Nearness.LOOPBACK
    assert nearness(f"http://user@{host}:8000/a.tif") is Nearness.LOOPBACK


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_network(host: str) -> None:
    assert of_host(host) is Nearness.PRIVATE


@pytest.mark.parametrize("host", [h for h in PUBLIC if not h.startswith("localhost")])
def test_the_internet(host: str) -> None:
    assert of_host(host) is Nearness.PUBLIC


ITEM = "https://example.org/x/item.json"
KEPT_OFF = [
    "file:///etc/passwd", "FILE:///etc/passwd", "file:/etc/passwd", "local:///etc/passwd", "memory://a.tif",
    "/vsicurl/http://127.0.0.1/a.tif", "http://127.0.0.1/a.tif", "http://[::1]/a.tif", "http://169.254.169.254/x",
    "//localhost/a.tif", "https://nas.local/a.tif", "simplecache::https://example.org/a.tif",
    "zip://a.tif::https://example.org/a.zip", "C:\\a.tif", " file:///etc/passwd", "reference://k::https://e.org/r",
]  # fmt: skip
MAY_BE_NAMED = [
    "a.tif", "../a.tif", "/etc/passwd", "//example.com/a.tif", "https://example.com/a.tif", "s3://bucket/a.tif",
    "gs://b/a", "abfss://c@account.dfs.core.windows.net/a", "/vsis3/bucket/a.tif", "urn:a:b",
    "data:text/plain,x",
]  # fmt: skip


@pytest.mark.parametrize("href", KEPT_OFF)
def test_a_document_names_nothing_nearer_than_itself(href: str) -> None:
    resolved = resolve_href(href, ITEM)
    assert resolved.startswith("unsafe:")
    with pytest.raises(RefusedError, match="a document that came over the network names"):
        parse_address(resolved)
    assert resolve_href(resolved, "/data/item.json") == resolved


@pytest.mark.parametrize("href", MAY_BE_NAMED)
def test_what_is_as_far_away_may_be_named(href: str) -> None:
    assert not resolve_href(href, ITEM).startswith("unsafe:")


@pytest.mark.parametrize("href", KEPT_OFF)
def test_a_local_document_may_name_anything(href: str) -> None:
    assert not resolve_href(href, "/data/item.json").startswith("unsafe:")


@pytest.mark.parametrize(
    ("base", "named", "is_kept_off"),
    [
        ("http://127.0.0.1:1/item.json", "http://localhost:2/a.tif", False),
        ("http://127.0.0.1:1/item.json", "http://10.0.0.1/a.tif", False),
        ("http://10.0.0.1/item.json", "http://192.168.0.1/a.tif", False),
        ("http://10.0.0.1/item.json", "http://127.0.0.1/a.tif", True),
        ("http://127.0.0.1:1/item.json", "file:///a.tif", True),
        ("s3://bucket/item.json", "http://127.0.0.1/a.tif", True),
        ("zip://i.json::https://example.org/i.zip", "http://127.0.0.1/a.tif", True),
        ("memory://i.json", "file:///a.tif", False),
    ],
)
def test_by_where_the_document_came_from(base: str, named: str, is_kept_off: bool) -> None:
    assert resolve_href(named, base).startswith("unsafe:") == is_kept_off


def test_a_bucket_is_where_its_endpoint_is() -> None:
    set_storage_options({"s3://bucket/": {"endpoint_url": "http://127.0.0.1:9000", "anon": True}})
    assert resolve_href("http://127.0.0.1/a.tif", "s3://bucket/item.json") == "http://127.0.0.1/a.tif"
    assert resolve_href("file:///a.tif", "s3://bucket/item.json") == "unsafe:file:///a.tif"


def test_private_hosts_may_be_allowed_and_local_files_never() -> None:
    configure(allow_private_hosts=True)
    assert resolve_href("http://127.0.0.1/a.tif", ITEM) == "http://127.0.0.1/a.tif"
    assert resolve_href("file:///a.tif", ITEM) == "unsafe:file:///a.tif"


@pytest.mark.parametrize("own", ["file:///etc/", "http://127.0.0.1/", "unsafe:file:///etc/"])
def test_a_self_link_is_no_way_round(own: str) -> None:
    item = {
        "type": "Feature", "id": "a", "geometry": None, "properties": {"datetime": None},
        "links": [{"rel": "self", "href": own}], "assets": {"red": {"href": "passwd"}},
    }  # fmt: skip
    href = item_row(item, base_href=ITEM)["assets"]["red"]["href"]
    assert href == "https://example.org/x/passwd" or href.startswith("unsafe:")


def test_a_redirect_leads_no_nearer_either() -> None:
    public, href = URL("https://example.org/a.tif"), "https://example.org/a.tif"
    for location in ("http://169.254.169.254/latest", "http://127.0.0.1/", "//localhost/a"):
        with pytest.raises(UnsupportedError, match="a host that is nearer than its own"):
            _next(public, location, href)
    assert str(_next(public, "https://example.com/b.tif", href)) == "https://example.com/b.tif"
    assert str(_next(URL("http://127.0.0.1/a"), "http://127.0.0.1:2/b", href)) == "http://127.0.0.1:2/b"
