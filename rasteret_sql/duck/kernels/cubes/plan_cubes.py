"""The plan of a cube of each row: which scenes are its time steps, and what is read of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arguments.arguments import asked_area, sql
from rasteret_sql.duck.arguments.batches import batch_of, take_places
from rasteret_sql.duck.arguments.call import ASKED, Bands, Call, by_name
from rasteret_sql.duck.arguments.pixel_math import asked_math
from rasteret_sql.duck.arguments.target_grids import asked_grids
from rasteret_sql.duck.arguments.touching import note_touching
from rasteret_sql.duck.arrow import types
from rasteret_sql.duck.arrow.arrays import array_of
from rasteret_sql.duck.kernels.cubes.asked_scenes import Asked, AskedScenes
from rasteret_sql.duck.kernels.cubes.scenes import is_list, scene_lists
from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.algebra.band_math import BandMath
from rasteret_sql.raster.cube.time_steps import FUSES
from rasteret_sql.raster.read.plan import Planner, ReadRequest
from rasteret_sql.raster.warp.target import GridRequest
from rasteret_sql.store.fetch import prepare

ON_ERROR = ("fail", "null")
Row = dict[str, Any]


@by_name
def plan_cubes(call: Call) -> pa.Array:
    """The cube, or none, of each row; nothing is fetched but headers of plain hrefs."""
    scenes_column = call["scenes"]
    inner = scenes_column.values if is_list(scenes_column.type) else scenes_column
    wanted, bands = call.areas(), call.bands()
    maths = asked_math(inner, call["expression"], call["mask"], call["scale"])
    requests = _requests(call, bands, maths)
    lists = scene_lists(scenes_column, bands, maths)
    planner, known = Planner(), dict[Any, AskedScenes]()
    planned: list[list[Row] | None] = []
    first: tuple[Aoi, Header] | None = None
    touched = False
    for i, scenes in enumerate(lists):
        area, asked = wanted[i], requests[i]
        if scenes is None or area is None:
            planned.append(None)
            continue
        key = id(scenes), asked.bands, id(asked.math), asked.scale, asked.resampling, asked.on_error
        try:
            if isinstance(area, RasteretError):
                raise area
            if key not in known:
                known[key] = AskedScenes(scenes, asked)
            found = known[key]
            request = ReadRequest(area=asked_area(area), all_touched=asked.all_touched)
            row = found.row(planner, asked, request)
        except RasteretError as error:
            if asked.on_error == "fail":
                raise
            planned.append([_failed_row(error)])
            continue
        planned.append([] if row is None else [row])
        touched = touched or (row is not None and isinstance(request.area, Aoi))
        if first is None and isinstance(request.area, Aoi) and found.headers:
            first = request.area, found.headers[0]
    sources = [row["source"] for rows in planned for row in rows or ()]
    take_places(sources, batch_of(call[ASKED], len(sources)))
    note_touching("read_cube", call[ASKED], touched=touched, first=lambda: first)
    prepare({href for one in known.values() for href in one.hrefs})
    return array_of(planned, types.CUBE_PLAN + "[]")


def _requests(call: Call, bands: Sequence[Bands | None], maths: Sequence[BandMath | None]) -> list[Asked]:
    policies, touched = call.choices("on_error", ON_ERROR), call.flags("all_touched")
    fuses, steps = call.choices("fuse", FUSES), call.numbers("resolution")
    scales = call.optional_flags("scale")
    return [
        Asked(
            bands=bands[i],
            math=_nearest_math(maths[i], grid.resampling if grid is not None else "nearest"),
            scale=scales[i],
            grid=GridRequest(resolution=steps[i]) if grid is None else grid.grid,
            resampling="nearest" if grid is None else grid.resampling,
            fuse=fuses[i],
            all_touched=touched[i],
            on_error=policies[i],
        )
        for i, grid in enumerate(asked_grids(call))
    ]


def _nearest_math(math: BandMath | None, resampling: str) -> BandMath | None:
    if math is not None and math.expression is not None and resampling != "nearest":
        raise ArgumentError(
            f"resampling := {sql(resampling)} beside expression := {sql(math.expression)}: the names of an "
            "expression are bands on the grid of the cube, by their nearest pixels; leave resampling out, or "
            "compute the expression over the bands of the cube"
        )
    return math


def _failed_row(error: RasteretError) -> Row:
    """on_error := 'null': why there is nothing else."""
    return {"source": {"on_error": "null", "errors": [str(error)]}}
