"""A small HTTP server with byte ranges, a log of requests, and faults on demand. Standard library only.

with FaultServer({"a.tif": data}) as server:
    server.fail("a.tif", Fault(status=503), times=2)
    read(server.url("a.tif"))
    assert [r.status for r in server.requests] == [503, 503, 206]
"""

from __future__ import annotations

import hashlib
import re
import socket
import struct
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic, sleep
from types import TracebackType
from urllib.parse import unquote, urlsplit

LAST_MODIFIED = "Mon, 01 Jan 2024 10:00:00 GMT"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one answer. The default is nothing."""

    status: int | None = None
    """Answer this status and no object."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with the answer: ``Retry-After``, ``Location``."""
    body: bytes = b"<Error><Message>scripted</Message></Error>"
    """The body of an answer with ``status``."""
    reset: bool = False
    """Close the connection with RST before any answer."""
    short_by: int = 0
    """Close the connection this many bytes before the end of the body."""
    stall: bool = False
    """Send nothing until the client gives up or the server stops."""
    ignore_range: bool = False
    """Answer 200 with the whole object."""
    shift: int = 0
    """Answer the range this many bytes further on."""
    truncate: int | None = None
    """Answer 206 with at most this many bytes, headers consistent."""
    drip_s: float = 0.0
    """Wait this long before each tenth of the body."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as the server saw it."""

    method: str
    target: str
    """Path and query exactly as sent."""
    headers: Mapping[str, str]
    """Keys in lower case."""
    status: int
    connection: int
    """The client's port: one number a connection."""
    round_trip: int = 1
    """One more than the highest of all that had been answered when it came: it may depend on those."""

    @property
    def range(self) -> str | None:
        return self.headers.get("range")

    @property
    def span(self) -> tuple[int, int]:
        """First byte asked for, and the one behind the last; of ``bytes=a-b`` alone."""
        first, last = (self.range or "").removeprefix("bytes=").split("-")
        return int(first), int(last) + 1


NO_FAULT = Fault()


