"""What the pages about arrays and frames show runs as written, block by block."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rasteret_sql.demo import Demo, start

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("frames.md", "training.md", "xarray.md")


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with start() as running:
        build = (ROOT / "sql/examples/01_build_index.sql").read_text("utf-8")
        running.con.execute(build.replace("'idx.parquet'", f"'{running.folder}/idx.parquet'")).fetchall()
        yield running


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_runs(demo: Demo, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if page == "training.md":
        pytest.importorskip("torch", reason="no torch: group torch")
    monkeypatch.chdir(demo.folder)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.DOTALL)
    assert len(blocks) > 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
