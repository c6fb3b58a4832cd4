"""One row of the table: which functions, against whom, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What the comparisons read."""

    con: duckdb.DuckDBPyConnection
    corpus: Path
    """Folder of the files of ``tests/duck/corpus.py``."""
    real: Path
    """Folder with ``cog/``: real files."""
    folder: Path
    """For files of the comparisons' own."""

    def one(self, query: str, *values: Any) -> Any:
        """The first column of the first row."""
        row = self.con.execute(query, list(values)).fetchone()
        return None if row is None else row[0]

    def chip(self, query: str, *values: Any) -> dict[str, Any] | None:
        """A chip with arrays for ``data`` and ``valid``; the query gives one column."""
        row = self.one(query, *values)
        if row is None:
            return None
        valid = None if row["valid"] is None else np.frombuffer(row["valid"], bool).reshape(row["shape"][1:])
        pixels = np.frombuffer(row["data"], row["dtype"]).reshape(row["shape"])
        return row | {"pixels": pixels, "valid": np.ones(pixels.shape[1:], bool) if valid is None else valid}


@dataclass(kw_only=True)
class Tally:
    """The differences of all cases together."""

    relative: bool = False
    """Differences over the other's value, or over 1 if that is less; else as they are."""
    cases: int = 0
    values: int = 0
    different: int = 0
    largest: float = 0.0
    told: str = ""
    """Where the largest was."""

    def add(self, ours: Any, theirs: Any, where: object = "", *, again: bool = False) -> None:
        """One case, or the same one again: numbers of one shape; NaN equals itself and nothing else."""
        found, expected = (np.asarray(side).ravel() for side in (ours, theirs))
        if found.shape != expected.shape:
            raise AssertionError(f"{where}: {np.shape(ours)}, not {np.shape(theirs)}")
        self.cases += not again
        self.values += found.size
        apart = np.nonzero(found != expected)[0]
        if not apart.size:
            return
        a, b = (side[apart].astype(np.float64) for side in (found, expected))
        with np.errstate(invalid="ignore"):
            gap = np.abs(a - b) / (np.maximum(1.0, np.abs(b)) if self.relative else 1.0)
        gap = np.where(np.isnan(a) & np.isnan(b), 0.0, np.where(np.isnan(gap), np.inf, gap))
        self.different += int((gap > 0).sum())
        if gap.max() > self.largest:
            self.largest, self.told = float(gap.max()), str(where)

    def add_equal(self, ours: object, theirs: object, where: object = "") -> None:
        """One case of texts and other values: equal or not."""
        self.add(float(repr(ours) != repr(theirs)), 0.0, where)

    def __str__(self) -> str:
        if not self.largest:
            return "0"
        return f"{self.largest:.1g}{' of the value' if self.relative else ''}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Functions that one library answers for as well."""

    functions: tuple[str, ...]
    peer: str
    """As the table names it."""
    library: str
    """The distribution whose version stands beside it."""
    cases: str
    run: Callable[[Ground], Tally]
    limit: float
    """The difference that a run may find."""
    why: str = field(default="")
    """Of a difference, or of what is left out."""
