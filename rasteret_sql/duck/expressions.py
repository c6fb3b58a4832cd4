"""RS_MapAlgebra: an expression over the pixels of rasters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import shapely

from rasteret_sql.cog.window import Window
from rasteret_sql.duck.arguments import areas, flags, numbers, texts
from rasteret_sql.duck.chip_values import chip_column
from rasteret_sql.duck.named_rasters import WHOLE, Raster, named_rasters, read_rasters
from rasteret_sql.errors import ArgumentError, LimitError, RasteretError
from rasteret_sql.raster.align import onto, require_same_place
from rasteret_sql.raster.aoi import Aoi
from rasteret_sql.raster.band_math import BandMath, answer, bands_of, column
from rasteret_sql.raster.band_math import Column as Pixels
from rasteret_sql.raster.band_names import bands_told, find, find_band
from rasteret_sql.raster.pixels import GROUP_BYTES, Chip, clip
from rasteret_sql.raster.plan import ReadRequest, plan_chip
from rasteret_sql.settings import settings
from rasteret_sql.store.redact import place

Place = tuple[str, int]
"""Name of a raster, and index of its band from 0."""


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One row whose rasters are all there."""

    row: int
    asked: BandMath
    rasters: Mapping[str, Raster]
    places: Mapping[str, Place]
    """Of each name of the expression, the grid's first."""
    request: ReadRequest
    scaled: bool

    @property
    def first(self) -> str:
        """The raster whose grid the answer has."""
        return next(iter(self.places.values()))[0]

    def bands(self, name: str) -> tuple[int, ...]:
        """What is needed of a raster, from 0."""
        return tuple(dict.fromkeys(band for other, band in self.places.values() if other == name))

    def read(self, name: str, area: Aoi | Window | None, *, all_touched: bool) -> tuple[Raster, ReadRequest]:
        bands = tuple(band + 1 for band in self.bands(name))
        return self.rasters[name], replace(self.request, area=area, bands=bands, all_touched=all_touched)

    @property
    def others(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self.places.values() if name != self.first))


def map_algebra(expression: pa.Array, rasters: pa.Array, *more: pa.Array) -> pa.Array:
    """One chip a row: the expression's answer on the grid of the first raster that it names."""
    rows = _rows(expression, rasters, *more)
    chips: list[Chip | None] = [None] * len(expression)
    held = 0
    for group in _groups(rows):
        for one, chip in zip(group, _answers(group), strict=True):
            chips[one.row] = chip
            held += 0 if chip is None else chip.pixels.nbytes
            _limit(held)
    return chip_column(chips)


def _rows(
    expression: pa.Array,
    rasters: pa.Array,
    aoi: pa.Array,
    aoi_type: pa.Array,
    aoi_crs: pa.Array,
    mask: pa.Array,
    dtype: pa.Array,
    nodata: pa.Array,
    scale: pa.Array,
    resolution: pa.Array,
    all_touched: pa.Array,
) -> list[_Row]:
    given_texts, masks = texts(expression, "expression"), texts(mask, "mask")
    dtypes, nodatas = texts(dtype, "dtype"), numbers(nodata, "nodata")
    wanted, scaled = areas(aoi, aoi_type, aoi_crs), flags(scale, "scale")
    resolutions, touched = numbers(resolution, "resolution"), flags(all_touched, "all_touched")
    given = named_rasters(rasters, overviews=any(r is not None for r in resolutions))
    everywhere = pa.types.is_null(aoi.type)
    rows = []
    for i, text in enumerate(given_texts):
        area, named = wanted[i], given[i]
        if text is None or named is None or (area is None and not everywhere):
            continue
        if isinstance(area, RasteretError):
            raise area
        asked = BandMath(expression=text, mask=masks[i], dtype=dtypes[i], nodata=nodatas[i])
        places = _places(asked, named)
        if places is not None:
            request = ReadRequest(area=area, resolution=resolutions[i], all_touched=touched[i])
            rows.append(
                _Row(row=i, asked=asked, rasters=named, places=places, request=request, scaled=scaled[i])
            )
    return rows


def _places(asked: BandMath, named: Mapping[str, Raster]) -> dict[str, Place] | None:
    """Raster and band of each name; None where a raster that is needed is NULL."""
    if not asked.names:
        raise ArgumentError(f"expression '{asked.expression}' names no band; without one it has no grid")
    if WHOLE in named:
        whole = named[WHOLE]
        if whole.missing:
            return None
        return {text: (WHOLE, band) for text, band in bands_of(asked, *whole.bands, whole.href).items()}
    keys = list(named)
    found: dict[str, Place] = {}
    for text, (name, expression) in asked.names.items():
        at = find(name.name if name.raster is None else name.raster, keys)
        if at is None:
            expression.refuse(
                name, f"no raster is named {name.raster or name.name}; there are {', '.join(keys)}"
            )
        raster = named[keys[at]]
        if raster.missing:
            return None
        count, names = raster.bands
        band = find_band(name.name, count, names) if name.raster is not None else 0 if count == 1 else None
        if band is None:
            what = f"{keys[at]} ({place(raster.href)}) has the bands {bands_told(count, names)}"
            expression.refuse(name, f"{what}; write {keys[at]}.b1 and so on")
        found[text] = (keys[at], band)
    return found


