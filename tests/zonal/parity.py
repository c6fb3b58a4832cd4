"""How far RS_ZonalStatsAll and the peers are apart: the table of docs/zonal_statistics.md.

``python -m tests.zonal.parity`` writes it, from the real files beside the checkout.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import rasterio
import shapely

from tests.zonal import peers
from tests.zonal.peers import Found

STATISTICS = (
    "count", "sum", "mean", "median", "mode", "majority", "minority", "unique_count", "variance", "stddev",
    "min", "max", "percentile_90", "pixels",
)  # fmt: skip
PEERS = ("numpy", "SedonaDB", "rasterstats", "rasterstats, float32", "exactextract")
"""Columns of the table."""
ZONES = 4
"""Of each file."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One zone of one file."""

    path: Path
    zone: Any
    """In the file's CRS."""
    crs: str
    plain: bool
    """North up, without internal mask or alpha: rasterstats and SedonaDB look at neither."""
    within: bool
    """The zone lies inside the file, with room around it."""
    whole: bool
    """The pixels are integers."""


@dataclass(kw_only=True)
class Largest:
    """Of one peer and statistic."""

    relative: float = 0.0
    """The difference over the peer's value, or over 1 if that is less."""
    told: str = ""


@dataclass(kw_only=True)
class Comparison:
    """One peer."""

    zones: int = 0
    largest: dict[str, Largest] = field(default_factory=dict)


def cases(folder: Path) -> Iterator[Case]:
    """Random zones of every real file that lies on the ground, north up, and is not a JPEG with chroma.

    (GDAL and libjpeg-turbo decode that differently.)
    """
    rng = np.random.default_rng(0)
    warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
    for path in sorted(p for p in (folder / "cog").rglob("*") if p.suffix.lower() in (".tif", ".tiff")):
        try:
            with rasterio.open(path) as dataset:
                about = _about(dataset)
                size, transform, flags = dataset.shape, dataset.transform, dataset.mask_flag_enums[0]
        except rasterio.RasterioIOError:
            continue
        if about is None:
            continue
        crs, whole = about
        plain = transform.e < 0 and not any(flag.name in ("per_dataset", "alpha") for flag in flags)
        for _ in range(ZONES):
            columns, rows, within = _outline(rng, *size)
            if abs(transform.a * size[1]) >= 360 and not 0 <= columns.min() <= columns.max() <= size[1]:
                continue  # a zone across the ends of the globe counts both, which no peer does
            world = np.column_stack((transform.a * columns + transform.c, transform.e * rows + transform.f))
            yield Case(
                path=path, zone=shapely.Polygon(world), crs=crs, plain=plain, within=within, whole=whole
            )


def _about(dataset: Any) -> tuple[str, bool] | None:
    """CRS, and whether its pixels are integers."""
    epsg = None if dataset.crs is None else dataset.crs.to_epsg()
    chroma = dataset.photometric is not None and dataset.photometric.value == "YCbCr"
    if epsg is None or dataset.transform.b or chroma or dataset.dtypes[0].startswith("complex"):
        return None
    return f"EPSG:{epsg}", "int" in dataset.dtypes[0]


def _outline(rng: np.random.Generator, rows: int, columns: int) -> tuple[Any, Any, bool]:
    """A star of nine corners, which may reach beyond the raster."""
    radius = rng.uniform(2, min(150, max(4, min(rows, columns) / 3)))
    x, y = rng.uniform(0, columns), rng.uniform(0, rows)
    angle = np.sort(rng.random(9)) * 2 * np.pi
    reach = radius * (0.5 + rng.random(9) / 2)
    within = radius + 2 < x < columns - radius - 2 and radius + 2 < y < rows - radius - 2
    return x + reach * np.cos(angle), y + reach * np.sin(angle), within


