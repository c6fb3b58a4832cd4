"""What one query reads, measured while it runs, or counted by a plan that reads nothing.

A kernel runs ``within`` the meter of its query. Threads that work for it are given the meter too
(``store.access.carried``, ``store.scheduling``), so that every request is counted for the query that it is
made for. What a query has read stays known until its connection runs two more.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from rasteret_sql.cache import Lru
from rasteret_sql.forks import in_forked_child

REMEMBERED = 1000
"""Connections whose queries are known; the oldest are forgotten first."""
INTERVALS = 256
"""Stretches of time that are kept apart; what is older is a sum."""


class BusyTime:
    """How long at least one of several things was going on; their ends come in order."""

    def __init__(self) -> None:
        self._done = 0.0
        self._stretches: list[tuple[float, float]] = []

    def add(self, began: float, ended: float) -> None:
        stretches = self._stretches
        while stretches and stretches[-1][1] >= began:
            began = min(began, stretches.pop()[0])
        stretches.append((began, ended))
        if len(stretches) > INTERVALS:
            first = stretches.pop(0)
            self._done += first[1] - first[0]

    @property
    def seconds(self) -> float:
        return self._done + sum(ended - began for began, ended in self._stretches)


@dataclass(kw_only=True)
class Traffic:
    """What one store is asked for."""

    requests: int = 0
    byte_count: int = 0


@dataclass(kw_only=True)
class Tally:
    """What one function of a query reads."""

    scenes: set[str] = field(default_factory=set)
    """Files that pixels are read of."""
    areas: set[int] = field(default_factory=set)
    """Hashes of the areas; of plans alone."""
    chips: int = 0
    chip_bytes: int = 0
    tiles: int = 0
    """Tiles that are fetched."""
    cached_tiles: int = 0
    cached_bytes: int = 0
    tile_traffic: dict[str, Traffic] = field(default_factory=dict)
    """By an href of each store, of requests for tiles."""
    header_requests: int = 0
    unsent_headers: int = 0
    """Of them, those that a plan has left out, so that nothing is known of their files."""
    other_requests: int = 0
    """Documents, searches, tokens."""
    other_bytes: int = 0
    """Of headers and of those."""

    def tile_requests(self) -> tuple[int, int]:
        """Requests for tiles and their bytes."""
        traffic = self.tile_traffic.values()
        return sum(one.requests for one in traffic), sum(one.byte_count for one in traffic)


@dataclass(kw_only=True)
class Planning:
    """How a plan goes about."""

    look_up: bool = False
    """Whether headers are read and searches sent, so that what follows from them is counted."""
    seen: Lru[object, int]
    """Blocks that the tile cache would hold by now, by their bytes."""


class Meter:
    """The counts of one query. Safe from many threads."""

    def __init__(self, number: int, planning: Planning | None = None) -> None:
        self.number = number
        """Among the queries of its connection, in their order."""
        self.planning = planning
        self.lock = threading.RLock()
        self.tallies: dict[str, Tally] = {}
        self.granted: dict[str, Traffic] = {}
        """Requests for tiles that were allowed, by store, where a setting limits them."""
        self.began: float | None = None
        self.ended = 0.0
        self.on_the_wire = BusyTime()
        self.in_kernels = BusyTime()
        self._running = 0
        self._since = 0.0

    def tally(self, function: str) -> Tally:
        with self.lock:
            return self.tallies.setdefault(function, Tally())

    def enter(self) -> None:
        with self.lock:
            if self._running == 0:
                self._since = perf_counter()
                self.began = self._since if self.began is None else self.began
            self._running += 1

    def leave(self) -> None:
        with self.lock:
            self._running -= 1
            if self._running == 0:
                self.ended = perf_counter()
                self.in_kernels.add(self._since, self.ended)

    def totals(self) -> Traffic:
        """All requests and bytes so far."""
        with self.lock:
            asked = Traffic()
            for one in self.tallies.values():
                requests, byte_count = one.tile_requests()
                asked.requests += requests + one.header_requests + one.other_requests
                asked.byte_count += byte_count + one.other_bytes
            return asked


_latest = Lru[str, Meter](REMEMBERED)
_before = Lru[str, Meter](REMEMBERED)
"""By connection: the query that runs or ran last, and the one before it that read something."""
_lock = _latest.lock
_here = threading.local()


def meter_of(key: str) -> Meter:
    """The meter of a query, by ``database/connection/query``."""
    connection, _, query = key.rpartition("/")
    number = int(query)
    with _lock:
        known = _latest.get(connection)
        if known is not None and known.number == number:
            return known
        made = Meter(number)
        _succeed(connection, known, made)
        return made


def plan(key: str, *, look_up: bool, cache_bytes: int) -> None:
    """From now on the query of this key is a plan: it reads no pixels."""
    connection, _, query = key.rpartition("/")
    planning = Planning(look_up=look_up, seen=Lru(cache_bytes, lambda _, byte_count: byte_count))
    with _lock:
        _succeed(connection, _latest.get(connection), Meter(int(query), planning))


def _succeed(connection: str, known: Meter | None, made: Meter) -> None:
    if known is not None and known.planning is None and known.tallies:
        _before.put(connection, known)
    _latest.put(connection, made)


def plan_of(key: str) -> Meter | None:
    """The meter of a plan; None where this query is none."""
    connection, _, query = key.rpartition("/")
    known = _latest.get(connection)
    return known if known is not None and known.number == int(query) and known.planning is not None else None


def plan_by(connection: str) -> Meter | None:
    """The meter of the plan that a connection made just now."""
    known = _latest.get(connection)
    return known if known is not None and known.planning is not None else None


def last_of(key: str) -> Meter | None:
    """What the connection's latest query before this one has read."""
    connection, _, query = key.rpartition("/")
    with _lock:
        known = _latest.get(connection)
        if known is not None and known.number != int(query) and known.planning is None and known.tallies:
            return known
        return _before.get(connection)


