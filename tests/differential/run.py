"""Random cases, one after the other: ``./dev differential --cases 10000 --seed 7``."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

import rasteret_sql
from tests.differential import chips, grids, numbers
from tests.differential.case import Failure, Question, Raster
from tests.differential.rasters import write_raster

QUESTIONS: Mapping[str, Question] = {**chips.QUESTIONS, **numbers.QUESTIONS, **grids.QUESTIONS}
A_RASTER = 4
"""Queries on one file."""
MOST_SHOWN = 20


def ask(
    con: duckdb.DuckDBPyConnection,
    seed: int,
    name: str,
    question: Question,
    raster: Raster,
    choose: random.Random,
) -> tuple[bool, Failure | None]:
    """Whether the question made sense, and what differs."""
    query = question(choose, raster)
    if query is None:
        return False, None
    try:
        difference = query.same(con.execute(query.sql).fetchall(), query.expected)
    except duckdb.Error as error:
        difference = f"{type(error).__name__}: {error}"
    if difference is None:
        return True, None
    return True, Failure(seed=seed, question=name, about=raster.about, query=query, difference=difference)


def cases(
    con: duckdb.DuckDBPyConnection, folder: Path, seed: int, questions: Mapping[str, Question] = QUESTIONS
) -> Iterator[tuple[str, Failure | None]]:
    """The queries of one seed."""
    choose = random.Random(f"questions {seed}")
    raster = write_raster(folder, seed)
    for _ in range(A_RASTER):
        name = choose.choice(list(questions))
        made, failure = ask(con, seed, name, questions[name], raster, choose)
        if made:
            yield name, failure


def main() -> int:
    """Exit code 1 where anything differs."""
    parser = argparse.ArgumentParser(prog="./dev differential", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="queries, about (1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the first raster (0)")
    parser.add_argument("--only", choices=sorted(QUESTIONS), help="one kind of query")
    parser.add_argument(
        "--keep",
        type=Path,
        nargs="?",
        const=Path("differential"),
        help="folder for the files of cases that differ",
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = {options.only: QUESTIONS[options.only]} if options.only else QUESTIONS
    asked: Counter[str] = Counter()
    differ: Counter[str] = Counter()
    seed, began = options.seed, time.monotonic()
    with tempfile.TemporaryDirectory() as place, rasteret_sql.connect() as con:
        while asked.total() < options.cases:
            failed = False
            for name, failure in cases(con, Path(place), seed, chosen):
                asked[name] += 1
                if failure is not None:
                    failed = True
                    differ[name] += 1
                    if differ.total() <= MOST_SHOWN:
                        print(failure, flush=True)
            path = Path(place, f"{seed}.tif")
            if failed and options.keep:
                options.keep.mkdir(exist_ok=True)
                path.rename(options.keep / path.name)
            path.unlink(missing_ok=True)
            seed += 1
    seconds = time.monotonic() - began
    told = ", ".join(
        f"{name} {asked[name]}" + (f" ({differ[name]} differ)" if differ[name] else "")
        for name in sorted(asked)
    )
    print(f"{asked.total()} queries on {seed - options.seed} rasters in {seconds:.0f} s: {told}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
