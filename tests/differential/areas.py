"""Random areas on a raster, and the literals that a user would write for them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import shapely
from rasterio.windows import Window

TURN = 360.0


def polygon(choose: random.Random, dataset: Any) -> Any:
    """In the CRS of the raster: inside, across its edges, tiny, of two parts, around all, or beside it."""
    kind = choose.choice(["star", "star", "star", "tiny", "parts", "around", "beside"])
    width, height = dataset.width, dataset.height
    x, y = choose.uniform(-0.1, 1.1) * width, choose.uniform(-0.1, 1.1) * height
    if kind == "around":
        shape = shapely.box(-5, -5, width + 5, height + 5)
    elif kind == "beside":
        shape = shapely.box(width + 2, y, width + 9, y + 7)
    elif kind == "parts":
        shape = shapely.unary_union([_star(choose, x, y, 30), _star(choose, y, x, 20)])
    else:
        shape = _star(choose, x, y, 0.7 if kind == "tiny" else choose.uniform(2, 90))
    return shapely.transform(shape, lambda at: np.column_stack(dataset.transform @ tuple(at.T)))


def _star(choose: random.Random, x: float, y: float, reach: float) -> Any:
    angles = sorted(choose.uniform(0, 6.283) for _ in range(choose.randint(3, 9)))
    corners = [
        (x + reach * np.cos(a) * choose.uniform(0.4, 1), y + reach * np.sin(a) * choose.uniform(0.4, 1))
        for a in angles
    ]
    return shapely.Polygon(corners).buffer(0)


def on_the_globe(shape: Any, dataset: Any) -> bool:
    """Whether every latitude of an area in degrees is one."""
    south, north = shapely.bounds(shape)[[1, 3]]
    return not dataset.crs.is_geographic or (south >= -90 and north <= 90)


def another_turn(choose: random.Random, shape: Any, dataset: Any) -> Any:
    """The same area in degrees as somebody else writes it."""
    if not dataset.crs.is_geographic or choose.random() < 0.5:
        return shape
    shift = turn_of(choose, *shapely.bounds(shape)[[0, 2]])
    return shapely.transform(shape, lambda at: np.add(at, (shift, 0.0)))


def turn_of(choose: random.Random, west: float, east: float) -> float:
    """A whole turn, or none, after which longitudes are still between -360 and 360."""
    return choose.choice([s for s in (0.0, -TURN, TURN) if west + s >= -TURN and east + s <= TURN] or [0.0])


def literal(choose: random.Random, shape: Any) -> str:
    """WKT, GeoJSON, WKB, or a box of its own bounds where it is one."""
    form = choose.choice(["wkt", "geojson", "wkb"])
    if form == "wkt":
        return f"'{shapely.to_wkt(shape, rounding_precision=-1)}'"
    return f"'{shapely.to_geojson(shape)}'" if form == "geojson" else f"from_hex('{shape.wkb_hex}')"


def pixel_window(choose: random.Random, dataset: Any) -> Window:
    """A window inside the raster."""
    x, y = choose.randrange(dataset.width), choose.randrange(dataset.height)
    return Window(x, y, choose.randint(1, dataset.width - x), choose.randint(1, dataset.height - y))


def window_literal(window: Window) -> str:
    sides = (
        ("x_off", window.col_off),
        ("y_off", window.row_off),
        ("width", window.width),
        ("height", window.height),
    )
    return "{" + ", ".join(f"'{name}': {value}" for name, value in sides) + "}"


def crs_literal(dataset: Any) -> str:
    """The raster's own CRS as SQL."""
    code = dataset.crs.to_epsg()
    text = f"EPSG:{code}" if code else dataset.crs.to_wkt(version="WKT2_2019")
    return "'" + text.replace("'", "''") + "'"
