"""A small HTTP server for one test: a function answers each request, and every request is remembered."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    """With its query."""
    body: Any
    """Parsed JSON, None without a body."""
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back; a body that is not a bytes is sent as JSON."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Server:
    """Where the server listens, and what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []


Handler = Callable[[Server, Asked], Answer]


class _Http(ThreadingHTTPServer):
    request_queue_size = 256
    """With Python's 5 a connection among many waits a second, and is asked for again."""


@contextmanager
def serving(answer: Handler) -> Iterator[Server]:
    """Serve on a free port of this machine until the block ends."""

    class RequestHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # an answer in one packet, so that no test waits for a delayed acknowledgement
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            asked = Asked(
                method=self.command,
                path=self.path,
                body=json.loads(text) if text else None,
                headers=dict(self.headers.items()),
            )
            server.asked.append(asked)
            reply = answer(server, asked)
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    with _Http(("127.0.0.1", 0), RequestHandler) as http:
        server = Server(f"http://127.0.0.1:{http.server_address[1]}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


CONFORMANCE = {
    "item-search": "https://api.stacspec.org/v1.0.0/item-search",
    "filter": "https://api.stacspec.org/v1.0.0-rc.2/item-search#filter",
    "query": "https://api.stacspec.org/v1.0.0/item-search#query",
    "sort": "https://api.stacspec.org/v1.1.0/item-search#sort",
    "cql2-text": "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "cql2-json": "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
}


def landing(
    url: str, *extensions: str, methods: tuple[str | None, ...] = ("GET", "POST"), **members: Any
) -> dict[str, Any]:
    """The landing page of a STAC API with these extensions."""
    return {
        "type": "Catalog",
        "id": "api",
        "description": "an API",
        "stac_version": "1.0.0",
        "conformsTo": [CONFORMANCE[name] for name in ("item-search", *extensions)],
        "links": [
            {"rel": "search", "href": f"{url}/search", "type": "application/geo+json"}
            | ({"method": method} if method else {})
            for method in methods
        ],
        **members,
    }


def item(identity: str, **properties: Any) -> dict[str, Any]:
    """A small STAC item."""
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": identity,
        "collection": "scenes",
        "geometry": {"type": "Point", "coordinates": [7.5, 51.5]},
        "bbox": [7.5, 51.5, 7.5, 51.5],
        "properties": {"datetime": "2024-05-31T10:15:00Z", **properties},
        "links": [],
        "assets": {"red": {"href": "red.tif"}},
    }


def page(*items: dict[str, Any], next: Mapping[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """One page of a search."""
    links = [{"rel": "next", **next}] if next else []
    return {"type": "FeatureCollection", "features": list(items), "links": links, **members}


def api(*extensions: str, search: Handler, **about: Any) -> Handler:
    """An API that lands at ``/`` and answers ``search`` for everything else."""

    def answer(server: Server, asked: Asked) -> Answer:
        return (
            Answer(body=landing(server.url, *extensions, **about))
            if asked.path == "/"
            else search(server, asked)
        )

    return answer
