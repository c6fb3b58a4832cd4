"""Many requests at once: bounded in number and bytes, retried, metered, and dropped when nobody wants them.

The thread that iterates drives everything: it submits, waits, decides on retries and hands results on.
The pool's threads make one attempt each and never sleep, so a server that asks for patience holds
no thread back. A request that takes far longer than nearly all others is made a second time beside
the first; whichever answers first counts.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from time import monotonic, perf_counter

from rasteret_sql import metering
from rasteret_sql.errors import (
    ArgumentError,
    RasteretError,
    RefusedError,
    TransportError,
    UnsupportedError,
)
from rasteret_sql.forks import in_forked_child
from rasteret_sql.interruption import check
from rasteret_sql.settings import settings
from rasteret_sql.store import request_log
from rasteret_sql.store.access import is_open, refusal
from rasteret_sql.store.address import parse_address
from rasteret_sql.store.errors import IgnoredRangeError
from rasteret_sql.store.protocol import Block, ByteRange
from rasteret_sql.store.redact import display_href
from rasteret_sql.store.scheduling.retry import wait_s
from rasteret_sql.store.scheduling.thread_pool import Pool, pool_of

"""A server that asks to wait longer than this is not waited for."""
MAX_IGNORED_RANGES = 3
"""A server that sends whole files in answer to ranges is asked again so often at most."""
PATIENCE = 20
"""A range is not tried again once it took this many times ``request_timeout_s``."""
LOOK_UP_S = 0.5
"""Longest wait in which Ctrl-C may go unnoticed."""
AHEAD = 2
"""Running requests and unread results together are at most this many times what may be in flight."""
HEDGE_AFTER, HEDGE_LEAST_S = 3.0, 0.5
"""A request is made again beside itself when it takes this many times as long as 95 of 100 others, and at
least so much longer."""
HEDGE_SAMPLE = 20
"""Answers that tell how long others take."""
HEDGE_SHARE = 0.05
"""Of all requests of a run; one is always allowed."""
HEDGE_LOOK_S = 0.05
"""Slow requests are looked for no more often."""
NOT_BEGUN = float("inf")

Outcome = Block | RasteretError
Read = Callable[[ByteRange], Block]
_Landed = tuple[int, int, Outcome, float]
"""Index, attempt, outcome, seconds."""


class _Budget:
    """Bytes in flight or unread, over all runs of the process; each run may hold its share of the limit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = 0
        self._held = 0

    def enter(self) -> None:
        with self._lock:
            self._runs += 1

    def leave(self, held: int) -> None:
        with self._lock:
            self._runs -= 1
            self._held -= held

    def take(self, byte_count: int, held_by_run: int) -> bool:
        """Whether a run that holds ``held_by_run`` bytes may ask for more; one that holds none may."""
        limit = settings().bytes_in_flight
        with self._lock:
            share = limit // max(self._runs, 1)
            fits = held_by_run + byte_count <= share and self._held + byte_count <= limit
            if fits or held_by_run == 0:
                self._held += byte_count
                return True
            return False

    def give_back(self, byte_count: int) -> None:
        with self._lock:
            self._held -= byte_count

    @property
    def held(self) -> int:
        return self._held


budget = _Budget()


