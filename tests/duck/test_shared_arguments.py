"""Arguments that mean the same in every function: one table of rules, held in each that takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from rasteret_sql.duck.declarations import functions
from tests.duck.corpus import UTM32, texture, write
from tests.duck.refusals import message

POINT = UTM32 * (70.5, 41.5)
AREA = f"[{POINT[0]}, {POINT[1]}]"
CRS = "aoi_crs := 'EPSG:32632'"
NAMED = f"WITH idx AS (FROM cog_header({{raster}})), places AS (SELECT {AREA} AS geom) SELECT "
NAMES = f"('idx', 'places', {CRS}{{more}})"
DATED = NAMED.replace("(FROM cog_header", "(SELECT *, DATE '2024-05-01' AS datetime FROM cog_header")
CALLS = {
    "read_cubes": f"{DATED} data FROM read_cubes{NAMES}",
    "read_chips": f"{NAMED} data FROM read_chips{NAMES}",
    "read_tiles": f"{NAMED} data FROM read_tiles{NAMES}",
    "read_zonal_stats": f"{NAMED} max FROM read_zonal_stats{NAMES}",
    "read_samples": f"{NAMED} value FROM read_samples{NAMES}",
    "read_cog": f"SELECT data FROM read_cog({{raster}}, {AREA}, {CRS}{{more}})",
    "read_cube": "SELECT data FROM read_cube([{{'datetime': DATE '2024-05-01', 'raster': {raster}}}], "
    f"{AREA}, {CRS}{{more}})",
    "read_cog_tiles": f"SELECT data FROM read_cog_tiles({{raster}}, {AREA}, {CRS}{{more}})",
    "RS_Clip": f"SELECT (RS_Clip({{raster}}, {AREA}, {CRS}{{more}})).data",
    "RS_Transform": "SELECT (RS_Transform({raster}, 'EPSG:32633'{more})).data",
    "RS_Resample": "SELECT (RS_Resample({raster}, 10, 10{more})).data",
    "RS_ReprojectMatch": "SELECT (RS_ReprojectMatch({raster}, {raster}{more})).data",
    "RS_AsPNG": "SELECT RS_AsPNG({raster}{more})",
    "RS_AsArray": "SELECT RS_AsArray({raster}{more})",
    "RS_PixelAsCentroids": "SELECT list(p.value) FROM RS_PixelAsCentroids({raster}{more}) AS p",
    "RS_Value": f"SELECT RS_Value({{raster}}, {AREA}, {CRS}{{more}})",
    "RS_Values": f"SELECT RS_Values({{raster}}, [{AREA}], {CRS}{{more}})",
    "RS_ZonalStats": f"SELECT RS_ZonalStats({{raster}}, {AREA}, stat := 'max', {CRS}{{more}})",
    "RS_ZonalStatsAll": f"SELECT RS_ZonalStatsAll({{raster}}, {AREA}, {CRS}{{more}})",
    "RS_Histogram": "SELECT RS_Histogram({raster}{more})",
    "RS_BandNoDataValue": "SELECT RS_BandNoDataValue({raster}{more})",
    "RS_BandPixelType": "SELECT RS_BandPixelType({raster}{more})",
}
"""Every function with a band, and what it gives."""
ONE_BAND = tuple(name for name in CALLS if name.startswith(("RS_Value", "RS_Zonal", "RS_Histo", "RS_Band")))
ONE_BAND += ("RS_AsArray", "RS_PixelAsCentroids", "read_zonal_stats", "read_samples")
A_LIST_GIVES_LISTS = ("RS_Value", "RS_Values")
ONE_BAND = tuple(name for name in ONE_BAND if name not in A_LIST_GIVES_LISTS)
BANDS_ALIKE = ("RS_BandNoDataValue", "RS_BandPixelType")


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("arguments") / "raster.tif"
    write(path, texture(3, "uint16", 5), nodata=0, names=("blue", "green", "red"))
    return f"'{path}'"


def answer(con: duckdb.DuckDBPyConnection, function: str, raster: str, more: str) -> str:
    query = CALLS[function].format(raster=raster, more=more and f", {more}")
    return repr(con.execute(query).fetchall())


def test_every_function_with_a_band_is_in_the_table() -> None:
    takes = {f.name for f in functions() if f.public and {"band", "bands"} & {p.name for p in f.parameters}}
    assert takes == set(CALLS)
    both = {f.name for f in functions() if {"band", "bands"} <= {p.name for p in f.parameters}}
    assert both == set(CALLS)


@pytest.mark.parametrize("function", CALLS)
def test_band_and_bands_are_one_argument_in_every_form(
    con: duckdb.DuckDBPyConnection, raster: str, function: str
) -> None:
    forms = (
        "band := 2",
        "bands := 2",
        "band := [2]",
        "bands := [2]",
        "band := 'green'",
        "bands := ['green']",
    )
    if function in A_LIST_GIVES_LISTS:
        forms = tuple(form for form in forms if "[" not in form)
    answers = {form: answer(con, function, raster, form) for form in forms}
    assert len(set(answers.values())) == 1, answers
    if function not in BANDS_ALIKE:
        assert answers["band := 2"] != answer(con, function, raster, "band := 3")
    if function in (*ONE_BAND, *A_LIST_GIVES_LISTS):
        assert answer(con, function, raster, "") == answer(con, function, raster, "bands := 1")


@pytest.mark.parametrize("function", CALLS)
@pytest.mark.parametrize(
    ("argument", "expected"),
    {
        "band := 1, bands := [2]": "band := [1] and bands := [2]: expected one of them, which mean the same",
        "band := 4": "has no band 4; its bands are 1 to 3, named 'blue', 'green', 'red'",
        "bands := 'nir'": "has no band named 'nir'; its bands are 1 to 3, named 'blue', 'green', 'red'",
        "bands := [1, NULL]": "bands := [1, NULL]: NULL is not a band; give numbers from 1, or names",
        "band := 1.5": "band := 1.5: a band number from 1 or a band name, or a list of them, was expected",
    }.items(),
)
def test_a_band_that_is_refused_says_why(
    con: duckdb.DuckDBPyConnection, raster: str, function: str, argument: str, expected: str
) -> None:
    text = message(con, CALLS[function].format(raster=raster, more=f", {argument}"))
    assert expected in text


@pytest.mark.parametrize("function", ONE_BAND)
def test_functions_of_one_band_refuse_two(con: duckdb.DuckDBPyConnection, raster: str, function: str) -> None:
    text = message(con, CALLS[function].format(raster=raster, more=", bands := [1, 2]"))
    assert "band := [1, 2]: expected one band number or name" in text


@pytest.mark.parametrize("function", A_LIST_GIVES_LISTS)
@pytest.mark.parametrize("name", ["band", "bands"])
def test_a_list_of_bands_gives_all_of_them(
    con: duckdb.DuckDBPyConnection, raster: str, function: str, name: str
) -> None:
    def found(more: str) -> Any:
        return con.execute(CALLS[function].format(raster=raster, more=f", {more}")).fetchall()[0][0]

    red, green = found("band := 3"), found("band := 2")
    expected = [red, green] if function == "RS_Value" else [[red[0], green[0]]]
    for listed in ("[3, 2]", "['red', 'green']", "[3, 2]::INTEGER[2]"):
        assert found(f"{name} := {listed}") == expected
    assert found(f"{name} := ['green']") == [green]
    assert "bands := [] asks for nothing" in message(
        con, CALLS[function].format(raster=raster, more=f", {name} := []::INTEGER[]")
    )


def test_a_chip_counts_its_bands_as_they_were_read(con: duckdb.DuckDBPyConnection, raster: str) -> None:
    chip = f"(SELECT c FROM read_cog({raster}, bands := ['red', 'blue']) AS c)"
    for function in ("RS_AsArray", "RS_Value", "RS_ZonalStats", "RS_Histogram"):
        first = answer(con, function, raster, "band := 'red'")
        assert answer(con, function, chip, "") == first
        assert answer(con, function, chip, "bands := 'red'") == first
        assert "has no band 3" in message(con, CALLS[function].format(raster=chip, more=", band := 3"))


def test_pixels_are_those_of_the_band(con: duckdb.DuckDBPyConnection, raster: str) -> None:
    pixels = texture(3, "uint16", 5)
    found = con.execute(f"SELECT RS_AsArray({raster}, bands := 'green')").fetchall()[0][0]
    expected = np.where(pixels[1] == 0, None, pixels[1].astype(float))
    assert np.array_equal(np.array(found, object), expected)
