"""Headers and plans as rows, and back: the one place that knows both the values and their columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import lru_cache
from typing import Any, NamedTuple, cast

import numpy as np

from rasteret_sql.blocks.selection import Selection, StoredLevel
from rasteret_sql.codec.block import BlockLayout
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.reprojection.reproject import footprint
from rasteret_sql.geo.window import Affine, Window
from rasteret_sql.geotiff.header import Header, Level
from rasteret_sql.geotiff.image_layout import ImageLayout
from rasteret_sql.geotiff.scaling import Scaling
from rasteret_sql.raster.algebra.band_math import BandMath
from rasteret_sql.raster.algebra.bound_math import BoundMath
from rasteret_sql.raster.algebra.math_plan import MathPlan
from rasteret_sql.raster.read.chip_plan import ChipPlan, Plan
from rasteret_sql.raster.read.read_plans import held_bytes
from rasteret_sql.raster.warp.warp_plan import WarpPlan


def box(bounds: tuple[float, float, float, float] | None) -> dict[str, float] | None:
    """Bounds as the STRUCT(xmin, ymin, xmax, ymax) of the SQL surface."""
    return None if bounds is None else dict(zip(("xmin", "ymin", "xmax", "ymax"), bounds, strict=True))


def header_row(header: Header) -> dict[str, Any]:
    """A header as one row of an index, and whatever else it holds, which no column takes."""
    return {
        **vars(header),
        **_level_row(header.full),
        "overviews": [{**_level_row(level), "mask": _mask_row(level)} for level in header.overviews],
        "mask": _mask_row(header.full),
        "mask_bands": None if all(level.mask is None for level in header.levels) else header.mask_bands,
        "gcps": None if header.gcps is None else [asdict(point) for point in header.gcps],
        "bbox": box(header.bounds),
        "footprint": _outline(header),
    }


def _outline(header: Header) -> bytes | None:
    try:
        return footprint(header.transform, header.full.width, header.full.height, header.crs)
    except ArgumentError:  # local, geocentric and other planets' CRSs have no longitude and latitude here
        return None


def _mask_row(level: Level) -> dict[str, Any] | None:
    return None if level.mask is None else _level_row(level.mask)


def _level_row(level: Level) -> dict[str, Any]:
    block = level.image.block
    return {
        **vars(block),
        **vars(level.image),  # its width and height, not those of a block
        "tile_width": block.width,
        "tile_height": block.height,
        "tile_offsets": level.tile_offsets,
        "tile_byte_counts": level.tile_byte_counts,
    }


class BlockLists(NamedTuple):
    """The blocks of a selection, side by side."""

    numbers: list[int]
    offsets: list[int]
    byte_counts: list[int]


class PlanText(NamedTuple):
    """The text ``plan`` of the hidden column: a JSON array of these, which is read faster than an object."""

    blocks: BlockLists
    mask: BlockLists | None
    """Of the internal mask."""
    window: tuple[int, int, int, int]
    """x_off, y_off, width, height."""
    bands: tuple[int, ...]
    transform: Affine
    nodata: float | None
    alpha_band: int | None
    all_touched: bool
    warp: dict[str, Any] | None
    """The fields of the target ``Grid``, and ``source_crs``, ``resampling`` and ``steps`` of the plan."""


def source_row(plan: ChipPlan | WarpPlan, on_error: str) -> dict[str, Any]:
    """A chip plan as the hidden column that the reading kernel gets.

    Texts in JSON, because DuckDB copies and sorts them faster than nested columns; what all chips of a file
    share is a text of its own, written and read once. ``held``, the bytes that a read takes, stays here.
    """
    warp = None
    if isinstance(plan, WarpPlan):
        warp = asdict(plan.target) | {
            "source_crs": plan.source_crs,
            "resampling": plan.resampling,
            "steps": plan.steps,
        }
    read = plan.source
    window = read.window
    text = PlanText(
        blocks=_blocks_of(read.selection),
        mask=None if read.mask is None else _blocks_of(read.mask),
        window=(window.x_off, window.y_off, window.width, window.height),
        bands=read.bands,
        transform=read.transform,
        nodata=read.nodata,
        alpha_band=read.alpha_band,
        all_touched=plan.all_touched,
        warp=warp,
    )
    return {
        "stored": _stored_text(read.selection.stored),
        "stored_mask": None if read.mask is None else _stored_text(read.mask.stored),
        "plan": json.dumps(text),
        "aoi": plan.aoi,
        "on_error": on_error,
        "held": held_bytes(plan),
    }


def math_text(math: BoundMath) -> str:
    """What is made of the bands that a plan reads, for its hidden column."""
    return json.dumps(
        {
            "expression": math.asked.expression,
            "mask": math.asked.mask,
            "places": [math.places[name] for name in math.asked.names],
            "answered": math.answered,
            "dtype": math.dtype,
            "nodata": math.nodata,
            "scalings": math.scalings,
            "physical": math.physical,
        }
    )


def plan_of(row: Mapping[str, Any]) -> Plan:
    """The plan in one hidden column value."""
    plan = _pixels_of(row)
    if row["math"] is None:
        return plan
    math = json.loads(row["math"])
    asked = BandMath(expression=math["expression"], mask=math["mask"])
    bound = BoundMath(
        asked=asked,
        places=dict(zip(asked.names, math["places"], strict=True)),
        read=plan.bands,
        answered=math["answered"],
        dtype=math["dtype"],
        nodata=math["nodata"],
        href=_stored_of(row["stored"]).href,
        scalings={name: Scaling(*scaling) for name, scaling in math["scalings"].items()},
        physical=None if math["physical"] is None else tuple(map(_scaling, math["physical"])),
    )
    return MathPlan(plan=plan, math=bound)


def _scaling(values: Sequence[float] | None) -> Scaling | None:
    return None if values is None else Scaling(*values)


def _pixels_of(row: Mapping[str, Any]) -> ChipPlan | WarpPlan:
    text = PlanText(*json.loads(row["plan"]))
    x_off, y_off, width, height = text.window
    warp = text.warp
    read = ChipPlan(
        selection=_selection(row["stored"], text.blocks),
        window=Window(x_off=x_off, y_off=y_off, width=width, height=height),
        bands=tuple(text.bands),
        transform=cast(Affine, tuple(text.transform)),
        nodata=text.nodata,
        alpha_band=text.alpha_band,
        mask=None if text.mask is None else _selection(row["stored_mask"], text.mask),
        aoi=row["aoi"] if warp is None else None,
        all_touched=text.all_touched,
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
        all_touched=text.all_touched,
    )


def _blocks_of(chosen: Selection) -> BlockLists:
    return BlockLists(chosen.blocks.tolist(), chosen.offsets.tolist(), chosen.byte_counts.tolist())


def _selection(stored: str, lists: Sequence[list[int]]) -> Selection:
    blocks = BlockLists(*lists)
    return Selection(
        stored=_stored_of(stored),
        blocks=np.array(blocks.numbers, np.uint32),
        offsets=np.array(blocks.offsets, np.uint64),
        byte_counts=np.array(blocks.byte_counts, np.uint64),
    )


@lru_cache(maxsize=4096)
def _stored_text(stored: StoredLevel) -> str:
    # bytes as the characters of the same numbers
    return json.dumps(asdict(stored), default=lambda tables: tables.decode("latin-1"))


@lru_cache(maxsize=4096)
def _stored_of(text: str) -> StoredLevel:
    values = json.loads(text)
    image = values["image"]
    block = image["block"]
    tables, parameters = block["jpeg_tables"], block["lerc_parameters"]
    block["jpeg_tables"] = None if tables is None else tables.encode("latin-1")
    block["lerc_parameters"] = None if parameters is None else tuple(parameters)
    return StoredLevel(**values | {"image": ImageLayout(**image | {"block": BlockLayout(**block)})})
