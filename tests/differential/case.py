"""One case: a raster, a query on it, and what GDAL and NumPy answer."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Raster:
    """A file, and how it was made."""

    path: Path
    about: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Query:
    """SQL with literals, as a user would type it, and what its rows must be."""

    sql: str
    expected: Any
    """Whatever ``same`` compares with the rows."""
    same: Callable[[Sequence[Any], Any], str | None]
    """What differs, or None."""
    about: str = ""


Question = Callable[[random.Random, Raster], Query | None]
"""A query of one kind on a raster; None where it makes no sense of such a raster."""


@dataclass(kw_only=True)
class Failure:
    """What to look at, and how to see it again."""

    seed: int
    question: str
    about: Mapping[str, Any]
    query: Query
    difference: str
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"seed {self.seed}, {self.question}: {self.difference}\n"
            f"  raster: {dict(self.about)}\n"
            f"  query:  {self.query.sql}\n"
            f"  again:  ./dev differential --seed {self.seed} --cases 1 --keep"
        )


def apart(found: Array, expected: Array, what: str, *, tolerance: float = 0.0) -> str | None:
    """The first place in which two arrays differ; NaN equals NaN."""
    if found.shape != expected.shape:
        return f"{what}: shape {found.shape}, expected {expected.shape}"
    with np.errstate(all="ignore"):
        same = (found == expected) | ((found != found) & (expected != expected))
        if tolerance:
            same |= np.abs(found - expected) <= tolerance * np.maximum(1.0, np.abs(expected))
    if same.all():
        return None
    where = tuple(int(i[0]) for i in np.nonzero(~same))
    return (
        f"{what}: {int((~same).sum())} of {same.size} differ, first {found[where]!r}, "
        f"expected {expected[where]!r} at {where}"
    )
