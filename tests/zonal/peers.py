"""The same zone on the same file, by the libraries that people check zonal statistics with.

Each gives the statistics by our names; polygons are in the raster's CRS.
"""

from __future__ import annotations

import math
import warnings
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from rasterio.features import geometry_mask
from rasterio.windows import Window

Found = dict[str, float]
PERCENT = 90


def numpy_itself(path: Path, zone: Any, *, all_touched: bool) -> Found | None:
    """rasterio's window, mask and dataset mask, then NumPy in float64."""
    with rasterio.open(path) as dataset:
        window = rasterio.features.geometry_window(dataset, [zone])
        window = window.intersection(Window(0, 0, dataset.width, dataset.height))
        pixels = dataset.read(1, window=window)
        inside = geometry_mask(
            [zone], pixels.shape, dataset.window_transform(window), invert=True, all_touched=all_touched
        )
        usable = inside & (dataset.read_masks(1, window=window) != 0)
    if pixels.dtype.kind == "f":
        usable &= ~np.isnan(pixels)
    values = pixels[usable].astype(np.float64)
    found = {"count": float(values.size), "pixels": float(inside.sum())}
    if not values.size:
        return found
    distinct, counts = np.unique(values, return_counts=True)
    most, least = counts == counts.max(), counts == counts.min()
    return found | {
        "sum": math.fsum(values),
        "mean": math.fsum(values) / values.size,
        "median": float(np.median(values)),
        "mode": float(distinct[most].max()),
        "majority": float(distinct[most].min()),
        "minority": float(distinct[least].min()),
        "unique_count": float(len(distinct)),
        "variance": float(values.var(ddof=1)) if values.size > 1 else 0.0,
        "stddev": float(values.std(ddof=1)) if values.size > 1 else 0.0,
        "min": float(values.min()),
        "max": float(values.max()),
        "percentile_90": float(np.percentile(values, PERCENT)),
    }


def rasterstats(path: Path, zone: Any, *, all_touched: bool) -> Found | None:
    """rasterstats: its std is that of a population, turned here into that of a sample."""
    from rasterstats import zonal_stats

    names = {
        "count": "count", "sum": "sum", "mean": "mean", "median": "median", "majority": "majority",
        "minority": "minority", "unique_count": "unique", "min": "min", "max": "max",
        "percentile_90": f"percentile_{PERCENT}",
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without nodata it warns, and takes -999
        row = zonal_stats([zone], str(path), stats=[*names.values(), "std"], all_touched=all_touched)[0]
    found = {ours: row[theirs] for ours, theirs in names.items() if row[theirs] is not None}
    if row["std"] is not None and row["count"] > 1:
        found["stddev"] = row["std"] * math.sqrt(row["count"] / (row["count"] - 1))
    return found


def exactextract(path: Path, zone: Any) -> Found:
    """exactextract with fractional coverage; it rounds fractions, sums and means to float32."""
    from exactextract import exact_extract
    from exactextract.raster import RasterioRasterSource

    names = {
        "count": "count", "sum": "sum", "mean": "mean", "median": "median", "mode": "mode",
        "minority": "minority", "unique_count": "variety", "min": "min", "max": "max",
        "variance": "variance", "stddev": "stdev", "percentile_90": f"quantile(q={PERCENT / 100})",
    }  # fmt: skip
    feature = {"type": "Feature", "geometry": shapely.geometry.mapping(zone), "properties": {}}
    operations = [f"{ours}={theirs}" for ours, theirs in names.items()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows: Any = exact_extract(RasterioRasterSource(str(path)), [feature], operations)
    row = rows[0]["properties"]
    row["percentile_90"] = row[f"percentile_90_{PERCENT}"]  # it appends the percentage to the name
    return {name: float(row[name]) for name in names if row[name] is not None and not math.isnan(row[name])}


def sedona(path: Path, zone: Any, *, all_touched: bool) -> Found | None:
    """SedonaDB's RS_ZonalStatsAll."""
    return _both_rules(path, zone)[all_touched]


@lru_cache(maxsize=1)
def _both_rules(path: Path, zone: Any) -> tuple[Found | None, Found | None]:
    """Of pixels whose centre is inside, and of all that are touched: every query reads the whole file."""
    with rasterio.open(path) as dataset:
        crs = f"EPSG:{dataset.crs.to_epsg()}"
    sql = (
        "SELECT RS_ZonalStatsAll(r, z, 1, false) AS centres, RS_ZonalStatsAll(r, z, 1, true) AS touched "
        f"FROM (SELECT RS_FromPath('{path}') AS r, "
        f"ST_SetCRS(ST_GeomFromText('{shapely.to_wkt(zone, rounding_precision=17)}'), '{crs}') AS z)"
    )
    row = _sedona().sql(sql).to_arrow_table().to_pylist()[0]
    return _values(row["centres"]), _values(row["touched"])


def _values(row: dict[str, float | None] | None) -> Found | None:
    return None if row is None else {name: float(value) for name, value in row.items() if value is not None}


@cache
def _sedona() -> Any:
    import sedonadb

    return sedonadb.connect()
