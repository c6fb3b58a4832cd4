"""Plans of cubes as the hidden column that the reading kernel gets, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rasteret_sql.duck.arrow.stack_rows import member_of, member_row
from rasteret_sql.geo.grid import Grid
from rasteret_sql.raster.cube.cube_plan import CubePlan
from rasteret_sql.raster.stack.stack_plan import StackPlan

SHARED = ("physical", "mask", "scaled", "expression")
"""What all scenes of a cube have in common, besides their grid and type."""


def cube_source_row(plan: CubePlan) -> dict[str, Any]:
    """The plans of all scenes as one text in JSON."""
    scenes = list(plan.scenes)
    values = {
        "steps": [[_scene_row(scene) for scene in step] for step in plan.steps],
        "band_count": plan.band_count,
        "place": vars(plan.place),
        "dtype": plan.dtype,
        "nodata": plan.nodata,
        "all_touched": plan.all_touched,
        "shared": {name: getattr(scenes[0], name) for name in SHARED},
    }
    first = next(member.plan for scene in scenes for member in scene.members if member.plan is not None)
    return {
        "first": first.source.selection.stored.href,
        "cube": json.dumps(values),
        "aoi": plan.aoi,
        "held": plan.byte_count,
    }


def _scene_row(scene: StackPlan) -> dict[str, Any]:
    return {
        "members": [member_row(member) for member in scene.members],
        "answered": scene.answered,
        "names": scene.names,
    }


def cube_of(row: Mapping[str, Any]) -> CubePlan:
    """The plan in one hidden column value."""
    values = json.loads(row["cube"])
    place = Grid(**values["place"] | {"transform": tuple(values["place"]["transform"])})
    shared = values["shared"] | {"place": place} | {name: values[name] for name in ("dtype", "nodata")}
    return CubePlan(
        steps=tuple(tuple(_scene(scene, shared) for scene in step) for step in values["steps"]),
        band_count=values["band_count"],
        place=place,
        dtype=values["dtype"],
        nodata=values["nodata"],
        aoi=row["aoi"],
        all_touched=values["all_touched"],
    )


def _scene(row: Mapping[str, Any], shared: Mapping[str, Any]) -> StackPlan:
    return StackPlan(
        members=tuple(member_of(member, shared["place"]) for member in row["members"]),
        answered=tuple(row["answered"]),
        names=row["names"],
        aoi=None,
        all_touched=False,
        **shared,
    )
