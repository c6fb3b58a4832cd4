"""The scenes of one row, as they are asked for, and their cube over an area."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rasteret_sql.duck.arguments.call import Bands
from rasteret_sql.duck.arguments.named_rasters import WHOLE
from rasteret_sql.duck.arguments.stacks import Stack, layers_of
from rasteret_sql.duck.arguments.target_grids import shared_grid_over
from rasteret_sql.duck.arrow.cube_source import cube_source_row
from rasteret_sql.duck.arrow.rows import box
from rasteret_sql.duck.kernels.cubes.scenes import Scene, time_of
from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geotiff.scaling import SAME
from rasteret_sql.raster.algebra.band_math import BandMath, require
from rasteret_sql.raster.cube.cube_grid import centre_longitude
from rasteret_sql.raster.cube.cube_plan import CubePlan
from rasteret_sql.raster.cube.place_layers import place_layers
from rasteret_sql.raster.cube.time_steps import time_steps
from rasteret_sql.raster.physical import require_real
from rasteret_sql.raster.read.plan import Planner, ReadRequest
from rasteret_sql.raster.stack.plan_stack import Layer
from rasteret_sql.raster.stack.stack_facts import dtype_of, nodata_of
from rasteret_sql.raster.stack.stack_plan import Member, StackPlan
from rasteret_sql.raster.warp.target import GridRequest

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What one row asks of its scenes."""

    bands: Bands | None
    math: BandMath | None
    scale: bool | None
    grid: GridRequest
    resampling: str
    fuse: str
    all_touched: bool
    on_error: str


class AskedScenes:
    """The scenes of a list as they are asked for, whatever the area: a join repeats them.

    With ``on_error`` 'null' those that cannot be read are kept as their errors.
    """

    def __init__(self, scenes: Sequence[Scene], asked: Asked) -> None:
        self._scenes = scenes  # kept, so that its ``id`` stays its own
        self._math = asked.math
        bands = asked.bands if asked.bands is not None or self._is_expression else _bands_of(scenes)
        self.stacks: list[Stack | RasteretError] = []
        for scene in scenes:
            try:
                self.stacks.append(_stack(scene, bands, asked.math))
            except RasteretError as error:
                if asked.on_error == "fail":
                    raise
                self.stacks.append(error)
        self.good = [stack for stack in self.stacks if isinstance(stack, Stack)]
        self.headers = [layer.header for stack in self.good for layer in self._read_first(stack)]
        if self.good:
            self._require_alike(asked)
            self._describe(asked)

    @property
    def _is_expression(self) -> bool:
        return self._math is not None and self._math.expression is not None

    @property
    def hrefs(self) -> set[str]:
        return {header.href for header in self.headers}

    def _read_first(self, stack: Stack) -> list[Layer]:
        return list(stack.masking.values() if self._is_expression else stack.layers)

    def _require_alike(self, asked: Asked) -> None:
        """ArgumentError for different numbers of bands, and for stored numbers of different scales."""
        if self._is_expression:
            return
        first = next(i for i, stack in enumerate(self.stacks) if isinstance(stack, Stack))
        for i, stack in enumerate(self.stacks):
            if not isinstance(stack, Stack):
                continue
            one, other = ([layer.name for layer in s.layers] for s in (self.good[0], stack))
            if len(one) != len(other):
                raise ArgumentError(
                    f"{self._scenes[first].name} has the bands {', '.join(one)} and {self._scenes[i].name} "
                    f"{', '.join(other)}: name those of the cube in bands"
                )
            if asked.scale is None:
                _require_scale(self._scenes[first].name, self.good[0], self._scenes[i].name, stack)

    def _describe(self, asked: Asked) -> None:
        layers = [layer for stack in self.good for layer in stack.layers]
        self.bands: list[str]
        self.scalings: list[Any] = []
        if self._is_expression:
            assert asked.math is not None
            assert asked.math.expression is not None
            self.bands = [asked.math.expression]
            kinds = [_computed(stack, asked.math) for stack in self.good]
            self.dtype = np.result_type(*(np.dtype(kind) for kind in kinds)).name
            self.nodata: float | None = np.nan if np.dtype(self.dtype).kind == "f" else None
            self.physical = False
            return
        self.bands = [layer.name for layer in self.good[0].layers]
        self.physical = any(stack.physical for stack in self.good)
        self.dtype, self.nodata = dtype_of(layers), nodata_of(layers)
        if self.physical:
            for layer in layers:
                require_real(np.dtype(layer.header.dtype))
            self.dtype, self.nodata = "float64", np.nan
            return
        by_scene = [[layer.header.scaling(layer.band) for layer in stack.layers] for stack in self.good]
        if any(by_scene[0]) and all(scalings == by_scene[0] for scalings in by_scene):
            self.scalings = [scaling or SAME for scaling in by_scene[0]]

    def row(self, planner: Planner, asked: Asked, request: ReadRequest) -> Row | None:
        """The planned cube over an area; None where no scene has anything there."""
        if not self.good:
            errors = [str(stack) for stack in self.stacks]
            return {
                "time": [time_of(scene.moment) for scene in self._scenes],
                "source": {"on_error": "null", "errors": errors},
            }
        target, aoi = shared_grid_over(self.headers, request, asked.grid)
        moments = [scene.moment for scene in self._scenes]
        longitude = centre_longitude(target) if asked.fuse == "solar_day" else 0.0
        steps = time_steps(moments, asked.fuse, longitude)
        plans = [self._plan(planner, stack, asked, target) for stack in self.stacks]
        if not any(isinstance(plan, StackPlan) for plan in plans):
            if not any(isinstance(plan, RasteretError) for plan in plans):
                return None
            return _failed_cube(self._scenes, steps, plans)
        cube = CubePlan(
            steps=tuple(
                tuple(plan for i in step if isinstance(plan := plans[i], StackPlan)) for step in steps
            ),
            band_count=len(self.bands),
            place=target,
            dtype=self.dtype,
            nodata=self.nodata,
            aoi=aoi,
            all_touched=request.all_touched,
        )
        return {
            "time": [time_of(min(moments[i] for i in step)) for step in steps],
            "bands": self.bands,
            "shape": (len(steps), len(self.bands), target.height, target.width),
            "dtype": self.dtype,
            "nodata": self.nodata,
            "crs": target.crs,
            "transform": target.transform,
            "bbox": box(target.bounds),
            "scales": [scaling.scale for scaling in self.scalings] or None,
            "offsets": [scaling.offset for scaling in self.scalings] or None,
            "byte_count": cube.stored_bytes,
            "source": cube_source_row(cube) | {"on_error": asked.on_error, "errors": _errors(steps, plans)},
        }

    def _plan(
        self, planner: Planner, stack: Stack | RasteretError, asked: Asked, target: Grid
    ) -> StackPlan | RasteretError | None:
        """What is read of one scene; None where nothing of it lies on the grid."""
        if isinstance(stack, RasteretError):
            return stack
        try:
            return self._plan_scene(planner, stack, asked, target)
        except RasteretError as error:
            if asked.on_error == "fail":
                raise
            return error

    def _plan_scene(self, planner: Planner, stack: Stack, asked: Asked, target: Grid) -> StackPlan | None:
        read: list[tuple[Layer, str]] = []
        numbers: dict[tuple[int, int, str], int] = {}

        def number(layer: Layer, resampling: str) -> int:
            key = (id(layer.header), layer.band, resampling)
            if key not in numbers:
                numbers[key] = len(read)
                read.append((layer, resampling))
            return numbers[key]

        answered = tuple(number(layer, asked.resampling) for layer in stack.layers)
        # classes and flags are never blended
        names = {text: number(layer, "nearest") for text, layer in stack.masking.items()}
        plans = place_layers(planner, read, target)
        if all(plans[at] is None for at in (names.values() if self._is_expression else answered)):
            return None
        return StackPlan(
            members=tuple(
                Member(
                    plan=plan,
                    dtype=layer.header.dtype,
                    nodata=layer.header.nodata,
                    scaling=layer.header.scaling(layer.band),
                )
                for (layer, _), plan in zip(read, plans, strict=True)
            ),
            answered=answered,
            place=target,
            dtype=self.dtype,
            nodata=self.nodata,
            aoi=None,
            all_touched=False,
            physical=self.physical,
            mask=stack.mask,
            names=names,
            scaled=stack.scaled,
            expression=None if self._math is None else self._math.expression,
        )


