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

    @property
    def range(self) -> str | None:
        return self.headers.get("range")


NO_FAULT = Fault()


class FaultServer:
    """Serves ``files`` (path without leading slash -> bytes) on a free port of 127.0.0.1."""

    def __init__(
        self,
        files: Mapping[str, bytes] | None = None,
        *,
        allow: Callable[[str, Mapping[str, str]], bool] = lambda target, headers: True,
    ) -> None:
        self.files: dict[str, bytes] = dict(files or {})
        self.allow = allow
        """Called with target and headers of each request; False answers 403."""
        self.requests: list[Request] = []
        self.body_bytes = 0
        """Bytes of bodies handed to the sockets so far."""
        self.most_at_once = 0
        """The largest number of requests that were being answered at one time."""
        self.gate: threading.Event | None = None
        """While set to an event, answers wait for it."""
        self.stopping = threading.Event()
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._active = 0
        self._server = _Server(("127.0.0.1", 0), _handler(self))
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
            self.body_bytes = self.most_at_once = 0

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
            return queue.popleft() if queue else NO_FAULT

    def enter(self) -> None:
        with self._lock:
            self._active += 1
            self.most_at_once = max(self.most_at_once, self._active)

    def leave(self) -> None:
        with self._lock:
            self._active -= 1

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
            server.enter()
            try:
                if server.gate is not None:
                    server.gate.wait(30)
                self.answer()
            finally:
                # Before the client has its answer, and with it leave to ask again.
                server.leave()
            self.wfile.flush()

        do_HEAD = do_GET  # noqa: N815 -- the standard library's name

        def answer(self) -> None:
            path = unquote(urlsplit(self.path).path).lstrip("/")
            headers = {k.lower(): v for k, v in self.headers.items()}
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
                self.reply(headers, 200, data, common | dict(fault.headers), short_by=fault.short_by)
                return
            start, stop = wanted[0] + fault.shift, min(len(data), wanted[1] + fault.shift)
            if start >= len(data):
                self.reply(headers, 416, b"", {"Content-Range": f"bytes */{len(data)}"})
                return
            if fault.truncate is not None:
                stop = min(stop, start + fault.truncate)
            common["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
            self.reply(headers, 206, data[start:stop], common | dict(fault.headers), short_by=fault.short_by)

        def reply(
            self,
            headers: Mapping[str, str],
            status: int,
            body: bytes,
            extra: Mapping[str, str],
            *,
            short_by: int = 0,
        ) -> None:
            self.note(headers, status)
            self.send_response(status)
            for key, value in extra.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            view = memoryview(body)[: len(body) - short_by]
            for i in range(0, len(view), 1 << 16):
                self.wfile.write(view[i : i + (1 << 16)])
                server.sent(len(view[i : i + (1 << 16)]))
            if short_by:
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
                )
            )

        def hang_up(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

    return Handler
