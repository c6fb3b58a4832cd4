"""docs/index.md does what it says: its blocks run in order, in one folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rasteret_sql.demo import Demo

PAGE = Path(__file__).resolve().parents[2] / "docs/index.md"


def test_every_block_of_the_page_runs(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```(sql|python)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert [language for language, _ in blocks].count("sql") == 3
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for language, block in blocks:
        if language == "sql":
            rows = demo.con.execute(block).fetchall()
        else:
            exec(block, names)
    assert len(rows) == 12  # the last block: one row a scene
    assert (tmp_path / "red.gti.gpkg").exists()
