"""The contract of ``RangeReader``, held against every adapter and every kind of place."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rasteret_sql.errors import LimitError, MalformedError, NotFoundError, TransportError
from rasteret_sql.store.protocol import Block, ByteRange
from rasteret_sql.store.readers import reader_for
from tests.store.conftest import DATA
from tests.store.endpoints import ENDPOINTS, Endpoint


@pytest.fixture(params=ENDPOINTS.values(), ids=ENDPOINTS.keys())
def endpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Endpoint]:
    with request.param(tmp_path) as made:
        yield made


def read(href: str, start: int, length: int) -> Block:
    request = ByteRange(href=href, start=start, length=length)
    try:
        return reader_for(href).read(request)
    except TransportError as error:
        # "Again, at once": the reader has learnt how this server must be asked.
        if not (error.transient and error.retry_after_s == 0):
            raise
        return reader_for(href).read(request)


def test_gives_exactly_the_bytes_asked_for(endpoint: Endpoint) -> None:
    href = endpoint.put("scene.tif", DATA)
    choose = random.Random(1)
    for _ in range(20):
        start = choose.randrange(len(DATA) - 1)
        length = choose.randrange(1, len(DATA) - start + 1)
        assert bytes(read(href, start, length).data) == DATA[start : start + length]


def test_a_range_that_ends_after_the_object_gives_what_there_is(endpoint: Endpoint) -> None:
    href = endpoint.put("scene.tif", DATA)
    assert bytes(read(href, 0, 1 << 20).data) == DATA
    assert bytes(read(href, len(DATA) - 3, 100).data) == DATA[-3:]


@pytest.mark.parametrize("start", [len(DATA), len(DATA) + 1, 1 << 40])
def test_a_range_that_begins_at_or_after_the_end_is_malformed(endpoint: Endpoint, start: int) -> None:
    href = endpoint.put("scene.tif", DATA)
    with pytest.raises(
        MalformedError, match=rf"scene\.tif.*: bytes {start:,} to {start + 99:,} were asked for, but"
    ):
        read(href, start, 100)


def test_an_empty_object_has_no_bytes(endpoint: Endpoint) -> None:
    href = endpoint.put("empty.tif", b"")
    with pytest.raises(MalformedError, match="were asked for, but the file"):
        read(href, 0, 100)


def test_a_missing_object_is_not_found(endpoint: Endpoint) -> None:
    endpoint.put("scene.tif", DATA)
    with pytest.raises(NotFoundError, match=r"missing\.tif.*: there is no such file"):
        read(endpoint.href("missing.tif"), 0, 100)


@pytest.mark.parametrize(
    "name", ["two words.tif", "a+b.tif", "a=1&b=2.tif", "ünïcode-雲.tif", "sub/folder/x.tif", "50%.tif"]
)
def test_a_name_is_taken_as_it_is(endpoint: Endpoint, name: str) -> None:
    href = endpoint.put(name, DATA)
    assert bytes(read(href, 10, 5).data) == DATA[10:15]


def test_size_and_etag_are_those_of_the_object(endpoint: Endpoint) -> None:
    first, same = (read(endpoint.put("scene.tif", DATA), at, 10).info for at in (0, 50))
    assert first.size == (len(DATA) if endpoint.tells_size else None)
    if endpoint.tells_etag:
        changed = read(endpoint.put("scene.tif", DATA + b"x"), 0, 10).info
        assert first.etag is not None
        assert first.last_modified is not None
        assert changed.etag != first.etag
        assert same.last_modified is not None


def test_many_threads_may_read_at_once(endpoint: Endpoint) -> None:
    href = endpoint.put("scene.tif", DATA)
    starts = [at * 37 for at in range(100)]
    with ThreadPoolExecutor(32) as threads:
        blocks = list(threads.map(lambda start: read(href, start, 37), starts))
    assert [bytes(block.data) for block in blocks] == [DATA[start : start + 37] for start in starts]


def test_a_whole_object_is_read_in_one_piece(endpoint: Endpoint) -> None:
    href = endpoint.put("item.json", DATA)
    assert bytes(reader_for(href).read_all(href, max_bytes=len(DATA)).data) == DATA


def test_a_whole_object_that_is_too_long_is_over_the_limit(endpoint: Endpoint) -> None:
    href = endpoint.put("item.json", DATA)
    with pytest.raises(LimitError, match=r"item\.json.* at most 1,000 bytes are read as one document"):
        reader_for(href).read_all(href, max_bytes=1000)
