"""One declaration a function: documented to the last argument, and true."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import duckdb
import pytest

from rasteret_sql.duck.declarations import Function, functions, parse
from rasteret_sql.duck.sql_files import declaration_files, sql_folder

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = [f for f in functions() if f.public]
ARGUMENTS = {
    "catalog": "'x'",
    "href": "'x'",
    "raster": "'x.tif'",
    "pattern": "'x'",
    "reference": "'x.tif'",
    "aoi": "[0, 0, 1, 1]",
    "zone": "[0, 0, 1, 1]",
    "point": "[0, 0]",
    "points": "[[0, 0]]",
    "band": "1",
    "band1": "'x.tif'",
    "band2": "'x.tif'",
    "rasters": "{'x': 'x.tif'}",
    "chips": "[]",
    "crs": "'x'",
    "widthOrScale": "1",
    "heightOrScale": "1",
    "zoom": "0",
    "x": "0",
    "y": "0",
    "expression": "'x'",
    "reflectance": "[1, 0]",
    "stats": "NULL",
    "sql": "'SELECT 1'",
    "scenes": "NULL",
    "shapes": "[{'geom': 'x', 'value': 1}]",
    "grid": "'x.tif'",
    "geometry": "NULL",
    "path": "'collection.parquet'",
    "index": "'idx'",
    "areas": "'areas'",
    "zones": "'areas'",
}
BY_NAME = {"points": "'areas'"}
"""Arguments of the functions over names, where a name has another meaning there."""  # fmt: skip


def call(function: Function) -> str:
    known = ARGUMENTS | BY_NAME if takes_names(function) else ARGUMENTS
    given = ", ".join(known[p.name] for p in function.parameters if p.default is None)
    return f"{function.name}({given})"


def takes_names(function: Function) -> bool:
    """Whether it gives the columns of an index and of areas beside its own, which alone are declared."""
    return function.parameters[:1] != () and function.parameters[0].name == "index"


@pytest.mark.parametrize("function", PUBLIC, ids=lambda f: f.name)
def test_everything_public_is_described(function: Function) -> None:
    assert function.summary.endswith(".")
    for parameter in function.parameters:
        assert parameter.description.endswith("."), f"{function.name}: parameter {parameter.name}"
    for column in function.returns:
        assert column.description.endswith("."), f"{function.name}: column {column.name}"
    assert function.examples, "an example says more than the rest"


@pytest.mark.parametrize("function", PUBLIC, ids=lambda f: f.name)
def test_no_parameter_is_described_that_is_not_there(function: Function) -> None:
    text = next(
        p for p in (ROOT / "sql/functions").glob("*.sql") if parse(p.read_text()).name == function.name
    ).read_text()
    assert set(re.findall(r"^-- @param (\w+)", text, re.MULTILINE)) <= {p.name for p in function.parameters}


@pytest.mark.parametrize("function", PUBLIC, ids=lambda f: f.name)
def test_columns_and_types_are_as_declared(
    con: duckdb.DuckDBPyConnection, function: Function, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if any(p.name == "path" for p in function.parameters):  # read_parquet looks at the file when it is bound
        con.execute(
            "COPY (SELECT 'x' AS id, now() AS datetime, ST_AsWKB('POINT EMPTY'::GEOMETRY) AS geometry, "
            "{'red': {'href': 'x'}} AS assets, {'image_width': 1} AS red_metadata) TO 'collection.parquet'"
        )
    if takes_names(function):
        con.execute("CREATE TABLE idx (href VARCHAR, footprint GEOMETRY('OGC:CRS84'))")
        con.execute("CREATE TABLE areas (geom GEOMETRY)")
    if function.kind == "table":
        rows = con.execute(f"DESCRIBE FROM {call(function)}").fetchall()
    else:
        rows = con.execute(f"DESCRIBE SELECT {call(function)} AS value").fetchall()
    declared = [(c.name, normal(con, c.type)) for c in function.returns]
    if takes_names(function):
        given = [("geom", "GEOMETRY")]
        if function.name != "read_cubes":  # whose rows are areas
            given += [("href", "VARCHAR"), ("footprint", "GEOMETRY('OGC:CRS84')")]
        assert set(given) <= {(name, kind) for name, kind, *_ in rows}
        own = [pair for pair in declared if pair not in given]
        rows = rows[len(rows) - len(own) :]
        declared = own
    assert [(name, kind) for name, kind, *_ in rows] == declared


def normal(con: duckdb.DuckDBPyConnection, kind: str) -> str:
    """A type as DuckDB itself writes it; its name of a GEOMETRY with a CRS no cast takes."""
    if kind.startswith("GEOMETRY('"):
        return kind
    return str(con.execute(f"SELECT typeof(NULL::{kind})").fetchone()[0])


def test_pages_and_readme_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.stale() == [], "run: ./dev docs"


def test_the_sql_surface_tells_the_same(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute(
        "SELECT name, kind, signature, summary, len(parameters) FROM rasteret_functions()"
    ).fetchall()
    assert rows == [(f.name, f.kind, f.signature, f.summary, len(f.parameters)) for f in PUBLIC]


def test_shared_texts_are_taken_but_for_what_a_file_says_itself() -> None:
    lines = (
        "-- A number.",
        "-- @include level_or_resolution",
        "-- @param level  Of its own.",
        "-- @include warped_chip",
        "-- @returns value DOUBLE  Another.",
        "CREATE MACRO f(level := NULL, resolution := NULL) AS 1",
    )
    found = parse("\n".join(lines))
    level, resolution = found.parameters
    assert (level.description, resolution.description[:17]) == ("Of its own.", "Instead of level:")
    assert [(column.type, column.description) for column in found.returns] == [("DOUBLE", "Another.")]


def test_every_shared_text_is_included_twice_or_more() -> None:
    texts = [path.read_text("utf-8") for path in declaration_files()]
    for path in (sql_folder() / "shared").glob("*.sql"):
        assert sum(f"-- @include {path.stem}\n" in text for text in texts) > 1, path.stem
