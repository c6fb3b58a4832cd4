"""Expressions and masks over the bands of rasters: from names to columns, and from columns to a chip.

A pixel of a band is NULL where the chip is not valid and where the band itself is nodata. What an answer has
as nodata is not valid either: NaN, where a floating-point answer is not given another nodata.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rasteret_sql.arrays import Bools
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geotiff.nodata import is_nodata, require_fits
from rasteret_sql.geotiff.scaling import Scaling
from rasteret_sql.raster.algebra.band_names import bands_told, find_band
from rasteret_sql.raster.algebra.sql.casts import cast
from rasteret_sql.raster.algebra.sql.kinds import OF_PIXELS, of_pixels
from rasteret_sql.raster.algebra.sql.values import Array, Frame, Node, Value, either
from rasteret_sql.raster.band_facts import UNKNOWN
from rasteret_sql.raster.chip import Chip
from rasteret_sql.store.redact import display_href

if TYPE_CHECKING:
    from rasteret_sql.raster.algebra.expression import Expression, Name

DTYPES = tuple(dtype for dtype in OF_PIXELS if dtype != "bool")
"""What an answer may be cast to."""


class Column(NamedTuple):
    """The pixels behind one name."""

    pixels: Array
    null: Bools | None
    """True where not valid; None where all are."""
    scaling: Scaling | None = None
    """What makes physical values of the pixels; None: they are what the name stands for."""


@dataclass(frozen=True, kw_only=True)
class BandMath:
    """What is asked of some bands."""

    expression: str | None = None
    """None: only the mask, or physical values, are wanted."""
    mask: str | None = None
    """A condition; where it is not true, a pixel is not valid."""
    dtype: str | None = None
    """NumPy's name; None: the one of the expression's type."""
    nodata: float | None = None
    """Of the answer; None: NaN of floating point, none of others."""
    scale: bool | None = None
    """Whether names, and pixels without an expression, are physical values; None: names are, pixels not."""

    def __post_init__(self) -> None:
        if self.dtype is not None and self.dtype not in DTYPES:
            raise ArgumentError(
                f"dtype := '{self.dtype}' is not a type of pixels; there are {', '.join(DTYPES)}"
            )

    @property
    def expressions(self) -> list[Expression]:
        return [_compiled(text) for text in (self.expression, self.mask) if text is not None]

    @property
    def names(self) -> dict[str, tuple[Name, Expression]]:
        """Every name once, with the expression that has it first: the expression's before the mask's."""
        by_text: dict[str, tuple[Name, Expression]] = {}
        for expression in self.expressions:
            for name in expression.names:
                by_text.setdefault(name.text, (name, expression))
        return by_text


def require(
    asked: BandMath, dtypes: Mapping[str, str], scalings: Mapping[str, Scaling]
) -> tuple[str, float | None] | None:
    """NumPy's dtype and the nodata of the answer over names of these dtypes; None without an expression.

    ``scalings``: of the names that stand for physical values. Refuses what cannot be computed, before a pixel
    is read.
    """
    result = None
    for expression in asked.expressions:
        names = [name.text for name in expression.names]
        program = expression.bind(
            tuple(dtypes[name] for name in names), tuple(name in scalings for name in names)
        )
        if expression.text == asked.expression:
            dtype = np.dtype(asked.dtype or program.dtype)
            result = dtype.name, _nodata(asked.nodata, dtype)
    return result


def bands_of(asked: BandMath, count: int, names: Sequence[str | None], href: str) -> dict[str, int]:
    """Index from 0 of the band that each name means, where one raster's bands are the names.

    ArgumentError with the place in the expression lists what there is.
    """
    bands = {}
    for text, (name, expression) in asked.names.items():
        band = None if name.raster is not None else find_band(name.name, count, names)
        if band is None:
            what = f"{display_href(href)} has no band {text}; its bands are {bands_told(count, names)}"
            expression.refuse(name, what)
        bands[text] = band
    return bands


def column(chip: Chip, band: int, scaling: Scaling | None = None) -> Column:
    """A band of a chip, counted from 0 as it was read."""
    pixels = chip.pixels[band]
    return Column(pixels, nulls(pixels, chip.valid, chip.nodata), scaling)


def nulls(pixels: Array, valid: Bools | None, nodata: float | None) -> Bools | None:
    """Where a band is NULL; None where it is nowhere."""
    return either(None if valid is None else ~valid, is_nodata(pixels, nodata))


def answer(asked: BandMath, columns: Mapping[str, Column], grid: Chip) -> Chip:
    """The chip that the expression and the mask give, placed where ``grid`` lies."""
    shape = grid.pixels.shape[1:]
    kept = None if asked.mask is None else ~masked_out(asked.mask, columns, shape)
    if asked.expression is None:
        valid = grid.valid if kept is None else kept if grid.valid is None else kept & grid.valid
        return replace(grid, valid=valid)
    pixels, valid, nodata = evaluate(asked, columns, shape, kept)
    return replace(grid, pixels=pixels[np.newaxis], valid=valid, nodata=nodata, bands=(), facts=UNKNOWN)


def masked_out(mask: str, columns: Mapping[str, Column], shape: tuple[int, ...]) -> Bools:
    """True where the condition is false or NULL. The arrays may have any shape."""
    data, null = _run(mask, columns, shape)
    out = np.asarray(data == 0)
    return out if null is None else out | null


def evaluate(
    asked: BandMath, columns: Mapping[str, Column], shape: tuple[int, ...], kept: Bools | None = None
) -> tuple[Array, Bools | None, float | None]:
    """Pixels, validity (None: all) and nodata of the expression, over arrays of any shape.

    ``kept``: where the mask is true.
    """
    assert asked.expression is not None
    data, null = _run(asked.expression, columns, shape)
    if asked.dtype is not None:
        data, null = _as_dtype(data, null, asked.dtype)
    nodata = _nodata(asked.nodata, data.dtype)
    valid = None if null is None else ~null
    if kept is not None:
        valid = kept if valid is None else valid & kept
    absent = is_nodata(data, nodata)
    if absent is not None and absent.any():
        valid = ~absent if valid is None else valid & ~absent
    if valid is None or valid.all():
        return data, None, nodata
    data[~valid] = 0 if nodata is None else nodata
    return data, valid, nodata


def _compiled(text: str) -> Expression:
    """An expression; what parses it takes 0.2 s to import, which reading pixels does not need."""
    from rasteret_sql.raster.algebra.expression import compile_expression

    return compile_expression(text)


def _run(text: str, columns: Mapping[str, Column], shape: tuple[int, ...]) -> tuple[Array, Bools | None]:
    expression = _compiled(text)
    given = [columns[name.text] for name in expression.names]
    scalings = [c.scaling for c in given]
    program = expression.bind(
        tuple(c.pixels.dtype.name for c in given), tuple(scaling is not None for scaling in scalings)
    )
    return program.run([c.pixels for c in given], [c.null for c in given], shape, scalings)


def _as_dtype(data: Array, null: Bools | None, dtype: str) -> tuple[Array, Bools | None]:
    """CAST: rounded half to even; NaN is NULL among whole numbers, what else does not fit is an error."""
    if data.dtype.name == dtype:
        return data, null
    kind, source = of_pixels(dtype), of_pixels(data.dtype.name)
    if source.real and kind.whole:
        null = either(null, np.isnan(data))
    node = Node(kind=source, run=lambda frame: Value(data, null))
    with np.errstate(all="ignore"):
        try:
            converted = cast(node, kind).run(Frame(()))
        except ArgumentError as error:
            raise ArgumentError(f"dtype := '{dtype}': {str(error).partition(';')[0]}") from None
        return np.array(converted.data.astype(dtype)), null


def _nodata(number: float | None, dtype: np.dtype[Any]) -> float | None:
    if number is None:
        return math.nan if dtype.kind == "f" else None
    require_fits(number, dtype, ", or another dtype")
    return number
