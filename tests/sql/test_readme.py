"""What the README shows runs as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.demo import Demo, start
from tests.sql.true_ndvi import fields, true_ndvi

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = ROOT / "sql/examples"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_first_screen_binds_and_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    build, _, join = duckdb.extract_statements(blocks("sql")[0])
    with start() as demo:
        monkeypatch.chdir(demo.folder)
        plan = demo.con.execute(f"EXPLAIN {build.query}").fetchall()
        assert plan, "the live catalogue is named, and nothing is sent to it"
        demo.con.execute((EXAMPLES / "01_build_index.sql").read_text("utf-8"))
        assert len(demo.con.execute(join).fetchall()) > 200
        query = f"SELECT field_id, day, ndvi FROM ({blocks('sql')[1].strip().rstrip(';')})"
        found = sorted(
            (number, str(day), ndvi["count"], ndvi["mean"] or 0.0)
            for number, day, ndvi in demo.con.execute(query).fetchall()
            if ndvi is not None
        )
        assert sum(count > 0 for _, _, count, _ in found) > 100
        right, stored = expected_ndvi(demo)
        assert [row[:3] for row in found] == [row[:3] for row in right]
        assert [row[3] for row in found] == pytest.approx([row[3] for row in right], abs=1e-9)
        assert max(abs(row[3] - wrong) for row, wrong in zip(right, stored, strict=True)) > 0.1


def expected_ndvi(demo: Demo) -> tuple[list[tuple[int, str, int, float]], list[float]]:
    """Field, day, clear pixels and NDVI of every field in every scene; and its NDVI of stored numbers."""
    rows = []
    scenes = demo.con.execute("SELECT DISTINCT id, datetime::DATE FROM 'idx.parquet'").fetchall()
    for scene, day in scenes:
        for number, field in fields(demo.folder).items():
            seen = true_ndvi(demo.folder, scene, field, (4, 5, 6))
            if seen is not None:
                ndvi, stored = (seen.ndvi, seen.stored) if seen.pixels else (0.0, 0.0)
                rows.append(((number, str(day), seen.pixels, ndvi), stored))
    rows.sort()
    return [row for row, _ in rows], [stored for _, stored in rows]


def test_the_python_example_prints_a_chip(tmp_path: Path) -> None:
    (code,) = (block for block in blocks("python") if "numpy" in block)
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert re.fullmatch(r"\(1, \d+, \d+\) \d+\.\d+\n", found.stdout)
    assert found.stderr == ""


def test_storage_options_are_words_that_are_known() -> None:
    (code,) = (block for block in blocks("python") if "storage_options" in block)
    with rasteret_sql.connect() as con:
        exec(code, {"rasteret_sql": rasteret_sql, "con": con})
