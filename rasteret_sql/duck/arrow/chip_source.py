"""The hidden column ``source`` of a planned chip: the plan as DuckDB keeps it, and back.

What all chips of a raster share is one text, written and read once; what is a chip's own is a short BLOB of
numbers. DuckDB copies and sorts both faster than nested columns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from struct import Struct
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from rasteret_sql.blocks.selection import Selection, StoredLevel
from rasteret_sql.codec.block import BlockLayout
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.window import Affine, Window
from rasteret_sql.geotiff.image_layout import ImageLayout
from rasteret_sql.geotiff.scaling import Scaling
from rasteret_sql.raster.algebra.band_math import BandMath
from rasteret_sql.raster.algebra.bound_math import BoundMath
from rasteret_sql.raster.algebra.math_plan import MathPlan
from rasteret_sql.raster.read.chip_plan import ChipPlan, Plan
from rasteret_sql.raster.read.placed_area import PlacedArea
from rasteret_sql.raster.read.raster_level import RasterLevel
from rasteret_sql.raster.read.read_plans import held_bytes
from rasteret_sql.raster.warp.warp_plan import WarpPlan

HEAD = Struct("=6d5Q")
"""Transform of the window, number of blocks, x_off, y_off, width and height. Then come the numbers, offsets
and byte counts of the blocks, and of those of the internal mask, eight bytes each."""

FIELDS = {kind: tuple(f.name for f in fields(kind)) for kind in (StoredLevel, ImageLayout, BlockLayout)}


@dataclass(frozen=True, kw_only=True)
class SharedPlan:
    """What the plans of all chips of one raster share."""

    stored: StoredLevel
    stored_mask: StoredLevel | None
    bands: tuple[int, ...]
    nodata: float | None
    alpha_band: int | None
    all_touched: bool


def shared_of(plan: ChipPlan | WarpPlan) -> SharedPlan:
    """What a plan shares."""
    read = plan.source
    return SharedPlan(
        stored=read.selection.stored,
        stored_mask=None if read.mask is None else read.mask.stored,
        bands=read.bands,
        nodata=read.nodata,
        alpha_band=read.alpha_band,
        all_touched=plan.all_touched,
    )


def shared_by_chips(raster: RasterLevel, *, all_touched: bool) -> SharedPlan:
    """What the plans of the chips of a raster will share."""
    return SharedPlan(
        stored=raster.stored,
        stored_mask=raster.stored_mask,
        bands=raster.bands,
        nodata=raster.nodata,
        alpha_band=raster.alpha,
        all_touched=all_touched,
    )


def source_row(plan: ChipPlan | WarpPlan, on_error: str) -> dict[str, Any]:
    """The column's value as one row, and ``held``, the bytes that a read takes, which no column keeps."""
    return shared_source(shared_of(plan), on_error) | own_source(plan)


def shared_source(shared: SharedPlan, on_error: str) -> dict[str, Any]:
    """The part that is the same for all chips of a raster."""
    return {"stored": _shared_text(shared), "on_error": on_error}


def own_source(plan: ChipPlan | WarpPlan) -> dict[str, Any]:
    """The part that is one chip's."""
    return {"plan": _numbers_of(plan.source), **placed_source(plan)}


def placed_source(plan: ChipPlan | WarpPlan) -> dict[str, Any]:
    """The part of it that is the same wherever in a file its blocks lie."""
    own: dict[str, Any] = {"aoi": plan.aoi, "held": held_bytes(plan)}
    if isinstance(plan, WarpPlan):
        own["warp"] = json.dumps(
            asdict(plan.target)
            | {"source_crs": plan.source_crs, "resampling": plan.resampling, "steps": plan.steps}
        )
    return own


class PlacedNumbers:
    """The numbers of the plan of an area, to which rasters on one grid add where their blocks lie."""

    def __init__(self, raster: RasterLevel, placed: PlacedArea) -> None:
        """``raster`` is any of those with its ``layout``."""
        self._blocks = [placed.blocks(part) for part in raster.parts]
        self._words = [blocks.astype(np.uint64).tobytes() for blocks in self._blocks]
        self._head = _head(placed.transform, placed.window, len(self._blocks[0]))

    def of(self, raster: RasterLevel) -> bytes:
        """What ``_numbers_of`` makes of the plan of the chip."""
        numbers = self._head
        for part, blocks, words in zip(raster.parts, self._blocks, self._words, strict=True):
            level = part.level
            numbers += words + level.tile_offsets[blocks].tobytes() + level.tile_byte_counts[blocks].tobytes()
        return numbers


