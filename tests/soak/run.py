"""A mixed load against servers that misbehave, every answer checked: ``./dev soak --minutes N``.

Sixteen threads on cursors of one database read, count, sample, search and build, while one request in ten
fails, servers restart, queries are interrupted, builds of other processes are killed, descriptors run short
and the clock jumps. It fails on a wrong answer, an error without a name, and growth of memory, descriptors or
threads. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

import rasteret_sql
from rasteret_sql.demo.archive import make_archive
from rasteret_sql.errors import RasteretError, RasteretWarning
from rasteret_sql.settings import configure
from tests.soak import trouble
from tests.soak.jobs import JOBS, Hands, World, connection
from tests.soak.servers import Served
from tests.soak.truth import truth_of
from tests.soak.watch import ALLOWED, Watch

THREADS = 16
REPORT_S = 60
SETTINGS = {"request_timeout_s": 5, "tile_cache_bytes": "8 MiB", "request_log_rows": 5000}
NAMED = re.compile(r"(Invalid Input Error: |INTERRUPT Error: |^)\w+: |Interrupted", re.IGNORECASE)
UNNAMED = re.compile(
    r"Python exception|Traceback|Internal Error|INTERNAL Error|dictionary changed|unexpectedly"
)


@dataclass
class Tally:
    """What came of the jobs."""

    done: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def good(self, job: str) -> None:
        with self.lock:
            self.done[job] += 1

    def error(self, job: str, error: BaseException) -> None:
        """An error that says what is wrong is an answer; any other is a finding."""
        text = str(error)
        expected = isinstance(error, duckdb.Error | RasteretError) and NAMED.search(text)
        with self.lock:
            if expected and not UNNAMED.search(text):
                self.named[f"{job}: {re.sub(r'http://[^ ]+|[0-9]+', '…', text)[:110]}"] += 1
            else:
                self.wrong.append(f"{job}: {''.join(traceback.format_exception(error))}")


def work(world: World, hands: Hands, tally: Tally, over: threading.Event) -> None:
    """One thread: jobs one after the other until all is over."""
    while not over.is_set():
        name = hands.luck.choice(sorted(JOBS))
        try:
            JOBS[name](world, hands)
            tally.good(name)
        except Exception as error:  # whatever it is, the tally says whether it may be
            tally.error(name, error)


def disturb(world: World, hands: Hands, servers: list[Served], tally: Tally, over: threading.Event) -> None:
    """One thread: everything that happens to the whole process, one at a time."""
    acts = (
        lambda: trouble.restarts(servers, hands.luck),
        lambda: trouble.killed_build(world, hands.folder, hands.luck),
        lambda: trouble.bad_hosts(hands.con, servers[0].port),
        lambda: for_a_while(trouble.few_descriptors(), over),
        lambda: for_a_while(trouble.jumping_clock(hands.luck), over),
    )
    while not over.wait(hands.luck.uniform(1, 6)):
        act = hands.luck.choice(acts)
        try:
            act()
            tally.good("trouble")
        except Exception as error:
            tally.error("trouble", error)


def for_a_while(state: contextlib.AbstractContextManager[None], over: threading.Event) -> None:
    """Hold a state for some seconds."""
    with state:
        over.wait(4)


@contextlib.contextmanager
def world_in(folder: Path) -> Iterator[tuple[World, list[Served], duckdb.DuckDBPyConnection]]:
    """The archive, its servers, the truth, and a database with the fields."""
    archive = folder / "archive"
    make_archive(archive)
    fields = archive / "fields.parquet"
    with contextlib.closing(rasteret_sql.connect()) as con, contextlib.ExitStack() as closing:
        servers = [Served(kind, archive) for kind in ("api", "files")]
        for server in servers:
            closing.callback(server.close)
        con.execute(f"CREATE TABLE fields AS FROM '{fields}'")
        paths = sorted(archive.rglob("*.tif"))
        files = {str(path.relative_to(archive)): truth_of(con, archive, path) for path in paths}
        index = str(folder / "index.parquet")
        con.execute(
            "CREATE TABLE idx AS SELECT h.* REPLACE ("
            "$2 || substr(h.href, length($1) + 1) AS href, NULL AS etag, NULL AS last_modified)"
            " FROM (SELECT unnest($3) AS href) AS u, cog_header(u.href) AS h",
            [str(archive), servers[1].url, [str(path) for path in paths]],
        )
        con.execute(f"COPY idx TO '{index}'")
        yield (
            World(
                api_url=servers[0].url,
                files_url=servers[1].url,
                index=index,
                files=files,
                items=frozenset(path.parent.name for path in paths),
            ),
            servers,
            con,
        )


def soak(minutes: float, seed: int) -> int:
    """Run for so long; the exit code says whether all was well."""
    warnings.simplefilter("ignore", RasteretWarning)
    configure(**SETTINGS)
    tally, over = Tally(), threading.Event()
    with (
        tempfile.TemporaryDirectory(prefix="rasteret-soak-") as place,
        world_in(Path(place)) as (world, servers, con),
    ):
        hands = [connection(world, con, seed + n, Path(place)) for n in range(THREADS + 2)]
        cursors = [each.con for each in hands[:THREADS]]
        threads = [
            *(threading.Thread(target=work, args=(world, each, tally, over)) for each in hands[:THREADS]),
            threading.Thread(target=disturb, args=(world, hands[-2], servers, tally, over)),
            threading.Thread(
                target=trouble.every,
                args=(3, over, hands[-1].luck, lambda: trouble.interrupts(cursors, hands[-1].luck)),
            ),
        ]
        with Watch() as watch:
            for thread in threads:
                thread.start()
            wait(minutes * 60, tally, watch)
            over.set()
            for thread in threads:
                thread.join(120)
        stuck = [thread.name for thread in threads if thread.is_alive()]
        return verdict(tally, watch, stuck, servers)


def wait(seconds: float, tally: Tally, watch: Watch) -> None:
    """Until the time is over or something is wrong, with a line a minute."""
    until = time.monotonic() + seconds
    next_line = time.monotonic() + REPORT_S
    while time.monotonic() < until and not tally.wrong:
        time.sleep(0.5)
        if time.monotonic() > next_line:
            next_line += REPORT_S
            held = ", ".join(f"{value:.0f} {name}" for name, value in watch.samples[-1].held.items())
            print(f"{tally.done.total()} jobs, {tally.named.total()} named errors; {held}", flush=True)


def verdict(tally: Tally, watch: Watch, stuck: list[str], servers: list[Served]) -> int:
    """Print what came of it; 1 where anything is wrong."""
    print("jobs:", ", ".join(f"{count} {name}" for name, count in tally.done.most_common()))
    print("restarts of servers:", sum(server.starts - 1 for server in servers))
    print(f"named errors: {tally.named.total()}")
    for text, count in tally.named.most_common(20):
        print(f"  {count} {text}")
    for name, (first, last) in watch.growth().items() if watch.samples else ():
        print(
            f"{name}: {first:.0f} after warming up, {last:.0f} at the end (allowed: {ALLOWED[name]:.0f} more)"
        )
    wrong = [*tally.wrong, *watch.leaks(), *(f"thread {name} does not end" for name in stuck)]
    for text in wrong:
        print(f"WRONG {text}")
    print("soak: failed" if wrong else "soak: all answers right")
    return 1 if wrong else 0


def main() -> int:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    print(f"soak: {arguments.minutes:g} minutes, seed {arguments.seed}", flush=True)
    return soak(arguments.minutes, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
