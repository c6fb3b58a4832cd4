"""Questions whose answer is numbers: RS_Value(s), RS_ZonalStatsAll, RS_Histogram, expressions and masks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import rasterio

from tests.differential import areas, oracle
from tests.differential.case import Array, Query, Raster, apart
from tests.differential.chips import CHIP, chip_differs

HUGE = 1e30
"""Sums of larger values overflow or lose everything else."""


def _is_real(raster: Raster) -> bool:
    return np.dtype(raster.about["dtype"]).kind != "c"


def points(choose: random.Random, raster: Raster) -> Query | None:
    """Values at points in and around the raster, one by one or as a list, perhaps a turn away."""
    if not _is_real(raster):
        return None
    expected: list[float | None] = []
    places: list[tuple[float, float]] = []
    with rasterio.open(raster.path) as dataset:
        band = choose.randint(1, dataset.count)
        everything = oracle.whole(dataset)
        pixels = oracle.read(dataset, [band], everything)[0]
        usable = oracle.valid(dataset, raster, [band], everything)
        for _ in range(choose.randint(1, 12)):
            column, row = (
                choose.randint(-1, size) + choose.uniform(0.01, 0.99)
                for size in (dataset.width, dataset.height)
            )
            x, y = dataset.transform @ (column, row)
            if dataset.crs.is_geographic and abs(y) > 90:
                continue
            if dataset.crs.is_geographic:
                x += areas.turn_of(choose, x, x)
            places.append((x, y))
            at = int(np.floor(row)), int(np.floor(column))
            there = 0 <= at[0] < dataset.height and 0 <= at[1] < dataset.width and usable[at]
            expected.append(float(pixels[at]) if there else None)
        crs = areas.crs_literal(dataset)
    if not places:
        return None
    if choose.random() < 0.5:
        listed = ", ".join(f"[{x!r}, {y!r}]" for x, y in places)
        sql = f"SELECT unnest(RS_Values('{raster.path}', [{listed}]::DOUBLE[][], {band}, aoi_crs := {crs}))"
    else:
        rows = ", ".join(f"('POINT ({x!r} {y!r})', {n})" for n, (x, y) in enumerate(places))
        sql = (
            f"SELECT RS_Value('{raster.path}', p, {band}, aoi_crs := {crs}) "
            f"FROM (VALUES {rows}) AS t(p, n) ORDER BY n"
        )

    def same(rows: Sequence[Any], wanted: Any) -> str | None:
        found = [row[0] for row in rows]
        nulls = apart(np.array([v is None for v in found]), np.array([v is None for v in wanted]), "NULL")
        return nulls or apart(_floats(found), _floats(wanted), "values")

    return Query(sql=sql, expected=expected, same=same)


def _floats(values: Sequence[float | None]) -> Array:
    return np.array([0.0 if value is None else value for value in values])


def _zone(choose: random.Random, dataset: Any) -> tuple[Any, bool, str] | None:
    """A zone, all_touched, and both as arguments."""
    shape, touched = areas.polygon(choose, dataset), choose.random() < 0.4
    if not areas.on_the_globe(shape, dataset):
        return None
    area = areas.literal(choose, areas.another_turn(choose, shape, dataset))
    return shape, touched, f"{area}, all_touched := {touched}, aoi_crs := {areas.crs_literal(dataset)}"


def _counted(choose: random.Random, raster: Raster) -> tuple[str, int, Any] | None:
    """A zone as arguments, a band, and the values that count; None of pixels that are not real numbers."""
    if not _is_real(raster):
        return None
    with rasterio.open(raster.path) as dataset:
        asked = _zone(choose, dataset)
        if asked is None:
            return None
        shape, touched, options = asked
        band = choose.randint(1, dataset.count)
        values = oracle.counted(dataset, raster, band, shape, touched=touched)
    return options, band, values


def zone(choose: random.Random, raster: Raster) -> Query | None:
    """Statistics of a band in a polygon."""
    counted = _counted(choose, raster)
    if counted is None:
        return None
    options, band, values = counted
    sql = f"SELECT unnest(RS_ZonalStatsAll('{raster.path}', {options}, band := {band}))"
    return Query(
        sql=f"SELECT count, min, max, median, sum, mean, stddev FROM ({sql})",
        expected=values,
        same=stats_differ,
    )


def stats_differ(rows: Sequence[Any], values: Any) -> str | None:
    """A row of count, min, max, median, sum, mean and stddev against the values that count."""
    found = rows[0]
    if values is None:
        return None if all(v is None for v in found) else f"{found}, expected NULL"
    if not len(values):
        return None if found[0] == 0 and found[1] is None else f"{found}, expected no pixel"
    if found[0] != len(values):
        return f"count {found[0]}, expected {len(values)}"
    numbers = values.astype(float)
    expected = [numbers.min(), numbers.max()]
    if np.isfinite(numbers).all() and np.abs(numbers).max() < HUGE:
        spread = numbers.std(ddof=1) if len(numbers) > 1 else 0.0
        expected += [np.median(numbers), numbers.sum(), numbers.mean(), spread]
    return apart(np.array(found[1 : 1 + len(expected)]), np.array(expected), "statistics", tolerance=1e-9)


def expression(choose: random.Random, raster: Raster) -> Query | None:
    """Statistics of an expression over two bands, where a mask holds."""
    if not _is_real(raster) or raster.about["dtype"] in ("uint64", "int64") or raster.about.get("scales"):
        return None
    with rasterio.open(raster.path) as dataset:
        asked = _zone(choose, dataset)
        if asked is None:
            return None
        shape, touched, options = asked
        first, second = (choose.randint(1, dataset.count) for _ in range(2))
        limit = choose.choice([0, 2, 50])
        part = oracle.window_of(dataset, shape)
        values = None
        if part is not None:
            one, other = (oracle.read(dataset, [band], part)[0].astype(float) for band in (first, second))
            there = oracle.inside(dataset, shape, part, touched=touched)
            for band in (first, second):
                there &= oracle.present(dataset, raster, band, part)
            with np.errstate(all="ignore"):
                answer = one * 2.0 + other
                there &= (one > limit) | (np.isnan(one))  # NaN is greater than all in DuckDB
            values = answer[there & ~np.isnan(answer)]
    sql = (
        f"SELECT unnest(RS_ZonalStatsAll('{raster.path}', {options}, "
        f"expression := 'b{first}::DOUBLE * 2 + b{second}::DOUBLE', mask := 'b{first} > {limit}'))"
    )
    return Query(
        sql=f"SELECT count, min, max, median, sum, mean, stddev FROM ({sql})",
        expected=values,
        same=stats_differ,
    )


def masked(choose: random.Random, raster: Raster) -> Query | None:
    """A chip, not valid where a condition does not hold."""
    if not _is_real(raster) or raster.about.get("scales") or raster.about.get("mask of bands"):
        return None
    with rasterio.open(raster.path) as dataset:
        part, band = areas.pixel_window(choose, dataset), choose.randint(1, dataset.count)
        pixels = oracle.read(dataset, None, part)
        usable = oracle.valid(dataset, raster, None, part) & oracle.present(dataset, raster, band, part)
        values = pixels[band - 1]
        with np.errstate(invalid="ignore"):
            usable &= (values > 1) | (values != values)
    return Query(
        sql=f"SELECT {CHIP} "
        f"FROM read_cog('{raster.path}', {areas.window_literal(part)}, mask := 'b{band} > 1')",
        expected=(part, pixels, usable),
        same=chip_differs,
    )


def histogram(choose: random.Random, raster: Raster) -> Query | None:
    """Counts of values in bins."""
    counted = _counted(choose, raster)
    if counted is None:
        return None
    options, band, values = counted
    bins = choose.randint(1, 20)
    low, high = choose.uniform(-40, 10), choose.uniform(20, 130)
    expected = None
    if values is not None:
        finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        expected = np.histogram(finite.astype(float), bins, (low, high))[0] if len(values) else []

    def same(rows: Sequence[Any], wanted: Any) -> str | None:
        found = rows[0][0]
        if wanted is None:
            return None if found is None else "bins, expected NULL"
        return apart(np.array(found, float), np.array(wanted, float), "counts")

    return Query(
        sql="SELECT list_transform(RS_Histogram("
        f"'{raster.path}', band := {band}, bins := {bins}, range := [{low!r}, {high!r}], zone := {options}"
        "), lambda b: b.count)",
        expected=expected,
        same=same,
    )


QUESTIONS = {
    "points": points,
    "zone": zone,
    "expression": expression,
    "masked": masked,
    "histogram": histogram,
}
