"""Every example runs as written: the files of sql/examples, and those of the function pages.

From 10 on the files have a module of their own, ``test_examples_of_fields``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio

from rasteret_sql.demo import Demo
from rasteret_sql.duck.declarations import Example, functions
from tests.sql.true_ndvi import Seen, fields, true_ndvi

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "sql/examples").glob("*.sql"))
EXAMPLES = [
    pytest.param(example, id=f"{function.name}: {example.title}")
    for function in functions()
    for example in function.examples
]


@pytest.fixture
def con(
    con: duckdb.DuckDBPyConnection, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> duckdb.DuckDBPyConnection:
    """In the demo's folder, with the index that the first example builds; a header has been read."""
    monkeypatch.chdir(demo.folder)
    if not Path("idx.parquet").exists():
        con.execute(FILES[0].read_text("utf-8"))
    con.execute("FROM cog_header('S2_32632_20240414/red.tif')").fetchall()
    return con


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


@pytest.mark.parametrize("example", EXAMPLES)
def test_explain_and_prepare_of_an_example_ask_for_nothing(
    con: duckdb.DuckDBPyConnection, example: Example
) -> None:
    *first, last = con.extract_statements(example.sql)
    for statement in first:
        con.execute(statement)
    ((before,),) = con.execute("SELECT count(*) FROM rasteret_requests()").fetchall()
    con.execute(f"EXPLAIN {last.query}").fetchall()
    if last.query.strip().startswith(("SELECT", "FROM", "WITH")):
        con.execute(f"PREPARE prepared AS {last.query}")
    assert con.execute("SELECT count(*) FROM rasteret_requests()").fetchall() == [(before,)]


def test_the_page_on_grids_runs_but_for_other_extensions(con: duckdb.DuckDBPyConnection) -> None:
    blocks = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/grids.md").read_text("utf-8"), re.DOTALL)
    ours = [block for block in blocks if "LOAD" not in block]
    assert len(ours) == 2
    for block in ours:
        assert con.execute(block).fetchall()


def test_the_page_on_cubes_runs(con: duckdb.DuckDBPyConnection) -> None:
    blocks = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/cubes.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 6
    for block in blocks:
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


def test_ndvi_by_crop_is_that_of_rasterio_and_numpy(con: duckdb.DuckDBPyConnection, demo: Demo) -> None:
    """Of reflectance; clear pixels of all fields of a crop on a day, of whichever scenes see them."""
    path = next(p for p in FILES if "ndvi" in p.name)
    rows = con.execute(path.read_text("utf-8")).fetchall()
    found = {(label, str(day)): (pixels, ndvi) for label, day, pixels, ndvi in rows}
    means: dict[tuple[str, str], list[Seen]] = {}
    for scene, day in con.execute("SELECT DISTINCT id, datetime::DATE FROM 'idx.parquet'").fetchall():
        for field in fields(demo.folder).values():
            seen = true_ndvi(demo.folder, scene, field, (4, 5, 6))
            if seen is not None and seen.pixels:
                means.setdefault((field["properties"]["label"], str(day)), []).append(seen)
    assert found.keys() == means.keys()
    for key, parts in means.items():
        count = sum(part.pixels for part in parts)
        assert found[key][0] == count
        assert found[key][1] == pytest.approx(sum(p.ndvi * p.pixels for p in parts) / count, abs=6e-4)


def test_the_example_of_zonal_statistics_is_right(con: duckdb.DuckDBPyConnection, demo: Demo) -> None:
    (example,) = (
        e for f in functions() if f.name == "RS_ZonalStats" for e in f.examples if "NDVI" in e.title
    )
    rows = con.execute(example.sql).fetchall()
    days = con.execute("SELECT DISTINCT datetime, id FROM 'idx.parquet'").fetchall()
    right: dict[tuple[int, object], set[float]] = {}
    for moment, scene in days:
        for number in (1, 2, 3):
            seen = true_ndvi(demo.folder, scene, fields(demo.folder)[number], (4, 5, 6))
            if seen is not None and seen.pixels:
                right.setdefault((number, moment), set()).add(round(seen.ndvi, 3))
    shown = [(number, moment, ndvi) for number, _, moment, ndvi in rows if ndvi is not None]
    assert len(shown) > 10
    for number, moment, ndvi in shown:
        assert min(abs(ndvi - value) for value in right[number, moment]) < 1.1e-3


def test_the_example_of_map_algebra_is_right(con: duckdb.DuckDBPyConnection, demo: Demo) -> None:
    (example,) = (
        e for f in functions() if f.name == "RS_MapAlgebra" for e in f.examples if "NDVI" in e.title
    )
    field = fields(demo.folder)[1]
    days = con.execute("SELECT DISTINCT datetime, id FROM 'idx.parquet'").fetchall()
    shown = [(moment, ndvi) for moment, ndvi in con.execute(example.sql).fetchall() if ndvi is not None]
    assert len(shown) > 3
    for moment, ndvi in shown:
        seen = [true_ndvi(demo.folder, scene, field, (4, 5, 6)) for day, scene in days if day == moment]
        assert min(abs(ndvi - one.ndvi) for one in seen if one is not None and one.pixels) < 1e-9


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("RS_NDVI", lambda red, nir: (nir - red) / (nir + red)),
        ("RS_EVI", lambda red, nir: 2.5 * (nir - red) / (nir + 6 * red - 7.5 * red + 1)),
        ("RS_EVI2", lambda red, nir: 2.5 * (nir - red) / (nir + 2.4 * red + 1)),
        ("RS_SAVI", lambda red, nir: 1.5 * (nir - red) / (nir + red + 0.5)),
        ("RS_NBR", lambda red, nir: (nir - red) / (nir + red)),
        ("RS_NDMI", lambda red, nir: (nir - red) / (nir + red)),
        ("RS_NormalizedDifference", lambda red, nir: (nir - red) / (nir + red)),
    ],
)
def test_the_examples_of_indices_are_of_reflectance(
    con: duckdb.DuckDBPyConnection, demo: Demo, name: str, formula: Callable[[Any, Any], Any]
) -> None:
    """Four by four pixels at (700, 700), in which red stands in for bands that the demo has not."""
    (example,) = (e for f in functions() if f.name == name for e in f.examples)
    values = []
    for band in ("red", "nir"):
        with rasterio.open(demo.folder / "S2_32632_20240414" / f"{band}.tif") as file:
            values.append(file.read(1, window=((700, 704), (700, 704))) * file.scales[0] + file.offsets[0])
    found = con.execute(example.sql).fetchone()
    assert found is not None
    assert np.array(found[0]) == pytest.approx(formula(*values), rel=1e-9)
