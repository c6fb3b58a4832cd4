"""Burning shapes with values, beside rasterio.features.rasterize."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import shapely
from affine import Affine
from pyproj import Transformer
from rasterio.enums import MergeAlg
from rasterio.features import rasterize

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.grid import Grid
from rasteret_sql.raster.burn import Shape, burn
from tests.raster.grids import SIZES, Shapes, any_transform, to_world

CRS = "EPSG:32632"
NAMES = ("polygon", "multipolygon", "line", "lines", "points", "collection")
GDAL_3_10 = tuple(int(part) for part in rasterio.__gdal_version__.split(".")[:2]) <= (3, 10)
GRID = Grid(crs=CRS, transform=(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_000_000.0), width=8, height=6)


def oracle(
    pairs: list[tuple[Any, float]], grid: Grid, dtype: str, merge: str, fill: float, all_touched: bool
) -> npt.NDArray[Any]:
    ordered = sorted(pairs, key=lambda pair: pair[1]) if merge == "max" else pairs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rasterio's own, about affine and empty lists
        return rasterize(
            [(shapely.geometry.mapping(geometry), value) for geometry, value in ordered],
            (grid.height, grid.width), fill=fill, transform=Affine(*grid.transform), all_touched=all_touched,
            merge_alg=MergeAlg.add if merge == "add" else MergeAlg.replace, dtype=dtype,
        )  # fmt: skip


def shape(geometry: Any, value: float, crs: str = CRS) -> Shape:
    return Shape(area=Aoi(geometry=geometry, crs=crs), value=value)


@pytest.mark.parametrize("merge", ["replace", "add", "max"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("all_touched", [False, True])
def test_random_shapes_equal_rasterio(merge: str, dtype: str, all_touched: bool) -> None:
    rng = random.Random(f"{merge} {dtype} {all_touched}")
    kinds = ["anywhere", "far"] if all_touched and not GDAL_3_10 else list(Shapes.KINDS)
    if merge == "add":  # for flat edges on the centres of pixels see the next test
        kinds = [kind for kind in kinds if kind not in ("centres", "halves", "eighths")]
    names = ("polygon", "multipolygon", "line", "points") if all_touched else NAMES
    for _ in range(40):
        width, height = rng.choice(SIZES)
        transform = any_transform(rng)
        grid = Grid(crs=CRS, transform=tuple(transform)[:6], width=width, height=height)
        pairs = []
        for _ in range(rng.randint(1, 6)):
            # where nothing hangs over the right edge GDAL writes no pixel of the next row
            overhang = -0.01 if all_touched else 0.3
            shapes = Shapes(rng, width, height, rng.choice(kinds), overhang=overhang)
            value = rng.uniform(-9, 9) if dtype.startswith("float") else rng.randint(1, 4)
            pairs.append((to_world(getattr(shapes, rng.choice(names))(), transform), value))
        fill = rng.choice([0, 3])
        expected = oracle(pairs, grid, dtype, merge, fill, all_touched)
        given = [shape(*pair) for pair in pairs]
        found = burn(given, grid, "x", dtype=dtype, merge=merge, fill=fill, all_touched=all_touched)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected, str([(g.wkt, v) for g, v in pairs]))
        np.testing.assert_array_equal(
            burn(given, grid, "x", merge=merge, fill=fill, all_touched=all_touched),
            oracle(
                pairs, grid, "float64" if dtype.startswith("float") else "int32", merge, fill, all_touched
            ),
        )


def test_a_polygon_adds_once() -> None:
    """GDAL 3.10 adds twice where a flat edge on the centres of pixels lies in what the polygon covers."""
    plain = [(0, 0), (6, 0), (6, 2.5), (0, 2.5), (0, 0), (0, 5), (6, 5), (6, 0), (0, 0)]
    folded = shapely.Polygon([(500_000 + 10 * x, 5_000_000 - 10 * y) for x, y in plain])
    found = burn([shape(folded, 1)], GRID, "x", merge="add")
    np.testing.assert_array_equal(found, burn([shape(folded, 1)], GRID, "x"))


BOX = shapely.box(500_010, 4_999_950, 500_040, 4_999_990)
DTYPES: dict[str, tuple[list[float], str, str]] = {
    "none": ([], "replace", "uint8"),
    "bytes": ([0, 255], "replace", "uint8"),
    "words": ([256], "replace", "uint16"),
    "below 0": ([-1, 127], "max", "int8"),
    "below 0 and wide": ([-1, 200], "replace", "int16"),
    "large": ([2**33], "replace", "uint64"),
    "large and below 0": ([2**33, -1], "replace", "int64"),
    "sums": ([200, 100], "add", "uint16"),
    "sums that cancel": ([200, -100], "add", "int16"),
    "halves": ([0.5, 2], "replace", "float32"),
    "tenths": ([0.1], "replace", "float64"),
    "sums of halves": ([0.5], "add", "float64"),
}


@pytest.mark.parametrize("case", DTYPES)
def test_the_type_holds_every_value(case: str) -> None:
    values, merge, dtype = DTYPES[case]
    found = burn([shape(BOX, value) for value in values], GRID, "x", merge=merge)
    assert found.dtype.name == dtype
    expected = {"replace": values[-1:], "max": [max(values, default=0)], "add": [sum(values)]}[merge] or [0]
    assert found[2, 2] == expected[0]
    assert found[0, 0] == 0


def test_parts_of_one_geometry_add_by_themselves_whatever_their_number_is_in_the_type() -> None:
    twice = shapely.MultiPolygon([BOX, BOX])
    found = burn([shape(twice, 200)], GRID, "x", merge="add")
    assert (found.dtype.name, found.max()) == ("uint16", 400)


REFUSED: dict[str, tuple[list[float], dict[str, Any], str]] = {
    "fraction": ([1.5], {"dtype": "uint8"}, "the value 1.5 does not fit uint8, which holds 0 to 255"),
    "wide": ([300], {"dtype": "uint8"}, "the value 300 does not fit uint8"),
    "fill": ([1], {"dtype": "uint8", "fill": -1}, "the value -1 does not fit uint8"),
    "sum": (
        [200, 100],
        {"dtype": "uint8", "merge": "add"},
        "the sums run from 0 to 300, and uint8 holds 0 to",
    ),
    "float": ([1e300], {"dtype": "float32"}, r"the value 1e\+300 does not fit float32"),
    "no type": ([-1, 2**63], {}, "no integer type holds them"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_values_that_do_not_fit_are_refused(case: str) -> None:
    values, asked, said = REFUSED[case]
    with pytest.raises(ArgumentError, match=said):
        burn([shape(BOX, value) for value in values], GRID, "x", **asked)


def test_a_place_a_turn_further_and_across_the_antimeridian() -> None:
    globe = Grid(crs="OGC:CRS84", transform=(1.0, 0.0, -180.0, 0.0, -1.0, 90.0), width=360, height=180)
    for west in (170.3, 170.3 - 360):
        found = burn(
            [shape(shapely.box(west, -5.2, west + 20, 7.9), 1, "OGC:CRS84")], globe, "x", merge="add"
        )
        parts = [(shapely.box(170.3, -5.2, 180, 7.9), 1), (shapely.box(-180, -5.2, -169.7, 7.9), 1)]
        np.testing.assert_array_equal(found, oracle(parts, globe, "uint8", "replace", 0, False))


def test_shapes_of_another_crs_are_moved() -> None:
    place = Transformer.from_crs(CRS, "OGC:CRS84", always_xy=True).transform(500_035, 4_999_975)
    found = burn([shape(shapely.Point(place), 7, "OGC:CRS84")], GRID, "x")
    assert np.argwhere(found == 7).tolist() == [[2, 3]]
