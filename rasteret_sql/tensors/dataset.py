"""A cube as a Dataset of xarray."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rasteret_sql.errors import ArgumentError
from rasteret_sql.tensors.cube import Cube
from rasteret_sql.tensors.spatial_ref import SPATIAL_REF, axes, centres, grid_mapping, is_upright

if TYPE_CHECKING:
    import xarray

DIMENSIONS = ("time", "band", "y", "x")


def dataset_of(cube: Cube, function: str) -> xarray.Dataset:
    """``pixels``, ``valid`` and the coordinates of a cube, whose arrays it takes over."""
    xarray = imported_xarray(function)
    shares_valid = cube.valid.shape[1] == 1
    valid = ("time", "y", "x") if shares_valid else DIMENSIONS
    found = xarray.Dataset(
        {
            "pixels": (DIMENSIONS, cube.pixels, fill_value(cube)),
            "valid": (valid, cube.valid[:, 0] if shares_valid else cube.valid),
        },
        coordinates(cube),
    )
    for name in ("pixels", "valid"):
        found[name].encoding["grid_mapping"] = SPATIAL_REF
    return found


def coordinates(cube: Cube) -> dict[str, Any]:
    """Time, band, the centres of pixels, ``spatial_ref``, and scales where there are any."""
    rows, columns = cube.pixels.shape[2:]
    x, y = centres(cube.transform, columns, rows)
    of_x, of_y = axes(cube.crs)
    found: dict[str, Any] = {
        "time": ("time", cube.times),
        "band": ("band", list(cube.bands)),
        SPATIAL_REF: ((), np.int64(0), grid_mapping(cube.crs, cube.transform)),
    }
    if is_upright(cube.transform):
        found |= {"y": ("y", y, of_y), "x": ("x", x, of_x)}
    else:
        found |= {"yc": (("y", "x"), y, of_y), "xc": (("y", "x"), x, of_x)}
    if cube.scales is not None:
        found |= {"scale": (("time", "band"), cube.scales), "offset": (("time", "band"), cube.offsets)}
    return found


def fill_value(cube: Cube) -> dict[str, Any]:
    """``_FillValue``, where all bands share one that pixels can have."""
    if cube.nodata is None:
        return {}
    dtype = cube.pixels.dtype
    with np.errstate(invalid="ignore", over="ignore"):
        value = np.array(cube.nodata).astype(dtype)[()]
    is_same = value == cube.nodata or (np.isnan(cube.nodata) and dtype.kind in "fc")
    return {"_FillValue": value} if is_same else {}


def imported_xarray(function: str) -> Any:
    """The module; ``ArgumentError`` where it is not installed."""
    try:
        import xarray
    except ImportError as error:
        raise ArgumentError(f"{function} needs xarray: pip install rasteret-sql[xarray]") from error
    return xarray
