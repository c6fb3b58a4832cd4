"""Whole documents and lists of files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest

from rasteret_sql.errors import AccessError, ArgumentError, LimitError, NotFoundError
from rasteret_sql.store import request_log
from rasteret_sql.store.documents import FileEntry, list_files, read_document, read_documents
from rasteret_sql.store.options import set_storage_options
from tests.store.conftest import DATA
from tests.store.endpoints import KEY, s3, s3_options, s3_signed
from tests.store.server import Fault, FaultServer


def test_a_document_is_one_request_without_a_range(server: FaultServer) -> None:
    assert read_document(server.url("a.tif")) == DATA
    assert [(request.status, request.range) for request in server.requests] == [(200, None)]
    last = request_log.snapshot()[-1]
    assert (last.kind, last.byte_count, last.error) == ("document", len(DATA), None)


def test_a_document_is_retried_like_a_range(server: FaultServer) -> None:
    server.fail("a.tif", Fault(status=502), times=2)
    assert read_document(server.url("a.tif"), kind="stac") == DATA
    assert [entry.attempt for entry in request_log.snapshot()[-3:]] == [1, 2, 3]
    assert request_log.snapshot()[-1].kind == "stac"


def test_an_empty_document_is_empty(server: FaultServer, tmp_path: Path) -> None:
    server.files["empty.json"] = b""
    (tmp_path / "empty.json").touch()
    assert read_document(server.url("empty.json")) == read_document(str(tmp_path / "empty.json")) == b""


def test_a_document_over_the_limit_is_not_read(server: FaultServer) -> None:
    server.files["big.json"] = bytes(20_000_000)
    with pytest.raises(LimitError) as caught:
        read_document(server.url("big.json"), max_bytes=1000)
    assert str(caught.value) == (
        f"{server.url('big.json')} has 20,000,000 bytes; at most 1,000 bytes are read as one document."
    )
    assert server.body_bytes < 15_000_000


def test_documents_come_as_they_land_and_errors_are_theirs_alone(server: FaultServer) -> None:
    hrefs = [server.url("a.tif"), server.url("missing.json"), server.url("a.tif?x=1")]
    outcomes = dict(read_documents(hrefs))
    assert outcomes[0] == outcomes[2] == DATA
    assert isinstance(outcomes[1], NotFoundError)


def test_local_files_are_listed(tmp_path: Path) -> None:
    for name in ("b.tif", "a.tif", "sub/c.tif", "sub/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    entries = list_files(f"{tmp_path}/**/*.tif")
    assert [entry.href for entry in entries] == [
        f"{tmp_path}/{name}" for name in ("a.tif", "b.tif", "sub/c.tif")
    ]
    assert {entry.size for entry in entries} == {5}
    now = datetime.now(UTC)
    for entry in entries:
        assert entry.last_modified is not None
        assert abs((now - entry.last_modified).total_seconds()) < 60
    assert [entry.href for entry in list_files(str(tmp_path))] == [f"{tmp_path}/a.tif", f"{tmp_path}/b.tif"]
    assert [entry.href for entry in list_files(f"{tmp_path}/a.tif")] == [f"{tmp_path}/a.tif"]


def test_nothing_found_is_an_empty_list(tmp_path: Path) -> None:
    assert list_files(f"{tmp_path}/*.tif") == []
    assert list_files(f"{tmp_path}/nowhere/*.tif") == []


def test_memory_files_are_listed() -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/listed/a.tif", b"123")
    try:
        [entry] = list_files("memory://listed/*.tif")
        assert (entry.href, entry.size) == ("memory:///listed/a.tif", 3)
        assert read_document(entry.href) == b"123"
    finally:
        fs.rm("/listed", recursive=True)


def test_a_bucket_is_listed_and_what_is_listed_can_be_read(tmp_path: Path) -> None:
    pytest.importorskip("s3fs", reason="s3fs is not installed: buckets cannot be listed")
    with s3(tmp_path) as bucket:
        bucket.put("2024/b c.tif", DATA)
        bucket.put("2024/01/a.tif", DATA)
        bucket.put("2024/notes.txt", DATA)
        entries = list_files("s3://bucket/2024/**/*.tif")
        assert [entry.href for entry in entries] == ["s3://bucket/2024/01/a.tif", "s3://bucket/2024/b c.tif"]
        assert all(
            isinstance(entry, FileEntry) and entry.size == len(DATA) and entry.etag for entry in entries
        )
        assert all(entry.last_modified is not None for entry in entries)
        assert [content for _, content in read_documents([entry.href for entry in entries])] == [DATA, DATA]
        bucket.put("2024/c.tif", DATA)
        # A listing is never an old one.
        assert len(list_files("s3://bucket/2024/**/*.tif")) == 3


def test_a_listing_that_is_refused_is_an_error(tmp_path: Path) -> None:
    pytest.importorskip("s3fs", reason="s3fs is not installed: buckets cannot be listed")
    with s3_signed(tmp_path) as port:
        set_storage_options({"s3://bucket": s3_options(port) | {"key": KEY, "secret": "wrong"}})
        with pytest.raises(AccessError, match=r"s3://bucket/\*\.tif: access was refused \(HTTP 403"):
            list_files("s3://bucket/*.tif")


def test_an_unknown_protocol_is_an_argument_error() -> None:
    with pytest.raises(ArgumentError) as caught:
        list_files("ftq://host/*.tif")
    assert str(caught.value) == "ftq://host/*.tif: neither this package nor fsspec knows the protocol 'ftq'."
