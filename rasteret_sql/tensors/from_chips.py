"""Rows of chips as one cube."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rasteret_sql.arrays import Floats, Pixels
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.crs_text import shorten
from rasteret_sql.notices import Notices
from rasteret_sql.raster.chip import Chip
from rasteret_sql.tensors.cube import Cube
from rasteret_sql.tensors.rows import ChipRow

ON_ONE_GRID = (
    "Give them one grid, as in read_cog(i, area, crs := 'EPSG:32632', resolution := 10), and take one area "
    "at a time, as in WHERE field_id = 1"
)


@dataclass(frozen=True, kw_only=True)
class _Axes:
    times: tuple[np.datetime64, ...]
    bands: tuple[str, ...]
    masks: int
    """1 where all bands of a time come in one row and share its ``valid``, else as many as bands."""

    def place_of_time(self, time: np.datetime64) -> int:
        return 0 if np.isnat(time) else self._times[time]

    def place_of_band(self, band: str) -> int | None:
        """None where it is not wanted."""
        return self._bands.get(band)

    @cached_property
    def _times(self) -> dict[np.datetime64, int]:
        return {time: place for place, time in enumerate(self.times)}

    @cached_property
    def _bands(self) -> dict[str, int]:
        return {band: place for place, band in enumerate(self.bands)}


def cube_of_chips(rows: Iterable[ChipRow], bands: Sequence[str] | None, function: str) -> Cube:
    """The chips of all rows on their one grid, by time and band.

    A time without a chip of a band, and a row with an error, is not valid there. Raises ``ArgumentError`` for
    no chips, several grids, one band twice at one time, some rows without a time, and unknown bands.
    """
    waiting = list(rows)
    _report_errors(waiting, function)
    chips = [row.chip for row in waiting if row.chip is not None]
    if not chips:
        raise ArgumentError(f"{function}: {_nothing(waiting)}")
    _require_one_grid(waiting, function)
    filling = _Filling(_axes(waiting, bands, function), chips, function)
    del chips
    while waiting:  # pixels are let go as soon as they are copied
        filling.put(waiting.pop())
    return filling.cube()


class _Filling:
    """A cube that is being filled, row by row."""

    def __init__(self, axes: _Axes, chips: Sequence[Chip], function: str) -> None:
        first = chips[0]
        rows, columns = first.pixels.shape[1:]
        self._axes, self._function = axes, function
        self._crs, self._transform = first.crs, first.transform
        self._nodata = _shared_nodata(chips)
        dtype = np.result_type(*{chip.pixels.dtype.newbyteorder("=") for chip in chips})
        shape = (len(axes.times), len(axes.bands))
        self._pixels: Pixels = np.empty((*shape, rows, columns), dtype)
        self._valid = np.zeros((shape[0], axes.masks, rows, columns), np.bool_)
        self._scales: Floats = np.ones(shape)
        self._offsets: Floats = np.zeros(shape)
        self._from = dict[tuple[int, int], str]()
        self._fill = 0 if self._nodata is None else self._nodata

    def put(self, row: ChipRow) -> None:
        """Copy the bands of one row."""
        if row.chip is None:
            return
        time = self._axes.place_of_time(row.time)
        for number, name in enumerate(names_of(row)):
            band = self._axes.place_of_band(name)
            if band is None:
                continue
            if (time, band) in self._from:
                raise ArgumentError(
                    f"{self._function}: band {name!r} comes twice{_at(row.time)}: {row.name}, and "
                    f"{self._from[time, band]}. {_one_a_time(row)}"
                )
            self._from[time, band] = row.name
            self._pixels[time, band] = row.chip.pixels[number]
            self._valid[time, min(band, self._axes.masks - 1)] = _valid_of(row.chip)
            scaling = row.chip.scaling(number)
            if scaling is not None:
                self._scales[time, band], self._offsets[time, band] = scaling

    def cube(self) -> Cube:
        """What no row has filled is nodata and not valid."""
        for time in range(len(self._axes.times)):
            for band in range(len(self._axes.bands)):
                if (time, band) not in self._from:
                    self._pixels[time, band] = np.array(self._fill).astype(self._pixels.dtype)
        is_scaled = bool((self._scales != 1).any() or (self._offsets != 0).any())
        return Cube(
            pixels=self._pixels,
            valid=self._valid,
            times=np.array(self._axes.times, "datetime64[us]"),
            bands=self._axes.bands,
            transform=self._transform,
            crs=self._crs,
            nodata=self._nodata,
            scales=self._scales if is_scaled else None,
            offsets=self._offsets if is_scaled else None,
        )


def names_of(row: ChipRow) -> list[str]:
    """Of the bands of a row's chip: the column ``band``, the bands' own names, or b1, b2, …"""
    assert row.chip is not None
    count = row.chip.band_count
    if row.band is not None and count == 1:
        return [row.band]
    own = row.chip.names or (None,) * count
    numbers = row.chip.bands or tuple(range(1, count + 1))
    names = [name or f"b{number}" for name, number in zip(own, numbers, strict=True)]
    return names if row.band is None else [f"{row.band}.{name}" for name in names]


def _valid_of(chip: Chip) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | bool:
    return True if chip.valid is None else chip.valid


def _axes(rows: Sequence[ChipRow], bands: Sequence[str] | None, function: str) -> _Axes:
    times = [row.time for row in rows]
    unknown = sum(bool(np.isnat(time)) for time in times)
    if 0 < unknown < len(times):
        raise ArgumentError(
            f"{function}: {unknown} of {len(times)} rows have no datetime: leave them out, as in "
            "WHERE datetime IS NOT NULL"
        )
    named = [names_of(row) for row in rows if row.chip is not None]
    found = [name for names in named for name in names]
    is_one_row = all(names == named[0] for names in named)
    known = named[0] if is_one_row else sorted(set(found))
    chosen = list(known if bands is None else bands)
    missing = [band for band in chosen if band not in known]
    if missing or not chosen or len(set(chosen)) < len(chosen):
        wrong = f"there is no band {missing[0]!r}" if missing else f"bands = {chosen} is not a list of bands"
        raise ArgumentError(f"{function}: {wrong}; the bands are: {', '.join(map(repr, known))}")
    distinct = (times[0],) if unknown else tuple(np.unique(np.array(times, "datetime64[us]")))
    return _Axes(times=distinct, bands=tuple(chosen), masks=1 if is_one_row else len(chosen))


def _require_one_grid(rows: Sequence[ChipRow], function: str) -> None:
    grids: dict[object, ChipRow] = {}
    for row in rows:
        if row.chip is not None:
            grid = (row.chip.crs, row.chip.transform, row.chip.pixels.shape[1:])
            grids.setdefault(grid, row)
    if len(grids) > 1:
        one, other = list(grids.values())[:2]
        raise ArgumentError(
            f"{function}: the chips lie on {len(grids)} grids, such as {_grid_text(one)}, and "
            f"{_grid_text(other)}. {ON_ONE_GRID}"
        )


def _grid_text(row: ChipRow) -> str:
    assert row.chip is not None
    chip = row.chip
    _, rows, columns = chip.pixels.shape
    crs = "no CRS" if chip.crs is None else shorten(chip.crs)
    return f"{row.name}: {columns} x {rows} pixels in {crs}, transform {list(chip.transform)}"


def _shared_nodata(chips: Sequence[Chip]) -> float | None:
    """One value of all chips; None where they differ."""
    found = {"nan" if chip.nodata != chip.nodata else chip.nodata for chip in chips}
    return chips[0].nodata if len(found) == 1 else None


def _at(time: np.datetime64) -> str:
    return "" if np.isnat(time) else f" at {time}"


def _one_a_time(row: ChipRow) -> str:
    if np.isnat(row.time):
        return "Select the datetime of the rows beside their chips"
    return (
        "Keep one of them, as in QUALIFY row_number() OVER (PARTITION BY datetime, band ORDER BY id) = 1, or "
        "put scenes of one time together with RS_Mosaic"
    )


def _nothing(rows: Sequence[ChipRow]) -> str:
    if not rows:
        return "the relation has no rows: the area touches no raster, or a condition leaves none"
    errors = [row.error for row in rows if row.error]
    return f"none of the {len(rows)} rows has a chip" + (f": {errors[0]}" if errors else "")


def _report_errors(rows: Sequence[ChipRow], function: str) -> None:
    errors = [row.error for row in rows if row.chip is None and row.error]
    if errors and len(errors) < len(rows):
        Notices(function).say(
            f"{len(errors)} of {len(rows)} rows have an error in place of a chip, and are not valid in the "
            f"answer; the first: {errors[0]}"
        )
