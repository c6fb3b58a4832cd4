"""``./dev bench``: this package against its peers, on work that anyone can repeat."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.bucket import CACHE, FULL, QUICK, make_bucket
from tests.bench.growth import grow
from tests.bench.indexes import grow_indexes
from tests.bench.measure import Bench, Contender, rounds
from tests.bench.report import about, report, write
from tests.bench.scenarios import NAMES, jobs
from tests.bench.server import serve
from tests.bench.systems import OURS, SYSTEMS

VERSION = """
import sys
from importlib.metadata import version
print(version(sys.argv[1]))
if sys.argv[1] == "rasterio":
    import rasterio
    print(f"with GDAL {rasterio.__gdal_version__}")
"""


def say(message: str) -> None:
    """One line about what is being done."""
    print(f"bench: {message}", file=sys.stderr, flush=True)


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="small files, one round: tries the harness, measures nothing")
    add("--scenarios", default=",".join(NAMES), help="of %(default)s")
    add("--rounds", type=int, help="5 by default; 3 with --growth and --indexes, 1 with --quick")
    add("--delay", type=float, default=30, metavar="MS", help="first byte after so long (30)")
    add("--scenes", type=int, default=30, help="dates in the bucket, 0.4 GB each (30)")
    add("--peers", default=",".join(SYSTEMS), help="of %(default)s; rasteret gets an environment when named")
    add("--python", action="append", default=[], metavar="PEER=PATH", help="interpreter that has a peer")
    add("--own-server", action="store_true", help="not nginx, even where it is")
    add("--growth", action="store_true", help="instead: how cost grows, of this package alone")
    add("--indexes", action="store_true", help="of --growth only rows of an index, and areas")
    add("--write", action="store_true", help="put the results into docs/benchmarks.md")
    options = parser.parse_args(argv)
    options.rounds = options.rounds or (1 if options.quick else 3 if options.growth or options.indexes else 5)
    options.scenarios = options.scenarios.split(",")
    if options.quick and options.write:
        parser.error("--quick measures nothing that is worth writing; leave out --write")
    unknown = [name for name in options.scenarios if name not in NAMES]
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; there are {', '.join(NAMES)}")
    unknown = [name for name in options.peers.split(",") if name not in SYSTEMS]
    if unknown:
        parser.error(f"no peer {', '.join(unknown)}; there are {', '.join(SYSTEMS)}")
    return options


def versions(names: Sequence[str], pythons: Mapping[str, str]) -> dict[str, str]:
    """The version of each distribution, without those that are not installed."""
    found = {}
    for name in names:
        program = [pythons.get(name, sys.executable), "-c", VERSION, name]
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            found[name] = " ".join(done.stdout.split())
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write if asked; 1 where pixels of ours differ or a run of ours fails."""
    options = arguments(argv)
    pythons = dict(pair.split("=", 1) for pair in options.python)
    wanted = [OURS, *(name for name in options.peers.split(",") if name != OURS)]
    found = versions([*wanted, "duckdb", "numpy"], pythons)
    for name in wanted:
        if name not in found:
            say(f"{name} is not installed here and takes no part")
    if options.growth or options.indexes:
        machine = about(None, 0, options.rounds, {"python": sys.version.split()[0]} | found)
        grown = grow_indexes(CACHE / "indexes", rounds=options.rounds, quick=options.quick, say=say)
        print(f"{machine}\n\n{grown}")
        if options.write:
            write("indexes", f"{machine}\n\n{grown}", say)
        if options.indexes:
            return 0
    folder, scenes = make_bucket(QUICK if options.quick else FULL, options.scenes, say)
    with (
        tempfile.TemporaryDirectory(prefix="rasteret-bench-") as scratch,
        serve(folder, delay_ms=options.delay, run=CACHE / "server", own=options.own_server) as server,
    ):
        say(f"{server.kind} serves {folder} at {server.url}, first byte after {options.delay:g} ms")
        bench = Bench(folder=folder, server=server, scratch=Path(scratch), pythons=pythons)
        machine = about(server, options.delay, options.rounds, {"python": sys.version.split()[0]} | found)
        rows: list[dict[str, Any]] = []
        good = True
        if options.growth:
            text = f"{machine}\n\n{grow(bench, scenes, rounds=options.rounds, quick=options.quick, say=say)}"
        else:
            taking_part = [name for name in wanted if name in found]
            contenders = [Contender(system=n, variant=v) for n in taking_part for v in SYSTEMS[n].variants]
            chosen = [jobs(scenes)[name] for name in options.scenarios]
            for job in chosen:
                bench.reference(job)
                rows += rounds(bench, job, contenders, options.rounds, say)
            text = report(chosen, rows, machine)
            ours = [row for row in rows if row["reader"] == OURS]
            good = all(row.get("agreement") == 1 for row in ours)
    if rows:
        (CACHE / "results.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    print(text)
    if options.write:
        write("growth" if options.growth else "results", text, say)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
