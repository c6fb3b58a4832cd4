"""Kernels on headers: cog_header, cog_windows."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from rasteret_sql.blocks.support import require_readable
from rasteret_sql.duck.arguments.arguments import flags, sql, texts
from rasteret_sql.duck.arguments.call import Call, by_name
from rasteret_sql.duck.arguments.rasters import distinct_hrefs, rasters
from rasteret_sql.duck.arguments.sidecars import Folders, say_what_is_left_alone
from rasteret_sql.duck.arrow.fits import duck_type, text_like
from rasteret_sql.duck.arrow.rows import box, header_row
from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.geo.window import Window, window_bounds, window_transform
from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.read_headers import landing_headers
from rasteret_sql.raster.read.plan import pick_level
from rasteret_sql.store.signing.presigned import remember, unsigned

_HREF = re.compile(r'https?://[^"\\\s]+')
EDGES = ("shift", "clip", "drop")


def cog_header(raster: pa.Array, signed: pa.Array) -> list[dict[str, Any]]:
    """One header a row; a bad asset has its error and NULLs. Not ``signed``: hrefs without signature."""
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
    distinct = distinct_hrefs(hrefs)
    rows: dict[str | None, dict[str, Any]] = {None: {"href": None, "error": "the href is NULL"}}
    folders = Folders(distinct)
    beside: list[Header] = []
    for number, outcome in landing_headers(distinct):  # a row is made while others are on their way
        rows[distinct[number]] = _header_row(distinct[number], outcome, folders)
        if rows[distinct[number]].get("sidecars") and isinstance(outcome, Header):
            beside.append(outcome)
    say_what_is_left_alone("cog_header", beside)
    if not all(flags(signed, "signed")):
        for row in rows.values():
            row["href"] = row["href"] and remember(row["href"])
    return [rows[href] for href in hrefs]


def unsigned_href(href: pa.Array) -> list[str | None]:
    """Hrefs as an index keeps them."""
    return [one and remember(one) for one in texts(href, "href")]


def unsigned_fields(fields: pa.Array) -> list[str | None]:
    """JSON of an asset's other members, with the hrefs in it as a file keeps them."""
    return [one and _HREF.sub(lambda match: unsigned(match[0]), one) for one in texts(fields, "fields")]


def _header_row(href: str, outcome: Header | RasteretError, folders: Folders) -> dict[str, Any]:
    if isinstance(outcome, RasteretError):
        return {"href": href, "error": str(outcome)}
    try:
        require_readable(outcome)
    except RasteretError as error:
        return {"href": href, "error": str(error)}
    return header_row(outcome) | {"sidecars": folders.sidecars_of(href)}


@by_name
def cog_windows(call: Call) -> list[list[dict[str, Any]] | None]:
    """Windows of equal size over every raster."""
    sizes, strides, levels = call.integers("size"), call.integers("stride"), call.integers("level")
    edges = call.choices("edge", EDGES)
    headers = rasters(call.raster, [bool(number) for number in levels])
    return [
        _windows(header, sizes[i], strides[i], edges[i], levels[i] or 0) for i, header in enumerate(headers)
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
