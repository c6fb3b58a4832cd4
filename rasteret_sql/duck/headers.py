"""Kernels on headers: cog_header, cog_windows, RS_MetaData; and the raster argument of all functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from rasteret_sql.cog.header import Header
from rasteret_sql.cog.open import read_headers
from rasteret_sql.cog.readable import require_readable
from rasteret_sql.cog.window import Window, window_bounds, window_transform
from rasteret_sql.duck.arguments import choices, integers, sql
from rasteret_sql.duck.arrow import present
from rasteret_sql.duck.fits import duck_type, fields_of, holds, text_like
from rasteret_sql.duck.index import HeaderColumn
from rasteret_sql.duck.repeats import all_same
from rasteret_sql.duck.rows import box, header_row
from rasteret_sql.duck.type_text import declared
from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.raster.plan import pick_level

EDGES = ("shift", "clip", "drop")
CHIP = "STRUCT(shape INTEGER[3], transform DOUBLE[6], crs VARCHAR)"


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
    distinct = list(dict.fromkeys(href for href in hrefs if href is not None))
    found: dict[str | None, Header | RasteretError] = dict(zip(distinct, read_headers(distinct), strict=True))
    return [found.get(href) for href in hrefs]


def cog_header(raster: pa.Array) -> list[dict[str, Any]]:
    """One header a row; a bad asset has its error and NULLs."""
    if pa.types.is_struct(raster.type):
        names = [field.name for field in raster.type]
        if "href" not in names:
            raise ArgumentError(f"the row has no href column; its columns are: {', '.join(names)}")
        raster = raster.field(names.index("href"))
    if not (text_like(raster.type) or pa.types.is_null(raster.type)):
        raise ArgumentError(
            f"the raster is a value of type {duck_type(raster.type)}: "
            "an href (VARCHAR) or a row with an href was expected"
        )
    hrefs = raster.to_pylist()
    return [_header_row(href, found) for href, found in zip(hrefs, _open(hrefs), strict=True)]


def _header_row(href: str | None, found: Header | RasteretError | None) -> dict[str, Any]:
    if found is None:
        return {"href": None, "error": "the href is NULL"}
    if isinstance(found, RasteretError):
        return {"href": href, "error": str(found)}
    try:
        require_readable(found)
    except RasteretError as error:
        return {"href": href, "error": str(error)}
    return header_row(found)


def cog_windows(
    raster: pa.Array, size: pa.Array, stride: pa.Array, edge: pa.Array, level: pa.Array
) -> list[list[dict[str, Any]] | None]:
    """Windows of equal size over every raster."""
    sizes, strides = integers(size, "size"), integers(stride, "stride")
    edges, levels = choices(edge, "edge", EDGES), integers(level, "level")
    found = rasters(raster, [bool(number) for number in levels])
    return [
        _windows(header, sizes[i], strides[i], edges[i], levels[i] or 0) for i, header in enumerate(found)
    ]


def _windows(
    header: Header | RasteretError | None, size: int | None, stride: int | None, edge: str, level: int
) -> list[dict[str, Any]] | None:
    if header is None:
        return None
    if isinstance(header, RasteretError):
        raise header
    if size is None or size < 1:
        raise ArgumentError(f"size := {sql(size)}: a window is at least 1 pixel wide and high")
    step = size if stride is None else stride
    if step < 1:
        raise ArgumentError(f"stride := {step}: windows are at least 1 pixel apart")
    number = pick_level(header, level, None)
    grid, transform = header.levels[number], header.level_transform(number)
    rows = []
    for y, height in _steps(grid.height, size, step, edge):
        for x, width in _steps(grid.width, size, step, edge):
            window = Window(x_off=x, y_off=y, width=width, height=height)
            own = window_transform(transform, window)
            rows.append(
                {
                    "href": header.href,
                    "level": number,
                    "x_off": x,
                    "y_off": y,
                    "width": width,
                    "height": height,
                    "bbox": box(window_bounds(own, window)),
                    "crs": header.crs,
                    "transform": own,
                }
            )
    return rows


def _steps(length: int, size: int, step: int, edge: str) -> list[tuple[int, int]]:
    """(start, length) of the windows along one axis; the whole axis is covered unless edge is 'drop'."""
    starts = range(0, max(length - size, 0) + 1, step)
    steps = [(start, min(size, length)) for start in starts if start + size <= length or edge != "drop"]
    covered = steps[-1][0] + steps[-1][1] if steps else 0
    if edge == "shift" and covered < length:
        steps.append((length - size, size))
    if edge == "clip":
        last = starts[-1] + step
        while covered < length and last < length:
            steps.append((last, min(size, length - last)))
            covered, last = last + size, last + step
    return steps


def metadata(raster: pa.Array) -> list[dict[str, Any] | None]:
    """Sedona's RS_MetaData of an href, an index row or a chip."""
    names = fields_of(raster.type)
    if "shape" in names and "transform" in names:
        return _chip_metadata(raster)
    rows: list[dict[str, Any] | None] = []
    for header in rasters(raster, [False] * len(raster)):
        if isinstance(header, RasteretError):
            raise header
        rows.append(
            None
            if header is None
            else _metadata_row(
                header.transform,
                (header.full.width, header.full.height),
                header.crs,
                header.band_count,
                (header.full.tile_width, header.full.tile_height),
            )
        )
    return rows


