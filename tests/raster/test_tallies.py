"""Statistics of many zones at once against the same of each zone alone."""

from __future__ import annotations

import numpy as np
import pytest

from rasteret_sql.raster.zones.tallies import statistics_of_many
from rasteret_sql.raster.zones.tally import Statistics, Tally

ZONES = 40


def alone(values: np.ndarray, weights: np.ndarray | None, pixels: float) -> Statistics:
    tally = Tally(weighted=weights is not None, distribution=True, name="a raster")
    tally.add(values, weights, pixels)
    return tally.finish()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("dtype", "least", "most"),
    [("uint16", 0, 65_536), ("int16", -300, 300), ("int8", -128, 128), ("uint8", 7, 9)],
)
def test_many_zones_are_as_each_alone(dtype: str, least: int, most: int, weighted: bool) -> None:
    rng = np.random.default_rng(1)
    lengths = rng.integers(0, 300, ZONES)
    lengths[[0, 7, ZONES - 1]] = 0, 1, 0  # nothing usable, in front, and at the end
    owner = np.repeat(np.arange(ZONES), lengths)
    values = rng.integers(least, most, len(owner)).astype(dtype)
    weights = rng.choice([0.25, 0.5, 1.0, 0.1], len(owner)) if weighted else None
    pixels = (lengths + 3.0).tolist()

    found = statistics_of_many(values, owner, weights, pixels, weighted=weighted)

    for zone, one in enumerate(found):
        mine = owner == zone
        want = alone(values[mine], None if weights is None else weights[mine], pixels[zone])
        assert (one.pixels, one.weighted) == (want.pixels, want.weighted)
        if want.moments is None:
            assert one.moments is None
            assert one.distribution is None
            continue
        close = {"rel": 1e-12, "abs": 1e-9} if weighted else {"rel": 0, "abs": 0}
        assert one.moments is not None
        assert one.distribution is not None
        assert want.distribution is not None
        assert vars(one.moments) == pytest.approx(vars(want.moments), **close)
        assert np.array_equal(one.distribution.values, want.distribution.values)
        assert one.distribution.values.dtype == values.dtype
        assert np.array_equal(one.distribution.counts, want.distribution.counts)
        assert one.distribution.median == pytest.approx(want.distribution.median, **close)
        for name in ("mode", "majority", "minority"):
            assert getattr(one.distribution, name) == getattr(want.distribution, name)
        assert one.distribution.percentile(90) == want.distribution.percentile(90)
