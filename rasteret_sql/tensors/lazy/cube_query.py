"""The queries of a lazy cube: its plan, which asks for nothing, and one for each of its squares."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from rasteret_sql.arrays import Bools, Pixels
from rasteret_sql.duck.register.connection import wrapped
from rasteret_sql.duck.register.registration import register
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.masks.rasterize import Outline
from rasteret_sql.geo.window import Affine, Window
from rasteret_sql.tensors.cube import Cube
from rasteret_sql.tensors.from_cubes import cube_rows

ORDER = "rasteret_order"
"""Column of the index rows: scenes that are fused stay in this order."""
PLAN = "time, bands, shape, dtype, nodata, crs, transform, scales, offsets, byte_count"
QUARTER = 0.25
"""Of a pixel: bounds that lie this far within their pixels cover these and no others, however they round."""


@dataclass(frozen=True, kw_only=True)
class CubeQuery:
    """read_cube over index rows, for one area."""

    rows: pa.Table
    """The index rows of the cube, with ``ORDER``."""
    area: Any
    """As read_cube takes it; only the plan's."""
    aoi_crs: str | None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of read_cube by name."""

    def plan(self) -> dict[str, Any] | None:
        """Row of the cube without its pixels; None where no scene has any in the area."""
        with cursor() as con:
            table = self._ask(con, PLAN, self.area, self.aoi_crs, self.options)
        return table.to_pylist()[0] if table.num_rows else None

    def cube(self, bounds: Sequence[float], crs: str) -> Cube | None:
        """The cube of a box in ``crs``; None where no scene has pixels in it."""
        with cursor() as con:
            table = self._ask(con, "*", list(bounds), crs, self.options)
        for batch in table.to_batches():
            for cube in cube_rows(batch, "open_xarray"):
                return cube
        return None

    def _ask(
        self,
        con: duckdb.DuckDBPyConnection,
        columns: str,
        area: Any,
        aoi_crs: str | None,
        options: Mapping[str, Any],
    ) -> pa.Table:
        rasteret_rows = self.rows
        given = {"aoi_crs": aoi_crs, **options}
        given = {name: value for name, value in given.items() if value is not None}
        arguments = "".join(f", {name} := ${name}" for name in given)
        relation = con.sql(
            f"SELECT {columns} FROM (SELECT list(i ORDER BY i.{ORDER}) AS scenes "
            f"FROM rasteret_rows AS i) AS s, read_cube(s.scenes, $area{arguments})",
            params={"area": area, **given},
        )
        table = relation.to_arrow_table()
        assert rasteret_rows is not None, "DuckDB finds it by its name"
        return table


@dataclass(frozen=True, kw_only=True)
class Square:
    """A part of a cube's grid: all times of one chunk."""

    query: CubeQuery
    outline: Outline | None
    """The area on the grid of the whole cube: pixels outside are not valid; None where all are inside."""
    window: Window
    """In that grid."""
    crs: str
    transform: Affine
    """Of its own pixels."""
    times: Any
    """datetime64[us]."""
    shape: tuple[int, int, int, int]
    dtype: str
    fill: float

    def read(self) -> tuple[Pixels, Bools]:
        """``(time, band, y, x)`` and ``(time, y, x)``."""
        times, _, rows, columns = self.shape
        a, _, c, _, e, f = self.transform
        x = sorted((c + QUARTER * a, c + (columns - QUARTER) * a))
        y = sorted((f + QUARTER * e, f + (rows - QUARTER) * e))
        cube = self.query.cube((x[0], y[0], x[1], y[1]), self.crs)
        if cube is None:
            return np.full(self.shape, self.fill).astype(self.dtype), np.zeros(
                (times, rows, columns), np.bool_
            )
        self._check(cube)
        valid: Bools = cube.valid[:, 0]
        return cube.pixels, valid if self.outline is None else valid & self.outline.burn(self.window)

    def _check(self, cube: Cube) -> None:
        """A part of a cube is a part of the plan, or an error."""
        is_placed = np.allclose(cube.transform, self.transform, rtol=0, atol=abs(self.transform[0]) * 1e-6)
        if cube.pixels.shape != self.shape or not is_placed or cube.pixels.dtype != self.dtype:
            found, planned = _grid_text(cube.pixels, cube.transform), _grid_text(self, self.transform)
            raise ArgumentError(
                f"open_xarray: a part of the cube has {found}, where the plan has {planned}: give the cube a "
                "grid of its own with crs= and resolution="
            )
        if not np.array_equal(cube.times, self.times):
            raise ArgumentError(
                "open_xarray: the times of a part of the cube are not those of the plan: with "
                "fuse='solar_day' a day ends elsewhere there. Use fuse='datetime', or chunk=-1"
            )


def _grid_text(array: Pixels | Square, transform: Affine) -> str:
    return f"shape {list(array.shape)} of {array.dtype} and transform {list(transform)}"


@contextmanager
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for one query of one thread, with every function."""
    made = _base(os.getpid()).cursor()
    try:
        yield made
    finally:
        made.close()


@lru_cache(maxsize=1)
def _base(process: int) -> duckdb.DuckDBPyConnection:
    """A database in memory; a forked process makes another."""
    connection = duckdb.connect()
    register(connection, new=True)
    return wrapped(connection, pushes_down=False)
