"""Mosaics: what NumPy makes of a masked stack, and what rasterio.merge makes of the same chips as files."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from rasteret_sql.errors import ArgumentError, LimitError, UnsupportedError
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.mosaic import mosaic_methods
from rasteret_sql.raster.mosaic.mosaic import mosaic
from rasteret_sql.raster.mosaic.mosaic_methods import METHODS
from tests.raster.merging import CORNER, MERGED, SIZE, random_chips, rasterio_merge
from tests.raster.merging import chip_at as placed

DTYPES = ("uint8", "int16", "uint16", "int32", "uint64", "float32", "float64")
ORDERED = tuple(method for method in METHODS if method != "count")


def chip_at(
    x: int, y: int, pixels: npt.NDArray[Any], valid: Any = None, nodata: float | None = None, **changes: Any
) -> Chip:
    """A chip of the common grid, of which anything may be changed."""
    return replace(placed(x, y, pixels, valid, nodata), **changes)


@st.composite
def chips(draw: st.DrawFn) -> list[Chip]:
    """One to five chips of one dtype at random places: few distinct values, masks, nodata, NaN."""
    dtype, bands = draw(st.sampled_from(DTYPES)), draw(st.integers(1, 3))
    nodata = draw(st.sampled_from([None, 0.0, 3.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    made = []
    for _ in range(draw(st.integers(1, 5))):
        rows, columns = draw(st.integers(1, 7)), draw(st.integers(1, 7))
        pixels = rng.integers(0, 6, (bands, rows, columns)).astype(dtype)
        if dtype.startswith("float"):
            pixels[rng.random(pixels.shape) < 0.1] = np.nan
        nothing = np.zeros((rows, columns), bool) if nodata is None else (pixels == nodata).all(axis=0)
        valid = ~nothing & (rng.random((rows, columns)) > draw(st.sampled_from([0.0, 0.3])))
        whole = None if valid.all() else valid
        made.append(chip_at(draw(st.integers(0, 8)), draw(st.integers(0, 8)), pixels, whole, nodata))
    return made


def masked_stack(given: list[Chip]) -> np.ma.MaskedArray[Any, Any]:
    """All chips on their common grid, ``(chips, bands, rows, columns)``, masked where nothing is."""
    places = [
        (round((c.transform[2] - CORNER[0]) / SIZE), round((CORNER[1] - c.transform[5]) / SIZE))
        for c in given
    ]
    left, top = min(x for x, _ in places), min(y for _, y in places)
    right = max(x + c.window.width for (x, _), c in zip(places, given, strict=True))
    bottom = max(y + c.window.height for (_, y), c in zip(places, given, strict=True))
    shape = len(given), len(given[0].pixels), bottom - top, right - left
    stack = np.ma.array(np.zeros(shape, given[0].pixels.dtype), mask=True)  # masked_all holds any bits
    for layer, (x, y), chip in zip(stack, places, given, strict=True):
        missing = (
            np.isnan(chip.pixels) if chip.pixels.dtype.kind == "f" else np.zeros(chip.pixels.shape, bool)
        )
        if chip.nodata is not None:
            missing |= chip.pixels == chip.nodata
        if chip.valid is not None:
            missing |= ~chip.valid
        rows = slice(y - top, y - top + chip.window.height)
        layer[:, rows, x - left : x - left + chip.window.width] = np.ma.array(chip.pixels, mask=missing)
    return stack


def ahead(stack: np.ma.MaskedArray[Any, Any]) -> np.ma.MaskedArray[Any, Any]:
    """The first pixel that is there, at each place."""
    number = np.argmin(np.ma.getmaskarray(stack), axis=0)
    return np.ma.array(np.take_along_axis(stack, number[np.newaxis], axis=0)[0])


ORACLES: dict[str, Callable[[np.ma.MaskedArray[Any, Any]], Any]] = {
    "first": ahead,
    "last": lambda stack: ahead(stack[::-1]),
    "min": lambda stack: stack.min(axis=0),
    "max": lambda stack: stack.max(axis=0),
    "mean": lambda stack: stack.astype("float64").mean(axis=0),
    "median": lambda stack: np.ma.median(stack.astype("float64"), axis=0),
    "count": lambda stack: stack.count(axis=0),
}


@pytest.mark.parametrize("method", METHODS)
@given(given=chips())
@settings(max_examples=60, deadline=None)
def test_a_mosaic_is_what_numpy_makes_of_a_masked_stack(method: str, given: list[Chip]) -> None:
    made, stack = mosaic(given, method), masked_stack(given)
    expected = ORACLES[method](stack)
    assert made.pixels.shape == expected.shape
    there = np.ones(expected.shape, bool) if method == "count" else ~np.ma.getmaskarray(expected)
    np.testing.assert_allclose(made.pixels[there], np.ma.getdata(expected)[there], rtol=1e-6)
    valid = there.any(axis=0)
    assert (made.valid is None) == bool(valid.all())
    if made.valid is not None:
        assert (made.valid == valid).all()
    nothing = given[0].nodata if given[0].nodata is not None else (
        np.nan if made.pixels.dtype.kind == "f" else 0
    )  # fmt: skip
    assert np.array_equal(
        made.pixels[~there], np.full((~there).sum(), nothing), equal_nan=made.pixels.dtype.kind == "f"
    )


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("method", MERGED)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_a_mosaic_is_what_rasterio_merges(method: str, dtype: str, seed: int) -> None:
    chips = random_chips(seed, dtype)
    expected, place = rasterio_merge(chips, method)
    made = mosaic(chips, method)
    assert place == made.transform
    np.testing.assert_array_equal(made.pixels, expected)


def test_the_median_of_many_rows_is_taken_strip_by_strip(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    given = [chip_at(0, i, rng.integers(0, 999, (2, 50, 30)).astype("uint16")) for i in range(5)]
    at_once = mosaic(given, "median")
    monkeypatch.setattr(mosaic_methods, "STRIP_BYTES", 3 * 5 * 2 * 30 * 2)
    assert mosaic(given, "median").pixels.tobytes() == at_once.pixels.tobytes()


@pytest.mark.parametrize("method", METHODS)
def test_memory_is_that_of_the_result_and_of_a_few_chips(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(mosaic_methods, "STRIP_BYTES", 1 << 18)
    given = [chip_at(0, 0, np.full((1, 400, 400), i, "uint16")) for i in range(40)]
    mosaic(given[:2], method)
    tracemalloc.start()
    try:
        mosaic(given, method)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    chip, doubles = given[0].pixels.nbytes, 8 * 400 * 400
    assert peak < 4 * chip + 2 * doubles < 40 * chip / 3


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_are_kept_where_values_are_and_floats_where_they_are_not(dtype: str) -> None:
    one = chip_at(0, 0, np.ones((1, 2, 2), dtype))
    exact = {"float32": "float32", "float64": "float64"}
    mean = exact.get(dtype) or ("float32" if dtype in ("uint8", "int16", "uint16") else "float64")
    found = {method: mosaic([one, one], method).pixels.dtype.name for method in METHODS}
    assert found == {
        "first": dtype, "last": dtype, "min": dtype, "max": dtype, "mean": mean, "median": mean,
        "count": "uint16",
    }  # fmt: skip


def test_the_mean_of_large_numbers_does_not_overflow() -> None:
    top = chip_at(0, 0, np.full((1, 1, 1), 2**16 - 1, "uint16"))
    for method in ("mean", "median"):
        assert mosaic([top] * 3, method).pixels.item() == 2**16 - 1


def test_a_mask_of_the_file_wins_over_nodata() -> None:
    # an internal mask says that a pixel is valid although it equals nodata
    pixels = np.zeros((1, 1, 2), "uint8")
    one = chip_at(0, 0, pixels, np.array([[True, False]]), nodata=0)
    made = mosaic([one], "first")
    assert made.valid is not None
    assert made.valid.tolist() == [[True, False]]


def test_what_all_chips_share_is_kept() -> None:
    pixels = np.ones((1, 2, 2), "uint8")
    one = chip_at(0, 0, pixels, bands=(4,), level=1, href="a.tif", x_off=3, y_off=3)
    other = chip_at(2, 0, pixels, bands=(4,), level=1, href="b.tif")
    made = mosaic([one, other], "first")
    assert (made.bands, made.level, made.href, made.x_off) == ((4,), 1, None, None)
    assert mosaic([one, replace(other, bands=(5,), level=0)], "first").bands == ()


def test_grids_that_differ_by_rounding_are_one() -> None:
    pixels = np.ones((1, 3, 3), "uint8")
    degrees = (1 / 3600, 0.0, 11.0, 0.0, -1 / 3600, 48.0)
    moved = (1 / 3600, 0.0, 11 + 7 / 3600 + 1e-12, 0.0, -1 / 3600, 48.0)
    one = chip_at(0, 0, pixels, transform=degrees, crs="EPSG:4326")
    other = chip_at(0, 0, pixels, transform=moved, crs="OGC:CRS84")
    assert mosaic([one, other], "first").pixels.shape == (1, 3, 10)


def test_rotated_grids_are_put_together() -> None:
    place = rasterio.Affine(10, 0, CORNER[0], 0, -10, CORNER[1]) @ rasterio.Affine.rotation(30)
    pixels = np.ones((1, 3, 3), "uint8")
    one = chip_at(0, 0, pixels, transform=tuple(place)[:6])
    other = chip_at(0, 0, pixels, transform=tuple(place @ rasterio.Affine.translation(-2, 4))[:6])
    made = mosaic([one, other], "count")
    assert made.pixels.shape == (1, 7, 5)
    assert made.transform == pytest.approx(tuple(place @ rasterio.Affine.translation(-2, 0))[:6])


PIXELS = np.ones((1, 2, 2), "uint8")
REFUSED: dict[str, tuple[Chip, type[Exception]]] = {
    "chip 1 (a.tif) has CRS 'EPSG:32632' and chip 2 (made of others) 'EPSG:32633'; bring them to one grid "
    "first: RS_ReprojectMatch, or read_cog": (chip_at(0, 0, PIXELS, crs="EPSG:32633"), ArgumentError),
    "has CRS 'EPSG:32632' and chip 2 (made of others) NULL": (chip_at(0, 0, PIXELS, crs=None), ArgumentError),
    "up to 0.5 pixels beside it; bring them": (
        chip_at(0, 0, PIXELS, transform=(10.0, 0.0, CORNER[0] + 5, 0.0, -10.0, CORNER[1])),
        ArgumentError,
    ),
    "pixels beside it": (
        chip_at(0, 0, PIXELS, transform=(20.0, 0.0, CORNER[0], 0.0, -20.0, CORNER[1])),
        ArgumentError,
    ),
    "chip 1 has 1 bands of uint8 and chip 2 1 bands of int16": (
        chip_at(0, 0, PIXELS.astype("int16")),
        ArgumentError,
    ),
    "chip 1 has 1 bands of uint8 and chip 2 2 bands of uint8": (
        chip_at(0, 0, np.ones((2, 2, 2), "uint8")),
        ArgumentError,
    ),
    "over max_read_bytes": (chip_at(10**6, 10**6, PIXELS), LimitError),
}


@pytest.mark.parametrize("message", REFUSED)
def test_chips_that_do_not_fit_are_refused(message: str) -> None:
    other, error = REFUSED[message]
    with pytest.raises(error, match=re.escape(message)):
        mosaic([chip_at(0, 0, PIXELS, href="a.tif"), other], "first")


@pytest.mark.parametrize("method", ["min", "max", "median"])
def test_complex_numbers_have_no_order(method: str) -> None:
    with pytest.raises(UnsupportedError, match=f"no order, so no {method}"):
        mosaic([chip_at(0, 0, PIXELS.astype("complex64"))], method)
    assert mosaic([chip_at(0, 0, PIXELS.astype("complex64"))] * 2, "mean").pixels[0, 0, 0] == 1
