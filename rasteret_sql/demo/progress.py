"""A line that tells, while a query runs, what it has cost so far; only on a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TextIO

from rasteret_sql.store import request_log

INTERVAL_S = 0.1
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
CLEAR_LINE = "\r\x1b[K"


@contextmanager
def progress(what: str, stream: TextIO | None = None) -> Iterator[None]:
    """Show requests, bytes and seconds since the block began; nothing when ``stream`` is not a terminal."""
    stream = sys.stderr if stream is None else stream
    if not stream.isatty():
        yield
        return
    done, before, began = threading.Event(), request_log.totals(), perf_counter()

    def paint() -> None:
        frame = 0
        while not done.wait(INTERVAL_S):
            now = request_log.totals()
            requests, megabytes = now.requests - before.requests, (now.byte_count - before.byte_count) / 1e6
            cost = f"{requests} request{'s' * (requests != 1)}, {megabytes:.1f} MB"
            seconds = perf_counter() - began
            stream.write(f"{CLEAR_LINE}{FRAMES[frame % len(FRAMES)]} {what}: {cost}, {seconds:.1f} s")
            stream.flush()
            frame += 1
        stream.write(CLEAR_LINE)
        stream.flush()

    painter = threading.Thread(target=paint, name="demo-progress", daemon=True)
    painter.start()
    try:
        yield
    finally:
        done.set()
        painter.join()
