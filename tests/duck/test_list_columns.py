"""``transform`` and ``shape`` are LISTs, which every store keeps; ARRAYs of older files are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

ARRAY = re.compile(r"\[\d+\]")
TABLES = (
    "cog_header($1)",
    "cog_windows($1, size := 64)",
    "read_cog_tiles($1)",
    "read_cog($1)",
)
CHIPS = (
    "RS_Clip($1, [0, 0, 1, 1]::DOUBLE[4])",
    "RS_MapAlgebra('b1 + 1', $1)",
    "RS_Transform($1, 'EPSG:3857')",
    "RS_Resample($1, 10, 10)",
    "RS_ReprojectMatch($1, $1)",
    "RS_Mosaic((SELECT list(c) FROM read_cog($1) AS c))",
)
OLD_ROW = "transform::DOUBLE[6] AS transform"
OLD_CHIP = f"{OLD_ROW}, shape::INTEGER[3] AS shape"
ANSWERS = (
    "RS_AsArray({}, 1)",
    "RS_MetaData({})",
    "RS_UpperLeftX({})",
    "RS_Clip({}, {{'x_off': 1, 'y_off': 2, 'width': 3, 'height': 4}})",
    "RS_Mosaic([{}])",  # of chips alone
    "RS_ZonalStatsAll({}, {{'x_off': 1, 'y_off': 2, 'width': 3, 'height': 4}})",
    "RS_AsGeoTiff({})",
)


@pytest.fixture
def path(corpus: Path) -> str:
    return str(corpus / "utm32_uint16.tif")


@pytest.mark.parametrize("table", TABLES)
def test_no_column_is_an_array(con: duckdb.DuckDBPyConnection, path: str, table: str) -> None:
    call = table.replace("$1", f"'{path}'")
    columns = {row[0]: row[1] for row in con.execute(f"DESCRIBE FROM {call}").fetchall()}
    assert not {name for name, kind in columns.items() if ARRAY.search(kind)}
    assert columns["transform"] == "DOUBLE[]"
    assert columns.get("shape", "INTEGER[]") == "INTEGER[]"


@pytest.mark.parametrize("chip", CHIPS)
def test_no_field_of_a_chip_is_an_array(con: duckdb.DuckDBPyConnection, path: str, chip: str) -> None:
    (kind,) = con.execute(f"SELECT typeof({chip})".replace("$1", f"'{path}'")).fetchone() or ()
    plain = kind.replace('"', "")
    assert "transform DOUBLE[]" in plain
    assert "shape INTEGER[]" in plain
    assert not ARRAY.search(kind)


def test_no_declared_column_is_an_array(con: duckdb.DuckDBPyConnection) -> None:
    declared = 'SELECT name, r.type FROM rasteret_functions(), unnest("returns") AS u(r)'
    assert len(rows(con, declared)) > 200
    assert [row for row in rows(con, declared) if ARRAY.search(row[1])] == []


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return con.execute(query).fetchall()


@pytest.mark.parametrize(
    ("old", "answer"), [("row", a) for a in ANSWERS if "Mosaic" not in a] + [("chip", a) for a in ANSWERS]
)
def test_arrays_of_older_versions_are_read(
    con: duckdb.DuckDBPyConnection, path: str, old: str, answer: str
) -> None:
    source, older = {"row": ("cog_header", OLD_ROW), "chip": ("read_cog", OLD_CHIP)}[old]
    con.execute(f"CREATE TABLE new AS FROM {source}('{path}')")
    con.execute(f"CREATE TABLE old AS SELECT * REPLACE ({older}) FROM new")
    assert rows(con, "SELECT typeof(transform) FROM old") == [("DOUBLE[6]",)]
    call = answer.format("r")
    assert rows(con, f"SELECT {call} FROM old AS r") == rows(con, f"SELECT {call} FROM new AS r")


@pytest.mark.parametrize("call", ["read_cog(r)", "read_cog_tiles(r)", "cog_windows(r, size := 64)"])
def test_table_functions_take_rows_with_arrays(con: duckdb.DuckDBPyConnection, path: str, call: str) -> None:
    con.execute(f"CREATE TABLE new AS FROM cog_header('{path}')")
    con.execute(f"CREATE TABLE old AS SELECT * REPLACE ({OLD_ROW}) FROM new")
    query = f"SELECT t.* FROM {{}} AS r, {call} AS t ORDER BY x_off, y_off"
    found = rows(con, query.format("old"))
    assert found
    assert found == rows(con, query.format("new"))


def test_old_and_new_rows_stand_in_one_table(con: duckdb.DuckDBPyConnection, path: str) -> None:
    con.execute(f"CREATE TABLE old AS SELECT * REPLACE ({OLD_ROW}) FROM cog_header('{path}')")
    con.execute(f"INSERT INTO old BY NAME FROM cog_header('{path}')")
    pixels = rows(con, "SELECT md5(c.data), c.shape FROM old AS r, read_cog(r) AS c")
    assert len(pixels) == 2
    assert pixels[0] == pixels[1]
