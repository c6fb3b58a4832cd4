"""The raster argument of all functions: an href, or a row of an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arguments.equal_rows import MAX_ROWS_ONE_BY_ONE, equal_rows
from rasteret_sql.duck.arguments.index import HeaderColumn
from rasteret_sql.duck.arguments.kept_headers import KeptHeaders
from rasteret_sql.duck.arguments.repeats import all_same
from rasteret_sql.duck.arguments.sidecars import say_what_is_left_alone
from rasteret_sql.duck.arrow.arrays import present
from rasteret_sql.duck.arrow.fits import duck_type, fields_of, text_like
from rasteret_sql.errors import ArgumentError, NotSentError, RasteretError
from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.read_headers import known_headers

HEADERS = KeptHeaders()


def rasters(column: pa.Array, overviews: Sequence[bool]) -> list[Header | RasteretError | None]:
    """Every row's raster: an href (its header is read, once each), or a row of an index (no request).

    Overviews of an index row are looked at only where ``overviews`` says that they matter.
    """
    kind = column.type
    if pa.types.is_null(kind):
        return [None] * len(column)
    if text_like(kind):
        return _open(column.to_pylist())
    if pa.types.is_struct(kind):
        return _of_rows(column, overviews)
    if pa.types.is_map(kind):
        raise ArgumentError(
            "the raster is a MAP of rasters, which read_cog and RS_MapAlgebra take; "
            "expected an href (VARCHAR) or a row of an index, such as one value of the MAP"
        )
    raise ArgumentError(
        f"the raster is a value of type {duck_type(kind)}: "
        "an href (VARCHAR) or a row of an index was expected"
    )


def _of_rows(column: pa.Array, overviews: Sequence[bool]) -> list[Header | RasteretError | None]:
    """A join repeats index rows, one for each area: a row equal to an earlier one is not looked at again."""
    if len(set(overviews)) == 1 and all_same(column):
        alone = HeaderColumn(column.slice(0, 1))
        return [_attempt(alone, 0, overviews[0]) if present(column)[0] else None] * len(column)
    firsts = _firsts(column, overviews)
    distinct = sorted({first for first in firsts if first is not None})
    if len(column) > MAX_ROWS_ONE_BY_ONE:
        headers = _kept(column, distinct, overviews)
    else:
        rows = HeaderColumn(column)
        headers = {row: _attempt(rows, row, overviews[row]) for row in distinct}
    return [None if first is None else headers[first] for first in firsts]


def _firsts(column: pa.StructArray, overviews: Sequence[bool]) -> list[int | None]:
    """For each row the first one that equals it; None for NULL."""
    there = present(column)
    seen: dict[tuple[Any, bool], int] = {}
    firsts = [
        seen.setdefault((href, overviews[i]), i) if there[i] else None
        for i, href in enumerate(_hrefs(column))
    ]
    again = [(i, first) for i, first in enumerate(firsts) if first is not None and first != i]
    rows, earlier = [i for i, _ in again], [first for _, first in again]
    for row, same in zip(rows, equal_rows(column, rows, column, earlier), strict=True):
        if not same:
            firsts[row] = row
    return firsts


def _hrefs(column: pa.StructArray) -> list[Any]:
    return column.field("href").to_pylist() if "href" in fields_of(column.type) else [None] * len(column)


def _kept(
    column: pa.StructArray, rows: Sequence[int], overviews: Sequence[bool]
) -> dict[int, Header | RasteretError]:
    """The headers of different rows, of which vectors before may have had some."""

    def make(fresh: pa.StructArray, numbers: Sequence[int]) -> list[Header | RasteretError]:
        columns = HeaderColumn(fresh)
        return [_attempt(columns, row, overviews[number]) for row, number in enumerate(numbers)]

    hrefs = _hrefs(column)
    return HEADERS.of(column, {row: (hrefs[row], overviews[row]) for row in rows}, make)


def _attempt(rows: HeaderColumn, row: int, overviews: bool) -> Header | RasteretError:
    try:
        return rows.header(row, overviews=overviews)
    except RasteretError as error:
        return error


def _open(hrefs: Sequence[str | None]) -> list[Header | RasteretError | None]:
    distinct = distinct_hrefs(hrefs)
    outcomes: dict[str | None, Header | RasteretError] = dict(
        zip(distinct, known_headers(distinct), strict=True)
    )
    say_what_is_left_alone("rasteret_sql", (one for one in outcomes.values() if isinstance(one, Header)))
    found = [outcomes.get(href) for href in hrefs]
    return [None if isinstance(one, NotSentError) else one for one in found]  # a plan goes on without it


def distinct_hrefs(hrefs: Sequence[str | None]) -> list[str]:
    """Each href once, without NULL."""
    return list(dict.fromkeys(href for href in hrefs if href is not None))
