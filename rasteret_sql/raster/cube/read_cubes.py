"""Reading cubes: the scenes of all in one batch, each straight into its time step where it is the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rasteret_sql.arrays import Bools, Bytes, Pixels
from rasteret_sql.errors import RasteretError
from rasteret_sql.geotiff.nodata import fill_value
from rasteret_sql.raster.cube.cube_plan import CubePlan
from rasteret_sql.raster.stack.read_stacks import read_stacks
from rasteret_sql.raster.stack.stack_plan import StackPlan


@dataclass(frozen=True, kw_only=True)
class CubeRead:
    """What came of reading one cube."""

    valid: Bytes | None
    """``(steps, rows, columns)``, 1 = usable; None when all are."""
    errors: Sequence[Sequence[RasteretError]]
    """Of each time step, those of its scenes."""


@dataclass(frozen=True, kw_only=True)
class _Scene:
    cube: int
    step: int
    plan: StackPlan
    out: Pixels
    """``(bands, rows, columns)``: the time step itself for its first scene."""


def read_cubes(
    plans: Sequence[CubePlan], arrays: Sequence[Pixels], *, stop_at_error: bool = False
) -> list[CubeRead]:
    """Fill ``arrays``, ``(steps · bands, rows, columns)`` each, and tell what is valid and what failed.

    With ``stop_at_error`` the first error ends the reading of all.
    """
    scenes = [
        scene
        for cube, (plan, array) in enumerate(zip(plans, arrays, strict=True))
        for scene in _scenes(cube, plan, array)
    ]
    masks, errors = read_stacks(
        [scene.plan for scene in scenes], [scene.out for scene in scenes], stop_at_error=stop_at_error
    )
    steps: list[list[_Step]] = [
        [_Step(plan, part) for part in _steps(plan, array)] for plan, array in zip(plans, arrays, strict=True)
    ]
    stopped = stop_at_error and any(errors)
    for scene, mask, error in zip(scenes, masks, errors, strict=True):
        step = steps[scene.cube][scene.step]
        if error is not None:
            step.errors.append(error)
        elif not stopped:
            step.add(scene.out, None if mask is None else mask.view(np.bool_))
    return [
        CubeRead(valid=None if stopped else _valid(plan, parts), errors=[part.errors for part in parts])
        for plan, parts in zip(plans, steps, strict=True)
    ]


def _steps(plan: CubePlan, array: Pixels) -> Pixels:
    """``(steps, bands, rows, columns)``, a view."""
    parts: Pixels = array.reshape(len(plan.steps), plan.band_count, *plan.shape[1:])
    return parts


def _scenes(cube: int, plan: CubePlan, array: Pixels) -> list[_Scene]:
    scenes = []
    for number, (step, part) in enumerate(zip(plan.steps, _steps(plan, array), strict=True)):
        for at, scene in enumerate(step):
            out = np.empty_like(part) if at else part
            scenes.append(_Scene(cube=cube, step=number, plan=scene, out=out))
    return scenes


class _Step:
    """One time step while its scenes are put together."""

    def __init__(self, plan: CubePlan, out: Pixels) -> None:
        self.errors: list[RasteretError] = []
        self._plan, self._out = plan, out
        self._valid: Bools | None = None
        self._begun = False

    def add(self, pixels: Pixels, valid: Bools | None) -> None:
        """The next scene, whose valid pixels count where none before it is valid."""
        if not self._begun:
            self._begun, self._valid = True, valid
            if pixels is not self._out:  # an earlier scene failed
                self._out[...] = pixels
            return
        if self._valid is None:
            return
        taken = ~self._valid if valid is None else valid & ~self._valid
        self._out[:, taken] = pixels[:, taken]
        self._valid = None if valid is None else self._valid | valid

    @property
    def valid(self) -> Bools | None:
        """``(rows, columns)``; None where all are."""
        if self._begun:
            return self._valid
        self._out[...] = fill_value(self._plan.dtype, self._plan.nodata)
        return np.zeros(self._out.shape[1:], np.bool_)


def _valid(plan: CubePlan, steps: Sequence[_Step]) -> Bytes | None:
    masks = [step.valid for step in steps]
    inside = plan.inside()
    if inside is None and all(mask is None or mask.all() for mask in masks):
        return None
    valid = np.ones((len(steps), *plan.shape[1:]), np.bool_)
    for part, mask in zip(valid, masks, strict=True):
        if mask is not None:
            part[...] = mask
        if inside is not None:
            part &= inside
    return valid.view(np.uint8)