class _Run:
    """One iteration over the outcomes of some requests.

    Everything here belongs to the thread that iterates. Those of the pools write the start of an attempt into
    a place of its own, and hand the outcome over through a queue: nothing is iterated that others change.
    """

    def __init__(self, requests: Sequence[ByteRange], read: Read, kind: str) -> None:
        self.requests = requests
        self.pools = [_pool_for(request.href) for request in requests]
        self.read = read
        self.kind = kind
        self.cancelled = False
        self.place = metering.place()
        self.free = is_open()
        """Whether the host allows everything."""
        self.landed: SimpleQueue[_Landed] = SimpleQueue()
        self.next = 0
        self.open = 0
        """Started and not yet handed on: on the wire, unread, or waiting for a retry."""
        self.held = 0
        self.retries: list[tuple[float, int, int]] = []
        """Heap of due time, index, attempt."""
        self.first_started: dict[int, float] = {}
        self.pending: dict[int, int] = {}
        """Attempts that were submitted and have not landed."""
        self.began = [NOT_BEGUN] * len(requests)
        """When the newest attempt came to the wire."""
        self.took: list[float] = []
        self.hedged: set[int] = set()
        self.looked = 0.0

    def start_more(self) -> None:
        while self.retries and self.retries[0][0] <= monotonic():
            _, index, attempt = heapq.heappop(self.retries)
            self.submit(index, attempt)
        while self.next < len(self.requests):
            length, point = self.requests[self.next].length, self.pools[self.next].point
            point.expect(length)
            if self.open >= AHEAD * point.limit():
                return
            if not budget.take(length, self.held):
                return
            self.held += length
            self.open += 1
            self.first_started[self.next] = monotonic()
            self.submit(self.next, 1)
            self.next += 1

    def submit(self, index: int, attempt: int) -> None:
        self.pending[index] = self.pending.get(index, 0) + 1
        self.began[index] = NOT_BEGUN
        refused = None if self.free else refusal(self.requests[index].href)
        if refused is not None:
            self.landed.put((index, attempt, refused, 0.0))
        else:
            self.pools[index].submit(lambda: self.attempt(index, attempt))

    def attempt(self, index: int, attempt: int) -> None:
        """One request on the wire; runs in a thread of the pool."""
        if self.cancelled:
            return
        began = self.began[index] = monotonic()
        outcome: Outcome
        try:
            with metering.within(*(self.place or (None,))):
                outcome = self._asked(self.requests[index], attempt)
            self._tell(self.pools[index], outcome)
        except Exception as error:  # a fault of ours must not leave the reader waiting for ever
            outcome = _unexpected(self.requests[index], error)
        if not self.cancelled:
            self.landed.put((index, attempt, outcome, monotonic() - began))

    def _asked(self, request: ByteRange, attempt: int) -> Outcome:
        """The outcome of one attempt, which is in the log then."""
        started = perf_counter()
        outcome: Outcome
        try:
            outcome = self.read(request)
        except RasteretError as error:
            outcome = error
        except Exception as error:
            outcome = _unexpected(request, error)
        if not isinstance(outcome, ArgumentError | RefusedError):  # those never came to the wire
            request_log.record(
                kind=self.kind,
                href=request.href,
                started=started,
                offset=request.start,
                byte_count=len(outcome.data) if isinstance(outcome, Block) else 0,
                attempt=attempt,
                error=None if isinstance(outcome, Block) else str(outcome),
            )
        return outcome

    @staticmethod
    def _tell(pool: Pool, outcome: Outcome) -> None:
        """What the answer says of how many requests the server takes."""
        if isinstance(outcome, Block):
            pool.point.landed(len(outcome.data), saturated=pool.has_work)
        elif isinstance(outcome, TransportError) and outcome.transient and outcome.retry_after_s != 0:
            pool.point.set_back()

    def count(self, index: int, outcome: Outcome, took: float) -> None:
        """One attempt has landed."""
        left = self.pending[index] - 1
        if left:
            self.pending[index] = left
        else:
            del self.pending[index]
        if isinstance(outcome, Block):
            self.took.append(took)

    def hedge(self) -> None:
        """Make the requests that take too long once more."""
        allowed, now = max(1, int(HEDGE_SHARE * len(self.requests))), monotonic()
        if len(self.took) < HEDGE_SAMPLE or len(self.hedged) >= allowed or now < self.looked + HEDGE_LOOK_S:
            return
        self.looked = now
        usual = sorted(self.took)[int(0.95 * len(self.took))]
        latest = now - max(HEDGE_AFTER * usual, usual + HEDGE_LEAST_S)
        slow = [i for i in self.pending if i not in self.hedged and self.began[i] < latest]
        for index in slow[: allowed - len(self.hedged)]:
            self.hedged.add(index)
            self.submit(index, 2)

    def take(self) -> _Landed | None:
        """The next that landed; None when a retry is due first, or to look up once in a while.

        Python notices a signal that comes just before an endless wait only when the wait is over.
        """
        patience = self.retries[0][0] - monotonic() if self.retries else LOOK_UP_S
        try:
            return self.landed.get(timeout=min(max(0.0, patience), LOOK_UP_S))
        except Empty:
            return None

    def retry_at(self, index: int, attempt: int, outcome: Outcome) -> float | None:
        """When to try again; None when the outcome stands."""
        if not isinstance(outcome, TransportError) or not outcome.transient:
            return None
        limits, now = settings(), monotonic()
        most = limits.max_retries
        if isinstance(outcome, IgnoredRangeError):
            most = min(most, MAX_IGNORED_RANGES)
        wait = wait_s(attempt, outcome.retry_after_s)
        if attempt > most or wait is None:
            return None
        if now - self.first_started[index] > PATIENCE * limits.request_timeout_s:
            return None
        return now + wait


def _unexpected(request: ByteRange, error: Exception) -> TransportError:
    unexpected = TransportError(
        f"{display_href(request.href)}: reading failed unexpectedly ({type(error).__name__})."
    )
    unexpected.__cause__ = error
    return unexpected


def _pool_for(href: str) -> Pool:
    """The threads for the server of one request."""
    try:
        return pool_of(parse_address(href).root)
    except RasteretError:
        return pool_of("")  # the attempt says what is wrong with it


def run(requests: Sequence[ByteRange], read: Read, *, kind: str) -> Iterator[tuple[int, Outcome]]:
    """Outcomes of ``read`` over ``requests``, as they land, each with its index; see ``fetch``."""
    this = _Run(requests, read, kind)
    budget.enter()
    try:
        while this.open or this.next < len(requests):
            check()
            this.start_more()
            taken = this.take()
            if taken is None:
                this.hedge()
                continue
            index, attempt, outcome, took = taken
            this.count(index, outcome, took)
            if index not in this.first_started:
                continue  # the other of two attempts was first
            if isinstance(outcome, RasteretError) and index in this.pending:
                continue  # the other of two attempts may still succeed
            again = this.retry_at(index, attempt, outcome)
            if again is not None:
                heapq.heappush(this.retries, (again, index, attempt + 1))
                continue
            del taken, this.first_started[index]
            yield index, _final(outcome, attempt)
            del outcome
            budget.give_back(requests[index].length)
            this.held -= requests[index].length
            this.open -= 1
    finally:
        this.cancelled = True
        budget.leave(this.held)


def _final(outcome: Outcome, attempts: int) -> Outcome:
    """An error that stands, with the number of tries where there were several."""
    if isinstance(outcome, IgnoredRangeError):
        return UnsupportedError(str(outcome))
    if not isinstance(outcome, TransportError) or not outcome.transient or attempts == 1:
        return outcome
    text = f"{outcome} Given up after {attempts} attempts (setting max_retries)."
    return TransportError(text, transient=True, retry_after_s=outcome.retry_after_s)


@in_forked_child
def _after_fork() -> None:
    global budget
    budget = _Budget()
