"""RS_Value and RS_Values: pixels at points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from rasteret_sql.arrays import Numbers
from rasteret_sql.duck.arguments.call import ASKED, Call, by_name
from rasteret_sql.duck.arguments.chip_values import is_chip, rasters_or_chips
from rasteret_sql.duck.arguments.point_arguments import point_lists_of, points_of
from rasteret_sql.duck.arguments.touching import note_touching
from rasteret_sql.duck.arrow.arrays import present
from rasteret_sql.errors import ArgumentError, LimitError
from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.turns import wrapped
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.algebra.band_math import BandMath
from rasteret_sql.raster.algebra.bound_math import BoundMath, bind_source
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.points.neighbours import INTERPOLATIONS, pixel_neighbours
from rasteret_sql.raster.points.projected_points import PointRequest, Points, ProjectedPoints, crs_of
from rasteret_sql.raster.points.values import values_at, values_in
from rasteret_sql.raster.read.plan import pick_bands, pick_level
from rasteret_sql.raster.source import Raster
from rasteret_sql.settings import settings

MANY_ROWS = 1024
"""A vector of so many is one of several, whose points lie in the same blocks."""
MAX_NUMBERS = 2**31 - 1
"""Numbers in the lists of one batch: their offsets are INTEGERs."""


OPTIONS = ("band", "bands", "interpolation", "level", "resolution", "expression", "mask", "scale")


@dataclass(frozen=True)
class _Options:
    """What is asked besides raster and point."""

    band: int | str
    interpolation: str
    level: int | None
    resolution: float | None
    math: BandMath | None


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """Points wanted of one raster, and where their values go."""

    raster: Raster
    options: _Options
    points: Numbers
    slots: Numbers


@by_name
def value(call: Call) -> pa.Array:
    """One number per row."""
    found, there, _ = _value(call, [(one,) for one in _options(call)])
    return _numbers(found, there)


@by_name
def band_values(call: Call) -> pa.Array:
    """A list of numbers a row, one a band."""
    found, there, offsets = _value(call, _options_of_bands(call))
    return _lists(_numbers(found, there), offsets)


def _value(
    call: Call, options: Sequence[tuple[_Options, ...]]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """The numbers of all rows end to end, which are there, and where those of each row begin."""
    points, number = points_of(call["point"], call[ASKED], call["aoi_crs"])
    offsets = np.append(0, np.cumsum([len(several) for several in options]))
    wanted = number >= 0
    raster_of_row = _rasters(call.raster, [several[0] for several in options], wanted)
    groups: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero(wanted).tolist():
        groups.setdefault((id(raster_of_row[row]), id(options[row])), []).append(row)
    asked = []
    for rows in groups.values():
        one = raster_of_row[rows[0]]
        if one is not None:
            slots = np.array(rows)
            mine = number[slots]
            asked += [
                _Asked(raster=one, options=option, points=mine, slots=offsets[slots] + place)
                for place, option in enumerate(options[rows[0]])
            ]
    found_values, there = _sample(points, asked, int(offsets[-1]), whole=len(number) >= MANY_ROWS)
    _note("RS_Value", call[ASKED], points, asked, there)
    return found_values, there, offsets


@by_name
def values(call: Call) -> pa.Array:
    """A list of numbers a row, one a point."""
    found, there, lengths, known = _values(call, [(one,) for one in _options(call)])
    return _lists(_numbers(found, there), np.append(0, np.cumsum(lengths)), known)


@by_name
def values_of_bands(call: Call) -> pa.Array:
    """A list a row, with a list a point of numbers, one a band."""
    options = _options_of_bands(call)
    found, there, lengths, known = _values(call, options)
    counts = np.array([len(several) for several in options])
    inner = _lists(_numbers(found, there), np.append(0, np.cumsum(np.repeat(counts, lengths))))
    return _lists(inner, np.append(0, np.cumsum(lengths)), known)


def _values(
    call: Call, options: Sequence[tuple[_Options, ...]]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The numbers of all points end to end, those of its bands together; which are there; how many points
    each row has; and which rows are not NULL.
    """
    lists = point_lists_of(call["points"], call[ASKED], call["aoi_crs"])
    wanted = np.array([numbers is not None for numbers in lists.numbers], np.bool_)
    raster_of_row = _rasters(call.raster, [several[0] for several in options], wanted)
    lengths = np.where([one is not None for one in raster_of_row], lists.lengths, 0).astype(np.int64)
    counts = np.array([len(several) for several in options], np.int64)
    _limit(lengths * counts)
    offsets = np.append(0, np.cumsum(lengths * counts))
    asked = [
        _Asked(raster=one, options=option, points=mine, slots=slots * counts[row] + (offsets[row] + place))
        for row, (one, mine, slots) in enumerate(zip(raster_of_row, lists.numbers, lists.slots, strict=True))
        if one is not None and mine is not None and slots is not None
        for place, option in enumerate(options[row])
    ]
    found_values, valid = _sample(lists.points, asked, int(offsets[-1]), whole=False)
    _note("RS_Values", call[ASKED], lists.points, asked, valid)
    there = np.array([one is not None for one in raster_of_row], np.bool_) & wanted
    return found_values, valid, lengths, there