@contextmanager
def within(meter: Meter | None, function: str = "") -> Iterator[None]:
    """What is read on this thread meanwhile counts for ``function`` of the query of ``meter``."""
    before = getattr(_here, "place", None)
    _here.place = None if meter is None else (meter, function)
    try:
        yield
    finally:
        _here.place = before


@contextmanager
def running(meter: Meter | None, function: str, *, answers_pixels: bool = False) -> Iterator[None]:
    """The same for a call of a kernel, whose time is the query's."""
    if meter is None:
        yield
        return
    meter.enter()
    _here.fills = not answers_pixels
    try:
        with within(meter, function):
            yield
    finally:
        meter.leave()


def fills() -> bool:
    """In a plan: whether blocks are filled, because the kernel makes numbers of them."""
    return bool(getattr(_here, "fills", True))


def place() -> tuple[Meter, str] | None:
    """The query that this thread reads for, and its function."""
    known: tuple[Meter, str] | None = getattr(_here, "place", None)
    return known


def planning() -> Planning | None:
    """Set where this thread works for a plan."""
    known = place()
    return None if known is None else known[0].planning


def note_unsent(kind: str, href: str, byte_count: int) -> None:
    """A request that a plan leaves out."""
    note_request(kind, href, began=0.0, ended=0.0, byte_count=byte_count)
    known = place()
    if known is not None and kind == "header":
        meter, function = known
        with meter.lock:
            meter.tally(function).unsent_headers += 1


def note_request(kind: str, href: str, *, began: float, ended: float, byte_count: int) -> None:
    """One request has ended."""
    known = place()
    if known is None:
        return
    meter, function = known
    with meter.lock:
        meter.on_the_wire.add(began, ended)
        tally = meter.tally(function)
        if kind == "tile":
            add(tally.tile_traffic, href, 1, byte_count)
            return
        tally.header_requests += kind == "header"
        tally.other_requests += kind != "header"
        tally.other_bytes += byte_count


def add(traffic: dict[str, Traffic], href: str, requests: int, byte_count: int) -> None:
    """Count requests for the store of ``href``."""
    root = root_of(href)
    one = traffic.get(root)
    if one is None:
        one = traffic[root] = Traffic()
    one.requests += requests
    one.byte_count += byte_count


def root_of(href: str) -> str:
    """Scheme and host or bucket; empty for a local file."""
    scheme, separator, rest = href.partition("://")
    if not separator or scheme.lower() == "file":
        return ""
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}"


def note_chips(count: int, byte_count: int) -> None:
    """Chips that are read, and what their pixels hold."""
    known = place()
    if known is not None and count:
        meter, function = known
        with meter.lock:
            tally = meter.tally(function)
            tally.chips += count
            tally.chip_bytes += byte_count


def note_planned(asks: list[tuple[str, int]]) -> None:
    """Requests for tiles that a plan would make, each with its bytes."""
    known = place()
    if known is not None:
        meter, function = known
        with meter.lock:
            traffic = meter.tally(function).tile_traffic
            for href, byte_count in asks:
                add(traffic, href, 1, byte_count)


in_forked_child(_latest.clear)
in_forked_child(_before.clear)
