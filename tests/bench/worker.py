"""One reader at one piece of work, in a process of its own: a request as JSON in, figures as JSON out.

Timed is the work alone. Before it come imports (``start_s``) and, in a process before this one, what a reader
keeps between sessions, such as an index.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from tests.bench.results import Result, agreement, save
from tests.bench.scenarios import Job


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a reader is told."""

    job: Job
    url: str
    """Of the bucket."""
    folder: Path
    """The same bucket as files."""
    scratch: Path
    """Where the reader may keep what it prepares."""
    variant: str


class Reader(Protocol):
    """An adapter: ``Reader(work)`` in a module of ``tests.bench.systems``."""

    def prepare(self) -> None:
        """What is done once and kept, in a process of its own; not timed."""

    def load(self) -> None:
        """Imports, and what a session does once; not timed."""

    def run(self) -> Any:
        """The work; timed. Gives what ``arrays`` takes."""

    def arrays(self, answer: Any) -> Result | None:
        """The answer by the keys of ``Job.kind``; None where it cannot be compared. Not timed."""


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Carry out one request; ``step`` is prepare, reference or measure."""
    begin = time.perf_counter()
    paths = {name: Path(request[name]) for name in ("folder", "scratch")}
    job = Job.from_json(request["job"])
    work = Work(job=job, url=request["url"], variant=request["variant"], **paths)
    reader: Reader = import_module(f"tests.bench.systems.{request['system']}").Reader(work)
    if request["step"] == "prepare":
        reader.prepare()
        return {}
    reader.load()
    gc.collect()  # what imports left behind is nobody's work: a collection of 50 ms fell to some by chance
    loaded, loaded_mb = time.perf_counter(), memory_mb("VmRSS")
    cpu, start = time.process_time(), time.perf_counter()
    answer = reader.run()
    figures = {
        "wall_s": time.perf_counter() - start,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": memory_mb("VmHWM") - loaded_mb,
        "start_s": loaded - begin,
    }
    result = reader.arrays(answer)
    reference = Path(request["reference"])
    if request["step"] == "reference" and result is not None:
        save(result, job.kind, reference)
    agrees = None if result is None or not reference.exists() else agreement(result, job.kind, reference)
    return figures | {"agreement": agrees}


def memory_mb(what: str) -> float:
    """Memory of this process now (VmRSS) or at its highest (VmHWM), in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith(what))
        return int(line.split()[1]) / 1024
    # Elsewhere the highest so far has to do; macOS counts bytes.
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / (1 << (20 if sys.platform == "darwin" else 10))


if __name__ == "__main__":
    answered = json.dumps(main(json.load(sys.stdin)))
    print(f"\n{answered}", flush=True)
    os._exit(0)  # what a reader does at the end of its process is not its work
