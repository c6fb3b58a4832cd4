"""Which bands an expression or a mask reads of a raster, and what is answered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.algebra.band_math import BandMath
from rasteret_sql.raster.algebra.bound_math import BoundMath, bind_source, own_validity
from rasteret_sql.raster.chip import Chip

PIXELS = np.array([[[1, 0, 3, 0]], [[5, 6, 0, 0]], [[7, 0, 9, 8]]], np.int16)
CHIP = Chip(pixels=PIXELS, valid=None, transform=(1, 0, 0, 0, 1, 0), crs=None, nodata=0, bands=(4, 5, 6))


def bound(bands: Any = None, **asked: str) -> BoundMath:
    return bind_source(BandMath(**asked), bands, CHIP)


def test_an_expression_reads_what_it_names_and_answers_one_band() -> None:
    found = bound((1,), expression="b3 + b1", mask="b3 > 2")
    assert (found.read, found.places) == ((2, 0), {"b3": 0, "b1": 1})
    assert (found.answered, found.dtype, found.nodata) == (1, "int32", None)


def test_a_mask_keeps_the_bands_and_reads_its_own_beside_them() -> None:
    found = bound((3, 1), mask="b2 > 5 AND b1 >= 0")
    assert (found.read, found.places) == ((2, 0, 1), {"b2": 2, "b1": 1})
    assert (found.answered, found.dtype, found.nodata) == (2, "int16", 0)
    assert bound(mask="b2 > 5").read == (0, 1, 2)
    assert bound((2, 2), mask="b1 > 5").read == (1, 1, 0)


@pytest.mark.parametrize("by_nodata", [False, True])
def test_nodata_of_the_answered_bands_counts_where_it_decides(by_nodata: bool) -> None:
    """A chip is valid where one of the bands that were read is; the mask's band is not asked for."""
    found = bound((1,), mask="coalesce(b3, 0) < 9").on(_read(0, 2), by_nodata=by_nodata)
    assert found.valid is not None
    assert found.valid.tolist() == [[True, not by_nodata, False, not by_nodata]]
    assert (found.pixels.tolist(), found.bands) == ([[[1, 0, 3, 0]]], (4,))


def _read(*bands: int) -> Chip:
    return Chip(
        pixels=PIXELS[list(bands)], valid=None, transform=(1, 0, 0, 0, 1, 0), crs=None, nodata=0,
        bands=tuple(band + 4 for band in bands),
    )  # fmt: skip


def test_own_validity_is_of_all_bands_together() -> None:
    valid = np.array([[True, True, False, True]])
    found = own_validity(PIXELS[:2], valid, 0)
    assert found is not None
    assert found.tolist() == [[True, True, False, False]]
    assert own_validity(PIXELS[:2], valid, None) is valid
    assert own_validity(PIXELS[:2], None, None) is None


@pytest.mark.parametrize(
    ("bands", "asked", "said"),
    [
        ((2,), {"expression": "b1"}, "band 2 was asked for beside expression := 'b1', whose answer has one"),
        (("red",), {"expression": "b1"}, "band 'red' was asked for"),
        ((1,), {"expression": "1 + 1"}, "names no band"),
        ((4,), {"mask": "b1 > 0"}, "the chip has no band 4"),
        (None, {"mask": "b1 >"}, r"'b1 >', position 4 \(>\): a value is missing"),
        (None, {"mask": "b4 > 1"}, r"position 1 \(b4\): the chip has no band b4; its bands are b1 to b3"),
    ],
)
def test_what_is_not_there_is_refused(bands: Any, asked: dict[str, str], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        bound(bands, **asked)
