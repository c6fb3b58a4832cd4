"""Statistics of pixels in pieces against those of the whole, by NumPy and by exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rasteret_sql.errors import LimitError, UnsupportedError
from rasteret_sql.raster.zones.distribution import Distribution, distribution
from rasteret_sql.raster.zones.tally import Statistics, Tally, merge_moments
from rasteret_sql.settings import configure

WHOLE_TYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "int64"]
pixels_of = {
    name: hnp.arrays(
        name,
        st.integers(1, 60),
        elements=st.integers(max(int(np.iinfo(name).min), -(2**40)), min(int(np.iinfo(name).max), 2**40)),
    )
    for name in WHOLE_TYPES
}
floats = hnp.arrays("float32", st.integers(1, 60), elements=st.floats(-1e6, 1e6, width=32))
cuts = st.lists(st.integers(0, 60), max_size=4)


def tallied(pieces: list[Any], weights: list[Any] | None = None, *, spread: bool = True) -> Statistics:
    tally = Tally(weighted=weights is not None, distribution=spread, name="some.tif")
    for number, piece in enumerate(pieces):
        tally.add(piece, None if weights is None else weights[number], float(piece.size))
    return tally.finish()


@pytest.mark.parametrize("dtype", WHOLE_TYPES)
@settings(max_examples=40, deadline=None)
@given(data=st.data(), where=cuts)
def test_whole_numbers_are_exact_however_they_are_cut(
    dtype: str, data: st.DataObject, where: list[int]
) -> None:
    values = data.draw(pixels_of[dtype])
    found = tallied(np.split(values, sorted(n for n in where if n <= values.size)))
    numbers = [Fraction(int(v)) for v in values]
    mean = sum(numbers) / len(numbers)
    m2 = sum((n - mean) ** 2 for n in numbers)
    moments, spread = found.moments, found.distribution
    assert moments is not None
    assert spread is not None
    assert (moments.count, moments.sum) == (values.size, float(sum(numbers)))
    assert (moments.min, moments.max) == (values.min(), values.max())
    if np.dtype(dtype).itemsize <= 2:  # the nearest DOUBLE
        assert (moments.mean, moments.m2) == (float(mean), float(m2))
    assert moments.mean == pytest.approx(float(mean), rel=1e-14, abs=1e-9)
    assert moments.m2 == pytest.approx(float(m2), rel=1e-12, abs=1e-6)
    if values.size > 1:
        assert found.variance == pytest.approx(float(m2 / (len(numbers) - 1)), rel=1e-12, abs=1e-6)
    distinct, counts = np.unique(values, return_counts=True)
    assert spread.values.tolist() == distinct.tolist()
    assert spread.counts.tolist() == counts.tolist()


@settings(max_examples=60, deadline=None)
@given(values=floats, where=cuts)
def test_floats_agree_with_exact_sums_however_they_are_cut(values: Any, where: list[int]) -> None:
    found = tallied(np.split(values, sorted(n for n in where if n <= values.size)))
    numbers = [Fraction(float(v)) for v in values]
    mean = sum(numbers) / len(numbers)
    m2 = float(sum((n - mean) ** 2 for n in numbers))
    assert found.moments is not None
    scale = float(np.abs(values).sum())
    assert found.moments.sum == pytest.approx(float(sum(numbers)), abs=1e-14 * scale)
    assert found.moments.mean == pytest.approx(float(mean), abs=1e-14 * scale)
    assert found.moments.m2 == pytest.approx(m2, rel=1e-10, abs=1e-12 * scale)


@settings(max_examples=100, deadline=None)
@given(
    values=st.one_of(floats, pixels_of["uint8"], pixels_of["int16"]),
    percent=st.one_of(st.floats(0, 100), st.sampled_from([0, 10, 25, 50, 75, 90, 100])),
)
def test_percentiles_are_numpys(values: Any, percent: float) -> None:
    found = distribution(values, None).percentile(percent)
    expected = np.percentile(values.astype(np.float64), percent)
    assert found == pytest.approx(float(expected), rel=1e-12, abs=1e-12)


def test_of_several_modes_each_name_takes_its_own() -> None:
    """mode: the greatest, as Sedona and exactextract; majority and minority: the least, as rasterstats."""
    spread = distribution(np.array([3, 3, 7, 7, 5, 9], np.uint8), None)
    assert (spread.mode, spread.majority, spread.minority) == (7.0, 3.0, 5.0)


def test_a_large_table_of_values_is_that_of_sorting() -> None:
    values = np.random.default_rng(1).integers(-3_000, 3_000, 40_000).astype(np.int16)
    distinct, counts = np.unique(values, return_counts=True)
    spread = distribution(values, None)
    assert np.array_equal(spread.values, distinct)
    assert spread.values.dtype == np.int16
    assert np.array_equal(spread.counts, counts)


@settings(max_examples=60, deadline=None)
@given(values=st.one_of(floats, pixels_of["uint8"]), where=cuts, seed=st.integers(0, 2**32 - 1))
def test_fractions_of_pixels_weigh(values: Any, where: list[int], seed: int) -> None:
    weights = np.random.default_rng(seed).random(values.size) + 1e-3
    at = sorted(n for n in where if n <= values.size)
    found = tallied(np.split(values, at), np.split(weights, at))
    moments, spread = found.moments, found.distribution
    assert moments is not None
    assert spread is not None
    wide = values.astype(np.float64)
    mean = float(np.average(wide, weights=weights))
    scale = float(np.abs(wide).max()) + 1
    assert moments.count == pytest.approx(math.fsum(weights))
    assert moments.mean == pytest.approx(mean, abs=1e-12 * scale)
    assert found.variance == pytest.approx(
        float(np.average((wide - mean) ** 2, weights=weights)), abs=1e-11 * scale**2
    )
    heaviest = max({v: weights[values == v].sum() for v in values}.items(), key=lambda item: item[1])
    assert spread.counts.max() == pytest.approx(heaviest[1])


def test_nan_is_never_counted_and_infinity_is() -> None:
    found = tallied([np.array([np.nan, 1.0, np.inf], np.float32)])
    assert found.moments is not None
    assert (found.count, found.moments.max, found.moments.sum) == (2.0, math.inf, math.inf)
    assert tallied([np.array([np.nan])]).moments is None


@pytest.mark.parametrize("pieces", [1, 2])
def test_sums_beyond_double_are_infinite(pieces: int) -> None:
    """As in NumPy; the largest doubles are what some writers have for nodata."""
    lowest = np.finfo(np.float64).min
    found = tallied([np.array([lowest, lowest, 3.0])] * pieces)
    assert found.moments is not None
    expected = (3.0 * pieces, lowest, 3.0, -math.inf)
    assert (found.count, found.moments.min, found.moments.max, found.moments.sum) == expected


def test_moments_alone_need_no_values() -> None:
    found = tallied([np.array([1.5, 2.5])], spread=False)
    assert found.distribution is None
    assert found.variance == 0.5


def test_one_pixel_has_no_spread() -> None:
    """0, as in Sedona."""
    assert tallied([np.array([7], np.uint8)]).variance == 0.0
    assert tallied([np.array([7.5])]).variance == 0.0


def test_merged_moments_keep_a_small_spread_around_a_large_mean() -> None:
    """Sums of squares would lose it: Chan's way does not."""
    values = 1e9 + np.random.default_rng(2).random(1_000)
    parts = [tallied([piece], spread=False).moments for piece in np.split(values, [100, 350])]
    merged = merge_moments([part for part in parts if part])
    assert merged.m2 / 999 == pytest.approx(float(values.var(ddof=1)), rel=1e-6)


def test_pixels_without_order_or_beyond_double_are_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"some\.tif has complex64 pixels"):
        tallied([np.array([1 + 2j], np.complex64)])
    with pytest.raises(UnsupportedError, match="beyond 2\\^53"):
        tallied([np.array([2**53 + 1], np.uint64)])


def test_a_zone_of_too_many_floats_says_what_can_be_had_without_them() -> None:
    configure(max_read_bytes=1_000)
    try:
        with pytest.raises(LimitError, match=r"max_read_bytes.*RS_ZonalStats"):
            tallied([np.ones(100), np.ones(100)])
        assert tallied([np.ones(100), np.ones(100)], spread=False).count == 200
    finally:
        configure(max_read_bytes=None)


def test_bins_are_numpys() -> None:
    values = np.random.default_rng(3).integers(0, 250, 5_000).astype(np.uint8)
    edges, counts = distribution(values, None).bins(7, None)
    expected, expected_edges = np.histogram(values, 7)
    assert edges.tolist() == expected_edges.tolist()
    assert counts.tolist() == expected.tolist()
    assert isinstance(distribution(values, None), Distribution)
