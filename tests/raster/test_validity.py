"""Which pixels of large chips are valid, when several threads look at one chip."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rasteret_sql.raster.read import validity
from rasteret_sql.raster.read.validity import ReadChip

ROWS, COLUMNS = 512, 64


def question(invalid_row: int | None) -> ReadChip:
    pixels = np.ones((1, ROWS, COLUMNS), np.uint16)
    if invalid_row is not None:
        pixels[0, invalid_row, 5] = 0
    plan: Any = SimpleNamespace(aoi=None, nodata=0.0, shape=pixels.shape)
    return ReadChip(plan=plan, pixels=pixels, shown=None)


def test_what_one_thread_found_another_does_not_take_back() -> None:
    """A thread that looks at valid rows ends after another found a pixel that is not valid."""

    class Slow(validity._Validity):
        def _hides_any(self, rows: slice) -> bool:
            if rows.start == 0:
                super().scan(slice(ROWS - 1, ROWS))
            return super()._hides_any(rows)

    answer = Slow(question(invalid_row=ROWS - 1), validity._Covered())
    answer.scan(slice(0, 1))
    assert answer.is_partial


def test_one_pixel_of_many_strips_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validity, "STRIP_BYTES", 2 * COLUMNS * 2)
    monkeypatch.setattr(validity, "TASK_BYTES", 2 * COLUMNS * 8)
    rng = np.random.default_rng(0)
    places = [None if n % 4 == 0 else int(rng.integers(ROWS)) for n in range(400)]
    for place, found in zip(places, validity.validity([question(place) for place in places]), strict=True):
        if place is None:
            assert found is None
        else:
            assert found is not None
            assert np.argwhere(found == 0).tolist() == [[place, 5]]
