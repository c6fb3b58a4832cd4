"""The notebooks run from top to bottom, and are kept without their outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="the notebook group is not installed")
nbclient = pytest.importorskip("nbclient", reason="the notebook group is not installed")

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
QUOTED = ("01", "02", "08", "10", "11", "12", "13", "14")
"""Examples that the second notebook is made of."""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.filterwarnings("default")  # Jupyter's own
def test_the_quickstart_runs_and_shows_chips(tmp_path: Path) -> None:
    outputs = run("01_quickstart", tmp_path)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 5
    said = "".join(output.get("data", {}).get("text/plain", "") for output in outputs)
    assert "wheat" in said
    assert "read_cog_tiles" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("default")
def test_fields_and_ndvi_runs_and_shows_chips_and_plots(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the notebook group is not installed")
    outputs = [output.get("data", {}) for output in run("02_fields_and_ndvi", tmp_path)]
    assert sum("image/png" in data for data in outputs) == 2
    assert [data["text/html"].count("<img") for data in outputs if "text/html" in data] == [6, 20, 2, 6]
    said = "".join(data.get("text/plain", "") for data in outputs)
    for word in ("wheat", "kilobytes_of_tiles", "validation", "clear_pixels"):
        assert word in said
    assert list(tmp_path.iterdir()) == []


def run(name: str, folder: Path) -> list[Any]:
    """What the cells of a notebook show, run in an empty folder."""
    (path,) = (path for path in NOTEBOOKS if path.stem == name)
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3", resources=resources).execute()
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.parametrize("number", QUOTED)
def test_the_second_notebook_quotes_the_examples(number: str) -> None:
    (example,) = (ROOT / "sql/examples").glob(f"{number}_*.sql")
    (path,) = (path for path in NOTEBOOKS if path.stem == "02_fields_and_ndvi")
    cells = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    for statement in example.read_text("utf-8").strip().rstrip(";").split(";\n"):
        assert statement.strip() in cells
