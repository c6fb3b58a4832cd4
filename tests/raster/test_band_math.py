"""Expressions and masks over the bands of a chip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.algebra.band_math import (
    BandMath,
    Column,
    answer,
    bands_of,
    column,
    evaluate,
    masked_out,
)
from rasteret_sql.raster.algebra.band_names import find, find_band
from rasteret_sql.raster.chip import Chip

RED = np.array([[10, 0, 30], [40, 50, 0]], np.uint16)
NIR = np.array([[20, 0, 0], [40, 10, 0]], np.uint16)
SCL = np.array([[4, 3, 4], [8, 5, 4]], np.uint16)


def chip(*bands: Any, nodata: float | None = None, valid: Any = None) -> Chip:
    return Chip(
        pixels=np.stack(bands), valid=valid, transform=(10, 0, 0, 0, -10, 0), crs="EPSG:32632", nodata=nodata,
        href="a.tif", bands=(1, 2, 3)[: len(bands)], level=0, x_off=5, y_off=7,
    )  # fmt: skip


def asked(expression: str | None = None, **more: Any) -> BandMath:
    return BandMath(expression=expression, **more)


def on_chip(asked: BandMath, chip: Chip, names: Sequence[str | None] = ()) -> Chip:
    """The answer over the bands of a chip."""
    where = bands_of(asked, len(chip.pixels), names, chip.href or "")
    return answer(asked, {text: column(chip, band) for text, band in where.items()}, chip)


def values(found: Chip) -> list[Any]:
    valid = np.ones(found.pixels.shape[1:], bool) if found.valid is None else found.valid
    return np.where(valid, found.pixels[0], None).tolist()


def test_bands_by_name_or_number() -> None:
    """NaN, of 0 / 0, is the nodata of floating point, so those pixels are not valid."""
    expected = [[1 / 3, None, -1.0], [0.0, -2 / 3, None]]
    by_name = on_chip(asked("(nir - red) / (nir + red)"), chip(RED, NIR), ("red", "NIR"))
    by_number = on_chip(asked("(b2 - b1) / (b2 + b1)"), chip(RED, NIR))
    assert values(by_name) == values(by_number) == expected
    assert by_name.pixels.dtype == np.float64
    assert math.isnan(by_name.nodata or 0)
    assert (by_name.x_off, by_name.y_off, by_name.href, by_name.bands) == (5, 7, "a.tif", ())


def test_nodata_is_null_band_by_band() -> None:
    """A pixel with one band left is valid as a pixel of the chip, but the other band is NULL there."""
    found = on_chip(asked("coalesce(b2, -b1)"), chip(RED, NIR, nodata=0, valid=(RED > 0) | (NIR > 0)))
    assert values(found) == [[20, None, -30], [40, 10, None]]
    assert found.pixels.dtype == np.int32
    assert found.nodata is None
    assert found.pixels[0, 0, 1] == 0, "what is written where there is not nodata"


def test_a_mask_keeps_what_is_true() -> None:
    """Where the condition is NULL, it is not true."""
    bands = chip(RED, SCL, nodata=0, valid=np.array([[1, 1, 1], [1, 1, 0]], bool))
    assert values(on_chip(asked("b1", mask="b2 IN (4, 5)"), bands)) == [[10, None, 30], [None, 50, None]]
    assert values(on_chip(asked("b2", mask="b1 < 45"), bands)) == [[4, None, 4], [8, None, None]]
    alone = on_chip(asked(mask="b2 & 4 = 4"), bands)
    np.testing.assert_array_equal(alone.pixels, bands.pixels)
    assert alone.valid is not None
    assert alone.valid.tolist() == [[True, False, True], [False, True, False]]


def test_nodata_and_dtype_of_the_answer() -> None:
    found = on_chip(asked("b1 / 10.0", mask="b1 <> 40", dtype="int16", nodata=-9), chip(RED))
    assert found.pixels.dtype == np.int16
    assert found.nodata == -9
    assert found.pixels[0].tolist() == [[1, 0, 3], [-9, 5, 0]]
    assert values(found) == [[1, 0, 3], [None, 5, 0]]
    zero = on_chip(asked("b1", nodata=0), chip(RED))
    assert values(zero) == [[10, None, 30], [40, 50, None]], "a number that equals nodata is not valid"
    truth = on_chip(asked("b1 > 20"), chip(RED))
    assert (truth.pixels.dtype, truth.pixels[0].tolist()) == (np.uint8, [[0, 0, 1], [1, 1, 0]])
    assert values(on_chip(asked("b1 / b1", dtype="uint8"), chip(RED))) == [[1, None, 1], [1, 1, None]]


@pytest.mark.parametrize(
    ("math", "message"),
    [
        ({"expression": "b1 * 1000", "dtype": "uint8"}, "dtype := 'uint8': 10000 does not fit UTINYINT"),
        ({"expression": "b1", "nodata": 0.5}, "nodata := 0.5 does not fit uint16; pass one from 0 to 65535"),
        ({"expression": "b1", "nodata": math.nan}, "nodata := nan does not fit uint16"),
        (
            {"expression": "b1", "dtype": "complex64"},
            "dtype := 'complex64' is not a type of pixels; there are int8",
        ),
        (
            {"expression": "b4 + 1"},
            r"position 1 \(b4\): a.tif has no band b4; its bands are red, nir, or b1 to b2",
        ),
        ({"expression": "b1 + a.b2"}, r"position 6 \(a.b2\): a.tif has no band a.b2"),
        ({"expression": "b1", "mask": "scl = 4"}, r"'scl = 4', position 1 \(scl\): a.tif has no band scl"),
    ],
)
def test_what_is_refused(math: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        on_chip(BandMath(**math), chip(RED, NIR), ("red", "nir"))


def test_arrays_of_any_shape() -> None:
    """What points and zones give: the pixels that they chose, in a row."""
    columns = {"red": Column(RED.ravel(), None), "nir": Column(NIR.ravel(), NIR.ravel() == 0)}
    data, valid, _ = evaluate(asked("nir - red"), columns, (6,))
    assert valid is not None
    assert np.where(valid, data, -1).tolist() == [10, -1, -1, 0, -40, -1]
    assert masked_out("nir > red", columns, (6,)).tolist() == [False, True, True, True, True, True]


@pytest.mark.parametrize(
    ("name", "there", "found"),
    [
        ("red", ["nir", "red"], 1),
        ("RED", ["nir", "red"], 1),
        ("red", ["RED", "red"], 1),
        ("red", ["B03", "B04"], 1),
        ("nir", ["B04", "B08", "B8A"], 1),
        ("nir", ["B04", "B8A"], 1),
        ("nir", ["red", "nir08"], 1),
        ("swir16", ["B8A", "B11"], 1),
        ("swir16", ["B04", "B11"], None),  # Landsat's thermal band in HLS
        ("nir", ["B04", "B05"], None),
        ("scl", ["SCL"], 0),
        ("b1", ["red"], None),
    ],
)
def test_common_names_find_the_names_of_missions(name: str, there: list[str], found: int | None) -> None:
    assert find(name, there) == found


def test_a_name_wins_over_a_number() -> None:
    assert find_band("b2", 2, ["B2", "B1"]) == 0
    assert find_band("b2", 2, [None, None]) == 1
    assert find_band("b3", 2, ()) is None
    assert find_band("b0", 2, ()) is None
