"""RS_Stack, and cubes in RS_AsArray and RS_AsNPY."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from tests.duck.band_files import write
from tests.duck.corpus import UTM32, texture
from tests.duck.refusals import message

WINDOWS = ((5, 7, 20, 10), (8, 3, 20, 10))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stack")
    for name, seed, offset in (("a", 1, -0.1), ("b", 2, -0.1), ("c", 3, 0.0)):
        scales = ((0.0001, 0.0001), (offset, 0.0))
        write(folder / f"{name}.tif", texture(2, "int16", seed), nodata=0, scales=scales, names=("r", "n"))
    moved = UTM32 @ UTM32.translation(0.5, 0)
    scales = ((0.0001, 0.0001), (-0.1, 0.0))
    write(folder / "moved.tif", texture(2, "int16", 4), moved, nodata=0, scales=scales)
    write(folder / "one.tif", texture(1, "int16", 4), nodata=0)
    return folder


def chip(folder: Path, name: str, window: tuple[int, ...] = WINDOWS[0]) -> str:
    keys = ("x_off", "y_off", "width", "height")
    box = ", ".join(f"'{key}': {value}" for key, value in zip(keys, window, strict=True))
    return f"(SELECT c FROM read_cog('{folder / name}.tif', {{{box}}}) AS c)"


def stacked(con: duckdb.DuckDBPyConnection, arguments: str) -> dict[str, Any]:
    ((found,),) = con.execute(f"SELECT m FROM (SELECT RS_Stack({arguments}) AS m)").fetchall()
    return found


def decoded(found: dict[str, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    steps, _, rows, columns = found["shape"]
    valid = np.frombuffer(found["valid"], bool) if found["valid"] else np.ones(steps * rows * columns, bool)
    return np.frombuffer(found["data"], found["dtype"]).reshape(found["shape"]), valid.reshape(
        steps, rows, columns
    )


def test_chips_of_one_grid_over_the_extents_of_all(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    times = "[TIMESTAMPTZ '2024-05-01 10:00:00Z', NULL, TIMESTAMPTZ '2024-05-03 10:00:00Z']"
    chips = f"[{chip(folder, 'a')}, NULL, {chip(folder, 'b', WINDOWS[1])}]"
    found = stacked(con, f"{chips}, {times}")
    assert found["shape"] == [2, 2, 14, 23]
    assert found["time"] == [datetime(2024, 5, day, 10, tzinfo=UTC) for day in (1, 3)]
    assert (found["bands"], found["scales"], found["offsets"]) == (["r", "n"], [0.0001, 0.0001], [-0.1, 0.0])
    assert (found["dtype"], found["nodata"], found["errors"]) == ("int16", 0, None)
    assert found["transform"] == list((UTM32 @ UTM32.translation(5, 3))[:6])
    pixels, valid = np.zeros((2, 2, 14, 23), np.int16), np.zeros((2, 14, 23), bool)
    for step, (x, y, width, height) in enumerate(WINDOWS):
        one = texture(2, "int16", step + 1)[:, y : y + height, x : x + width]
        pixels[step, :, y - 3 : y - 3 + height, x - 5 : x - 5 + width] = one
        valid[step, y - 3 : y - 3 + height, x - 5 : x - 5 + width] = (one != 0).any(axis=0)
    np.testing.assert_array_equal(decoded(found)[0], pixels)
    np.testing.assert_array_equal(decoded(found)[1], valid)


def test_a_stack_of_chips_is_the_cube_of_their_files(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    scenes = ", ".join(
        f"{{'datetime': DATE '2024-05-0{day}', 'raster': '{folder / name}.tif'}}"
        for day, name in ((1, "a"), (2, "b"))
    )
    window = "{'x_off': 5, 'y_off': 7, 'width': 20, 'height': 10}"
    ((cube,),) = con.execute(f"SELECT c FROM read_cube([{scenes}], {window}) AS c").fetchall()
    times = "[DATE '2024-05-01', DATE '2024-05-02']"
    found = stacked(con, f"[{chip(folder, 'a')}, {chip(folder, 'b')}], {times}")
    assert {**cube, "byte_count": None} == found


def test_physical_values_and_other_scales(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    chips = f"[{chip(folder, 'a')}, {chip(folder, 'c')}]"
    said = message(con, f"SELECT RS_Stack({chips})")
    assert "offset -0.1, that of chip 2 scale 0.0001 and offset 0: their stored numbers are not" in said
    plain = stacked(con, f"{chips}, scale := false")
    assert (plain["dtype"], plain["scales"], plain["time"]) == ("int16", None, None)
    found = stacked(con, f"{chips}, scale := true")
    stored = decoded(plain)[0]
    offsets = np.array([[-0.1, 0], [0, 0]])[:, :, np.newaxis, np.newaxis]
    expected = np.where(stored == 0, np.nan, 0.0001 * stored + offsets)
    assert (found["dtype"], found["scales"]) == ("float64", None)
    np.testing.assert_allclose(decoded(found)[0], expected, rtol=1e-14)


def test_nothing_to_stack_is_null(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for chips in ("NULL", "[]", "[NULL]", f"[{chip(folder, 'a')}][2:]"):
        assert stacked(con, chips) is None


REFUSALS = {
    "'x'": "chips is a VARCHAR; a list of chips was expected",
    "[1]": "a list of chips was expected",
    "[$a, $moved]": "bring them to one grid first",
    "[$a, $one]": "chip 1 has 2 bands and chip 2 1",
    "[$a], [DATE '2024-05-01', NULL]": "1 chips and 2 times: a time for each chip was expected",
    "[$a], DATE '2024-05-01'": "times is a DATE; a list of times was expected",
    "[$a], [1]": "datetime is a value of type INTEGER; expected TIMESTAMP",
}


@pytest.mark.parametrize("arguments", REFUSALS)
def test_refusals(con: duckdb.DuckDBPyConnection, folder: Path, arguments: str) -> None:
    text = arguments
    for name in ("moved", "one", "a"):
        text = text.replace(f"${name}", chip(folder, name))
    said = message(con, f"SELECT RS_Stack({text})")
    assert said.startswith("RS_Stack: ")
    assert REFUSALS[arguments] in said


def test_cubes_as_numpy_files_and_lists(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    cube = f"(SELECT RS_Stack([{chip(folder, 'a')}, {chip(folder, 'b', WINDOWS[1])}]) AS m)"
    ((found, npy, physical, lists, second, scaled),) = con.execute(
        "SELECT m, RS_AsNPY(m), RS_AsNPY(m, scale := true), RS_AsArray(m), RS_AsArray(m, 'n'), "
        f"RS_AsArray(m, 1, scale := true) FROM {cube}"
    ).fetchall()
    data, valid = decoded(found)
    np.testing.assert_array_equal(np.load(BytesIO(npy)), data)
    values = np.where(data == 0, np.nan, 0.0001 * data + np.array([-0.1, 0])[:, np.newaxis, np.newaxis])
    np.testing.assert_allclose(np.load(BytesIO(physical)), values, rtol=1e-14)
    for band, listed in enumerate((lists, second)):
        expected = np.where(valid, data[:, band].astype(float), np.nan)
        np.testing.assert_array_equal(np.array(listed, float), expected)
    np.testing.assert_allclose(np.array(scaled, float), np.where(valid, values[:, 0], np.nan), rtol=1e-14)
    assert "has no band 3" in message(con, f"SELECT RS_AsArray(m, 3) FROM {cube}")


def test_cubes_of_files_as_lists(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    scenes = f"[{{'datetime': DATE '2024-05-01', 'raster': '{folder / 'a'}.tif'}}]"
    ((shape, lists),) = con.execute(f"SELECT c.shape, RS_AsArray(c) FROM read_cube({scenes}) AS c").fetchall()
    assert np.shape(lists) == (shape[0], *shape[2:])
    ((chip_lists,),) = con.execute(f"SELECT RS_AsArray('{folder / 'a'}.tif')").fetchall()
    assert lists == [chip_lists]