def _bands_of(scenes: Sequence[Scene]) -> Bands | None:
    """The names of all rasters of the first scene, which the others have too; None of rasters without."""
    first = scenes[0].keys
    if WHOLE in first:
        return None
    for scene in scenes:
        if sorted(scene.keys) != sorted(first):
            raise ArgumentError(
                f"{scenes[0].name} ({time_of(scenes[0].moment):%Y-%m-%d}) has the bands {', '.join(first)} "
                f"and {scene.name} ({time_of(scene.moment):%Y-%m-%d}) {', '.join(scene.keys)}: "
                "name those of the cube in bands"
            )
    return tuple(first)


def _stack(scene: Scene, bands: Bands | None, math: BandMath | None) -> Stack:
    """What is asked of one scene, which an error names."""
    try:
        return layers_of(scene.rasters, bands, math)
    except ArgumentError as error:
        raise ArgumentError(f"{scene.name} of {time_of(scene.moment):%Y-%m-%dT%H:%M:%SZ}: {error}") from error


def _require_scale(first: str, one: Stack, name: str, other: Stack) -> None:
    """Stored numbers of different scales are not one series: 1,500 may mean 0.15 or 0.05."""
    for band, (a, b) in enumerate(zip(one.layers, other.layers, strict=True)):
        s, t = (layer.header.scaling(layer.band) or SAME for layer in (a, b))
        if s != t:
            raise ArgumentError(
                f"band {one.layers[band].name} of {first} has scale {s.scale:g} and offset {s.offset:g}, "
                f"that of {name} scale {t.scale:g} and offset {t.offset:g}: their stored numbers are not "
                "comparable; "
                "pass scale := true for physical values, or scale := false for the numbers as they are stored"
            )


def _computed(stack: Stack, math: BandMath) -> str:
    """NumPy's name of the type that an expression gives over a scene."""
    dtypes = {text: layer.header.dtype for text, layer in stack.masking.items()}
    scaled = {text: layer.header.scaling(layer.band) for text, layer in stack.masking.items()}
    scalings = {text: one for text, one in scaled.items() if one is not None and stack.scaled}
    result = require(math, dtypes, scalings)
    assert result is not None, "asked of an expression"
    return result[0]


def _errors(steps: Sequence[Sequence[int]], plans: Sequence[Any]) -> list[str | None] | None:
    """Of each time step, what failed; None where nothing did."""
    told = [
        "; ".join(str(plans[i]) for i in step if isinstance(plans[i], RasteretError)) or None
        for step in steps
    ]
    return told if any(told) else None


def _failed_cube(scenes: Sequence[Scene], steps: Sequence[Sequence[int]], plans: Sequence[Any]) -> Row:
    return {
        "time": [time_of(min(scenes[i].moment for i in step)) for step in steps],
        "source": {"on_error": "null", "errors": _errors(steps, plans)},
    }
