"""Notebook 03 plays three nights, and every night asks for what is new."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


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