class FaultServer:
    """Serves ``files`` (path without leading slash -> bytes) on a free port of 127.0.0.1."""

    def __init__(
        self,
        files: Mapping[str, bytes] | None = None,
        *,
        allow: Callable[[str, Mapping[str, str]], bool] = lambda target, headers: True,
        port: int = 0,
    ) -> None:
        self.files: dict[str, bytes] = dict(files or {})
        self.allow = allow
        """Called with target and headers of each request; False answers 403."""
        self.requests: list[Request] = []
        self.body_bytes = 0
        """Bytes of bodies handed to the sockets so far."""
        self.most_at_once = 0
        """The largest number of requests that were being answered at one time."""
        self.most_bytes_at_once = 0
        """The largest sum of the bytes that those asked for."""
        self.quiet_s = 0.0
        """Answers wait until no request has come for so long, so that requests which do not depend on each
        other's answers are all of one round trip, however long it takes to send them."""
        self.weather: Callable[[], Fault] = lambda: NO_FAULT
        """Asked once a request for what goes wrong with it, if nothing is queued for its path."""
        self.gate: threading.Event | None = None
        """While set to an event, answers wait for it."""
        self.stopping = threading.Event()
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._active = 0
        self._active_bytes = 0
        self._came_last = 0.0
        self._answered = 0
        """The highest round trip that has been answered."""
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def origin(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def url(self, path: str) -> str:
        return f"{self.origin}/{path}"

    def fail(self, path: str, fault: Fault, *, times: int = 1) -> None:
        """Queue ``fault`` for the next ``times`` answers for ``path`` (as stored in ``files``)."""
        with self._lock:
            self._faults[path].extend([fault] * times)

    def clear(self) -> None:
        """Forget the requests so far and all faults not yet used."""
        with self._lock:
            self.requests.clear()
            self._faults.clear()
            self.body_bytes = self.most_at_once = self.most_bytes_at_once = self._answered = 0

    def __enter__(self) -> FaultServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        if self.gate is not None:
            self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # What the handler reports back.

    def next_fault(self, path: str) -> Fault:
        with self._lock:
            queue = self._faults[path]
            return queue.popleft() if queue else self.weather()

    @property
    def active(self) -> int:
        """Requests that are being answered now."""
        return self._active

    def enter(self, byte_count: int) -> int:
        """A request that asks for so many bytes; gives its round trip."""
        with self._lock:
            self._active += 1
            self._came_last = monotonic()
            self._active_bytes += byte_count
            self.most_at_once = max(self.most_at_once, self._active)
            self.most_bytes_at_once = max(self.most_bytes_at_once, self._active_bytes)
            return self._answered + 1

    def wait_for_quiet(self) -> None:
        while (left := self._came_last + self.quiet_s - monotonic()) > 0 and not self.stopping.is_set():
            self.stopping.wait(left)

    def leave(self, byte_count: int, round_trip: int) -> None:
        with self._lock:
            self._active -= 1
            self._active_bytes -= byte_count
            self._answered = max(self._answered, round_trip)

    def note(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)

    def sent(self, byte_count: int) -> None:
        with self._lock:
            self.body_bytes += byte_count


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what half of these tests are about."""


def wait_until(condition: Callable[[], bool], within_s: float) -> None:
    """Until the server has seen what a test waits for."""
    until = monotonic() + within_s
    while not condition():
        assert monotonic() < until
        sleep(0.002)


def etag_of(data: bytes) -> str:
    """The entity tag that the server gives for ``data``, with its quotes."""
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def range_of(header: str | None, size: int) -> tuple[int, int] | None:
    """``bytes=a-b``, ``bytes=a-`` or ``bytes=-n`` as [start, stop); None without a (usable) range."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def _handler(server: FaultServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 65536

        def log_message(self, format: str, *args: object) -> None:
            """Silent: the log is ``server.requests``."""

        def do_GET(self) -> None:
            size = len(server.files.get(self.object_path, b""))
            start, stop = range_of(self.headers.get("Range"), size) or (0, size)
            byte_count = max(0, stop - start)
            self.round_trip = server.enter(byte_count)
            try:
                if server.gate is not None:
                    server.gate.wait(30)
                server.wait_for_quiet()
                self.answer()
            finally:
                # Before the client has its answer, and with it leave to ask again.
                server.leave(byte_count, self.round_trip)
            self.wfile.flush()

        do_HEAD = do_GET  # noqa: N815 -- the standard library's name

        @property
        def object_path(self) -> str:
            return unquote(urlsplit(self.path).path).lstrip("/")

        def answer(self) -> None:
            path = self.object_path
            headers = {k.lower(): v for k, v in self.headers.items()}
            if "x-ms-range" in headers:  # Azure's own clients say it so
                headers["range"] = headers["x-ms-range"]
            fault = server.next_fault(path)
            if fault.reset:
                self.note(headers, 0)
                self.hang_up()
            elif fault.stall:
                self.note(headers, 0)
                server.stopping.wait(30)
                self.close_connection = True
            elif fault.status is not None:
                self.reply(headers, fault.status, fault.body, fault.headers)
            elif not server.allow(self.path, headers):
                self.reply(headers, 403, b"<Error><Code>AccessDenied</Code></Error>", {})
            elif path not in server.files:
                self.reply(headers, 404, b"<Error><Code>NoSuchKey</Code></Error>", {})
            else:
                self.send_object(headers, server.files[path], fault)

        def send_object(self, headers: Mapping[str, str], data: bytes, fault: Fault) -> None:
            common = {"ETag": etag_of(data), "Last-Modified": LAST_MODIFIED, "Accept-Ranges": "bytes"}
            wanted = None if fault.ignore_range else range_of(headers.get("range"), len(data))
            if wanted is None:
                self.reply(headers, 200, data, common | dict(fault.headers), fault=fault)
                return
            start, stop = wanted[0] + fault.shift, min(len(data), wanted[1] + fault.shift)
            if start >= len(data):
                self.reply(headers, 416, b"", {"Content-Range": f"bytes */{len(data)}"})
                return
            if fault.truncate is not None:
                stop = min(stop, start + fault.truncate)
            common["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
            self.reply(headers, 206, data[start:stop], common | dict(fault.headers), fault=fault)

        def reply(
            self,
            headers: Mapping[str, str],
            status: int,
            body: bytes,
            extra: Mapping[str, str],
            *,
            fault: Fault = NO_FAULT,
        ) -> None:
            self.note(headers, status)
            self.send_response(status)
            for key, value in extra.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            view = memoryview(body)[: len(body) - fault.short_by]
            step = max(1, len(view) // 10) if fault.drip_s else 1 << 20
            for i in range(0, len(view), step):
                if fault.drip_s:
                    self.wfile.flush()
                    server.stopping.wait(fault.drip_s)
                self.wfile.write(view[i : i + step])
                server.sent(len(view[i : i + step]))
            if fault.short_by:
                self.wfile.flush()
                self.close_connection = True

        def note(self, headers: Mapping[str, str], status: int) -> None:
            server.note(
                Request(
                    method=self.command,
                    target=self.path,
                    headers=headers,
                    status=status,
                    connection=self.client_address[1],
                    round_trip=self.round_trip,
                )
            )

        def hang_up(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

    return Handler
