"""What servers do wrong, over both HTTP transports: the message, whether it is tried again, and how often."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from rasteret_sql.errors import (
    AccessError,
    MalformedError,
    NotFoundError,
    RasteretError,
    TransportError,
    UnsupportedError,
)
from rasteret_sql.settings import configure
from rasteret_sql.store import request_log
from rasteret_sql.store.errors import retry_after_seconds
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.options import set_storage_options
from rasteret_sql.store.protocol import Block, ByteRange
from rasteret_sql.store.scheduling import scheduler
from tests.store.conftest import DATA
from tests.store.endpoints import free_port
from tests.store.server import Fault, FaultServer


@pytest.fixture(params=["auto", "fsspec"], autouse=True)
def transport(request: pytest.FixtureRequest) -> str:
    configure(transport=request.param)
    return str(request.param)


def fetch_one(href: str, start: int = 0, length: int = 100) -> Block | RasteretError:
    [(index, outcome)] = fetch([ByteRange(href=href, start=start, length=length)], kind="tile")
    assert index == 0
    return outcome


def error_of(href: str, start: int = 0, length: int = 100) -> RasteretError:
    outcome = fetch_one(href, start, length)
    assert isinstance(outcome, RasteretError)
    return outcome


def statuses(server: FaultServer) -> list[int]:
    return [request.status for request in server.requests]


PASSING_FAULTS = {
    "500": Fault(status=500),
    "502": Fault(status=502),
    "503": Fault(status=503),
    "504": Fault(status=504),
    "408": Fault(status=408),
    "429": Fault(status=429),
    "reset": Fault(reset=True),
    "short body": Fault(short_by=10),
    "less than asked": Fault(truncate=7),
}


@pytest.mark.parametrize("fault", PASSING_FAULTS.values(), ids=PASSING_FAULTS.keys())
def test_a_fault_that_passes_is_tried_again(server: FaultServer, fault: Fault) -> None:
    server.fail("a.tif", fault, times=2)
    outcome = fetch_one(server.url("a.tif"))
    assert isinstance(outcome, Block)
    assert bytes(outcome.data) == DATA[:100]
    assert len(server.requests) == 3


REFUSED = (
    "a signed URL may have expired, and an index keeps hrefs without signatures: search again (cog_index, "
    "refresh_index), or register_signer; other servers want the storage option bearer_token or headers."
)
DENIED = b"<Error><Code>AccessDenied</Code></Error>"
FINAL_FAULTS: dict[str, tuple[Fault, type[RasteretError], str]] = {
    "400": (
        Fault(status=400, body=b""),
        TransportError,
        "the server answered HTTP 400; expected 206 with the bytes asked for.",
    ),
    "401": (Fault(status=401, body=b""), AccessError, f"access was refused (HTTP 401); {REFUSED}"),
    "403": (Fault(status=403), AccessError, f"access was refused (HTTP 403); {REFUSED}"),
    "403 with code": (
        Fault(status=403, body=DENIED),
        AccessError,
        f"access was refused (HTTP 403, AccessDenied); {REFUSED}",
    ),
    "404": (Fault(status=404, body=b""), NotFoundError, "there is no such file (HTTP 404)."),
    "410": (Fault(status=410, body=b""), NotFoundError, "there is no such file (HTTP 410)."),
    "501": (
        Fault(status=501, body=b""),
        TransportError,
        "the server answered HTTP 501; expected 206 with the bytes asked for.",
    ),
    "other bytes": (
        Fault(shift=5),
        MalformedError,
        "bytes 0 to 99 were asked for, but the server sent bytes 5 to 104.",
    ),
    "compressed": (
        Fault(headers={"Content-Encoding": "gzip"}),
        UnsupportedError,
        "the server sends it with Content-Encoding 'gzip', so byte ranges do not address the file's own "
        "bytes; store it without that encoding.",
    ),
}


@pytest.mark.parametrize(("fault", "kind", "message"), FINAL_FAULTS.values(), ids=FINAL_FAULTS.keys())
def test_a_final_fault_is_one_request_and_one_clear_message(
    server: FaultServer, fault: Fault, kind: type[RasteretError], message: str
) -> None:
    server.fail("a.tif", fault)
    error = error_of(server.url("a.tif"))
    assert type(error) is kind
    assert str(error) == f"{server.url('a.tif')}: {message}"
    assert len(server.requests) == 1


def test_a_range_after_the_end_is_one_request(server: FaultServer) -> None:
    error = error_of(server.url("a.tif"), start=20_000)
    assert isinstance(error, MalformedError)
    assert str(error).startswith(
        f"{server.url('a.tif')}: bytes 20,000 to 20,099 were asked for, but the file "
    )
    assert statuses(server) == [416]


def test_retries_end_with_what_was_wrong_and_which_setting_holds(server: FaultServer) -> None:
    configure(max_retries=2)
    server.fail("a.tif", Fault(status=500, body=b""), times=9)
    error = error_of(server.url("a.tif"))
    assert str(error) == (
        f"{server.url('a.tif')}: the server failed (HTTP 500). "
        "Given up after 3 attempts (setting max_retries)."
    )
    assert type(error) is TransportError
    assert statuses(server) == [500] * 3


def test_no_retries_when_none_are_wanted(server: FaultServer) -> None:
    configure(max_retries=0)
    server.fail("a.tif", Fault(status=503))
    assert str(error_of(server.url("a.tif"))) == (
        f"{server.url('a.tif')}: the server asks to slow down (HTTP 503)."
    )
    assert statuses(server) == [503]


def test_what_the_server_asks_to_wait_is_waited_for(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float | None] = []
    waits = scheduler._Run.retry_at

    def note(run: scheduler._Run, index: int, attempt: int, outcome: scheduler.Outcome) -> float | None:
        if isinstance(outcome, TransportError):
            asked.append(outcome.retry_after_s)
            at = waits(run, index, attempt, outcome)
            assert at is not None
            # Later than asked; without waiting for it here.
            assert at - scheduler.monotonic() > (outcome.retry_after_s or 0) - 1
            outcome.retry_after_s = 0
        return waits(run, index, attempt, outcome)

    monkeypatch.setattr(scheduler._Run, "retry_at", note)
    server.fail("a.tif", Fault(status=429, headers={"Retry-After": "30"}), times=3)
    assert isinstance(fetch_one(server.url("a.tif")), Block)
    # obstore hides the header of the first refusal; from then on another client reads this origin.
    assert asked[-2:] == [30, 30]
    assert statuses(server) == [429, 429, 429, 206]


def test_a_server_that_asks_to_wait_for_ever_is_not_waited_for(server: FaultServer) -> None:
    server.fail("a.tif", Fault(status=429, headers={"Retry-After": "3600"}), times=9)
    error = error_of(server.url("a.tif?signed=1"))
    assert str(error) == (
        f"{server.url('a.tif?signed=…')}: the server asks to slow down and to wait 3600 s (HTTP 429)."
    )
    assert statuses(server) == [429]


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after_seconds("7") == 7
    assert retry_after_seconds(" 0 ") == 0
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 55 < (retry_after_seconds(in_a_minute) or 0) <= 60
    assert retry_after_seconds("Mon, 01 Jan 2024 10:00:00 GMT") == 0
    for nonsense in (None, "", "soon", "-5", "9" * 400):
        assert retry_after_seconds(nonsense) is None


def test_a_stalled_answer_is_given_up_after_request_timeout(server: FaultServer) -> None:
    configure(request_timeout_s=0.1, max_retries=0)
    server.fail("a.tif", Fault(stall=True))
    assert str(error_of(server.url("a.tif"))) == (
        f"{server.url('a.tif')}: no answer within 0.1 s (setting request_timeout_s)."
    )


def test_a_stall_is_tried_again(server: FaultServer) -> None:
    configure(request_timeout_s=0.1)
    server.fail("a.tif", Fault(stall=True))
    assert isinstance(fetch_one(server.url("a.tif")), Block)
    assert statuses(server) == [0, 206]


def test_nobody_listens() -> None:
    configure(max_retries=1)
    url = f"http://127.0.0.1:{free_port()}/a.tif"
    assert str(error_of(url)) == (
        f"{url}: cannot connect to its server (connection refused or lost). "
        "Given up after 2 attempts (setting max_retries)."
    )


def test_no_such_host() -> None:
    configure(max_retries=0)
    url = "http://no-such-host.invalid/a.tif"
    assert str(error_of(url)) == f"{url}: cannot connect to its server (no such host)."


def test_a_server_without_ranges_serves_small_files(server: FaultServer) -> None:
    server.fail("a.tif", Fault(ignore_range=True), times=9)
    outcome = fetch_one(server.url("a.tif"), start=50)
    assert isinstance(outcome, Block)
    assert bytes(outcome.data) == DATA[50:150]
    assert outcome.info.size == len(DATA)


def test_a_server_without_ranges_is_refused_for_large_files(server: FaultServer) -> None:
    server.files["big.tif"] = bytes(30_000_000)
    server.fail("big.tif", Fault(ignore_range=True), times=9)
    error = error_of(server.url("big.tif"), start=2_000_000)
    assert type(error) is UnsupportedError
    assert str(error) == (
        f"{server.url('big.tif')}: bytes 2,000,000 to 2,000,099 were asked for, but the server does not do "
        "byte ranges and sends the whole file (30,000,000 bytes); download it, or serve it from a store with "
        "range requests."
    )
    assert server.body_bytes < 15_000_000


def test_the_beginning_of_a_large_file_is_taken_from_a_server_without_ranges(server: FaultServer) -> None:
    server.files["big.tif"] = DATA + bytes(30_000_000)
    server.fail("big.tif", Fault(ignore_range=True), times=9)
    outcome = fetch_one(server.url("big.tif"))
    assert isinstance(outcome, Block)
    assert bytes(outcome.data) == DATA[:100]
    assert server.body_bytes < 15_000_000


def test_redirects_are_followed(server: FaultServer) -> None:
    target = server.url("a.tif?sig=a%2Fb")
    server.fail("moved.tif", Fault(status=302, headers={"Location": target}))
    outcome = fetch_one(server.url("moved.tif"))
    assert isinstance(outcome, Block)
    assert bytes(outcome.data) == DATA[:100]
    assert [request.target for request in server.requests] == ["/moved.tif", "/a.tif?sig=a%2Fb"]


def test_credentials_do_not_follow_a_redirect_to_another_host(server: FaultServer) -> None:
    with FaultServer({"a.tif": DATA}) as other:
        elsewhere = other.url("a.tif").replace("127.0.0.1", "localhost")
        set_storage_options({server.origin: {"headers": {"Authorization": "Bearer hush"}}})
        server.fail("moved.tif", Fault(status=302, headers={"Location": elsewhere}), times=2)
        assert isinstance(fetch_one(server.url("moved.tif")), Block)
        assert server.requests[0].headers["authorization"] == "Bearer hush"
        assert "authorization" not in other.requests[0].headers


def test_a_redirect_loop_ends(server: FaultServer) -> None:
    configure(max_retries=0)
    server.fail("loop.tif", Fault(status=302, headers={"Location": server.url("loop.tif")}), times=50)
    assert isinstance(error_of(server.url("loop.tif")), TransportError)
    assert len(server.requests) < 30


def test_user_and_password_are_sent_and_never_shown(server: FaultServer) -> None:
    server.allow = lambda target, headers: headers.get("authorization") == "Basic dXNlcjpodXNo"
    origin = server.origin.removeprefix("http://")
    assert isinstance(fetch_one(f"http://user:hush@{origin}/a.tif"), Block)
    error = error_of(f"http://user:wrong@{origin}/a.tif")
    assert isinstance(error, AccessError)
    assert str(error).startswith(f"http://{origin}/a.tif: access was refused (HTTP 403, AccessDenied)")


SECRETS = "?X-Amz-Signature=0123abcd&sig=a%2Fb%3D&hush-hush"


@pytest.mark.parametrize("fault", [Fault(status=403), Fault(status=500), Fault(shift=1), Fault(reset=True)])
def test_no_message_or_log_holds_a_signature(server: FaultServer, fault: Fault) -> None:
    configure(max_retries=0)
    # Twice, as aiohttp itself replaces a kept connection that breaks.
    server.fail("a.tif", fault, times=2)
    error = error_of(server.url("a.tif") + SECRETS)
    shown = repr([*_chain(error), request_log.snapshot()[-1]])
    assert server.requests[0].target == f"/a.tif{SECRETS}"
    assert "X-Amz-Signature=…&sig=…&…" in shown
    for secret in ("0123abcd", "a%2Fb", "hush"):
        assert secret not in shown


def _chain(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


TARGETS = (
    "/a%20b.tif",
    "/a+b.tif",
    "/a%2Bb.tif",
    "/x%2Fy.tif",
    "/a//b.tif",
    "/a.tif?x=1&y=a+b%2F",
    "/a;v=1.tif",
)


@pytest.mark.parametrize("target", TARGETS)
def test_an_address_is_sent_exactly_as_given(server: FaultServer, target: str) -> None:
    fetch_one(server.origin + target)
    assert server.requests[0].target == target


def test_what_may_not_stand_in_a_url_is_escaped(server: FaultServer) -> None:
    fetch_one(server.origin + "/two words ü.tif#fragment")
    assert server.requests[0].target == "/two%20words%20%C3%BC.tif"


def test_no_compression_is_asked_for(server: FaultServer) -> None:
    fetch_one(server.url("a.tif"))
    assert server.requests[0].headers.get("accept-encoding", "identity") == "identity"


def test_connections_are_kept(server: FaultServer) -> None:
    configure(max_concurrency=4)
    ranges = [ByteRange(href=server.url("a.tif"), start=i, length=1) for i in range(200)]
    assert len(list(fetch(ranges, kind="tile"))) == 200
    # A pool that opened one a request would show 200.
    assert len({request.connection for request in server.requests}) <= 20


HOSTILE_ANSWERS = {
    "no Content-Range": (
        b"HTTP/1.1 206 x\r\nContent-Length: 100\r\n\r\n" + bytes(100),
        "the answer does not say which bytes it holds",
    ),
    "several parts": (
        b"HTTP/1.1 206 x\r\nContent-Type: multipart/byteranges; boundary=x\r\nContent-Length: 5\r\n\r\nhello",
        "the answer does not say which bytes it holds",
    ),
    "more than announced": (
        b"HTTP/1.1 206 x\r\nContent-Range: bytes 0-99/1000\r\nContent-Length: 200\r\n\r\n" + bytes(200),
        "the server sent more than the 100 bytes that it announced",
    ),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "the connection broke before the whole answer was there"),
}


@pytest.mark.parametrize(("answer", "message"), HOSTILE_ANSWERS.values(), ids=HOSTILE_ANSWERS.keys())
def test_an_answer_that_breaks_the_rules_is_refused(answer: bytes, message: str) -> None:
    configure(max_retries=1)
    with answering(answer) as url:
        assert message in str(error_of(url))


def test_a_length_that_is_not_known_is_no_obstacle() -> None:
    answer = b"HTTP/1.1 206 x\r\nContent-Range: bytes 0-99/*\r\nContent-Length: 100\r\n\r\n" + DATA[:100]
    with answering(answer) as url:
        outcome = fetch_one(url)
        assert isinstance(outcome, Block)
        assert bytes(outcome.data) == DATA[:100]
        assert outcome.info.size is None


def test_a_chunked_range_is_read() -> None:
    head = b"HTTP/1.1 206 x\r\nContent-Range: bytes 0-99/1000\r\nTransfer-Encoding: chunked\r\n\r\n"
    with answering(head + b"64\r\n" + DATA[:100] + b"\r\n0\r\n\r\n") as url:
        outcome = fetch_one(url)
        assert isinstance(outcome, Block)
        assert bytes(outcome.data) == DATA[:100]


class answering:  # noqa: N801 -- reads as a verb
    """A server that gives every request the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.socket = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> str:
        threading.Thread(target=self.serve, daemon=True).start()
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}/a.tif"

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            try:
                while lines.readline():
                    while lines.readline().strip():
                        pass
                    connection.sendall(self.answer)
            except OSError:
                return