def _groups(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Rows whose pixels fit in memory together, or one row."""
    group: list[_Row] = []
    held = 0
    for one in rows:
        size = _bytes(one)
        if group and held + size > GROUP_BYTES:
            yield group
            group, held = [], 0
        group.append(one)
        held += size
    if group:
        yield group


def _bytes(one: _Row) -> int:
    raster, request = one.read(one.first, one.request.area, all_touched=False)
    if raster.header is None:
        return 0
    planned = plan_chip(raster.header, request)
    pixels = 0 if planned is None else planned[1].window.width * planned[1].window.height
    return pixels * np.dtype(raster.header.dtype).itemsize * len(one.places)


def _answers(rows: Sequence[_Row]) -> list[Chip | None]:
    """Read the first raster of every row, then what the others have there, all files of a kind together."""
    area = [one.read(one.first, one.request.area, all_touched=one.request.all_touched) for one in rows]
    firsts = read_rasters(area)
    wanted = [
        (i, name, one.read(name, _around(one.rasters[name], name, chip), all_touched=True))
        for i, (one, chip) in enumerate(zip(rows, firsts, strict=True))
        if chip is not None
        for name in one.others
    ]
    others: dict[tuple[int, str], Chip | None] = {
        (i, name): chip
        for (i, name, _), chip in zip(wanted, read_rasters([w for *_, w in wanted]), strict=True)
    }
    return [
        None if chip is None else _answer(one, chip, {name: others[i, name] for name in one.others})
        for i, (one, chip) in enumerate(zip(rows, firsts, strict=True))
    ]


def _around(raster: Raster, name: str, first: Chip) -> Aoi | None:
    """The area of a file that the first chip covers; all of it where there is no CRS, and of a chip."""
    header = raster.header
    if header is None:
        return None
    require_same_place(header.crs, header.transform, first, f"{name} ({place(header.href)})")
    return None if first.crs is None else Aoi(geometry=shapely.box(*first.bounds), crs=first.crs)


def _answer(one: _Row, first: Chip, others: Mapping[str, Chip | None]) -> Chip:
    shape = first.pixels.shape[1:]
    columns: dict[str, Pixels] = {}
    for text, (name, band) in one.places.items():
        chip = first if name == one.first else others[name]
        if chip is None:  # nothing of it lies here
            columns[text] = Pixels(np.zeros(shape, np.uint8), np.ones(shape, np.bool_))
            continue
        placed = onto(chip, first, name)
        columns[text] = column(placed, one.bands(name).index(band), _scaling(one, name, band))
    found = answer(one.asked, columns, first)
    inside = None
    if isinstance(one.request.area, Aoi) and first.valid is not None:
        inside = clip(replace(first, valid=None), replace(one.request, resolution=None))
    if inside is None or inside.valid is None or inside.valid.shape != shape:
        return found
    return _outside(found, ~inside.valid)


def _outside(chip: Chip, outside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Chip:
    """An expression that gives numbers for NULL gives none outside the area."""
    valid = ~outside if chip.valid is None else chip.valid & ~outside
    chip.pixels[:, ~valid] = 0 if chip.nodata is None else chip.nodata
    return replace(chip, valid=valid)


def _scaling(one: _Row, name: str, band: int) -> tuple[float, float] | None:
    """Scale and offset of a band, where they are asked for and there."""
    if not one.scaled:
        return None
    header = one.rasters[name].header
    if header is None:
        raise ArgumentError(
            "scale := true: a chip does not know its scale and offset; pass rows of an index, or hrefs, "
            "with aoi :=, or write the numbers into the expression"
        )
    scale = 1.0 if header.scales is None else header.scales[band]
    offset = 0.0 if header.offsets is None else header.offsets[band]
    return None if (scale, offset) == (1.0, 0.0) else (scale, offset)


def _limit(held: int) -> None:
    limit = settings().max_read_bytes
    if held > limit:
        raise LimitError(
            f"the answers of one batch hold over {limit / 2**20:,.0f} MiB (max_read_bytes); take smaller areas or "
            "a coarser resolution, another dtype such as 'float32', or fewer rows at once, or raise max_read_bytes"
        )
