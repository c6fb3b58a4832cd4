"""How an href is split, and which of them make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.settings import configure
from rasteret_sql.stac.api.http import ApiIO, Step
from rasteret_sql.store.address import parse_address
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.protocol import ByteRange

SPLIT = {
    "s3://bucket/a/b.tif": ("s3", "s3://bucket", "a/b.tif"),
    "S3A://bucket/a%20b?c#d.tif": ("s3", "s3://bucket", "a%20b?c#d.tif"),
    "gcs://bucket/a.tif": ("gs", "gs://bucket", "a.tif"),
    "az://container/a.tif": ("az", "az://container", "a.tif"),
    "abfss://container@account.dfs.core.windows.net/a.tif": (
        "az",
        "az://container@account.dfs.core.windows.net",
        "a.tif",
    ),
    "HTTPS://Host:8443/a%2Fb.tif?sig=x%2B#f": ("http", "https://host:8443", "/a%2Fb.tif?sig=x%2B"),
    "http://host": ("http", "http://host", "/"),
    "http://[::1]:80/a.tif": ("http", "http://[::1]:80", "/a.tif"),
    "/data/x y.tif": ("local", "", "/data/x y.tif"),
    "file:///data/x%20y.tif": ("local", "", "/data/x y.tif"),
    "file://localhost/data/a.tif": ("local", "", "/data/a.tif"),
    "memory://a.tif": ("fsspec", "memory://", "memory://a.tif"),
    "/data/a::b.tif": ("local", "", "/data/a::b.tif"),
    "s3://bucket/a::b.tif": ("s3", "s3://bucket", "a::b.tif"),
    "simplecache::s3://bucket/a.tif": ("fsspec", "simplecache::s3://", "simplecache::s3://bucket/a.tif"),
    "zip://a.tif::s3://bucket/x.zip": ("fsspec", "zip://", "zip://a.tif::s3://bucket/x.zip"),
}


@pytest.mark.parametrize(("href", "expected"), SPLIT.items())
def test_an_address_is_split_into_family_root_and_key(href: str, expected: tuple[str, str, str]) -> None:
    address = parse_address(href)
    assert (address.family, address.root, address.key) == expected


def test_a_file_whose_name_looks_escaped_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "100%25.tif").touch()
    assert parse_address(f"file://{tmp_path}/100%25.tif").key == f"{tmp_path}/100%25.tif"
    assert parse_address(f"file://{tmp_path}/50%25.tif").key == f"{tmp_path}/50%.tif"


NONSENSE = {
    "": "'' is not an address of a file: it is empty or holds a NUL.",
    "s3://": "'s3://' names no file: expected s3://bucket/key.",
    "gs://bucket/": "'gs://bucket/' names no file: expected gs://bucket/key.",
    "https:///a.tif": "'https:///a.tif' names no file: expected https://host/path.",
    "https://host:port/a.tif?sig=hush": "'https://host:port/a.tif?sig=…' names no file: expected https://host/path.",
    "http://[::1/a.tif": "'http://[::1/a.tif' names no file: expected https://host/path.",
}


@pytest.mark.parametrize(("href", "message"), NONSENSE.items())
def test_an_address_that_makes_no_sense_says_what_was_expected(href: str, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_address(href)
    assert str(caught.value) == message


@given(st.one_of(st.text(), st.text().map("http://".__add__), st.text().map("s3://".__add__)))
def test_any_text_is_an_address_or_an_argument_error(href: str) -> None:
    try:
        address = parse_address(href)
    except ArgumentError:
        return
    assert address.key


ODD_HOSTS = [
    "a b", "a..b", "[fe80::1%25eth0]:1", "4294967296:1", "x:99999", "a" * 300, "\u202etxt", "[::1", "[zz]",
    "1e3:1", "127。0。0。1:1", "%6c", "-", "a\r\nb",
]  # fmt: skip


@pytest.mark.parametrize("host", ODD_HOSTS)
@pytest.mark.parametrize("transport", ["auto", "fsspec"])
def test_a_host_that_is_none_is_an_error_of_one_line(host: str, transport: str) -> None:
    configure(max_retries=0, connect_timeout_s=1, transport=transport)
    [(_, found)] = fetch([ByteRange(href=f"http://{host}/a.tif", start=0, length=1)], kind="tile")
    assert isinstance(found, RasteretError)
    assert "unexpectedly" not in str(found)
    assert str(found).isprintable()
    with pytest.raises(RasteretError) as told:
        ApiIO().ask(Step(href=f"http://{host}/"))
    assert str(told.value).isprintable()
