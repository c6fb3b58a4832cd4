"""What docs/pipelines.md and notebook 03 show does what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rasteret_sql.demo import start

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_function_for_schedulers_asks_for_new_headers_only() -> None:
    page = (ROOT / "docs/pipelines.md").read_text("utf-8")
    (source,) = re.findall(r"`nightly.py`:\n\n```python\n(.*?)```", page, re.DOTALL)
    nightly: dict[str, Any] = {"__name__": "nightly"}
    exec(source, nightly)
    with start() as demo:
        late = Path(demo.path("S2_32632_20240723/nir.tif"))
        hidden = late.rename(late.with_suffix(".hidden"))

        def headers(during: str) -> tuple[int, int]:
            """How many files failed, and how many headers were asked for."""
            count = "SELECT count(DISTINCT url) FROM rasteret_requests() WHERE kind = 'header' AND id > ?"
            (before,) = demo.con.execute("SELECT coalesce(max(id), 0) FROM rasteret_requests()").fetchone()
            failed = nightly["refresh"]("pipeline.duckdb", demo.url, list(demo.archive.bbox), during)
            (asked,) = demo.con.execute(count, [before]).fetchone()
            return failed, asked

        assert headers("2024-07-01/2024-07-31") == (1, 6)
        assert headers("2024-07-01/2024-07-31") == (1, 1)
        hidden.rename(late)
        assert headers("2024-07-01/2024-08-31") == (0, 7)
        assert headers("2024-07-01/2024-08-31") == (0, 0)
    found = duckdb.sql("SELECT count(*), count(DISTINCT (id, band)), count(width) FROM 'scene_index.parquet'")
    assert found.fetchall() == [(12, 12, 12)]


@pytest.mark.filterwarnings("default")  # Jupyter's own
def test_the_notebook_plays_three_nights(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="the notebook group is not installed")
    nbclient = pytest.importorskip("nbclient", reason="the notebook group is not installed")
    notebook = nbformat.read(ROOT / "notebooks/03_pipeline.ipynb", as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3", resources=resources).execute()
    shown = {
        cell.source: cell.outputs[0]["data"]["text/plain"]
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.outputs
    }

    def requests(until: str) -> dict[str, int]:
        return {k: int(n) for k, n in re.findall(r"│ (\w+) +│ +(\d+) │", shown[f'night("{until}")'])}

    assert requests("2024-07-31")["header"] == 24
    assert requests("2024-08-01").keys() == {"stac"}
    last = requests("2024-08-28")
    assert last["header"] == 6
    assert 0 < last["tile"] < requests("2024-07-31")["tile"]
    (pivot,) = (text for text in shown.values() if "wheat" in text)
    assert "2024-08-27" in pivot
    assert list(tmp_path.iterdir()) == []
