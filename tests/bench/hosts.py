"""The DuckDB shell against a Python connection, on the same joins: ``python -m tests.bench.hosts``.

Each round starts a process of either host, one after the other, which runs every join a few times; what
counts is the best of a process, and of these the median, in seconds of the clock and of the processor. Files
are local and no tile is kept, so that only the way to the kernels and back differs. The rows are compared
first. The report says which DuckDB either runs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import duckdb

import rasteret_sql
from rasteret_sql.demo import start
from rasteret_sql.shell.program import duckdb_program
from tests.bench.report import table

ROUNDS, REPEATS, COPIES = 3, 3, 1
ROOT = Path(__file__).resolve().parents[2]
SETUP = f"""
    CREATE TABLE idx AS SELECT h.* FROM glob('*/*.tif') AS g, cog_header(g.file) AS h, range({COPIES});
    CREATE TABLE fields AS FROM 'fields.parquet';
"""
JOIN = "FROM idx AS i JOIN fields AS f ON i.footprint && f.geom, read_cog(i, f.geom) AS c"
QUERIES = {
    "chips": f"SELECT c.* {JOIN}",
    "plans alone": f"SELECT c.x_off, c.crs, c.shape {JOIN}",
    "whole tiles": "SELECT c.* FROM idx AS i, read_cog_tiles(i) AS c",
    "chips as lists of numbers": f"SELECT RS_AsArray(c) AS grid {JOIN}",
}
Seconds = tuple[float, float]
"""Of the clock, of the processor."""
SETTINGS = {"RASTERET_TILE_CACHE_BYTES": "0", "PYTHONPATH": str(ROOT)}


def statement(query: str) -> str:
    """The query, with its rows kept by DuckDB: how a host shows them is not measured."""
    return f"CREATE OR REPLACE TEMP TABLE answer AS {query}"


def best(numbers: Iterable[str]) -> dict[str, Seconds]:
    """Of every query the least of the clock and of the processor, from what a host printed for each run."""
    seconds = map(float, numbers)
    runs = {name: [(next(seconds), next(seconds)) for _ in range(REPEATS)] for name in QUERIES}
    return {name: (min(clock for clock, _ in own), min(cpu for _, cpu in own)) for name, own in runs.items()}


def in_python(folder: Path) -> dict[str, Seconds]:
    """A process of Python."""
    found = subprocess.run(
        [sys.executable, "-m", "tests.bench.hosts", "--python"],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env=os.environ | SETTINGS,
    )
    return best(found.stdout.split())


def measure_here() -> None:
    """What the process of Python does: prints the seconds of every run."""
    with rasteret_sql.connect() as con:
        con.execute(SETUP)
        for query in QUERIES.values():
            for _ in range(REPEATS):
                clock, cpu = time.perf_counter(), time.process_time()
                con.execute(statement(query))
                print(time.perf_counter() - clock, time.process_time() - cpu)


def in_shell(folder: Path) -> dict[str, Seconds]:
    """A shell, which tells the seconds by itself."""
    runs = [f"{statement(query)};\n" for query in QUERIES.values() for _ in range(REPEATS)]
    found = subprocess.run(
        [sys.executable, "-m", "rasteret_sql", "shell", "-bail"],
        input=f"{SETUP}\n.timer on\n{''.join(runs)}",
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env=os.environ | SETTINGS,
    )
    told = re.findall(r"real (\S+) user (\S+) sys (\S+)", found.stdout)
    return best(str(n) for real, user, system in told for n in (real, float(user) + float(system)))


def compare_rows(folder: Path) -> None:
    """Both hosts have to give the same rows before their speed means anything."""
    for query in QUERIES.values():
        copy = f"{SETUP} COPY (SELECT md5(string_agg(row, '' ORDER BY row)) AS rows FROM "
        copy += f"(SELECT md5(answer::VARCHAR) AS row FROM ({query}) AS answer)) TO"
        with rasteret_sql.connect() as con:
            con.execute(f"{copy} 'python.csv'")
        shell = [sys.executable, "-m", "rasteret_sql", "shell", "-c", f"{copy} 'shell.csv'"]
        subprocess.run(shell, check=True, cwd=folder, env=os.environ | SETTINGS)
        assert (folder / "python.csv").read_text() == (folder / "shell.csv").read_text(), query


def main() -> None:
    """Print a table: medians of both hosts, and their ratio."""
    with start() as demo:
        os.chdir(demo.folder)
        compare_rows(demo.folder)
        rounds = [(in_python(demo.folder), in_shell(demo.folder)) for _ in range(ROUNDS)]
    version = subprocess.run(
        [duckdb_program(), "-version"], capture_output=True, text=True, check=True
    ).stdout
    print(
        f"Python module: DuckDB {duckdb.__version__}; shell: DuckDB {version.split()[0]}; {ROUNDS} rounds\n"
    )
    lines = []
    for name in QUERIES:
        cells = [name]
        for which in (0, 1):
            python, shell = (
                median(found[name][which] for found in host) for host in zip(*rounds, strict=True)
            )
            cells += [f"{python:.3f}", f"{shell:.3f}", f"{shell / python:.2f}"]
        lines.append(cells)
    print(table(("join", "Python, s", "shell, s", "ratio", "Python, CPU s", "shell, CPU s", "ratio"), lines))


if __name__ == "__main__":
    measure_here() if "--python" in sys.argv else main()
