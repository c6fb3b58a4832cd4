"""What one of several workers of a machine may take of it: threads, memory, requests in flight."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rasteret_sql.errors import ArgumentError
from rasteret_sql.settings import Settings

MAX_REQUESTS, MIN_REQUESTS = 256, 8
"""In flight of a whole machine, and of the smallest share of it."""
MEMORY = 0.6
"""Of a machine's, which DuckDB of all workers together may take: as much as DuckDB takes by itself but for
what decoded tiles and the engine need."""
MIN_MEMORY_BYTES = 256 << 20
CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Files of cgroups, of version 2 and 1."""
CACHES = ("tile_cache_bytes", "header_cache_bytes", "bytes_in_flight")


@dataclass(frozen=True, kw_only=True)
class Share:
    """The share that ``cpus`` cores are of a machine of ``machine_cpus``."""

    cpus: float
    machine_cpus: int
    machine_memory_bytes: int | None

    def __post_init__(self) -> None:
        if not 0 < self.cpus < float("inf"):
            raise ArgumentError(f"Session: cpus must be a number of cores above 0, found {self.cpus!r}")

    @property
    def part(self) -> float:
        """Of the machine, at most 1."""
        return min(1.0, self.cpus / self.machine_cpus)

    @property
    def threads(self) -> int:
        return max(1, round(self.cpus))

    def settings(self) -> dict[str, Any]:
        """Settings of this package, by name."""
        whole = Settings()
        return {
            "decode_threads": self.threads,
            "max_concurrency": max(MIN_REQUESTS, round(MAX_REQUESTS * self.part)),
            **{name: max(1, round(getattr(whole, name) * self.part)) for name in CACHES},
        }

    def config(self) -> dict[str, Any]:
        """Settings of DuckDB, by name."""
        threads: dict[str, Any] = {"threads": self.threads}
        if self.machine_memory_bytes is None:
            return threads
        memory = max(MIN_MEMORY_BYTES, round(self.machine_memory_bytes * MEMORY * self.part))
        return {**threads, "memory_limit": f"{memory >> 20}MiB"}


def share_here(cpus: float | None) -> Share | None:
    """The share of the machine on which this is called."""
    if cpus is None:
        return None
    return Share(cpus=cpus, machine_cpus=os.cpu_count() or 1, machine_memory_bytes=_memory_bytes())


def _memory_bytes() -> int | None:
    """Of the machine, or of the container that this process runs in; None where the system does not tell."""
    try:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return None
    return min([machine, *(limit for limit in map(_number, CONTAINER_LIMITS) if limit)])


def _number(path: str) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):  # not in a container, or without a limit ("max")
        return None


def laid_over(bounds: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Bounds, and what was set by hand in place of them."""
    return {**bounds, **given}
