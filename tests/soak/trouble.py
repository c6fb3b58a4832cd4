"""What happens beside bad answers: interrupts, restarts, kills, few descriptors, a jumping clock."""

from __future__ import annotations

import contextlib
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from tests.soak.jobs import World, WrongAnswerError
from tests.soak.servers import Served

SPARE_DESCRIPTORS = 40
WRONG_USAGE = 2
"""The exit code of a command line that argparse refuses."""
CLOCK_JUMPS_S = (-86_400.0, -3_600.0, 3_600.0, 86_400.0)


def interrupts(cursors: list[duckdb.DuckDBPyConnection], luck: random.Random) -> None:
    """Ctrl-C for somebody."""
    luck.choice(cursors).interrupt()


@contextlib.contextmanager
def few_descriptors() -> Iterator[None]:
    """A limit of open files a little above what is open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max((int(path.name) for path in Path("/proc/self/fd").iterdir()), default=64)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, used + SPARE_DESCRIPTORS), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def jumping_clock(luck: random.Random) -> Iterator[None]:
    """The time of day is another one; the monotonic clock goes on."""
    real, jump = time.time, luck.choice(CLOCK_JUMPS_S)
    time.time = lambda: real() + jump
    try:
        yield
    finally:
        time.time = real


def killed_build(world: World, folder: Path, luck: random.Random) -> None:
    """An index build of another process that is killed at some moment: the index is whole, or not there."""
    target = folder / "killed.parquet"
    command = [
        sys.executable,
        "-m",
        "rasteret_sql",
        "index",
        "build",
        str(target),
        world.api_url,
    ]
    command += ["--assets", "red,nir,scl"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(luck.uniform(0.2, 12.0))
    ended = child.poll()
    child.send_signal(signal.SIGKILL)
    child.wait()
    if ended == WRONG_USAGE:
        raise WrongAnswerError(f"{' '.join(command[1:])} is not a command")
    if target.exists():
        rows = pq.read_metadata(target).num_rows
        if rows > len(world.files) or (ended == 0 and rows != len(world.files)):
            raise WrongAnswerError(f"an index has {rows} rows after a build that ended with {ended}")
        if luck.random() < 0.3:
            target.unlink()


def bad_hosts(con: duckdb.DuckDBPyConnection, plain_port: int) -> None:
    """A name that no server has, a port where none listens, one that speaks no TLS: errors that name them."""
    hosts = ("http://no-such-host.invalid", "http://127.0.0.1:9", f"https://127.0.0.1:{plain_port}")
    for host in hosts:
        (error,) = con.execute("SELECT error FROM cog_header($1)", [f"{host}/a.tif"]).fetchone() or (None,)
        if error is None or host not in error:
            raise WrongAnswerError(f"{host}: expected an error that names it, found {error!r}")


def restarts(servers: list[Served], luck: random.Random) -> None:
    """One server is killed and comes back."""
    luck.choice(servers).start()


def every(seconds: float, over: threading.Event, luck: random.Random, act: Callable[[], None]) -> None:
    """Act at random moments, ``seconds`` apart on average, until all is over."""
    while not over.wait(luck.uniform(0.2, 1.8) * seconds):
        act()
