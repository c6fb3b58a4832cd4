"""Compare the chips with the numbers that the archive was made from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
from pyproj import Transformer
from shapely import Polygon, contains_xy, transform

from rasteret_sql.demo.archive import Archive, Pixels
from rasteret_sql.demo.scenes import CLEAR_SCL, NODATA, OFFSET, SCALE, SIZE, Grid
from rasteret_sql.errors import RasteretError

NDVI_TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was compared, and found equal."""

    chips: int
    pixels: int
    seasons: int
    """Mean NDVI values."""

    def __str__(self) -> str:
        return (
            f"{self.chips:,} chips ({self.pixels:,} pixels) equal the archive's own numbers, "
            f"{self.seasons:,} NDVI means equal numpy's"
        )


class MismatchError(RasteretError):
    """A chip is not what the archive was made from."""


@dataclass(frozen=True, kw_only=True)
class Footing:
    """Where a field lies in a scene: computed here, without what is tested."""

    rows: slice
    cols: slice
    inside: npt.NDArray[np.bool_]
    """Pixels of the window whose centre is in the field."""


def check_chips(con: duckdb.DuckDBPyConnection, archive: Archive) -> Checked:
    """Compare tables ``chips`` and ``season`` with the truth; ``MismatchError`` at the first difference."""
    ids = [item_id for (item_id,) in con.execute("SELECT DISTINCT id FROM chips").fetchall()]
    with ThreadPoolExecutor(2) as pool:
        truth = dict(zip(ids, pool.map(archive.truth, ids), strict=True))
    grids = {item_id: archive.scenes[item_id].grid for item_id in ids}
    footings = {
        (field.field_id, grid.name): _footing(field.polygon, grid)
        for field in archive.fields
        for grid in set(grids.values())
    }
    places = {
        (field.field_id, item_id): footings[field.field_id, grid.name]
        for field in archive.fields
        for item_id, grid in grids.items()
    }
    rows = con.execute(
        "SELECT field_id, id, band, x_off, y_off, width, height, dtype, data, valid "
        "FROM chips ORDER BY field_id, id, band"
    ).fetchall()
    for field_id, item_id, band, x_off, y_off, width, height, dtype, data, valid in rows:
        at, name = places[field_id, item_id], f"field {field_id}, {item_id}, {band}"
        window = x_off, y_off, width, height
        expected_window = at.cols.start, at.rows.start, at.inside.shape[1], at.inside.shape[0]
        if window != expected_window:
            raise MismatchError(f"{name}: the window is {window}, not {expected_window}")
        expected = truth[item_id][band][at.rows, at.cols]
        pixels = np.frombuffer(data, dtype).reshape(height, width)
        _must_equal(name, "", pixels, expected)
        usable = np.ones(pixels.shape, bool) if valid is None else np.frombuffer(valid, bool)
        _must_equal(name, " in validity", usable.reshape(pixels.shape), at.inside & (expected != NODATA))
    seasons = _check_season(con, truth, {(row[0], row[1]): places[row[0], row[1]] for row in rows})
    return Checked(chips=len(rows), pixels=sum(row[5] * row[6] for row in rows), seasons=seasons)


def _must_equal(
    name: str, of_what: str, actual: npt.NDArray[np.generic], expected: npt.NDArray[np.generic]
) -> None:
    if not np.array_equal(actual, expected):
        count = int((actual != expected).sum())
        raise MismatchError(f"{name}: {count} of {actual.size} pixels differ{of_what}")


def _footing(polygon: Polygon, grid: Grid) -> Footing:
    """The window of whole pixels around a polygon of longitudes and latitudes, clipped to the grid."""
    to_grid = Transformer.from_crs("OGC:CRS84", grid.epsg, always_xy=True).transform
    area = transform(polygon.segmentize(0.0001), to_grid, interleaved=False)
    size, _, left, _, _, top = grid.transform
    x0, y0, x1, y1 = area.bounds
    edges = np.array([(x0 - left) / size, (top - y1) / size, (x1 - left) / size, (top - y0) / size])
    col0, row0, col1, row1 = np.clip([*np.floor(edges[:2]), *np.ceil(edges[2:])], 0, SIZE).astype(int)
    x, y = np.meshgrid(
        left + (np.arange(col0, col1) + 0.5) * size, top - (np.arange(row0, row1) + 0.5) * size
    )
    inside = np.asarray(contains_xy(area, x, y))
    return Footing(rows=slice(row0, row1), cols=slice(col0, col1), inside=inside)


def _check_season(
    con: duckdb.DuckDBPyConnection, truth: dict[str, Pixels], places: dict[tuple[int, str], Footing]
) -> int:
    """The means of ``season`` against numpy's; how many there are."""
    rows = con.execute("SELECT field_id, id, clear_pixels, ndvi FROM season ORDER BY ALL").fetchall()
    if {(row[0], row[1]) for row in rows} != set(places):
        raise MismatchError(f"season has {len(rows)} rows; {len(places)} pairs of field and scene have chips")
    for field_id, item_id, clear_pixels, ndvi in rows:
        at, name = places[field_id, item_id], f"season of field {field_id}, {item_id}"
        red, nir, scl = (
            truth[item_id][band][at.rows, at.cols].astype(float) for band in ("red", "nir", "scl")
        )
        clear = at.inside & np.isin(scl, CLEAR_SCL)
        if clear_pixels != clear.sum():
            raise MismatchError(f"{name}: {clear_pixels} clear pixels, numpy finds {clear.sum()}")
        expected = ((nir - red) / (nir + red + 2 * OFFSET / SCALE))[clear]
        if clear_pixels and abs(ndvi - expected.mean()) > NDVI_TOLERANCE:
            raise MismatchError(f"{name}: NDVI {ndvi}, numpy finds {expected.mean()}")
    return len(rows)
