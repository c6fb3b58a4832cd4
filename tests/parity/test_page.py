"""docs/parity.md names every function and has a row for each comparison; ``docs/parity.py`` measures them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from rasteret_sql.duck.declarations import functions
from tests.parity.comparison import Tally

PAGE = (Path(__file__).resolve().parents[2] / "docs/parity.md").read_text("utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.split("\n") if line.startswith("| `")]


def test_every_function_of_rasters_has_been_compared() -> None:
    named = set(re.findall(r"`(\w+)`", " ".join(cells[0] for cells in ROWS)))
    assert named == {f.name for f in functions() if f.public and f.name.startswith("RS_")} | {"read_cog"}


def test_the_rows_are_those_of_the_comparisons() -> None:
    """A comparison that was added or changed has been run since."""
    pytest.importorskip("PIL")
    from tests.parity.comparisons import COMPARISONS

    assert len(ROWS) == len(COMPARISONS)
    for cells, comparison in zip(ROWS, COMPARISONS, strict=True):
        functions, against, cases, *_ = cells
        assert functions == ", ".join(f"`{name}`" for name in comparison.functions)
        assert comparison.peer.lower() in against.lower()
        assert f"{comparison.library} " in against
        assert cases == comparison.cases
        assert (cells[6] if len(cells) > 6 else "") == comparison.why
        assert comparison.limit or cells[5] == "0"


def test_a_tally_finds_what_differs() -> None:
    tally = Tally()
    tally.add([1.0, np.nan], [1.0, np.nan], "same")
    assert (str(tally), tally.cases, tally.values, tally.different) == ("0", 1, 2, 0)
    tally.add(np.array([1, 5], np.uint8), np.array([1, 2], np.uint8), "by 3")
    assert (str(tally), tally.different, tally.told) == ("3", 1, "by 3")
    tally.add([np.nan], [1.0], "missing")
    assert (tally.largest, tally.told) == (np.inf, "missing")
    share = Tally(relative=True)
    share.add([201.0], [200.0])
    assert str(share) == "0.005 of the value"
