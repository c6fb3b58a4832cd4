"""A lazy cube as a Dataset of xarray, whose chunks are dask's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.aoi import Aoi, parse_aoi
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.masks.rasterize import covers_grid, outline
from rasteret_sql.geo.window import Window, window_transform
from rasteret_sql.raster.read.plan import area_in
from rasteret_sql.tensors.cube import Cube
from rasteret_sql.tensors.dataset import DIMENSIONS, coordinates, fill_value, imported_xarray
from rasteret_sql.tensors.from_cubes import scaling_of
from rasteret_sql.tensors.lazy.cube_query import CubeQuery, Square
from rasteret_sql.tensors.lazy.index_rows import index_rows
from rasteret_sql.tensors.spatial_ref import SPATIAL_REF, is_upright

if TYPE_CHECKING:
    import xarray

FUNCTION = "open_xarray"


def open_cube(
    index: Any, area: Any, *, aoi_crs: str | None, chunk: int, options: dict[str, Any]
) -> xarray.Dataset:
    """See ``rasteret_sql.open_xarray``."""
    xarray = imported_xarray(FUNCTION)
    try:
        import dask.array
    except ImportError as error:
        raise ArgumentError(f"{FUNCTION} needs dask: pip install rasteret-sql[xarray]") from error
    if chunk != -1 and (not isinstance(chunk, int) or chunk < 1):
        raise ArgumentError(
            f"{FUNCTION}: chunk is {chunk!r}; a number of pixels was expected, or -1 for one chunk"
        )
    wanted = _area(area, aoi_crs)
    query = CubeQuery(
        rows=index_rows(index, wanted), area=wanted.geometry.wkb, aoi_crs=wanted.crs, options=options
    )
    plan = query.plan()
    if plan is None:
        raise ArgumentError(f"{FUNCTION}: the area touches no raster of the index")
    whole = _empty(plan)
    squares = _squares(query, wanted, whole, chunk, plan)
    pixels, valid = [], []
    for row in squares:
        parts = [dask.delayed(square.read, pure=False, nout=2)() for square in row]
        pairs = list(zip(parts, row, strict=True))
        pixels.append([dask.array.from_delayed(part[0], one.shape, one.dtype) for part, one in pairs])
        valid.append(
            [
                dask.array.from_delayed(part[1], (one.shape[0], *one.shape[2:]), np.bool_)
                for part, one in pairs
            ]
        )
    found = xarray.Dataset(
        {
            "pixels": (DIMENSIONS, dask.array.block(pixels), fill_value(whole)),
            "valid": (("time", "y", "x"), dask.array.block(valid)),
        },
        coordinates(whole),
        {"byte_count": int(plan["byte_count"])},
    )
    for name in ("pixels", "valid"):
        found[name].encoding["grid_mapping"] = SPATIAL_REF
    return found


def _area(area: Any, aoi_crs: str | None) -> Aoi:
    value = area.wkb if isinstance(area, shapely.Geometry) else area
    try:
        return parse_aoi(list(value) if isinstance(value, tuple) else value, crs=aoi_crs)
    except ArgumentError as error:
        raise ArgumentError(f"{FUNCTION}: {error}") from error


def _empty(plan: dict[str, Any]) -> Cube:
    """The cube without its pixels: an array that takes no memory stands for them."""
    shape = tuple(plan["shape"])
    times = np.array(
        [None if time is None else time.replace(tzinfo=None) for time in plan["time"]], "datetime64[us]"
    )
    if (np.diff(times) == np.timedelta64(0)).any():
        raise ArgumentError(
            f"{FUNCTION}: the index has a time twice; fuse='datetime' puts its scenes together"
        )
    cube = Cube(
        pixels=np.broadcast_to(np.zeros((), plan["dtype"]), shape),
        valid=np.broadcast_to(np.zeros((), np.bool_), (shape[0], 1, *shape[2:])),
        times=times,
        bands=tuple(plan["bands"]),
        transform=tuple(plan["transform"]),
        crs=plan["crs"],
        nodata=plan["nodata"],
        **scaling_of(plan, shape[0]),
    )
    if cube.crs is None or not is_upright(cube.transform):
        wrong = "has no CRS" if cube.crs is None else "is turned against its CRS"
        raise ArgumentError(
            f"{FUNCTION}: the grid of the first scene {wrong}: name one with crs= and resolution="
        )
    return cube


def _squares(
    query: CubeQuery, area: Aoi, whole: Cube, chunk: int, plan: dict[str, Any]
) -> list[list[Square]]:
    """The parts of the grid, row by row."""
    assert whole.crs is not None
    times, bands, rows, columns = whole.pixels.shape
    grid = Grid(crs=whole.crs, transform=whole.transform, width=columns, height=rows)
    has_inside = shapely.get_dimensions(area.geometry) == 2
    geometry = area_in(area, grid, "the cube") if has_inside else None
    all_touched = bool(query.options.get("all_touched"))
    edges = None
    if geometry is not None and not covers_grid(geometry, whole.transform, rows, columns):
        edges = outline(geometry, whole.transform, rows, columns, all_touched=all_touched)
    height, width = (rows, columns) if chunk == -1 else (chunk, chunk)

    def square(y: int, x: int) -> Square:
        window = Window(x_off=x, y_off=y, width=min(width, columns - x), height=min(height, rows - y))
        return Square(
            query=query,
            outline=edges,
            window=window,
            crs=plan["crs"],
            transform=window_transform(whole.transform, window),
            times=whole.times,
            shape=(times, bands, window.height, window.width),
            dtype=plan["dtype"],
            fill=0 if whole.nodata is None else whole.nodata,
        )

    return [[square(y, x) for x in range(0, columns, width)] for y in range(0, rows, height)]
