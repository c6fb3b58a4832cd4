"""Writes docs/parity.md: each function beside libraries that people check with, and how far apart they are.

``python docs/parity.py`` runs all comparisons of ``tests/parity`` (a minute or two) on generated files and on
the real ones of ``../shared/data``; it fails where a difference is larger than that comparison allows.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import rasterio  # noqa: E402
from what_it_reads import table  # noqa: E402

import rasteret_sql  # noqa: E402
from tests.conftest import SHARED  # noqa: E402
from tests.duck.corpus import write_corpus  # noqa: E402
from tests.parity.comparison import Comparison, Ground, Tally  # noqa: E402
from tests.parity.comparisons import COMPARISONS  # noqa: E402

PAGE = ROOT / "docs/parity.md"
HEAD = ("function", "against", "what", "cases", "values", "largest difference", "why")
INTRODUCTION = """\
Each function beside libraries that give the same answer by code of their own: on generated files (the 13 of
`tests/duck/corpus.py`), on the real files of the test data, and on random numbers. 0 means that every value
was equal. The largest difference is in the unit of the values, or, where it says so, relative to the other's
value (to 1 where that is less). `python docs/parity.py` measures it all again and fails where a difference is
larger than it may be; the tests hold the same functions to the same libraries with cases of their own."""
NOT_HERE = """\
Zonal statistics one by one are in [zonal statistics](zonal_statistics.md), formats and layouts of files in
[what it reads](what_it_reads.md)."""


def against(comparison: Comparison) -> str:
    """The peer, and the version of its library."""
    gdal = f"GDAL {rasterio.__gdal_version__}"
    name = comparison.library
    library = gdal if name == "GDAL" else f"{name} {version(name)}"
    if name == "rasterio":
        library += f" with {gdal}"
    return library if comparison.peer.lower() == name.lower() else f"{comparison.peer} ({library})"


def row(comparison: Comparison, tally: Tally) -> Sequence[object]:
    """Cells of one line."""
    functions = ", ".join(f"`{name}`" for name in comparison.functions)
    counts = (f"{tally.cases:,}", f"{tally.values:,}")
    return functions, against(comparison), comparison.cases, *counts, tally, comparison.why


def page(rows: Iterable[Sequence[object]]) -> str:
    """The whole page."""
    return "\n".join(["# Parity", "", INTRODUCTION, "", *table(HEAD, rows), "", NOT_HERE]) + "\n"


def main() -> int:
    """Run, write, and say what is too far apart."""
    if not (SHARED / "data").is_dir():
        print(f"no real files in {SHARED / 'data'}: name the folder above in RASTERET_SHARED")
        return 1
    warnings.simplefilter("ignore")
    rows, failed = [], 0
    with tempfile.TemporaryDirectory() as place, rasteret_sql.connect() as con:
        ground = Ground(
            con=con, corpus=Path(place, "corpus"), real=SHARED / "data", folder=Path(place, "own")
        )
        for folder in (ground.corpus, ground.folder):
            folder.mkdir()
        write_corpus(ground.corpus)
        for comparison in COMPARISONS:
            began = time.perf_counter()
            tally = comparison.run(ground)
            seconds = time.perf_counter() - began
            about = f"{comparison.functions[0]}, {comparison.peer}: {tally} ({seconds:.1f} s)"
            if not tally.largest <= comparison.limit:
                failed += 1
                about += f", more than {comparison.limit:g}: {tally.told}"
            print(about)
            rows.append(row(comparison, tally))
    if not failed:
        PAGE.write_text(page(rows), "utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