def ours(con: duckdb.DuckDBPyConnection, case: Case, **options: bool) -> Found | None:
    """RS_ZonalStatsAll of a case; None where zone and raster do not overlap."""
    given = "".join(f", {name} := {str(value).lower()}" for name, value in options.items())
    query = f"SELECT RS_ZonalStatsAll($1, $2, percentiles := [90], aoi_crs := $3{given})"
    row = con.execute(query, [str(case.path), shapely.to_wkb(case.zone), case.crs]).fetchone()[0]
    if row is None:
        return None
    if row["percentiles"]:
        row["percentile_90"] = row["percentiles"][0]
    return {name: row[name] for name in STATISTICS if row.get(name) is not None}


def compare(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, Comparison]:
    """The largest differences of each peer over all cases."""
    found: dict[str, Comparison] = {}
    whole_pixels: Mapping[str, Callable[..., Found | None]] = {
        "numpy": peers.numpy_itself, "rasterstats": peers.rasterstats, "SedonaDB": peers.sedona,
    }  # fmt: skip
    for case in cases(folder):
        if con.execute("SELECT crs FROM cog_header($1)", [str(case.path)]).fetchone() == (None,):
            continue  # rasterio takes the datum of an unknown projection for a CRS
        for all_touched in (False, True):
            mine = ours(con, case, all_touched=all_touched)
            if mine is None:
                continue
            for name, peer in whole_pixels.items():
                if name == "numpy" or (case.within and case.plain):
                    theirs = peer(case.path, case.zone, all_touched=all_touched)
                    _note(found, _title(name, case), case, mine, theirs or {"count": 0.0})
        mine = ours(con, case, coverage=True)
        if mine is not None and case.within and case.plain:
            theirs = peers.exactextract(case.path, case.zone)
            if case.whole:  # it gives quantiles in the type of the pixels
                for name in ("median", "percentile_90"):
                    mine[name] = float(int(mine[name])) if name in mine else np.nan
            _note(found, "exactextract", case, mine, theirs)
    return found


def _title(name: str, case: Case) -> str:
    """rasterstats computes in the type of the pixels."""
    return "rasterstats, float32" if name == "rasterstats" and not case.whole else name


def _note(found: dict[str, Comparison], title: str, case: Case, mine: Found, theirs: Found) -> None:
    comparison = found.setdefault(title, Comparison())
    comparison.zones += 1
    for name in STATISTICS:
        if name not in theirs:
            continue
        value = mine.get(name, np.nan)
        relative = abs(value - theirs[name]) / max(1.0, abs(theirs[name]))
        largest = comparison.largest.setdefault(name, Largest())
        neither = name not in mine and not theirs["count"]
        if not neither and not relative <= largest.relative:  # NaN: one of the two has no value
            comparison.largest[name] = Largest(
                relative=relative, told=f"{case.path.name}: {value!r}, not {theirs[name]!r}"
            )


def table(found: Mapping[str, Comparison]) -> str:
    """Markdown: a column for each peer."""
    titles = [title for title in PEERS if title in found]
    lines = ["| statistic | " + " | ".join(titles) + " |", "| --- |" + " --: |" * len(titles)]
    lines.append("| *zones compared* | " + " | ".join(str(found[t].zones) for t in titles) + " |")
    for name in STATISTICS:
        cells = [found[title].largest.get(name) for title in titles]
        lines.append(f"| {name} | " + " | ".join(map(_cell, cells)) + " |")
    return "\n".join(lines)


def _cell(largest: Largest | None) -> str:
    if largest is None:
        return "–"
    return "0" if largest.relative == 0 else f"{largest.relative:.0e}"


if __name__ == "__main__":
    import rasteret_sql
    from tests.conftest import SHARED

    warnings.simplefilter("ignore")
    result = compare(rasteret_sql.connect(), SHARED / "data")
    print(table(result))
    for peer, comparison in result.items():
        for statistic, largest in comparison.largest.items():
            if not largest.relative <= 1e-9:
                print(peer, statistic, largest.relative, largest.told)