def _lists(
    items: pa.Array, offsets: npt.NDArray[np.int64], there: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Items end to end as lists that begin at ``offsets``; NULL where not ``there`` (None: all are)."""
    bitmap = None if there is None else pa.py_buffer(np.packbits(there, bitorder="little"))
    buffers = [bitmap, pa.py_buffer(offsets.astype(np.int32))]
    return pa.Array.from_buffers(pa.list_(items.type), len(offsets) - 1, buffers, children=[items])


def _note(
    speaker: str, kind: pa.Array, points: Points, asked: Sequence[_Asked], there: npt.NDArray[np.bool_]
) -> None:
    """Say when no point lies on any raster."""
    touched = bool(there.any()) or any(_lies_on(points, one) for one in asked)

    def first() -> tuple[Aoi, Raster] | None:
        for one in asked:
            if len(one.points):
                number = int(one.points[0])
                point = shapely.Point(points.xy[number])
                return Aoi(geometry=point, crs=points.crs[int(points.which[number])]), one.raster
        return None

    note_touching(speaker, kind, touched=touched, first=first)


def _lies_on(points: Points, asked: _Asked) -> bool:
    """Whether one of the points lies on the raster, where its pixel may not be valid."""
    crs, grid = crs_of(asked.raster), asked.raster.grid()
    xy = ProjectedPoints(points, [(crs, asked.points)]).to(crs, asked.points)
    xy = wrapped(xy, crs, grid.transform, grid.width, grid.height)
    return bool(len(pixel_neighbours(xy, grid.transform, grid.width, grid.height, "nearest").inside))


def _limit(lengths: npt.NDArray[np.int64]) -> None:
    limit = min(settings().max_read_bytes, MAX_NUMBERS * 8)
    if lengths.sum() * 8 > limit:
        raise LimitError(
            f"{len(lengths):,} lists of one batch ask for {lengths.sum():,} values, "
            f"{lengths.sum() / 2**17:,.0f} MiB, over max_read_bytes ({limit / 2**20:,.0f} MiB). "
            "Pass shorter lists, or raise max_read_bytes"
        )


def _options(call: Call) -> list[_Options]:
    """Of every row; equal ones are the same object."""
    if call.same(OPTIONS):
        return _options_of(call.first(("raster", *OPTIONS))) * len(call)
    distinct: dict[_Options, _Options] = {}
    return [distinct.setdefault(one, one) for one in _options_of(call)]


def _options_of_bands(call: Call) -> list[tuple[_Options, ...]]:
    """The same for each of the bands of every row; without any, for the first."""
    lists = call.bands()
    for bands in lists:
        if bands is not None and not bands:
            raise ArgumentError("bands := [] asks for nothing; name at least one")
    first = _options_of(call, [1 if bands is None else bands[0] for bands in lists])
    distinct: dict[Any, tuple[_Options, ...]] = {}
    return [
        distinct.setdefault((one, bands), tuple(replace(one, band=band) for band in bands or (1,)))
        for one, bands in zip(first, lists, strict=True)
    ]


def _options_of(call: Call, bands: Sequence[int | str] | None = None) -> list[_Options]:
    rows = zip(
        call.one_band() if bands is None else bands,
        call.choices("interpolation", INTERPOLATIONS),
        call.integers("level"),
        call.numbers("resolution"),
        call.math(),
        strict=True,
    )
    return [_Options(*row) for row in rows]


def _rasters(
    raster: pa.Array, options: Sequence[_Options], wanted: npt.NDArray[np.bool_]
) -> list[Raster | None]:
    """The raster of every row that has one and wants it; equal rows share it."""
    if is_chip(raster.type):
        for row in np.flatnonzero(present(raster)).tolist():
            if options[row].level is not None or options[row].resolution is not None:
                raise ArgumentError(
                    "a chip has one level: leave out level and resolution, or pass its index row"
                )
    overviews = [bool(one.level) or one.resolution is not None for one in options]
    return rasters_or_chips(raster, wanted.tolist(), overviews)


def _sample(
    points: Points, asked: Sequence[_Asked], count: int, *, whole: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    sampled, there = np.zeros(count), np.zeros(count, np.bool_)
    files = [(one, one.raster) for one in asked if isinstance(one.raster, Header)]
    requests = [_request(header, one, whole) for one, header in files]
    for number, values, valid in values_at(points, requests):
        slots = files[number][0].slots
        sampled[slots], there[slots] = values, valid
    chips = [(one, one.raster) for one in asked if isinstance(one.raster, Chip)]
    projected = ProjectedPoints(points, [(crs_of(chip), one.points) for one, chip in chips])
    for one, chip in chips:
        (sample,) = pick_bands(chip, (one.options.band,))
        xy, math = projected.to(crs_of(chip), one.points), _math(chip, one.options)
        sampled[one.slots], there[one.slots] = values_in(chip, xy, sample, one.options.interpolation, math)
    return sampled, there


def _math(raster: Raster, options: _Options) -> BoundMath | None:
    if options.math is None:
        return None
    bound = bind_source(options.math, (options.band,), raster)
    return None if bound.is_idle else bound


def _request(header: Header, asked: _Asked, whole: bool) -> PointRequest:
    options = asked.options
    (band,) = pick_bands(header, (options.band,))
    return PointRequest(
        header=header,
        level=pick_level(header, options.level, options.resolution),
        band=band,
        points=asked.points,
        interpolation=options.interpolation,
        math=_math(header, options),
        whole=whole,
    )


def _numbers(values: npt.NDArray[np.float64], there: npt.NDArray[np.bool_]) -> pa.Array:
    buffers: list[Any] = [pa.py_buffer(np.packbits(there, bitorder="little")), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.float64(), len(values), buffers)
