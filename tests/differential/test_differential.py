"""A few hundred random queries beside rasterio's answers; ``./dev differential`` asks any number."""

from __future__ import annotations

import random
import re
from pathlib import Path

import duckdb
import numpy as np
import pytest

from tests.differential.case import Query, apart
from tests.differential.rasters import write_raster
from tests.differential.run import QUESTIONS, ask, cases

SEEDS = range(1000, 1100)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.filterwarnings("ignore")
def test_random_queries_are_answered_as_by_rasterio(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, seed: int
) -> None:
    for _, failure in cases(con, tmp_path, seed):
        assert failure is None, str(failure)


def test_a_seed_is_the_same_raster_and_the_same_queries(tmp_path: Path) -> None:
    first, second = (write_raster(tmp_path, 5) for _ in range(2))
    assert first.about == second.about
    queries = []
    for _ in range(2):
        choose = random.Random(3)
        queries.append([QUESTIONS[name](choose, first) for name in QUESTIONS])
    texts = [[None if query is None else query.sql for query in asked] for asked in queries]
    assert texts[0] == texts[1]


@pytest.mark.filterwarnings("ignore")
def test_a_wrong_answer_is_found_and_told(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """An oracle that adds 1: the seed, the SQL, and what differs."""
    raster = write_raster(tmp_path, 7)

    def question(choose: random.Random, raster: object) -> Query:
        return Query(
            sql="SELECT 41",
            expected=np.array([42]),
            same=lambda rows, expected: apart(np.array(rows[0]), expected, "answer"),
        )

    made, failure = ask(con, 7, "wrong", question, raster, random.Random(0))
    assert made
    text = str(failure)
    assert re.search(r"seed 7, wrong: answer: 1 of 1 differ, first .*41.*, expected .*42", text)
    assert "query:  SELECT 41" in text
    assert "./dev differential --seed 7" in text


def test_arrays_are_apart_where_they_differ() -> None:
    nan = float("nan")
    assert apart(np.array([1.0, nan]), np.array([1.0, nan]), "a") is None
    assert "shape" in str(apart(np.zeros(2), np.zeros(3), "a"))
    assert "1 of 2 differ" in str(apart(np.array([1.0, nan]), np.array([1.0, 2.0]), "a"))
    assert apart(np.array([1.0 + 1e-12]), np.array([1.0]), "a", tolerance=1e-9) is None
