"""Rasters on other grids, against GDAL's warper."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from rasteret_sql.geo.grid import Grid
from rasteret_sql.raster.warp.resample_area import REDUCTIONS
from tests.duck.test_warps import EASE_GRID, gdal, near_an_edge, real_files
from tests.parity.comparison import Comparison, Ground, Tally
from tests.raster.warping import (
    PAIRS,
    around,
    at_the_rim,
    gdal_warp,
    on_an_edge,
    our_warp,
    outline_shares,
    texture,
    turned,
)

KERNELS = ("bilinear", "cubic")
BOXES_APART = ("globe to zone 1", "globe to a disk", "globe to the pole")
"""Grids whose pixels GDAL takes otherwise: across the antimeridian, and turned (see ``outlines``)."""
CALLS = (
    "SELECT c FROM read_cog($1, crs := 'EPSG:3035', resolution := 17, resampling := $2, level := 0) AS c",
    "SELECT RS_Transform($1, 'EPSG:3035', $2, 23, level := 0)",
    "SELECT RS_ReprojectMatch($1, m, $2) "
    "FROM (SELECT {'crs': 'EPSG:32633', 'shape': [1, 280, 250]::INTEGER[3], "
    "'transform': [12, 0, 245000, 0, -12, 5300040]::DOUBLE[6]} AS m)",
    "SELECT RS_Resample($1, 170, 150, algorithm := $2, level := 0)",
)
FITTED = EASE_GRID.replace("FROM", "SELECT c FROM", 1) + " AS c"
FILES = ("utm32_uint16", "rgb_mask", "bands_strips", "big", "float32_nan")


def pairs(tally: Tally, resamplings: Iterable[str], dtype: str) -> None:
    """Waves and noise between all sorts of grids, where both have a value."""
    for name, (source, target) in PAIRS.items():
        for resampling in resamplings:
            if resampling in REDUCTIONS and name in BOXES_APART:
                continue
            pixels = texture(source.height, source.width, dtype)
            want, there = gdal_warp(pixels, source, target, resampling)
            found, valid = our_warp(pixels, source, target, resampling)
            ties = at_the_rim(target, source) if resampling in REDUCTIONS else on_an_edge(target, source)
            both = valid & there & (True if resampling in KERNELS else ~ties)
            tally.add(found[:, both], want[:, both], f"{name} {resampling}")
            tally.add(valid[~ties], there[~ties], f"{name} {resampling}: valid", again=True)


def outlines(ground: Ground) -> Tally:
    """Statistics under pixels of turned grids; of a mode, its area against the largest of any value."""
    tally, rng = Tally(), np.random.default_rng(8)
    for degrees in (20, 33, 45, 60, 120):
        source = Grid(crs="EPSG:32632", transform=turned(degrees), width=40, height=40)
        pixels = rng.integers(0, 9, (1, 40, 40)).astype(np.float64)
        target = around(source.crs, source, float(rng.uniform(8, 45)))
        answers = {name: our_warp(pixels, source, target, name) for name in REDUCTIONS}
        fresh = True
        for row, column in np.ndindex(target.height, target.width):
            shares = outline_shares(target, source, column, row)
            if not (shares > 1e-8).any():
                continue
            inside, areas = pixels[0][shares > 1e-8], [shares[pixels[0] == v].sum() for v in range(9)]
            mean, mode, least, most = (float(answers[name][0][0, row, column]) for name in REDUCTIONS)
            want = (np.average(pixels[0], weights=shares), max(areas), inside.min(), inside.max())
            tally.add((mean, areas[int(mode)], least, most), want, f"{degrees} degrees", again=not fresh)
            fresh = False
    return tally


def calls(ground: Ground, tally: Tally, resamplings: Iterable[str], kinds: str) -> None:
    """Each function on generated files, and read_cog on real ones fitted to a polar grid."""
    asked = [(query, ground.corpus / f"{name}.tif") for query in CALLS for name in FILES]
    asked += [(FITTED, path) for path in real_files(ground.con, ground.real / "cog")]
    for query, path in asked:
        for resampling in resamplings:
            found = ground.chip(query, str(path), resampling)
            if found is None or found["pixels"].dtype.kind not in kinds:
                continue
            if resampling in KERNELS and found["nodata"] is not None and len(found["pixels"]) > 1:
                continue  # where one band is nodata GDAL blends nodata into it
            want, mask = gdal(path, found, resampling)
            both = found["valid"] & mask & ~near_an_edge(path, found)
            if resampling in KERNELS:  # a weight of 0 or nearly so decides about NaN
                both &= ~np.isnan(found["pixels"]).any(axis=0) & ~np.isnan(want).any(axis=0)
            tally.add(found["pixels"][:, both], want[:, both], f"{path.name} {resampling}")


def nearest(ground: Ground) -> Tally:
    """Of whole numbers and of floats."""
    tally = Tally()
    pairs(tally, ["nearest"], "uint8")
    calls(ground, tally, ["nearest"], "iuf")
    return tally


def kernels(ground: Ground, *, kinds: str) -> Tally:
    """Bilinear and cubic, of whole numbers or of floats."""
    tally = Tally(relative=kinds == "f")
    pairs(tally, KERNELS, "float32" if kinds == "f" else "uint8")
    calls(ground, tally, KERNELS, kinds)
    return tally


def areas(ground: Ground, *, dtype: str) -> Tally:
    """Statistics of the pixels under each pixel."""
    tally = Tally(relative=dtype.startswith("f"))
    pairs(tally, ["average"] if dtype.startswith("f") else REDUCTIONS, dtype)
    return tally


FUNCTIONS = ("read_cog", "RS_ReprojectMatch", "RS_Transform", "RS_Resample")
PEER = "rasterio's WarpedVRT"
ALL = (
    "16 pairs of grids (zones, degrees, turned, poles, the antimeridian), each function on generated files, "
    "and real files"
)
COMPARISONS = (
    Comparison(
        functions=FUNCTIONS, peer=PEER, library="rasterio", run=nearest, limit=0, cases=f"nearest: {ALL}",
        why="left out: centres on the edge of two pixels",
    ),
    Comparison(
        functions=FUNCTIONS, peer=PEER, library="rasterio", run=partial(kernels, kinds="iu"), limit=1,
        cases="bilinear and cubic of whole numbers: the same", why="halves, which rounding decides",
    ),
    Comparison(
        functions=FUNCTIONS, peer=PEER, library="rasterio", run=partial(kernels, kinds="f"), limit=1e-4,
        cases="bilinear and cubic of floating point: the same",
        why="GDAL does not divide by sums of weights within 1e-5 of 1; left out: NaN that is not nodata",
    ),
    Comparison(
        functions=FUNCTIONS, peer=PEER, library="rasterio", run=partial(areas, dtype="uint8"), limit=0,
        cases="average, mode, min and max of whole numbers: 13 pairs of grids",
        why="left out: the rim of the source, and pixels across the antimeridian, where GDAL's boxes differ",
    ),
    Comparison(
        functions=FUNCTIONS, peer=PEER, library="rasterio", run=partial(areas, dtype="float64"), limit=1e-5,
        cases="average of floating point: the same",
        why="as above; GDAL's transformation is exact to 1e-7 pixels",
    ),
    Comparison(
        functions=FUNCTIONS, peer="intersections of outlines and pixels", library="shapely", run=outlines,
        limit=1e-6, cases="average, mode, min and max onto grids turned by 20 to 120 degrees",
        why="sums in another order; GDAL takes the box of a diagonal, which is a line at 45 degrees: its "
        "averages are several times as far from samples of the outline",
    ),
)  # fmt: skip
