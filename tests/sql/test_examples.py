"""Every example runs as written: the files of sql/examples, and those of the function pages.

From 10 on the files have a module of their own, ``test_examples_of_fields``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.demo import Demo
from rasteret_sql.duck.declarations import Example, functions

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "sql/examples").glob("*.sql"))
EXAMPLES = [
    pytest.param(example, id=f"{function.name}: {example.title}")
    for function in functions()
    for example in function.examples
]


@pytest.fixture
def con(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in the demo's folder, with the index that the first example builds."""
    monkeypatch.chdir(demo.folder)
    with rasteret_sql.connect() as connection:
        if not Path("idx.parquet").exists():
            connection.execute(FILES[0].read_text("utf-8"))
        yield connection


@pytest.mark.parametrize("path", FILES[:9], ids=lambda p: p.stem)
def test_a_file_of_examples_runs(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    statements = con.extract_statements(path.read_text("utf-8"))
    for statement in statements:
        rows = con.execute(statement).fetchall()
    assert rows, "the last statement shows something"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_a_function_runs(con: duckdb.DuckDBPyConnection, example: Example) -> None:
    rows = con.execute(example.sql).fetchall()
    assert rows


def test_the_page_on_grids_runs_but_for_other_extensions(con: duckdb.DuckDBPyConnection) -> None:
    blocks = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/grids.md").read_text("utf-8"), re.DOTALL)
    ours = [block for block in blocks if "LOAD" not in block]
    assert len(ours) == 2
    for block in ours:
        assert con.execute(block).fetchall()


def test_ndvi_by_crop_is_what_the_fields_are(con: duckdb.DuckDBPyConnection) -> None:
    """Wheat is green in May and gone in August, maize the other way round; water never is."""
    path = next(p for p in FILES if "ndvi" in p.name)
    ndvi = {
        (label, str(day)): value for label, day, _, value in con.execute(path.read_text("utf-8")).fetchall()
    }
    months = sorted({day for _, day in ndvi})
    assert ndvi["wheat", months[1]] > 0.6 > 0.4 > ndvi["wheat", months[-1]]
    assert ndvi["maize", months[1]] < 0.4 < 0.6 < ndvi["maize", months[-1]]
    assert all(value < 0.1 for (label, _), value in ndvi.items() if label == "water")
