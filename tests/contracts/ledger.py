"""What a server saw, as sums that contracts are about."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from tests.store.server import FaultServer, Request


def asked_bytes(server: FaultServer) -> int:
    """Bytes of all ranges that were asked for."""
    return sum(stop - start for start, stop in (request.span for request in server.requests))


def repeated(server: FaultServer) -> list[tuple[str, str | None]]:
    """Requests that were made more than once: target and range."""
    counted = Counter((request.target, request.range) for request in server.requests)
    return [asked for asked, count in counted.items() if count > 1]


def bytes_asked_twice(server: FaultServer) -> int:
    """How many bytes of any file lie in more than one range."""
    by_file: dict[str, list[Request]] = defaultdict(list)
    for request in server.requests:
        by_file[request.target].append(request)
    return sum(_overlap([request.span for request in each]) for each in by_file.values())


def _overlap(spans: Sequence[tuple[int, int]]) -> int:
    twice, reached = 0, 0
    for start, stop in sorted(spans):
        twice += max(0, min(reached, stop) - start)
        reached = max(reached, stop)
    return twice


def round_trips(server: FaultServer) -> int:
    """The longest chain of requests of which each came after an answer that it may depend on."""
    return max((request.round_trip for request in server.requests), default=0)
