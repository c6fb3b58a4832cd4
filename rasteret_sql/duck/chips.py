"""Kernels that plan and read pixels: read_cog_tiles, read_cog, RS_AsArray."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from rasteret_sql.cog.header import Header
from rasteret_sql.cog.window import window_bounds
from rasteret_sql.duck.arguments import areas, band_lists, choices, flags, integers, numbers
from rasteret_sql.duck.arrow import array_of, blob_array, grid_lists, struct_array
from rasteret_sql.duck.headers import rasters
from rasteret_sql.duck.rows import box, plan_of, source_row
from rasteret_sql.errors import ArgumentError, RasteretError, UnsupportedError
from rasteret_sql.raster import chip as chips
from rasteret_sql.raster.chip import ChipPlan
from rasteret_sql.raster.plan import ReadRequest, plan_chip
from rasteret_sql.raster.plan import plan_tiles as tiles_of

ON_ERROR = ("fail", "null")
Row = dict[str, Any]


def plan_tiles(*columns: pa.Array) -> list[list[Row] | None]:
    """The internal tiles that each row's area touches; nothing is fetched but headers of plain hrefs."""
    return _planned(columns, _tile_rows)


def plan_chips(*columns: pa.Array) -> list[list[Row] | None]:
    """The chip, or none, of each row; nothing is fetched but headers of plain hrefs."""
    return _planned(columns, _chip_rows)


def _planned(
    columns: Sequence[pa.Array], rows_of: Callable[[Header, ReadRequest, str], Iterable[Row]]
) -> list[list[Row] | None]:
    raster, aoi, aoi_type, aoi_crs, bands, level, resolution, all_touched, on_error = columns
    wanted = areas(aoi, aoi_type, aoi_crs)
    asked_bands, levels = band_lists(bands), integers(level, "level")
    resolutions, touched = numbers(resolution, "resolution"), flags(all_touched, "all_touched")
    policies = choices(on_error, "on_error", ON_ERROR)
    overviews = [bool(levels[i]) or resolutions[i] is not None for i in range(len(levels))]
    # an area that is given and NULL (a LEFT JOIN without a match) asks for nothing; no area asks for all
    absent = _no_area(aoi)
    planned: list[list[Row] | None] = []
    for i, header in enumerate(rasters(raster, overviews)):
        if header is None or (wanted[i] is None and not absent):
            planned.append(None)
            continue
        try:
            planned.append(
                list(
                    rows_of(
                        _sound(header),
                        _request(i, wanted, asked_bands, levels, resolutions, touched),
                        policies[i],
                    )
                )
            )
        except RasteretError as error:
            if policies[i] == "fail":
                raise
            planned.append([_failed_row(raster, i, error)])
    return planned


def _no_area(aoi: pa.Array) -> bool:
    return bool(pa.types.is_null(aoi.type))


def _request(
    i: int,
    wanted: Sequence[Any],
    bands: Sequence[Any],
    levels: Sequence[int | None],
    resolutions: Sequence[float | None],
    touched: Sequence[bool],
) -> ReadRequest:
    return ReadRequest(
        area=_sound(wanted[i]),
        bands=bands[i],
        level=levels[i],
        resolution=resolutions[i],
        all_touched=touched[i],
    )


def _sound(value: Any) -> Any:
    if isinstance(value, RasteretError):
        raise value
    return value


def _failed_row(raster: pa.Array, i: int, error: RasteretError) -> Row:
    """on_error := 'null': the href, and why there is nothing else."""
    value = raster[i].as_py() if pa.types.is_string(raster.type) else raster.field("href")[i].as_py()
    return {"href": value, "source": {"on_error": "null", "error": str(error)}}


def _chip_rows(header: Header, request: ReadRequest, on_error: str) -> Iterable[Row]:
    found = plan_chip(header, request)
    if found is not None:
        level, plan = found
        yield _plan_row(header, level, plan, on_error)


def _tile_rows(header: Header, request: ReadRequest, on_error: str) -> Iterable[Row]:
    for level, column, row, plan in tiles_of(header, request):
        yield _plan_row(header, level, plan, on_error) | {
            "tile_col": column,
            "tile_row": row,
            "offset": int(plan.selection.offsets[0]),
            "byte_count": int(plan.selection.byte_counts[0]),
        }


def _plan_row(header: Header, level: int, plan: ChipPlan, on_error: str) -> Row:
    window = plan.window
    return {
        "href": header.href,
        "bands": [band + 1 for band in plan.bands],
        "level": level,
        "x_off": window.x_off,
        "y_off": window.y_off,
        "width": window.width,
        "height": window.height,
        "bbox": box(window_bounds(plan.transform, window)),
        "crs": header.crs,
        "transform": plan.transform,
        "dtype": header.dtype,
        "shape": plan.shape,
        "nodata": header.nodata,
        "source": source_row(plan, on_error),
    }


