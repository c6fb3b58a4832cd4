"""Three readers of one file: this package through SQL, GDAL through rasterio, and tifffile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import rasterio
import tifffile

from tests.matrix.disagreements import REFUSES

Pixels = np.ndarray[Any, Any]


class ReaderError(Exception):
    """The reader does not read this file; its own words."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """What one reader makes of one resolution."""

    pixels: Pixels
    """Shape (bands, rows, columns)."""
    valid: Pixels | None = None
    """Shape (rows, columns), bool; None where the reader has no notion of it."""
    transform: tuple[float, ...] | None = None

    @classmethod
    def of_row(
        cls, dtype: str, shape: tuple[int, ...], data: bytes, valid: bytes | None, transform: Any
    ) -> Level:
        """From columns of ``read_cog``."""
        usable = np.ones(shape[1:], bool) if valid is None else np.frombuffer(valid, bool).reshape(shape[1:])
        return cls(pixels=np.frombuffer(data, dtype).reshape(shape), valid=usable, transform=tuple(transform))


READ = """
SELECT f.href, f.level, c.dtype, c.shape, c.data, c.valid, c.transform
FROM (SELECT unnest($1, recursive := true)) AS f(href, level),
     read_cog(f.href, level := f.level) AS c
"""


def by_sql(
    con: duckdb.DuckDBPyConnection, files: Mapping[Path, int]
) -> dict[Path, list[Level] | ReaderError]:
    """Files, each with its number of levels, read by one statement, or by one each where that fails."""
    wanted = [{"href": str(path), "level": level} for path, count in files.items() for level in range(count)]
    try:
        rows = con.execute(READ, [wanted]).fetchall()
    except duckdb.InvalidInputException as error:
        if len(files) == 1:
            return dict.fromkeys(files, ReaderError(str(error)))
        return {path: by_sql(con, {path: count})[path] for path, count in files.items()}
    found = {(Path(href), level): Level.of_row(*pixels) for href, level, *pixels in rows}
    return {path: [found[path, level] for level in range(count)] for path, count in files.items()}


def headers_by_sql(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> dict[Path, tuple[int, Any]]:
    """Of each file how many levels its header names, and the header's error."""
    query = "SELECT h.href, 1 + len(h.overviews), h.error FROM unnest($1) AS f(href), cog_header(f.href) AS h"
    rows = con.execute(query, [[str(path) for path in files]]).fetchall()
    return {Path(href): (levels, error) for href, levels, error in rows}


def by_gdal(path: Path) -> list[Level]:
    """Every level, with rasterio's ``dataset_mask`` as validity."""
    try:
        with rasterio.open(path) as dataset:
            levels = [None, *range(len(dataset.overviews(1)))]
        return [_gdal_level(path, level) for level in levels]
    except rasterio.errors.RasterioIOError as error:
        raise ReaderError(str(error)) from error


def _gdal_level(path: Path, level: int | None) -> Level:
    with rasterio.open(path, **({} if level is None else {"overview_level": level})) as dataset:
        return Level(
            pixels=dataset.read(), valid=dataset.dataset_mask() > 0, transform=tuple(dataset.transform)[:6]
        )


def by_tifffile(path: Path) -> list[Level]:
    """Every page that is the first or a reduced version of it."""
    with tifffile.TiffFile(path) as file:
        try:
            return [Level(pixels=_bands_first(page)) for page in levels_of(file)]
        except Exception as error:  # each codec of imagecodecs has errors of its own
            raise ReaderError(f"{type(error).__name__}: {error}") from error


def levels_of(file: tifffile.TiffFile) -> list[tifffile.TiffPage]:
    """The first page and its reduced versions, SubIFDs too, fine to coarse."""
    first = file.pages[0]
    pages = [*list(file.pages)[1:], *(first.pages or ())]
    reduced = [page for page in pages if page.subfiletype & 1 and not page.subfiletype & 4]
    return [first, *sorted(reduced, key=lambda page: -page.imagewidth * page.imagelength)]


def _bands_first(page: Any) -> Pixels:
    pixels = page.asarray()
    if page.samplesperpixel == 1:
        return pixels[None]
    return np.moveaxis(pixels, 2, 0) if page.planarconfig == 1 else pixels


OTHERS: dict[str, Callable[[Path], list[Level]]] = {"gdal": by_gdal, "tifffile": by_tifffile}


def compare(
    own: list[Level], read: Callable[[Path], list[Level]], path: Path
) -> tuple[list[Level] | None, set[str]]:
    """Another reader's levels and in what they differ; None and ``refuses`` where it has none."""
    try:
        theirs = read(path)
    except ReaderError:
        return None, {REFUSES}
    return theirs, differences(own, theirs)


def differences(own: list[Level], theirs: list[Level]) -> set[str]:
    """In what two readings differ: ``levels``, ``shape``, ``dtype``, ``pixels``, ``valid``, ``transform``."""
    found = {"levels"} if len(own) != len(theirs) else set()
    for mine, other in zip(own, theirs, strict=False):
        if mine.pixels.shape != other.pixels.shape:
            found.add("shape")
            continue
        found |= {"dtype"} if mine.pixels.dtype != other.pixels.dtype else set()
        found |= set() if same(mine.pixels, other.pixels) else {"pixels"}
        if other.valid is not None and not np.array_equal(mine.valid, other.valid):
            found.add("valid")
        if other.transform is not None and not np.allclose(
            mine.transform, other.transform, rtol=1e-12, atol=0
        ):
            found.add("transform")
    return found


def same(a: Pixels, b: Pixels) -> bool:
    """Bit for bit in one dtype; in two dtypes, by value."""
    if a.dtype == b.dtype:
        return a.tobytes() == b.tobytes()
    return np.array_equal(a, b, equal_nan=True)


def farthest(own: list[Level], theirs: list[Level]) -> float:
    """The largest difference of two samples."""
    return max(
        float(np.abs(a.pixels.astype("float64") - b.pixels).max()) for a, b in zip(own, theirs, strict=True)
    )
