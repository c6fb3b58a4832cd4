"""Statistics, expressions and mosaics."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import product
from pathlib import Path

import duckdb
import numpy as np
import rasterio

from tests.duck.corpus import NAMES
from tests.duck.test_map_algebra import INDICES, texture, write
from tests.parity.comparison import Comparison, Ground, Tally
from tests.raster.merging import MERGED, random_chips, rasterio_merge
from tests.raster.test_expression import CALLS, NARROW, numbers
from tests.raster.test_mosaic import ORACLES, masked_stack
from tests.zonal import parity as zonal

OPERATORS = ("+", "-", "*", "/", "<", "=")
WAVELENGTHS = ("blue", "green", "red", "nir", "swir16", "swir22")
DIRECT = ("RS_EVI", "RS_EVI2", "RS_SAVI")
"""Whose second argument is the reflectance."""


@cache
def zones(con: duckdb.DuckDBPyConnection, real: Path) -> dict[str, zonal.Comparison]:
    """All peers in one run."""
    return zonal.compare(con, real)


def statistics(ground: Ground, *, peer: str) -> Tally:
    """The largest difference of any statistic."""
    found = zones(ground.con, ground.real)[peer]
    largest = max(found.largest.values(), key=lambda of: of.relative)
    return Tally(
        relative=True, cases=found.zones, values=found.zones * len(found.largest),
        largest=largest.relative, told=largest.told,
    )  # fmt: skip


def merged(ground: Ground) -> Tally:
    """Five strips of each file put together, and the whole by NumPy."""
    tally = Tally(relative=True)
    for name in NAMES:
        path = ground.corpus / f"{name}.tif"
        with rasterio.open(path) as dataset:
            pixels = dataset.read(1)[dataset.read_masks(1) > 0].astype(float)
        by_value = np.unique(pixels).size < 65_536
        row = ground.one(
            """
            SELECT RS_StatsMerge(list(RS_ZonalStatsAll($1, w, histogram := $2)))
            FROM (SELECT unnest(range(0, 300, 60)) AS x_off, 0 AS y_off, 60 AS width, 999 AS height) AS w
            """,
            str(path),
            by_value,
        )
        expected = (pixels.size, pixels.sum(), pixels.mean(), pixels.var(ddof=1), pixels.min(), pixels.max())
        tally.add([row[of] for of in ("count", "sum", "mean", "variance", "min", "max")], expected, name)
        if by_value:
            tally.add(row["median"], np.median(pixels), name, again=True)
    return tally


def histograms(ground: Ground) -> Tally:
    """Bins of each file."""
    tally = Tally()
    for name in NAMES:
        path = ground.corpus / f"{name}.tif"
        with rasterio.open(path) as dataset:
            pixels = dataset.read(1)[dataset.read_masks(1) > 0]
        limits = (float(pixels.min()), float(pixels.max()) + 1)
        rows = ground.one("SELECT RS_Histogram($1, 1, bins := 7, range := $2)", str(path), list(limits))
        tally.add([row["count"] for row in rows], np.histogram(pixels, 7, limits)[0], name)
    return tally


def expressions(ground: Ground) -> Tally:
    """Every function, and operators between types of every kind, over the same numbers in DuckDB."""
    tally = Tally(relative=True)
    pairs = [
        (f"{a} {operator} {b}", f"{a}::{wide} {operator} {b}::{wide}")
        for a, b, operator in product(NARROW, NARROW, OPERATORS)
        for wide in ("DOUBLE" if operator == "/" else "BIGINT",)
    ]
    with numbers() as table:
        for text, oracle in [*((text, text) for text in CALLS), *pairs]:
            _, data, null = table.here(text)
            values = [np.nan if value is None else float(value) for value in table.there(oracle)[1]]
            tally.add(np.where(null, np.nan, data), values, text)
    return tally


def indices(ground: Ground) -> Tally:
    """Of reflectance."""
    tally = Tally(relative=True)
    bands = {band: texture(1, "uint16", n)[0] + 1_500 for n, band in enumerate(WAVELENGTHS)}
    for band, data in bands.items():
        write(ground.folder / f"{band}.tif", data[np.newaxis])
    reflectance = {band: data * 0.0001 - 0.1 for band, data in bands.items()}
    given = ", ".join(f"'{band}': '{ground.folder / band}.tif'" for band in bands)
    for name, formula in INDICES.items():
        option = "" if name in DIRECT else "reflectance := "
        found = ground.chip(f"SELECT {name}({{{given}}}, {option}[0.0001, -0.1])")
        assert found is not None
        tally.add(found["pixels"][0], formula(reflectance), name)
    red, nir = (f"'{ground.folder / band}.tif'" for band in ("red", "nir"))
    found = ground.chip(f"SELECT RS_NormalizedDifference({red}, {nir})")
    assert found is not None
    stored = {band: data.astype(float) for band, data in bands.items()}
    tally.add(found["pixels"][0], INDICES["RS_NDVI"](stored), "RS_NormalizedDifference")
    return tally


def mosaics(ground: Ground) -> Tally:
    """What rasterio.merge offers."""
    from rasteret_sql.raster.mosaic.mosaic import mosaic

    tally = Tally()
    for seed, dtype, method in product(range(30), ("uint8", "int16", "float32"), MERGED):
        chips = random_chips(seed, dtype)
        made, (expected, place) = mosaic(chips, method), rasterio_merge(chips, method)
        tally.add(made.pixels, expected, f"{method} {dtype} {seed}")
        tally.add(made.transform, place, f"{method} {dtype} {seed}", again=True)
    return tally


def averaged(ground: Ground) -> Tally:
    """Mean and median, which rasterio.merge does not have."""
    from rasteret_sql.raster.mosaic.mosaic import mosaic

    tally = Tally(relative=True)
    for seed, dtype, method in product(range(60), ("uint8", "int16", "float64"), ("mean", "median")):
        chips = random_chips(seed, dtype)
        made, expected = mosaic(chips, method), ORACLES[method](masked_stack(chips))
        there = ~np.ma.getmaskarray(expected)
        tally.add(made.pixels[there], np.ma.getdata(expected)[there], f"{method} {dtype} {seed}")
    return tally


def _zonal(peer: str, library: str, limit: float, cases: str, why: str) -> Comparison:
    run: Callable[[Ground], Tally] = partial(statistics, peer=peer)
    return Comparison(
        functions=("RS_ZonalStats", "RS_ZonalStatsAll"), peer=peer, library=library, run=run, limit=limit,
        cases=cases, why=why,
    )  # fmt: skip


WHOLE = "random polygons on real files, all statistics"
COMPARISONS = (
    _zonal("numpy", "numpy", 1e-15, f"{WHOLE}; with rasterio's masks", "sums in another order"),
    _zonal("SedonaDB", "sedonadb", 1e-11, WHOLE, "it adds up squares one after the other"),
    _zonal("rasterstats", "rasterstats", 1e-13, f"{WHOLE}; integers", "sums in another order"),
    _zonal("rasterstats, float32", "rasterstats", 1e-6, f"{WHOLE}; floats", "it adds up in the pixels' type"),
    _zonal("exactextract", "exactextract", 1e-7, f"{WHOLE}; coverage := true", "its fractions are float32"),
    Comparison(
        functions=("RS_StatsMerge",), peer="NumPy", library="numpy", run=merged, limit=1e-12,
        cases="five strips of each generated file, and the whole at once", why="sums in another order",
    ),
    Comparison(
        functions=("RS_Histogram",), peer="numpy.histogram", library="numpy", run=histograms, limit=0,
        cases="each generated file",
    ),
    Comparison(
        functions=("RS_MapAlgebra",), peer="DuckDB itself", library="duckdb", run=expressions, limit=1e-13,
        cases="every function; operators between types; the ends of each type, NULL, NaN, infinity",
        why="last digits of NumPy's and the C library's functions",
    ),
    Comparison(
        functions=(*INDICES, "RS_NormalizedDifference"), peer="the formulae in NumPy", library="numpy",
        run=indices, limit=1e-9, cases="a raster each", why="products in another order",
    ),
    Comparison(
        functions=("RS_Mosaic",), peer="rasterio.merge", library="rasterio", run=mosaics, limit=0,
        cases="first, last, min, max, count of random chips",
    ),
    Comparison(
        functions=("RS_Mosaic",), peer="NumPy's masked arrays", library="numpy", run=averaged, limit=1e-6,
        cases="mean, median of random chips", why="the answer is float32 for integers of up to 16 bits",
    ),
)  # fmt: skip
