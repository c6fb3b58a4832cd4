"""Cubes of any size put together from their chips, and rows of read_cube."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rasteret_sql
from rasteret_sql.errors import ArgumentError

MOMENT = datetime(2024, 4, 14, 10, 10, 31, tzinfo=UTC)
DAY = timedelta(days=1)
PLACE = [10.0, 0.0, 500_000.0, 0.0, -10.0, 5_300_000.0]
DTYPES = ("uint8", "uint16", "int16", "int32", "float32", "float64")

CHIP = pa.schema(
    [
        ("datetime", pa.timestamp("us", tz="UTC")),
        ("band", pa.string()),
        ("crs", pa.string()),
        ("transform", pa.list_(pa.float64())),
        ("dtype", pa.string()),
        ("shape", pa.list_(pa.int32())),
        ("nodata", pa.float64()),
        ("data", pa.binary()),
        ("valid", pa.binary()),
    ]
)
CUBE = pa.schema(
    [
        ("time", pa.list_(pa.timestamp("us", tz="UTC"))),
        ("bands", pa.list_(pa.string())),
        ("shape", pa.list_(pa.int32())),
        ("data", pa.binary()),
        ("valid", pa.binary()),
        ("crs", pa.string()),
        ("transform", pa.list_(pa.float64())),
        ("nodata", pa.float64()),
        ("dtype", pa.string()),
    ]
)


def numbers(shape: tuple[int, ...], dtype: str, seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 100, shape).astype(dtype)


@given(
    times=st.integers(1, 4),
    bands=st.integers(1, 3),
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_cube_is_put_together_from_its_chips_in_any_order(
    times: int, bands: int, rows: int, columns: int, dtype: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pixels = numbers((times, bands, rows, columns), dtype, seed)
    valid = rng.random(pixels.shape) < 0.7
    there = rng.random((times, bands)) < 0.8
    there[0, 0] = True
    chips = [
        {
            "datetime": MOMENT + time * DAY,
            "band": f"B{band}",
            "crs": "EPSG:32632",
            "transform": PLACE,
            "dtype": dtype,
            "shape": [1, rows, columns],
            "nodata": 7.0,
            "data": pixels[time, band].tobytes(),
            "valid": valid[time, band].tobytes(),
        }
        for time in range(times)
        for band in range(bands)
        if there[time, band]
    ]
    rng.shuffle(chips)
    found = rasteret_sql.to_numpy(pa.Table.from_pylist(chips, CHIP))
    kept_times, kept_bands = there.any(axis=1), there.any(axis=0)
    expected = np.where(there[..., None, None], pixels, np.array(7, dtype))[kept_times][:, kept_bands]
    np.testing.assert_array_equal(found.pixels, expected)
    assert found.pixels.dtype == np.dtype(dtype)
    assert found.pixels.flags.writeable
    assert found.bands == tuple(f"B{band}" for band in range(bands) if kept_bands[band])
    days = [MOMENT.replace(tzinfo=None) + t * DAY for t in range(times) if kept_times[t]]
    assert found.times.tolist() == days
    truly = (valid & there[..., None, None])[kept_times][:, kept_bands]
    np.testing.assert_array_equal(np.broadcast_to(found.valid, truly.shape), truly)
    np.testing.assert_array_equal(found.masked.mask, ~truly)


def cube_row(seed: int = 1, **others: Any) -> dict[str, Any]:
    """A row as read_cube gives it, of three times in two bands."""
    pixels = numbers((3, 2, 4, 5), "int16", seed)
    valid = np.random.default_rng(seed).random((3, 4, 5)) < 0.5
    row = {
        "time": [MOMENT + day * DAY for day in range(3)],
        "bands": ["red", "nir"],
        "shape": [3, 2, 4, 5],
        "data": pixels.tobytes(),
        "valid": valid.tobytes(),
        "crs": "EPSG:32632",
        "transform": PLACE,
        "nodata": -1.0,
        "dtype": "int16",
    }
    return {**row, **others}


def cubes(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), CUBE)


def test_a_row_of_read_cube_is_a_dataset() -> None:
    found = rasteret_sql.to_xarray(cubes(cube_row()).append_column("field_id", [[1]]))
    np.testing.assert_array_equal(found.pixels, numbers((3, 2, 4, 5), "int16", 1))
    assert found.valid.dims == ("time", "y", "x")
    assert list(found.band.values) == ["red", "nir"]
    assert found.pixels.attrs["_FillValue"] == np.int16(-1)
    assert (float(found.x[0]), float(found.y[0])) == (500_005, 5_299_995)
    assert rasteret_sql.to_xarray(cubes(cube_row(valid=None))).valid.all()


def test_times_of_a_cube_are_put_in_order() -> None:
    backwards = cube_row(time=[MOMENT - day * DAY for day in range(3)])
    found = rasteret_sql.to_numpy(cubes(backwards))
    np.testing.assert_array_equal(found.pixels, numbers((3, 2, 4, 5), "int16", 1)[::-1])
    assert (np.diff(found.times) > np.timedelta64(0)).all()


def test_bands_of_a_cube_are_chosen() -> None:
    found = rasteret_sql.to_numpy(cubes(cube_row()), bands=["nir"])
    np.testing.assert_array_equal(found.pixels, numbers((3, 2, 4, 5), "int16", 1)[:, 1:])
    with pytest.raises(ArgumentError, match="to_numpy: there is no band 'B1'; the bands are: 'red', 'nir'"):
        rasteret_sql.to_numpy(cubes(cube_row()), bands=["B1"])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "the relation has no rows"),
        ([cube_row(), cube_row(2)], "has 2 rows of cubes, where one was expected: take one area at a time"),
        ([cube_row(data=None)], "the cube has no pixels: data is NULL"),
        ([cube_row(data=b"12")], "data of the cube has 2 bytes, where its shape takes 240"),
        ([cube_row(valid=b"12")], "valid of the cube has 2 bytes, where its shape takes 60"),
        ([cube_row(shape=[2, 2, 4, 5])], r"shape \[2, 2, 4, 5\], 3 times and bands \['red', 'nir'\]"),
        ([cube_row(dtype="object")], "the cube has dtype object"),
        ([cube_row(time=[MOMENT] * 3)], "the cube has a time twice; read_cube puts them together"),
    ],
)
def test_a_cube_that_does_not_fit_itself_is_refused(rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ArgumentError, match=f"to_numpy: .*{message}"):
        rasteret_sql.to_numpy(cubes(*rows))
