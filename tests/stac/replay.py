"""Recorded exchanges with public STAC APIs, served again from this machine.

``https://host/path`` is served at ``/host/path``, and every address in the answers is rewritten alike, so
that ``next`` links stay here. A request is answered by the recording of its method, address and JSON body;
``limit`` is left out of the comparison where the recording has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .serving import Answer, Asked, Server

Exchange = dict[str, Any]


def recorded(folder: Path) -> list[Exchange]:
    """Every exchange in ``folder``, with its body parsed."""
    lines = (folder / "http-exchanges.ndjson").read_text().splitlines()
    paged = json.loads((folder / "paged-searches.json").read_text())
    exchanges = [json.loads(line) for line in lines] + [
        exchange for pages in paged.values() for exchange in pages
    ]
    for exchange in exchanges:
        body = exchange["req_body"]
        exchange["req_body"] = json.loads(body) if isinstance(body, str) else body
    return exchanges


def key(method: str, path: str, body: Any) -> str:
    """What makes two requests the same."""
    return json.dumps([method, path, body], sort_keys=True)


def local_path(uri: str) -> str:
    """The path under which the recording of ``uri`` is served."""
    parts = urlsplit(uri)
    return f"/{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")


class Replay:
    """Answers requests from recordings; 404 with a plain message for what was never recorded."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        self.hosts = {urlsplit(exchange["uri"]).netloc for exchange in exchanges}
        self.by_key: dict[str, Exchange] = {}
        for exchange in exchanges:
            self.by_key.setdefault(
                key(exchange["method"], local_path(exchange["uri"]), exchange["req_body"]), exchange
            )

    def __call__(self, server: Server, asked: Asked) -> Answer:
        bodies = [asked.body]
        if isinstance(asked.body, dict):
            bodies.append({name: value for name, value in asked.body.items() if name != "limit"})
        for body in bodies:
            exchange = self.by_key.get(key(asked.method, asked.path, body))
            if exchange is not None:
                text = json.dumps(exchange["json"])
                for host in self.hosts:
                    text = text.replace(f"https://{host}", f"{server.url}/{host}")
                return Answer(body=text.encode(), status=exchange["status"])
        return Answer(status=404, body={"description": f"not recorded: {asked.method} {asked.path}"})

    def chain(self, first: Exchange) -> Iterator[Exchange]:
        """``first`` and the recorded answers to its ``next`` links."""
        exchange: Exchange | None = first
        while exchange is not None:
            yield exchange
            following = [link for link in exchange["json"].get("links", []) if link["rel"] == "next"]
            if not following:
                return
            link = following[0]
            exchange = self.by_key.get(
                key(link.get("method", "GET"), local_path(link["href"]), link.get("body"))
            )