def chip_grids(
    chips: pa.Array,
) -> list[tuple[tuple[int, int, int], tuple[float, ...], str | None] | None]:
    """Shape, transform and CRS of rows that have a shape; their pixels are not looked at."""
    names, expected = fields_of(chips.type), declared(CHIP)
    columns = {name: chips.field(names.index(name)) for name in expected.children if name in names}
    for name, column in columns.items():
        if not holds(column.type, expected.children[name]):
            raise ArgumentError(
                f"the chip's column {name} is {duck_type(column.type)}, where read_cog gives "
                f"{expected.children[name].text}; pass a row of read_cog as it is"
            )
    shapes, transforms = columns["shape"].to_pylist(), columns["transform"].to_pylist()
    systems = columns["crs"].to_pylist() if "crs" in columns else [None] * len(chips)
    found: list[tuple[tuple[int, int, int], tuple[float, ...], str | None] | None] = []
    for there, shape, transform, crs in zip(present(chips), shapes, transforms, systems, strict=True):
        if not there or shape is None or transform is None:
            found.append(None)
        elif len(shape) != 3 or len(transform) != 6:
            raise ArgumentError(
                f"the chip has shape {sql(shape)} and transform {sql(transform)}; "
                "pass a row of read_cog as it is"
            )
        else:
            found.append((tuple(shape), tuple(transform), crs))
    return found


def _chip_metadata(chips: pa.Array) -> list[dict[str, Any] | None]:
    """Metadata of rows that have a shape."""
    rows: list[dict[str, Any] | None] = []
    for grid in chip_grids(chips):
        if grid is None:
            rows.append(None)
        else:
            (bands, height, width), transform, crs = grid
            rows.append(_metadata_row(transform, (width, height), crs, bands, (width, height)))
    return rows


def _metadata_row(
    transform: tuple[float, ...], size: tuple[int, int], crs: str | None, bands: int, tile: tuple[int, int]
) -> dict[str, Any]:
    a, b, c, d, e, f = transform
    srid = int(crs.removeprefix("EPSG:")) if crs and crs.startswith("EPSG:") and crs[5:].isdigit() else 0
    names = ("upperLeftX", "upperLeftY", "gridWidth", "gridHeight", "scaleX", "scaleY", "skewX", "skewY")
    values = (c, f, *size, a, e, b, d)
    return dict(zip(names, values, strict=True)) | {
        "srid": srid,
        "numSampleDimensions": bands,
        "tileWidth": tile[0],
        "tileHeight": tile[1],
    }
