"""What a notebook shows of a relation: pictures of chips, and DuckDB's own display for all else."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from PIL import Image

from rasteret_sql.duck.register.notebook import bundle
from tests.duck.corpus import NAMES

IMAGE = re.compile(r'<img src="data:image/png;base64,([^"]+)" width="(\d+)" height="(\d+)"')


def pictures(html: str) -> list[Image.Image]:
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data, *_ in IMAGE.findall(html)]


def shown(con: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    found = bundle(con.sql(query))
    assert found is not None
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_chip_is_shown_whatever_it_is(con: duckdb.DuckDBPyConnection, corpus: Path, name: str) -> None:
    html = shown(con, f"FROM read_cog('{corpus}/{name}.tif')")["text/html"]
    (picture,) = pictures(html)
    assert picture.size == (300, 260)
    assert f"{name}.tif" in html


def test_rows_with_other_columns_and_chips_as_values(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = f"'{corpus}/rgb_mask.tif'"
    window = "{'x_off': 150, 'y_off': 100, 'width': 10, 'height': 10}"
    query = f"""
        SELECT 'crop <1>' AS label, c, NULL AS nothing, c.dtype, RS_AsPNG(c, bands := 1) AS picture
        FROM read_cog({path}, {window}) AS c
    """
    told = shown(con, query)
    html = told["text/html"]
    colour, gray = pictures(html)
    assert (colour.mode, gray.mode) == ("RGB", "L")
    assert "crop &lt;1&gt;" in html
    assert "<td>NULL</td>" in html
    assert IMAGE.search(html).groups()[1:] == ("90", "90")  # type: ignore[union-attr]
    assert told["text/plain"] == "<1 rows of label, c, nothing, dtype, picture>"


def test_many_rows_are_cut_and_it_says_so(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    source = f"FROM cog_windows('{corpus}/rgb_mask.tif', size := 32) AS w, read_cog(w.href, w) AS c"
    html = shown(con, f"SELECT c.* {source}")["text/html"]
    assert len(pictures(html)) == 20
    assert "The first 20 rows." in html
    assert "The first" not in shown(con, f"SELECT c.* {source} LIMIT 20")["text/html"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 42 AS answer",
        "SELECT 'a'::BLOB AS data",
        "SELECT NULL::BLOB AS data, 'uint8' AS dtype, [1, 1, 1] AS shape, NULL::BLOB AS valid",
        "SELECT 'abc'::BLOB AS data, 'uint8' AS dtype, [1, 1, 1] AS shape, NULL::BLOB AS valid",
        "SELECT {'a': 1} AS s, [1, 2] AS l",
        "SELECT ''::BLOB AS data WHERE false",
        "SELECT error('no')::BLOB AS data",
    ],
)
def test_all_else_is_left_to_duckdb(con: duckdb.DuckDBPyConnection, query: str) -> None:
    assert bundle(con.sql(query)) is None


def test_complex_pixels_are_told_by_their_size(con: duckdb.DuckDBPyConnection) -> None:
    chip = "'complex64' AS dtype, [1, 1, 1] AS shape, repeat('\\x00'::BLOB, 8) AS data, NULL::BLOB AS valid"
    assert bundle(con.sql(f"SELECT {chip}")) is None


def test_outside_of_ipython_nothing_of_it_is_loaded() -> None:
    code = "import sys, rasteret_sql; rasteret_sql.connect(); sys.exit('IPython' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


CELLS = """
import rasteret_sql
con = rasteret_sql.connect()
---
con.sql("FROM read_cog('{path}')")
---
con.sql("SELECT href, RS_AsPNG(c, colormap := 'viridis') AS picture FROM read_cog('{path}') AS c")
---
con.sql("SELECT 42 AS answer")
---
con.sql("SELECT c.href FROM read_cog('{path}') AS c")
---
import duckdb
duckdb.sql("SELECT 7 AS seven")
"""


@pytest.mark.filterwarnings("default")  # Jupyter's own
def test_a_notebook_shows_pictures_and_duckdb_s_tables(corpus: Path, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="the notebook group is not installed")
    nbclient = pytest.importorskip("nbclient", reason="the notebook group is not installed")
    sources = CELLS.replace("{path}", str(corpus / "utm32_uint16.tif")).split("---")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()

    def output(cell: int) -> dict[str, Any]:
        (only,) = notebook.cells[cell].outputs
        return dict(only["data"])

    gray, coloured = (pictures(output(cell)["text/html"])[0] for cell in (1, 2))
    assert np.asarray(gray.convert("RGB")).std(axis=-1).max() == 0
    assert np.asarray(coloured.convert("RGB")).std(axis=-1).max() > 0
    for cell, text in ((3, "answer"), (4, "utm32_uint16.tif"), (5, "seven")):
        assert "text/html" not in output(cell)
        assert text in output(cell)["text/plain"]
        assert "│" in output(cell)["text/plain"]
