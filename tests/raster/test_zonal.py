"""What passes between the pixels of a zone and their statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from rasteret_sql.geo.window import Window
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.zones import footprints
from rasteret_sql.raster.zones.footprint import Rule
from rasteret_sql.raster.zones.statistics import zonal_statistics
from rasteret_sql.raster.zones.zone import ZoneRequest

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(1, 200, (3, 40, 30)).astype(np.uint8)
VALID = RNG.random((40, 30)) < 0.8
CHIP = Chip(
    pixels=PIXELS, valid=VALID, transform=(10.0, 0.0, 5e5, 0.0, -10.0, 5e6), crs="EPSG:32632", nodata=None
)
PART = Window(x_off=3, y_off=5, width=20, height=31)
INSIDE = (slice(5, 36), slice(3, 23))


def test_pixels_may_be_replaced_before_they_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The place of expressions and masks: pieces, some together, with all bands that were asked for."""
    monkeypatch.setattr(footprints, "PIECE_PIXELS", 100)
    seen = []

    def difference(pieces: Sequence[tuple[int, Chip]]) -> Iterator[Chip]:
        for row, chip in pieces:
            seen.append((row, chip.pixels.shape[0]))
            third, first = chip.pixels.astype(np.int16)
            valid = first > 50 if chip.valid is None else chip.valid & (first > 50)
            yield replace(chip, pixels=(third - first)[np.newaxis], valid=valid)

    request = ZoneRequest(area=PART, bands=(3, 1))
    nothing, found = zonal_statistics([None, CHIP], [request, request], difference)
    third, first = PIXELS[2][INSIDE].astype(np.int64), PIXELS[0][INSIDE].astype(np.int64)
    expected = (third - first)[VALID[INSIDE] & (first > 50)]
    assert nothing is None
    assert found is not None
    assert found.moments is not None
    assert (found.pixels, found.count) == (20 * 31, expected.size)
    assert (found.moments.sum, found.moments.min) == (expected.sum(), expected.min())
    assert set(seen) == {(1, 2)}
    assert len(seen) > 5


def test_a_window_covers_its_pixels_wholly() -> None:
    whole, fractions = zonal_statistics(
        [CHIP, CHIP], [ZoneRequest(area=PART), ZoneRequest(area=PART, rule=Rule(coverage=True))]
    )
    assert whole is not None
    assert fractions is not None
    assert (whole.count, whole.pixels) == (fractions.count, fractions.pixels)
    assert fractions.weighted
