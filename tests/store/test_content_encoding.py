"""``Content-Encoding``: names that are not compression, compressions, and compressed documents."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from rasteret_sql.errors import LimitError, MalformedError, UnsupportedError
from rasteret_sql.settings import configure
from rasteret_sql.store.content_encoding import PIECE, compressions, gunzipped, unpacked
from rasteret_sql.store.documents import read_document
from rasteret_sql.store.options import set_storage_options
from rasteret_sql.store.protocol import Block
from tests.store.conftest import DATA
from tests.store.reading import fault_of, read
from tests.store.server import Fault, FaultServer


@dataclass(frozen=True, kw_only=True)
class Place:
    """One object of a server, as one transport reads it."""

    server: FaultServer
    href: str
    path: str


PATHS = {
    "http": ("", ""),
    "s3": ("bucket/", "bucket/"),
    "az": ("account/bucket/", "account/bucket/"),
    "gs": ("bucket/", "download/storage/v1/b/bucket/o/"),
}
"""Scheme -> folder on the server by obstore (or aiohttp), and by fsspec's file system."""


@pytest.fixture(
    params=[(scheme, transport) for scheme in PATHS for transport in ("auto", "fsspec")], ids="-".join
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    scheme, transport = request.param
    if transport == "fsspec" and scheme != "http":
        pytest.importorskip({"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}[scheme])
    configure(transport=transport, max_retries=0)
    path = PATHS[scheme][transport == "fsspec"] + "a.tif"
    with FaultServer({path: DATA}) as server:
        text = f"AccountName=account;BlobEndpoint={server.origin}/account"
        set_storage_options(
            {
                "s3://bucket": {"anon": True, "endpoint_url": server.origin},
                "gs://bucket": {"token": "anon", "endpoint_url": server.origin},
                "az://bucket": {"connection_string": text},
            }
        )
        href = server.url("a.tif") if scheme == "http" else f"{scheme}://bucket/a.tif"
        yield Place(server=server, href=href, path=path)


NO_COMPRESSIONS = [
    "",
    "identity",
    "aws-chunked",
    "AWS-Chunked, identity",
    "none",
    "binary",
    "utf-8",
    "UTF8",
    "base64",
]


@pytest.mark.parametrize("encoding", NO_COMPRESSIONS)
def test_a_name_that_is_no_compression_leaves_the_bytes_alone(place: Place, encoding: str) -> None:
    place.server.fail(place.path, Fault(headers={"Content-Encoding": encoding}), times=2)
    [block] = read(place.href)
    assert isinstance(block, Block), block
    assert bytes(block.data) == DATA[:100]
    assert read_document(place.href) == DATA


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "aws-chunked, gzip", "br", "zstd"])
def test_a_file_of_ranges_is_refused_with_a_compression(place: Place, encoding: str) -> None:
    place.server.files[place.path] = gzip.compress(DATA * 10, mtime=0)
    place.server.fail(place.path, Fault(headers={"Content-Encoding": encoding}), times=2)
    error = fault_of(place.href)
    assert isinstance(error, UnsupportedError)
    name = encoding.rpartition(" ")[2].lower()
    assert f"the server sends it with Content-Encoding '{name}', so byte ranges do not address" in str(error)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "AWS-CHUNKED,GZip"])
def test_a_whole_document_is_unpacked(place: Place, encoding: str) -> None:
    place.server.files[place.path] = gzip.compress(DATA)
    place.server.fail(place.path, Fault(headers={"Content-Encoding": encoding}), times=1)
    assert _gunzipped(read_document(place.href)) == DATA


def _gunzipped(data: bytes) -> bytes:
    """gcsfs unpacks what the header calls gzip alone; the rest is left to who knows documents."""
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def test_deflate_has_two_forms() -> None:
    bare = zlib.compressobj(wbits=-15)
    for packed in (zlib.compress(DATA), bare.compress(DATA) + bare.flush()):
        assert unpacked(packed, "deflate", "https://host/a.json", max_bytes=len(DATA)) == DATA


def test_what_the_header_calls_gzip_may_not_be_so() -> None:
    assert unpacked(DATA, "gzip", "https://host/a.json", max_bytes=10) == DATA


def test_members_follow_each_other() -> None:
    packed = gzip.compress(DATA[:500]) + gzip.compress(DATA[500:]) + bytes(100)
    assert unpacked(packed, "gzip", "a.json", max_bytes=len(DATA)) == DATA


@pytest.mark.parametrize("padding", [0, 1, PIECE - 1, PIECE, 3 * PIECE])
def test_zeros_between_members_are_padding(padding: int) -> None:
    packed = b"".join(gzip.compress(part) + bytes(padding) for part in (DATA, b"", DATA * 30, b"end"))
    assert gunzipped(packed, "a.json", max_bytes=len(DATA) * 31 + 3) == DATA * 31 + b"end"
    with pytest.raises(LimitError):
        gunzipped(packed, "a.json", max_bytes=len(DATA) * 31 + 2)


def test_members_without_an_end_are_counted() -> None:
    with pytest.raises(LimitError, match=r"a\.json: more than 65,536 gzip members"):
        gunzipped(gzip.compress(b"") * 200_000, "a.json", max_bytes=100)


def test_what_comes_out_is_bounded(server: FaultServer) -> None:
    server.files["bomb.json"] = gzip.compress(bytes(50_000_000))
    server.fail("bomb.json", Fault(headers={"Content-Encoding": "gzip"}), times=1)
    with pytest.raises(LimitError, match=r"bomb\.json: decompresses to more than 1 MiB"):
        read_document(server.url("bomb.json"), max_bytes=1 << 20)


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress"])
def test_another_compression_of_a_document_is_refused_by_name(encoding: str) -> None:
    with pytest.raises(UnsupportedError, match=f"Content-Encoding '{encoding}'; a document is read without"):
        unpacked(DATA, encoding, "a.json", max_bytes=10)


@pytest.mark.parametrize(
    "packed", [gzip.compress(DATA)[:-9], gzip.compress(DATA)[:40] + b"x" * 40], ids=["short", "damaged"]
)
def test_damage_is_said(packed: bytes) -> None:
    with pytest.raises(MalformedError, match=r"a\.json: its gzip data (is damaged|ends too early)"):
        unpacked(packed, "gzip", "a.json", max_bytes=len(DATA))


def test_the_order_is_that_of_the_header() -> None:
    assert compressions("deflate, aws-chunked, GZip;q=1") == ("deflate", "gzip")
    assert compressions(None) == compressions("") == compressions("image/tiff") == ()
