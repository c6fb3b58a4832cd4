"""Which protocols are read without asking, and how others are allowed."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from rasteret_sql.errors import ArgumentError, RefusedError
from rasteret_sql.settings import configure
from rasteret_sql.store import request_log
from rasteret_sql.store.allowed_protocols import require_protocol
from rasteret_sql.store.documents import list_files
from rasteret_sql.store.options import set_storage_options
from rasteret_sql.store.protocol import Block
from tests.store.conftest import DATA
from tests.store.reading import fault_of, read
from tests.store.server import FaultServer

BUILT_IN = ["/a.tif", "file:///a.tif", "http://h/a", "https://h/a", "s3://b/a", "s3a://b/a", "gs://b/a", "gcs://b/a",
            "az://c/a", "abfs://c/a", "abfss://c@a.b/a", "memory://a", "s3://b/a::b", "/a::b"]  # fmt: skip
OTHERS = [
    "ftp://host/a.tif", "sftp://host/a.tif", "webhdfs://host/a.tif", "reference://k", "generic://file:///a.tif",
    "dir::file:///a.tif", "s3::https://host/a", "a.tif::https://host/a",
    "simplecache::https://host/a.tif", "filecache::s3://b/a.tif", "zip://a.tif::/a.zip",
    "zip://a.tif::file:///a.zip", "SimpleCache::https://host/a.tif", "memory://a::file:///b", "github://o:r@m/a",
    "zip::simplecache::https://host/a", "cached://x", "data://text", "jupyter://h/a",
]  # fmt: skip


@pytest.mark.parametrize("href", BUILT_IN)
def test_built_in_protocols_need_no_permission(href: str) -> None:
    require_protocol(href)


@pytest.mark.parametrize("href", OTHERS)
def test_any_other_is_refused_by_name_before_anything_happens(href: str) -> None:
    before = request_log.totals().requests
    with pytest.raises((RefusedError, ArgumentError)) as caught:
        list_files(href)
    for error in (fault_of(href), caught.value):
        assert isinstance(error, RefusedError | ArgumentError)
        assert "protocol" in str(error) or "names no file" in str(error) or "no such" in str(error)
    assert request_log.totals().requests == before


def test_a_protocol_that_nobody_knows() -> None:
    assert str(fault_of("ftq://host/a.tif")) == (
        "ftq://host/a.tif: neither this package nor fsspec knows the protocol 'ftq'."
    )


def test_storage_options_allow_what_lies_below_their_prefix() -> None:
    set_storage_options({"sftp://host/data/": {}, "zip://": {}})
    require_protocol("sftp://host/data/a.tif")
    require_protocol("zip://a.tif::file:///a.zip")
    for href in ("sftp://host/a.tif", "sftp://other/data/a.tif",
                 "sftp://host/data/../a.tif", "zip://a.tif::ftp://host/a.zip",
                 "zip://a.tif::simplecache::https://host/a.zip"):  # fmt: skip
        with pytest.raises(RefusedError):
            require_protocol(href)


def test_a_chain_may_be_allowed_as_a_whole() -> None:
    set_storage_options({"simplecache::s3://bucket/": {}})
    require_protocol("simplecache::s3://bucket/a.tif")
    with pytest.raises(RefusedError):
        require_protocol("simplecache::s3://other/a.tif")


def test_the_setting_names_protocols() -> None:
    configure(protocols="zip, Sftp")
    require_protocol("sftp://host/a.tif")
    require_protocol("zip://a.tif::sftp://host/a.zip")
    with pytest.raises(RefusedError, match="in a chain the protocol 'reference' is not allowed"):
        require_protocol("zip://a.tif::reference://host/a.zip")
    with pytest.raises(ArgumentError, match="protocols is not a list of protocols"):
        configure(protocols="zip://")


def test_what_is_allowed_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.tif", DATA)
    href = f"zip://a.tif::file://{tmp_path}/a.zip"
    assert isinstance(fault_of(href), RefusedError)
    configure(protocols="zip")
    [block] = read(href)
    assert isinstance(block, Block)
    assert bytes(block.data) == DATA[:100]


@pytest.mark.parametrize("transport", ["auto", "fsspec"])
def test_a_key_that_looks_like_a_chain_is_a_key(server: FaultServer, transport: str, tmp_path: Path) -> None:
    """fsspec takes any ``::`` for a chain: it would open the local file behind it."""
    pytest.importorskip("s3fs")
    configure(transport=transport, max_retries=0)
    (tmp_path / "secret.tif").write_bytes(b"secret" * 100)
    set_storage_options({"s3://bucket": {"anon": True, "endpoint_url": server.origin}})
    for scheme in ("s3://bucket/", server.url("")):
        error = fault_of(f"{scheme}x::file://{tmp_path}/secret.tif")
        assert "no such file" in str(error)