def math_text(math: BoundMath) -> str:
    """What is made of the bands that a plan reads."""
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
    """The plan in one value of the column."""
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
        href=plan.source.selection.stored.href,
        scalings={name: Scaling(*scaling) for name, scaling in math["scalings"].items()},
        physical=None if math["physical"] is None else tuple(map(_scaling, math["physical"])),
    )
    return MathPlan(plan=plan, math=bound)


def _scaling(values: Sequence[float] | None) -> Scaling | None:
    return None if values is None else Scaling(*values)


def _numbers_of(read: ChipPlan) -> bytes:
    head = _head(read.transform, read.window, len(read.selection.blocks))
    if read.mask is None:
        return head + _blocks_of(read.selection)
    return head + _blocks_of(read.selection) + _blocks_of(read.mask)


def _head(transform: Affine, window: Window, blocks: int) -> bytes:
    return HEAD.pack(*transform, blocks, window.x_off, window.y_off, window.width, window.height)


def _blocks_of(chosen: Selection) -> bytes:
    numbers = chosen.blocks.astype(np.uint64)
    return numbers.tobytes() + chosen.offsets.tobytes() + chosen.byte_counts.tobytes()


def _pixels_of(row: Mapping[str, Any]) -> ChipPlan | WarpPlan:
    shared, data = _shared_of(row["stored"]), row["plan"]
    *transform, count, x_off, y_off, width, height = HEAD.unpack_from(data)
    words = np.frombuffer(data, np.uint64, offset=HEAD.size)
    mask = shared.stored_mask
    read = ChipPlan(
        selection=_selection(shared.stored, words[: 3 * count]),
        window=Window(x_off=x_off, y_off=y_off, width=width, height=height),
        bands=shared.bands,
        transform=cast(Affine, tuple(transform)),
        nodata=shared.nodata,
        alpha_band=shared.alpha_band,
        mask=None if mask is None else _selection(mask, words[3 * count :]),
        aoi=row["aoi"] if row["warp"] is None else None,
        all_touched=shared.all_touched,
    )
    if row["warp"] is None:
        return read
    warp = json.loads(row["warp"])
    target = {f.name: warp[f.name] for f in fields(Grid)}
    return WarpPlan(
        source=read,
        source_crs=warp["source_crs"],
        target=Grid(**target | {"transform": tuple(warp["transform"])}),
        resampling=warp["resampling"],
        steps=tuple(warp["steps"]),
        aoi=row["aoi"],
        all_touched=shared.all_touched,
    )


def _selection(stored: StoredLevel, words: npt.NDArray[np.uint64]) -> Selection:
    blocks, offsets, byte_counts = words.reshape(3, -1)
    return Selection(stored=stored, blocks=blocks.astype(np.uint32), offsets=offsets, byte_counts=byte_counts)


@lru_cache(maxsize=16384)
def _shared_text(shared: SharedPlan) -> str:
    return json.dumps(vars(shared), default=_plain)


def _plain(value: Any) -> Any:
    """What JSON has for it: bytes are the characters of the same numbers."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return {name: getattr(value, name) for name in FIELDS[type(value)]}


@lru_cache(maxsize=4096)
def _shared_of(text: str) -> SharedPlan:
    values = json.loads(text)
    levels = {name: _stored_of(values[name]) for name in ("stored", "stored_mask")}
    return SharedPlan(**values | levels | {"bands": tuple(values["bands"])})


def _stored_of(values: dict[str, Any] | None) -> StoredLevel | None:
    if values is None:
        return None
    image = values["image"]
    block = image["block"]
    tables, parameters = block["jpeg_tables"], block["lerc_parameters"]
    block["jpeg_tables"] = None if tables is None else tables.encode("latin-1")
    block["lerc_parameters"] = None if parameters is None else tuple(parameters)
    return StoredLevel(**values | {"image": ImageLayout(**image | {"block": BlockLayout(**block)})})
