"""The raster argument of all functions: an href, or a row of an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arguments.index import HeaderColumn
from rasteret_sql.duck.arguments.repeats import all_same
from rasteret_sql.duck.arguments.sidecars import say_what_is_left_alone
from rasteret_sql.duck.arrow.arrays import present
from rasteret_sql.duck.arrow.fits import duck_type, text_like
from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.read_headers import known_headers


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
    rows = HeaderColumn(column)
    if len(set(overviews)) == 1 and all_same(column):
        return [_attempt(rows, 0, overviews[0]) if present(column)[0] else None] * len(column)
    seen: dict[tuple[Any, bool], int] = {}
    found: list[Header | RasteretError | None] = [None] * len(column)
    there = present(column)
    for i, href in enumerate(rows.hrefs()):
        if not there[i]:
            continue
        first = seen.setdefault((href, overviews[i]), i)
        if first != i and column.slice(first, 1).equals(column.slice(i, 1)):
            found[i] = found[first]
        else:
            found[i] = _attempt(rows, i, overviews[i])
    return found


def _attempt(rows: HeaderColumn, row: int, overviews: bool) -> Header | RasteretError:
    try:
        return rows.header(row, overviews=overviews)
    except RasteretError as error:
        return error


def _open(hrefs: Sequence[str | None]) -> list[Header | RasteretError | None]:
    distinct = distinct_hrefs(hrefs)
    found: dict[str | None, Header | RasteretError] = dict(
        zip(distinct, known_headers(distinct), strict=True)
    )
    say_what_is_left_alone("rasteret_sql", (one for one in found.values() if isinstance(one, Header)))
    return [found.get(href) for href in hrefs]


def distinct_hrefs(hrefs: Sequence[str | None]) -> list[str]:
    """Each href once, without NULL."""
    return list(dict.fromkeys(href for href in hrefs if href is not None))
