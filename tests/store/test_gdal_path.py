"""Paths as GDAL writes them, and blanks around hrefs."""

from __future__ import annotations

from pathlib import Path

import pytest

from rasteret_sql.errors import ArgumentError
from rasteret_sql.store.address import parse_address, plain_href
from rasteret_sql.store.documents import list_files, read_document
from rasteret_sql.store.protocol import Block
from rasteret_sql.store.redact import display_href
from tests.store.conftest import DATA
from tests.store.reading import read
from tests.store.server import FaultServer

MEANT = {
    "/vsicurl/https://host/a.tif": "https://host/a.tif",
    "/vsicurl/http://host/a.tif?sig=x": "http://host/a.tif?sig=x",
    "/vsicurl_streaming/https://host/a.tif": "https://host/a.tif",
    "/vsicurl?url=https%3A%2F%2Fhost%2Fa%20b.tif": "https://host/a b.tif",
    "/vsicurl?use_head=no&max_retry=3&url=https://host/a.tif": "https://host/a.tif",
    "/vsicurl?pc_url_signing=yes&url=https://host/a.tif": "https://host/a.tif",
    "/vsis3/bucket/a/b.tif": "s3://bucket/a/b.tif",
    "/vsis3_streaming/bucket/b.tif": "s3://bucket/b.tif",
    "/vsigs/bucket/b.tif": "gs://bucket/b.tif",
    "/vsiaz/container/b.tif": "az://container/b.tif",
    "/vsiadls/container/b.tif": "az://container/b.tif",
    " https://host/a.tif": "https://host/a.tif",
    "\n  s3://bucket/a.tif\r\n": "s3://bucket/a.tif",
    "\t/vsis3/bucket/a.tif ": "s3://bucket/a.tif",
    " /data/a.tif": "/data/a.tif",
    "/vsidata/a.tif": "/vsidata/a.tif",
    "/data/vsis3/a.tif": "/data/vsis3/a.tif",
}


@pytest.mark.parametrize(("path", "href"), MEANT.items())
def test_a_path_stands_for_an_href(path: str, href: str) -> None:
    assert plain_href(path) == href
    assert parse_address(path) == parse_address(href)


REFUSED = {
    "/vsizip/a.zip/a.tif": "/vsizip/a.zip/a.tif: GDAL's /vsizip/ is not read here: unpack the archive",
    "/vsizip//vsicurl/https://host/a.zip?sig=hush/a.tif": "GDAL's /vsizip/ is not read here",
    "/vsizip/{/vsicurl/https://host/a.zip?sig=hush}/a.tif": "GDAL's /vsizip/ is not read here",
    "/vsitar/a.tar/a.tif": "/vsitar/",
    "/vsigzip/a.tif.gz": "GDAL's /vsigzip/ is not read here: unpack the file",
    "/vsigzip//vsis3/bucket/a.tif.gz": "/vsigzip/",
    "/vsimem/a.tif": "it lies in the memory of GDAL alone",
    "/vsioss/bucket/a.tif": "S3-compatible endpoint",
    "/vsiswift/bucket/a.tif": "/vsiswift/",
    "/vsiwebhdfs/http://host/a.tif": "/vsiwebhdfs/",
    "/vsisubfile/100_200,a.tif": "/vsisubfile/",
    "/vsistdin/": "/vsistdin/",
    "/vsicrypt/key=hush,file=a.tif": "/vsicrypt/",
    "/vsicurl//vsis3/bucket/a.tif": "GDAL's /vsicurl/ around /vsis3/ is not read here",
    "/vsicurl/host/a.tif": "GDAL's /vsicurl/ is followed by a URL",
    "/vsicurl/file:///etc/passwd": "GDAL's /vsicurl/ is followed by a URL",
    "/vsicurl?header.Authorization=hush&url=https://host/a.tif": "/vsicurl? with header.Authorization is not",
    "/vsicurl?use_head=no": "GDAL's /vsicurl/ is followed by a URL",
    "/vsis3/": "'s3://' names no file",
}


@pytest.mark.parametrize(("path", "message"), REFUSED.items())
def test_a_path_that_stands_for_nothing_is_refused_by_name(path: str, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_address(path)
    assert message in str(caught.value)
    assert "hush" not in str(caught.value).replace("key=hush", "")


SHOWN = {
    "/vsicurl/https://user:hush@host/a.tif?sig=hush": "/vsicurl/https://host/a.tif?sig=…",
    "/vsicurl?url=https%3A%2F%2Fhost%2Fa.tif%3Fsig%3Dhush&x=hush": "/vsicurl/https://host/a.tif?sig=…",
    "/vsicurl?header.key=hush": "/vsicurl?…",
    "/vsizip/{/vsicurl/https://host/a.zip?sig=hush}/a.tif": "/vsizip/{/vsicurl/https://host/a.zip?sig=…",
    "  https://host/a.tif?sig=hush\n": "https://host/a.tif?sig=…",
}


@pytest.mark.parametrize(("path", "shown"), SHOWN.items())
def test_no_form_of_an_address_shows_its_secrets(path: str, shown: str) -> None:
    assert display_href(path) == shown


def test_all_that_reads_takes_such_paths(server: FaultServer) -> None:
    for href in (f"/vsicurl/{server.url('a.tif')}", f"\n {server.url('a.tif')} "):
        [block] = read(href)
        assert isinstance(block, Block), block
        assert bytes(block.data) == DATA[:100]
        assert read_document(href) == DATA


def test_a_local_name_keeps_its_blank_where_there_is_such_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.tif ").write_bytes(b"with")
    (tmp_path / "b.tif").write_bytes(b"without")
    assert read_document(f"{tmp_path}/a.tif ") == b"with"
    assert read_document(f" {tmp_path}/b.tif\n") == b"without"
    assert [entry.href for entry in list_files(f" {tmp_path}/b*.tif\n")] == [f"{tmp_path}/b.tif"]


def test_a_refused_path_is_an_outcome_and_no_hang() -> None:
    [error] = read("/vsizip/a.zip/a.tif")
    assert isinstance(error, ArgumentError)
