"""What the jobs of a soak must answer: computed once from the local files, pixels by rasterio."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import rasterio
from rasterio.windows import Window

CHIPS = (
    "SELECT f.field_id, c.x_off, c.y_off, c.width, c.height, c.shape, c.dtype, c.data, c.valid"
    " FROM fields AS f, read_cog(?, f.geom) AS c"
)
STEP_M = 640.0
"""Between the points of a file's samples, in metres."""


@dataclass(frozen=True, kw_only=True)
class FileTruth:
    """One file of the archive."""

    name: str
    """Below the folder, as in URLs."""
    width: int
    height: int
    chips: dict[int, str]
    """Digest of a field's pixels and validity, by field."""
    statistics: dict[int, tuple[int, float]]
    """Count and mean of a field's valid pixels."""
    points: list[tuple[float, float]]
    """In the file's own CRS."""
    values: list[float | None]


def digest(data: bytes, valid: bytes | None) -> str:
    """Pixels and validity as one short text."""
    return hashlib.sha256(data + b"|" + (b"all" if valid is None else valid)).hexdigest()


def truth_of(con: duckdb.DuckDBPyConnection, folder: Path, path: Path) -> FileTruth:
    """The answers for one file; its chips are read through SQL from disk, and held against rasterio here."""
    with rasterio.open(path) as source:
        chips, statistics = {}, {}
        for field_id, x_off, y_off, width, height, shape, dtype, data, valid in con.execute(
            CHIPS, [str(path)]
        ).fetchall():
            pixels = source.read(window=Window(x_off, y_off, width, height))
            assert pixels.tobytes() == data, f"{path} differs from rasterio"
            inside = (
                np.ones(shape[1:], bool) if valid is None else np.frombuffer(valid, bool).reshape(shape[1:])
            )
            own = np.frombuffer(data, dtype).reshape(shape)[0][inside]
            chips[field_id] = digest(data, valid)
            statistics[field_id] = (own.size, float(own.mean(dtype=np.float64)) if own.size else 0.0)
        left, bottom, right, top = source.bounds
        places = [
            (float(x), float(y))
            for x in np.arange(left + 5, right, STEP_M)
            for y in np.arange(bottom + 5, top, STEP_M)
        ]
        nodata = source.nodata
        values = [None if v[0] == nodata else float(v[0]) for v in source.sample(places)]
        return FileTruth(
            name=str(path.relative_to(folder)),
            width=source.width,
            height=source.height,
            chips=chips,
            statistics=statistics,
            points=places,
            values=values,
        )


def same_numbers(found: Any, expected: float) -> bool:
    """Equal but for the order of a sum."""
    return bool(np.isclose(float(found), expected, rtol=1e-9, atol=0))
