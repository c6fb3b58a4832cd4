"""What a process holds on to: memory, descriptors and threads, over time (Linux)."""

from __future__ import annotations

import os
import statistics
import threading
import time
from dataclasses import dataclass
from pathlib import Path

SAMPLE_S = 2.0
WARM_SHARE = 0.4
"""Of the run: caches fill, pools grow, allocators settle."""
ALLOWED = {"MB of memory": 64.0, "descriptors": 24.0, "threads": 12.0}
"""More than this, from the middle of the run to its end, is growth."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One look."""

    at_s: float
    held: dict[str, float]


def look() -> dict[str, float]:
    """What this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "MB of memory": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
        "descriptors": float(len(os.listdir("/proc/self/fd"))),
        "threads": float(len(os.listdir("/proc/self/task"))),
    }


class Watch:
    """Looks every other second, from its own thread, until the block ends."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="soak-watch", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        start = time.monotonic()
        while not self._over.wait(SAMPLE_S):
            self.samples.append(Sample(at_s=time.monotonic() - start, held=look()))

    def growth(self) -> dict[str, tuple[float, float]]:
        """Median of each quantity in the first and in the last third of what follows the warming up."""
        settled = self.samples[int(len(self.samples) * WARM_SHARE) :]
        third = max(1, len(settled) // 3)
        ends = (settled[:third], settled[-third:])
        return {
            name: tuple(statistics.median(s.held[name] for s in end) for end in ends)  # type: ignore[misc]
            for name in ALLOWED
        }

    def leaks(self) -> list[str]:
        """What grew by more than is allowed; a run too short to tell has nothing to say."""
        if len(self.samples) < 30:
            return []
        return [
            f"{name} grew from {first:.0f} to {last:.0f}"
            for name, (first, last) in self.growth().items()
            if last - first > ALLOWED[name]
        ]
