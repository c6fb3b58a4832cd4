"""Thousands of ranges in bad weather: every one comes once with its bytes, whatever the faults."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from rasteret_sql.settings import configure
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.protocol import Block, ByteRange
from rasteret_sql.store.scheduling import scheduler
from tests.store.server import NO_FAULT, Fault, FaultServer

RANGES, LENGTH = 6_000, 64
TIMES = int(os.environ.get("RASTERET_TEST_FAULT_RUNS", "1"))
FAULTS = [
    Fault(status=503), Fault(status=500), Fault(status=502), Fault(status=429, headers={"Retry-After": "0"}),
    Fault(status=408), Fault(reset=True), Fault(short_by=10), Fault(truncate=7), Fault(drip_s=0.02),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(TIMES))
def test_six_thousand_ranges_survive_nine_kinds_of_faults(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "HEDGE_LEAST_S", 0.02)
    configure(max_retries=8, request_timeout_s=5)
    draw = random.Random(seed)
    data = draw.randbytes(RANGES * LENGTH)
    with FaultServer({"a.tif": data}) as server:
        server.weather = lambda: draw.choice(FAULTS) if draw.random() < 0.1 else NO_FAULT
        href = server.url("a.tif")
        ranges = [ByteRange(href=href, start=at * LENGTH, length=LENGTH) for at in range(RANGES)]
        seen = set()
        for index, outcome in fetch(ranges, kind="tile"):
            assert isinstance(outcome, Block), outcome
            assert bytes(outcome.data) == data[index * LENGTH : (index + 1) * LENGTH]
            assert index not in seen
            seen.add(index)
    assert len(seen) == RANGES


FEW_DESCRIPTORS = """
import os, resource, sys
from rasteret_sql.settings import configure
from rasteret_sql.store.documents import read_document
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.protocol import ByteRange
url, path, transport = sys.argv[1:]
configure(max_retries=0, transport=transport)
[next(fetch([ByteRange(href=href, start=0, length=9)], kind="tile")) for href in (url, path)]
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")), 4096))
ranges = [ByteRange(href=href, start=k, length=9) for href in (url, path) for k in range(40)]
told = {str(outcome) for _, outcome in fetch(ranges, kind="tile") if isinstance(outcome, Exception)}
print(*told, sep="\\n")
"""


@pytest.mark.parametrize("transport", ["auto", "fsspec"])
@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
def test_too_many_open_files_are_said_by_name(transport: str, server: FaultServer) -> None:
    code = [sys.executable, "-W", "ignore", "-c", FEW_DESCRIPTORS, server.url("a.tif"), __file__, transport]
    run = subprocess.run(code, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    told = run.stdout.splitlines()
    assert told
    assert all("too many open files: this process may have" in line and "ulimit -n" in line for line in told)
