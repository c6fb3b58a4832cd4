"""A server that misbehaves, through SQL: the same pixels, or one error that says what is wrong."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from itertools import count
from typing import Any

import duckdb
import pytest
from rasterio.io import MemoryFile

import rasteret_sql
from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.settings import configure
from rasteret_sql.store.http import reader as http_reader
from rasteret_sql.store.obstore import reader as obstore_reader
from rasteret_sql.store.scheduling import retry, scheduler
from tests.contracts import scenes
from tests.contracts.ledger import bytes_asked_twice
from tests.duck.refusals import message
from tests.store.server import NO_FAULT, Fault, FaultServer

FILES = 4
RETRIES = 4
PIECE = 12_000
"""Bytes of the longest request: a file of half a megabyte takes about fifty."""
READ = "SELECT i.href, c.data FROM idx AS i, read_cog(i) AS c"
WHOLE = Fault(ignore_range=True)


@pytest.fixture(params=["auto", "fsspec"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BACKOFF_FIRST_S", 0.001)
    configure(max_retries=RETRIES, merge_max_bytes=PIECE)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    dates = scenes.scenes()[:FILES]
    with FaultServer({f"{date.id}.tif": scenes.file_of(date, "red") for date in dates}) as running:
        yield running


@pytest.fixture
def idx(con: duckdb.DuckDBPyConnection, server: FaultServer) -> duckdb.DuckDBPyConnection:
    """A table ``idx`` of all files, made in good weather; ``hrefs`` has their names alone."""
    con.execute(
        "CREATE TABLE hrefs AS SELECT unnest($1) AS href", [[server.url(name) for name in server.files]]
    )
    con.execute("CREATE TABLE idx AS SELECT h.* FROM hrefs, cog_header(href) AS h")
    server.clear()
    return con


def expected(server: FaultServer) -> dict[str, bytes]:
    """Pixels of every file by rasterio."""
    found = {}
    for name, data in server.files.items():
        with MemoryFile(data) as memory, memory.open() as dataset:
            found[server.url(name)] = dataset.read().tobytes()
    return found


def every_tenth(fault: Fault, seen: list[int]) -> Any:
    """Weather in which every tenth request fails; ``seen`` counts those."""
    numbers = count(1)

    def weather() -> Fault:
        if next(numbers) % 10:
            return NO_FAULT
        seen.append(1)
        return fault

    return weather


PASSING = {
    "503": Fault(status=503),
    "500": Fault(status=500),
    "429 with Retry-After": Fault(status=429, headers={"Retry-After": "0"}),
    "reset": Fault(reset=True),
    "short body": Fault(short_by=100),
    "less than asked": Fault(truncate=50),
    "stall": Fault(stall=True),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_one_fault_in_ten_requests_changes_no_pixel(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, transport: str, fault: Fault
) -> None:
    configure(transport=transport, request_timeout_s=1.5 if fault.stall else 10)
    good = dict(idx.execute(READ).fetchall())
    assert good == expected(server)
    needed = len(server.requests)
    assert needed >= 150
    assert bytes_asked_twice(server) == 0

    server.clear()
    seen: list[int] = []
    server.weather = every_tenth(fault, seen)
    BLOCKS.clear()
    assert dict(idx.execute(READ).fetchall()) == good
    # each fault is one request more
    assert len(seen) >= needed // 10
    assert len(server.requests) == needed + len(seen)


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_one_fault_in_ten_requests_changes_no_header(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, transport: str, fault: Fault
) -> None:
    configure(transport=transport, request_timeout_s=1.5 if fault.stall else 10)
    idx.execute("CREATE TABLE many AS SELECT href || '?n=' || n AS href FROM hrefs, range(10) AS r(n)")
    seen: list[int] = []
    server.weather = every_tenth(fault, seen)
    query = "SELECT h.* EXCLUDE (href) FROM {} AS t, cog_header(t.href) AS h"
    assert idx.execute(
        f"SELECT count(error) FROM ({query.format('many').replace(' EXCLUDE (href)', '')})"
    ).fetchall() == [(0,)]
    assert len(seen) >= FILES
    assert len(server.requests) == FILES * 10 + len(seen)
    server.weather = lambda: NO_FAULT
    made = f"CREATE TABLE {{}} AS SELECT DISTINCT * FROM ({query})"
    idx.execute(made.format("bad", "many"))
    idx.execute(made.format("good", "hrefs"))
    assert idx.execute("(FROM bad EXCEPT FROM good) UNION ALL (FROM good EXCEPT FROM bad)").fetchall() == []


def test_what_the_server_asks_to_wait_is_waited_for_and_not_longer(
    idx: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    """A second, by two files of four; obstore hides the header of the first refusal."""
    for name in list(server.files)[:2]:
        server.fail(name, Fault(status=429, headers={"Retry-After": "1"}), times=2)
    assert dict(idx.execute(READ).fetchall()) == expected(server)
    refused = [request for request in server.requests if request.status == 429]
    assert len(refused) == 4


FINAL: dict[str, tuple[Fault, str]] = {
    "another range": (
        Fault(shift=5),
        r"bytes [\d,]+ to [\d,]+ were asked for, but the server sent bytes [\d,]+ to [\d,]+\.",
    ),
    "another Content-Range": (
        Fault(headers={"Content-Range": "bytes 7-106/500000"}),
        r"(bytes [\d,]+ to [\d,]+ were asked for, but the server sent bytes 7 to 106\."
        r"|changed since it was indexed: it had [\d,]+ bytes and has 500,000;.*)",  # both are so
    ),
    "200 with something else": (
        Fault(status=200, body=b"<html>Please sign in</html>", headers={"Content-Type": "text/html"}),
        r"bytes [\d,]+ to [\d,]+ were asked for, but the server sent a web page \(text/html\), perhaps .*\.",
    ),
    "403": (Fault(status=403, body=b""), r"access was refused \(HTTP 403\); .*"),
    "404": (Fault(status=404, body=b""), r"there is no such file \(HTTP 404\)\."),
}


@pytest.mark.parametrize(("fault", "told"), FINAL.values(), ids=FINAL)
def test_a_wrong_answer_is_one_error_that_says_so(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, transport: str, fault: Fault, told: str
) -> None:
    configure(transport=transport)
    name = next(iter(server.files))
    server.fail(name, fault, times=1000)
    pattern = f"{re.escape(server.url(name))}(: | )?{told}"
    assert re.fullmatch(f"read_cog: {pattern}", message(idx, READ))
    # nothing is tried again; what was on its way when the error came is all that was asked
    asked = [request for request in server.requests if request.target == f"/{name}"]
    assert len(asked) <= scheduler.AHEAD * 128
    rows = idx.execute(
        "SELECT i.href, c.data, c.error FROM idx AS i, read_cog(i, on_error := 'null') AS c"
    ).fetchall()
    truth = expected(server)
    for href, data, error in rows:
        if href == server.url(name):
            assert data is None
            assert re.fullmatch(pattern, error)
        else:
            assert (data, error) == (truth[href], None)


def test_a_wrong_answer_to_a_header_is_in_its_row(
    idx: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    names = list(server.files)
    told = {
        "another range": "the server sent bytes 5 to",
        "200 with something else": "were asked for, but the server sent a web page (text/html)",
        "404": "there is no such file (HTTP 404).",
    }
    for name, case in zip(names, told, strict=False):
        server.fail(name, FINAL[case][0], times=9)
    found = dict(idx.execute("SELECT h.href, h.error FROM hrefs, cog_header(href) AS h").fetchall())
    for name, text in zip(names, told.values(), strict=False):
        assert text in found[server.url(name)]
    assert [found[server.url(name)] for name in names[3:]] == [None] * (FILES - 3)


@pytest.mark.parametrize("function", ["read_cog", "cog_header"])
def test_small_files_are_read_from_a_server_without_ranges(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, transport: str, function: str
) -> None:
    configure(transport=transport)
    server.weather = lambda: WHOLE
    if function == "read_cog":
        assert dict(idx.execute(READ).fetchall()) == expected(server)
    else:
        query = "(SELECT h.* FROM hrefs, cog_header(href) AS h) EXCEPT FROM idx"
        assert idx.execute(query).fetchall() == []
        # obstore does not take such an answer: another client asks again
        assert len(server.requests) == (FILES if transport == "fsspec" else 2 * FILES)


@pytest.mark.parametrize("size_too", [True, False], ids=["ETag and size", "ETag alone"])
def test_a_file_replaced_under_the_index_is_stale_and_not_noise(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, size_too: bool
) -> None:
    name, other, *_ = server.files
    replacement = bytearray(server.files[other if size_too else name])
    if not size_too:
        replacement[-100] ^= 255
    server.files[name] = bytes(replacement)
    href = server.url(name)
    assert message(idx, READ).startswith(f"read_cog: {href} changed since it was indexed: its ETag was ")
    found = idx.execute(
        "SELECT i.href, c.data IS NULL, c.error FROM idx AS i, read_cog(i, on_error := 'null') AS c"
    )
    assert [row[0] for row in found.fetchall() if row[1]] == [href]

    idx.execute("CREATE TABLE again AS SELECT h.* FROM hrefs, cog_header(href) AS h")
    if size_too:
        fresh = dict(idx.execute(READ.replace("idx", "again")).fetchall())
        assert fresh == expected(server)


def test_tiles_of_a_replaced_file_are_not_taken_from_the_cache(
    idx: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    name, other, *_ = server.files
    assert dict(idx.execute(READ).fetchall()) == expected(server)
    server.files[name] = server.files[other]
    idx.execute("CREATE TABLE again AS SELECT h.* FROM hrefs, cog_header(href) AS h")
    assert dict(idx.execute(READ.replace("idx", "again")).fetchall()) == expected(server)


def test_a_file_replaced_in_the_middle_of_a_read(idx: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    name, other, *_ = server.files
    numbers = count(1)

    def weather() -> Fault:
        if next(numbers) == 60:
            server.files[name] = server.files[other]
        return NO_FAULT

    server.weather = weather
    configure(max_concurrency=4)
    idx.execute("DELETE FROM idx WHERE href <> $1", [server.url(name)])
    idx.execute("INSERT INTO idx SELECT * REPLACE (href || '?n=2' AS href) FROM idx")
    assert "changed since it was indexed: its ETag was " in message(idx, READ)


def test_bytes_that_drip_are_waited_for(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, transport: str
) -> None:
    """Twice as long as request_timeout_s, which is the longest silence and not the longest answer."""
    configure(transport=transport, request_timeout_s=1.5, max_retries=0)
    server.fail(next(iter(server.files)), Fault(drip_s=0.3), times=3)
    assert dict(idx.execute(READ).fetchall()) == expected(server)


@pytest.mark.parametrize("drip_s", [0.1, 5.0], ids=["for ever", "too slowly"])
def test_bytes_that_drip_without_end_are_given_up(
    idx: duckdb.DuckDBPyConnection,
    server: FaultServer,
    transport: str,
    drip_s: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (http_reader, obstore_reader):
        monkeypatch.setattr(module, "LONGEST_REQUEST", 2)
    monkeypatch.setattr(scheduler, "PATIENCE", 100)
    configure(transport=transport, request_timeout_s=0.3, max_retries=2, max_concurrency=1)
    name = next(iter(server.files))
    server.fail(name, Fault(drip_s=drip_s), times=1000)
    told = message(idx, f"{READ} WHERE i.href LIKE '%{name}'")
    assert told == (
        f"read_cog: {server.url(name)}: no answer within 0.3 s (setting request_timeout_s). "
        "Given up after 3 attempts (setting max_retries)."
    )
    # with one at a time: the range that was given up, and what was queued before its last try
    assert 3 <= len(server.requests) <= 3 * scheduler.AHEAD


def test_a_server_that_does_nothing_but_fail_is_asked_for_one_error_only(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, transport: str
) -> None:
    """Not for each of hundreds of ranges until all their tries are used up."""
    configure(transport=transport, max_concurrency=2)
    server.weather = lambda: Fault(status=503)
    told = message(idx, READ)
    assert told.endswith(
        "the server asks to slow down (HTTP 503). Given up after 5 attempts (setting max_retries)."
    )
    assert len(server.requests) <= 2 * scheduler.AHEAD * (RETRIES + 1)


def test_a_query_that_fails_takes_no_other_with_it(
    idx: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    """Two queries share tiles; the one that was to read them ends early, because of a file of its own."""
    first = next(iter(server.files))
    bad = server.url(first)
    server.fail(first, Fault(status=404), times=1000)
    configure(max_concurrency=1)
    server.gate = threading.Event()
    failed: list[str] = []
    cursor = rasteret_sql.register(idx.cursor())
    failing = threading.Thread(target=lambda: failed.append(message(cursor, READ)))
    failing.start()
    while not server.active:
        threading.Event().wait(0.01)
    found: list[dict[str, bytes]] = []
    query = f"{READ} WHERE i.href <> '{bad}'"
    other = rasteret_sql.register(idx.cursor())
    reading = threading.Thread(target=lambda: found.append(dict(other.execute(query).fetchall())))
    reading.start()
    threading.Event().wait(0.3)
    server.gate.set()
    failing.join(30)
    reading.join(30)
    assert failed == [f"read_cog: {bad}: there is no such file (HTTP 404)."]
    truth = expected(server)
    assert found == [{href: truth[href] for href in truth if href != bad}]
