"""Serve an archive on this machine: a STAC API at ``/`` and its files, with byte ranges, below ``/data/``."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from rasteret_sql.demo.api import Api
from rasteret_sql.errors import RasteretError

TYPES = {
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".parquet": "application/vnd.apache.parquet",
}
BYTE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, kw_only=True)
class Served:
    """One request that was answered."""

    method: str
    path: str
    byte_range: str | None
    status: int
    byte_count: int
    """Length of the answer's body."""


@dataclass(kw_only=True)
class Server:
    """A running server."""

    url: str
    """Root of the STAC API, such as ``http://127.0.0.1:40001``."""
    folder: Path
    requests: list[Served] = field(default_factory=list)
    """Everything answered so far, oldest first."""

    @property
    def data_url(self) -> str:
        """Where the archive's files are."""
        return f"{self.url}/data"


@contextmanager
def serve(folder: str | Path, port: int = 0) -> Iterator[Server]:
    """Serve ``folder`` on 127.0.0.1 (a free port unless one is named) until the block ends."""
    http = _Http(("127.0.0.1", port), _Handler)
    server = Server(url=f"http://127.0.0.1:{http.server_port}", folder=Path(folder).resolve())
    http.served, http.api = server, Api(folder=server.folder, url=server.url, data_url=server.data_url)
    thread = threading.Thread(target=http.serve_forever, args=(0.05,), name="demo-server", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.close_connections()
        http.server_close()


class _Http(ThreadingHTTPServer):
    """Knows its open connections, so that it can stop while clients keep theirs alive."""

    daemon_threads = False
    request_queue_size = 256
    served: Server
    api: Api

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in the middle is its own affair."""

    def close_connections(self) -> None:
        with self._lock:
            waiting = list(self._open)
        for connection in waiting:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120
    server: _Http

    def do_GET(self) -> None:
        self._answer(b"")

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _answer(self, body: bytes) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/data/"):
            self._answer_file(path.removeprefix("/data/"))
        else:
            self._answer_api(path, body)

    # --- the STAC API

    def _answer_api(self, path: str, body: bytes) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        try:
            posted = json.loads(body) if self.command == "POST" else None
            answer = self.server.api.answer(path.rstrip("/") or "/", query, posted)
        except (RasteretError, json.JSONDecodeError) as error:
            return self._send_json(HTTPStatus.BAD_REQUEST, {"code": "BadRequest", "description": str(error)})
        except Exception as error:  # a server answers, whatever happens to it
            problem = {"code": "InternalError", "description": f"{type(error).__name__}: {error}"}
            return self._send_json(HTTPStatus.INTERNAL_SERVER_ERROR, problem)
        if answer is None:
            problem = {"code": "NotFound", "description": f"nothing at {path}"}
            return self._send_json(HTTPStatus.NOT_FOUND, problem)
        return self._send_json(HTTPStatus.OK, answer)

    def _send_json(self, status: HTTPStatus, document: Any) -> None:
        is_geo = status == HTTPStatus.OK and document.get("type") in ("Feature", "FeatureCollection")
        kind = "application/geo+json" if is_geo else "application/json"
        self._send(status, json.dumps(document).encode(), {"Content-Type": kind})

    # --- files

    def _answer_file(self, relative: str) -> None:
        path = (self.server.served.folder / relative).resolve()
        if not path.is_file() or self.server.served.folder not in path.parents:
            return self._send(HTTPStatus.NOT_FOUND, b"", {})
        stat = path.stat()
        etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        headers = {
            "Content-Type": TYPES.get(path.suffix, "application/octet-stream"),
            "Accept-Ranges": "bytes",
            "ETag": etag,
            "Last-Modified": formatdate(stat.st_mtime, usegmt=True),
        }
        if self.headers.get("If-Match", "*") not in ("*", etag):
            return self._send(HTTPStatus.PRECONDITION_FAILED, b"", headers)
        if self.headers.get("If-None-Match") in ("*", etag):
            return self._send(HTTPStatus.NOT_MODIFIED, b"", headers)
        asked = BYTE_RANGE.fullmatch(self.headers.get("Range", ""))
        if asked is None or asked.groups() == ("", ""):
            return self._send_part(HTTPStatus.OK, path, 0, stat.st_size, headers)
        start, end = _interval(asked, stat.st_size)
        if start >= end:
            return self._send(
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                b"",
                headers | {"Content-Range": f"bytes */{stat.st_size}"},
            )
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{stat.st_size}"
        return self._send_part(HTTPStatus.PARTIAL_CONTENT, path, start, end, headers)

    def _send_part(
        self, status: HTTPStatus, path: Path, start: int, end: int, headers: dict[str, str]
    ) -> None:
        if self.command == "HEAD":
            return self._send(status, b"", headers | {"Content-Length": str(end - start)})
        with path.open("rb") as file:
            file.seek(start)
            return self._send(status, file.read(end - start), headers)

    # --- the wire

    def _send(self, status: HTTPStatus, body: bytes, headers: dict[str, str]) -> None:
        """Head and body in one write: two would wait for each other under delayed acknowledgement."""
        length = {} if status == HTTPStatus.NOT_MODIFIED else {"Content-Length": str(len(body))}
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"Date: {formatdate(usegmt=True)}",
            *(f"{name}: {value}" for name, value in (length | headers).items()),
            "\r\n",
        ]
        if self.command == "HEAD":
            body = b""
        self.server.served.requests.append(
            Served(
                method=self.command,
                path=self.path,
                byte_range=self.headers.get("Range"),
                status=status.value,
                byte_count=len(body),
            )
        )
        self.wfile.write("\r\n".join(lines).encode("latin-1") + body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: ``Server.requests`` is the log."""


def _interval(asked: re.Match[str], size: int) -> tuple[int, int]:
    """Start and end (exclusive) of one byte range (RFC 9110 §14.1.2); empty where it cannot be met."""
    first, last = asked.groups()
    if first == "":
        return max(0, size - int(last)), size if int(last) else 0
    return int(first), size if last == "" else min(int(last) + 1, size)