def read_chips(source: pa.Array) -> pa.Array:
    """Pixels and validity of planned chips."""
    return _read(source.to_pylist(), validity=True)


def read_tiles(source: pa.Array) -> pa.Array:
    """Pixels of planned tiles."""
    return _read(source.to_pylist(), validity=False)


def _read(sources: list[Row | None], *, validity: bool) -> pa.Array:
    rows = [i for i, source in enumerate(sources) if source is not None and source["selection"] is not None]
    plans = [plan_of(sources[i]) for i in rows]  # type: ignore[arg-type]
    buffer, arrays = chips.allocate(plans)
    valid, errors = chips.read_chips(plans, arrays)
    texts: list[str | None] = [None if source is None else source.get("error") for source in sources]
    lengths, there = [0] * len(sources), [False] * len(sources)
    masks: list[bytes | None] = [None] * len(sources)
    for i, plan, mask, error in zip(rows, plans, valid, errors, strict=True):
        lengths[i] = plan.byte_count
        if error is None:
            there[i] = True
            masks[i] = None if mask is None or not validity else mask.tobytes()
        elif sources[i]["on_error"] == "null":  # type: ignore[index]
            texts[i] = str(error)
        else:
            raise error
    return struct_array(
        {
            "data": blob_array(buffer, lengths, there),
            "valid": array_of(masks, "BLOB"),
            "error": array_of(texts, "VARCHAR"),
        }
    )


def as_array(raster: pa.Array, band: pa.Array) -> pa.Array:
    """One band of a chip, an index row or an href as rows of DOUBLE, NULL where a pixel is not valid."""
    bands = [1 if number is None else number for number in integers(band, "band")]
    grids: list[pa.Array | None] = []
    for number, chip in zip(bands, _chips(raster, bands), strict=True):
        grids.append(None if chip is None else _grid(chip, number))
    return _grid_column(grids)


def _grid_column(grids: Sequence[pa.Array | None]) -> pa.Array:
    present = [grid for grid in grids if grid is not None]
    rows = pa.concat_arrays(present) if present else array_of([], "DOUBLE[]")
    lengths = np.array([0 if grid is None else len(grid) for grid in grids], np.int64)
    offsets = np.zeros(len(grids) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    there = np.array([grid is not None for grid in grids], np.bool_)
    valid = pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(
        pa.list_(rows.type), len(grids), [valid, pa.py_buffer(offsets)], children=[rows]
    )


def _chips(raster: pa.Array, bands: Sequence[int]) -> list[Row | None]:
    """Chips as they are; other rasters read whole, only the band asked for."""
    if pa.types.is_struct(raster.type) and "data" in [field.name for field in raster.type]:
        chips_given: list[Row | None] = raster.to_pylist()
        return chips_given
    count = len(raster)
    plans: list[Row | None] = []
    for number, header in zip(bands, rasters(raster, [False] * count), strict=True):
        found = None if header is None else plan_chip(_sound(header), ReadRequest(bands=(number,)))
        plans.append(None if found is None else _plan_row(_sound(header), found[0], found[1], "fail"))
    pixels = _read([None if plan is None else plan["source"] for plan in plans], validity=True).to_pylist()
    return [
        None if plan is None else plan | got | {"band": number}
        for plan, got, number in zip(plans, pixels, bands, strict=True)
    ]


def _grid(chip: Row, number: int) -> pa.Array | None:
    if chip["data"] is None:
        return None
    bands, rows, columns = chip["shape"]
    position = 0 if "band" in chip and "source" in chip else number - 1
    if not 0 <= position < bands:
        raise ArgumentError(
            f"the chip has no band {number}; it has {bands}, counted from 1 as they were read"
        )
    dtype = np.dtype(chip["dtype"])
    if dtype.kind == "c":
        raise UnsupportedError(f"{dtype} pixels are not numbers of DOUBLE; take them from the data column")
    pixels = np.frombuffer(chip["data"], dtype).reshape(bands, rows, columns)[position]
    if (
        dtype.itemsize == 8
        and dtype.kind in "iu"
        and pixels.size
        and np.abs(pixels.astype(np.float64)).max() > 2**53
    ):
        raise UnsupportedError(
            f"{dtype} pixels beyond 2^53 are not exact as DOUBLE; take them from the data column"
        )
    valid = None if chip["valid"] is None else np.frombuffer(chip["valid"], np.uint8)
    return grid_lists(pixels, valid)
