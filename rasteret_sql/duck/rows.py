"""Headers and plans as rows, and back: the one place that knows both the values and their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from rasteret_sql.cog.header import Header, Level
from rasteret_sql.cog.selection import Selection
from rasteret_sql.cog.window import Window
from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.band_math import BandMath
from rasteret_sql.raster.bound_math import BoundMath
from rasteret_sql.raster.chip import ChipPlan
from rasteret_sql.raster.mapping import Grid
from rasteret_sql.raster.math_plan import MathPlan
from rasteret_sql.raster.read_plans import Plan
from rasteret_sql.raster.reproject import footprint
from rasteret_sql.raster.warp_plan import WarpPlan

LEVEL_FIELDS = tuple(f.name for f in fields(Level) if f.name != "mask")
PLAIN_FIELDS = tuple(
    f.name for f in fields(Header) if f.name not in {"full", "overviews", "ghost", "band_count", "gcps"}
)


def box(bounds: tuple[float, float, float, float] | None) -> dict[str, float] | None:
    """Bounds as the STRUCT(xmin, ymin, xmax, ymax) of the SQL surface."""
    return None if bounds is None else dict(zip(("xmin", "ymin", "xmax", "ymax"), bounds, strict=True))


def header_row(header: Header) -> dict[str, Any]:
    """A header as one row of an index."""
    row = {name: getattr(header, name) for name in PLAIN_FIELDS}
    row |= _level_row(header.full)
    row["band_count"] = header.band_count
    row["overviews"] = [_level_row(level) | {"mask": _mask_row(level)} for level in header.overviews]
    row["mask"] = _mask_row(header.full)
    row["gcps"] = None if header.gcps is None else [asdict(point) for point in header.gcps]
    row["ghost"] = dict(header.ghost)
    row["bbox"] = box(header.bounds)
    row["footprint"] = _outline(header)
    return row


def _outline(header: Header) -> bytes | None:
    try:
        return footprint(header.transform, header.full.width, header.full.height, header.crs)
    except ArgumentError:  # local, geocentric and other planets' CRSs have no longitude and latitude here
        return None


def _level_row(level: Level) -> dict[str, Any]:
    return {name: getattr(level, name) for name in LEVEL_FIELDS}


def _mask_row(level: Level) -> dict[str, Any] | None:
    return None if level.mask is None else _level_row(level.mask)


def source_row(plan: ChipPlan | WarpPlan, on_error: str) -> dict[str, Any]:
    """A chip plan as the hidden column that the reading kernel gets."""
    read = plan.source if isinstance(plan, WarpPlan) else plan
    window = read.window
    return {
        "selection": _selection_row(read.selection),
        "window": {name: getattr(window, name) for name in ("x_off", "y_off", "width", "height")},
        "bands": read.bands,
        "transform": read.transform,
        "nodata": read.nodata,
        "alpha_band": read.alpha_band,
        "mask": None if read.mask is None else _selection_row(read.mask),
        "aoi": plan.aoi,
        "all_touched": plan.all_touched,
        "warp": _warp_row(plan) if isinstance(plan, WarpPlan) else None,
        "math": None,
        "on_error": on_error,
        "error": None,
    }


def _warp_row(plan: WarpPlan) -> dict[str, Any]:
    return asdict(plan.target) | {
        "source_crs": plan.source_crs,
        "resampling": plan.resampling,
        "steps": plan.steps,
    }


def math_row(math: BoundMath) -> dict[str, Any]:
    """What is made of the bands that a plan reads."""
    return {
        "expression": math.asked.expression,
        "mask": math.asked.mask,
        "places": [math.places[name] for name in math.asked.names],
        "answered": math.answered,
        "dtype": math.dtype,
        "nodata": math.nodata,
    }


def _selection_row(chosen: Selection) -> dict[str, Any]:
    return {f.name: getattr(chosen, f.name) for f in fields(Selection)}


def plan_of(row: Mapping[str, Any]) -> Plan:
    """The plan in one hidden column value."""
    plan, math = _pixels_of(row), row["math"]
    if math is None:
        return plan
    asked = BandMath(expression=math["expression"], mask=math["mask"])
    bound = BoundMath(
        asked=asked,
        places=dict(zip(asked.names, math["places"], strict=True)),
        read=plan.bands,
        answered=math["answered"],
        dtype=math["dtype"],
        nodata=math["nodata"],
        href=row["selection"]["href"],
    )
    return MathPlan(plan=plan, math=bound)


def _pixels_of(row: Mapping[str, Any]) -> ChipPlan | WarpPlan:
    warp = row["warp"]
    read = ChipPlan(
        selection=_selection(row["selection"]),
        window=Window(**row["window"]),
        bands=tuple(row["bands"]),
        transform=tuple(row["transform"]),
        nodata=row["nodata"],
        alpha_band=row["alpha_band"],
        mask=None if row["mask"] is None else _selection(row["mask"]),
        aoi=row["aoi"] if warp is None else None,
        all_touched=row["all_touched"],
    )
    if warp is None:
        return read
    target = {f.name: warp[f.name] for f in fields(Grid)}
    return WarpPlan(
        source=read,
        source_crs=warp["source_crs"],
        target=Grid(**target | {"transform": tuple(warp["transform"])}),
        resampling=warp["resampling"],
        steps=tuple(warp["steps"]),
        aoi=row["aoi"],
        all_touched=row["all_touched"],
    )


def _selection(row: Mapping[str, Any]) -> Selection:
    values = dict(row)
    for name, dtype in (("blocks", np.uint32), ("offsets", np.uint64), ("byte_counts", np.uint64)):
        values[name] = np.array(values[name], dtype)
    parameters = values["lerc_parameters"]
    values["lerc_parameters"] = None if parameters is None else tuple(parameters)
    return Selection(**values)
