"""How cost grows with the rows of an index and with areas: ``./dev bench --indexes``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import rasteret_sql
from tests.bench.archive import areas_query, write_archive
from tests.bench.plot import Curve, Panel, svg
from tests.bench.report import table
from tests.bench.server import ROOT

Say = Callable[[str], None]

SIZES = ((12, 28), (126, 26), (1_260, 26), (1_260, 265))
"""Footprints and dates, of three bands: a thousand rows to a million."""
AREAS = (1, 10, 100, 1_000, 10_000)
ENOUGH_S = 20.0
"""CPU seconds after which a curve is not followed further."""
LONGEST_S = 600
ABOUT = f"""
CPU seconds and peak memory of one process. All but *cold* and `write_index` are the second run in it, unless
the first took ten seconds. A curve ends where a run took more than {ENOUGH_S:g} CPU seconds. DuckDB's
`spatial` extension, whose join has an R-tree, takes no part: it is not in DuckDB and cannot be downloaded
everywhere. In plain SQL four inequalities on columns of boxes, which DuckDB runs as an IEJoin, are the
closest peer.
""".strip()
PLOT = ROOT / "docs" / "growth.svg"
WORK = {
    "chips": "12 chips planned, `read_chips`",
    "lateral": "12 chips planned, lateral, `connect()`",
    "written": "12 chips planned, lateral, as written",
    "cold": "one chip planned, cold process",
    "month": "a month planned, `read_chips`",
    "pairs": "all pairs, `read_pairs`",
    "boxes": "all pairs, four inequalities (IEJoin)",
    "overlaps": "all pairs, `&&`",
    "write": "`write_index`",
}
"""What is measured, by the names that ``indexes_worker`` knows."""
BY_ROWS = ("chips", "lateral", "written", "cold", "pairs", "boxes", "overlaps", "write")
BY_AREAS = ("chips", "month", "pairs", "boxes", "overlaps")


@dataclass(frozen=True, kw_only=True)
class Point:
    """One measurement."""

    rows: int
    areas: int
    cpu_s: float
    peak_mb: float


def grow_indexes(folder: Path, *, rounds: int, quick: bool, say: Say) -> str:
    """Tables of both growths, and the plot beside the page."""
    sizes = SIZES[:2] if quick else SIZES
    indexes = [_index(folder, *size, say=say) for size in sizes]
    most = 100 if quick else AREAS[-1]
    by_rows = {
        work: list(_followed(work, [(index, most) for index in indexes], folder, rounds, say))
        for work in BY_ROWS
    }
    largest = indexes[-1]
    by_areas = {
        work: list(_followed(work, [(largest, n) for n in AREAS if n <= most], folder, rounds, say))
        for work in BY_AREAS
    }
    if not quick:
        PLOT.write_text(_plot(by_rows, by_areas), encoding="utf-8")
    return "\n\n".join(
        (
            ABOUT,
            f"#### Rows of the index, {most:,} areas\n\n{_table(by_rows, 'rows')}",
            f"#### Areas, {largest[1]:,} rows\n\n{_table(by_areas, 'areas')}",
        )
    )


def _index(folder: Path, footprints: int, dates: int, *, say: Say) -> tuple[Path, int]:
    """An index as ``write_index`` writes it and its rows; kept where it is there."""
    from rasteret_sql.pipeline import write_index

    name = f"archive-{footprints}-{dates}"
    folder.mkdir(parents=True, exist_ok=True)
    index, rows = folder / f"{name}.parquet", footprints * dates * 3
    areas = folder / f"areas-{footprints}.parquet"
    if not index.exists() or not areas.exists():
        say(f"writing an index of {rows:,} rows below {folder}")
        with rasteret_sql.connect() as con:
            raw = folder / f"{name}-raw.parquet"
            write_archive(con, raw, footprints=footprints, dates=dates)
            con.execute(
                "COPY (SELECT *, rasteret_bbox(geom) AS box FROM "
                f"({areas_query(con, AREAS[-1])})) TO '{areas}'"
            )
            write_index(con, f"FROM '{raw}'", index)
    return index, rows


def _followed(
    work: str, cases: Sequence[tuple[tuple[Path, int], int]], folder: Path, rounds: int, say: Say
) -> Iterator[Point]:
    """The points of one curve, until one is too expensive."""
    for (index, rows), areas in cases:
        runs = [_measured(work, index, areas, folder) for _ in range(rounds)]
        point = Point(
            rows=rows,
            areas=areas,
            cpu_s=median(cpu for cpu, _ in runs),
            peak_mb=median(peak for _, peak in runs),
        )
        say(f"{work}, {rows:,} rows, {areas:,} areas: {point.cpu_s:.3f} CPU s, {point.peak_mb:,.0f} MB")
        yield point
        if point.cpu_s > ENOUGH_S:
            return


def _measured(work: str, index: Path, areas: int, folder: Path) -> tuple[float, float]:
    footprints = index.stem.split("-")[1]
    done = subprocess.run(
        [
            sys.executable, "-m", "tests.bench.indexes_worker",
            work, str(index), str(folder / f"areas-{footprints}.parquet"), str(areas), str(folder),
        ],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=LONGEST_S,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"bench: {work}: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
    found = json.loads(done.stdout)
    return float(found["cpu_s"]), float(found["peak_mb"])


def _table(curves: dict[str, list[Point]], along: str) -> str:
    steps = sorted({getattr(point, along) for points in curves.values() for point in points})
    lines = []
    for work, points in curves.items():
        cells = {getattr(point, along): f"{point.cpu_s:.2f} s, {point.peak_mb:,.0f} MB" for point in points}
        lines.append([WORK[work], *(cells.get(step, "") for step in steps)])
    return table(("", *(f"{step:,}" for step in steps)), lines)


def _plot(by_rows: dict[str, list[Point]], by_areas: dict[str, list[Point]]) -> str:
    panels = [
        Panel(
            title=title,
            x_label=f"{along} ({fixed})",
            curves=[
                Curve(
                    label=WORK[work].replace("`", ""),
                    points=[(getattr(point, along), getattr(point, figure)) for point in points],
                )
                for work, points in curves.items()
            ],
        )
        for curves, along, fixed in (
            (by_rows, "rows", "10,000 areas"),
            (by_areas, "areas", "1,001,700 rows"),
        )
        for title, figure in (("CPU seconds", "cpu_s"), ("Peak memory, MB", "peak_mb"))
    ]
    return svg(panels)
