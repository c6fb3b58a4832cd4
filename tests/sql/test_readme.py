"""What the README shows runs as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.demo import start

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
        ndvi = demo.con.execute(f"SELECT ndvi.mean FROM ({blocks('sql')[1].strip().rstrip(';')})").fetchall()
        seen = [mean for (mean,) in ndvi if mean is not None]
        assert len(ndvi) > len(seen) > 100
        assert all(-1 <= mean <= 1 for mean in seen)


def test_the_python_example_prints_a_chip(tmp_path: Path) -> None:
    (code,) = (block for block in blocks("python") if "numpy" in block)
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert re.fullmatch(r"\(1, \d+, \d+\) \d+\.\d+\n", found.stdout)
    assert found.stderr == ""


def test_storage_options_are_words_that_are_known() -> None:
    from rasteret_sql.store.options import clear_storage_options

    (code,) = (block for block in blocks("python") if "storage_options" in block)
    with rasteret_sql.connect() as con:
        try:
            exec(code, {"rasteret_sql": rasteret_sql, "con": con})
        finally:
            clear_storage_options()
