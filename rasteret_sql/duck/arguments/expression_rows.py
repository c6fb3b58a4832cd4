"""The rows of an expression over rasters: what each asks for, checked before a pixel is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rasteret_sql.duck.arguments.arguments import asked_area
from rasteret_sql.duck.arguments.call import Call
from rasteret_sql.duck.arguments.named_rasters import WHOLE, NamedRaster, NamedRasters, named_rasters
from rasteret_sql.duck.arguments.pixel_math import require_scale, scales_of
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geotiff.scaling import Scaling
from rasteret_sql.raster.algebra.band_math import BandMath, bands_of, require
from rasteret_sql.raster.algebra.band_names import bands_told, find, find_band
from rasteret_sql.raster.read.plan import ReadRequest
from rasteret_sql.store.redact import display_href

Place = tuple[str, int]
"""Name of a raster, and index of its band from 0."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row whose rasters are all there."""

    row: int
    asked: BandMath
    rasters: NamedRasters
    places: Mapping[str, Place]
    """Of each name of the expression, the grid's first."""
    dtypes: Mapping[str, str]
    """NumPy's, of the stored numbers behind each name."""
    scalings: Mapping[str, Scaling]
    """Of the names that stand for physical values."""
    request: ReadRequest
    """What is read of the first raster, but for its bands."""

    @property
    def first(self) -> str:
        """The raster whose grid the answer has."""
        return next(iter(self.places.values()))[0]

    def bands(self, name: str) -> tuple[int, ...]:
        """What is needed of a raster, from 0."""
        return tuple(dict.fromkeys(band for other, band in self.places.values() if other == name))

    def read(self, name: str, **changes: Any) -> tuple[NamedRaster, ReadRequest]:
        """The request for a raster's needed bands, with changes for those that are not the first."""
        bands = tuple(band + 1 for band in self.bands(name))
        return self.rasters[name], replace(self.request, bands=bands, **changes)

    @property
    def others(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self.places.values() if name != self.first))


def rows_of(call: Call) -> list[Row]:
    """Every row that is not NULL; ArgumentError for the first that asks for what is not there.

    ``of_reflectance``: whether the expression's constants are those of reflectance.
    """
    given_texts, masks, dtypes = call.texts("expression"), call.texts("mask"), call.texts("dtype")
    nodatas, scaled = call.numbers("nodata"), scales_of(call["rasters"], call["scale"])
    wanted, levels = call.areas(), call.levels()
    resolutions, touched = call.numbers("resolution"), call.flags("all_touched")
    finer = any(levels) or any(resolution is not None for resolution in resolutions)
    given = named_rasters(call["rasters"], overviews=finer)
    constants = call.flags("of_reflectance")
    rows = []
    for i, (text, named, area) in enumerate(zip(given_texts, given, wanted, strict=True)):
        if text is None or named is None or area is None:
            continue
        asked = BandMath(expression=text, mask=masks[i], dtype=dtypes[i], nodata=nodatas[i], scale=scaled[i])
        request = ReadRequest(
            area=asked_area(area), level=levels[i], resolution=resolutions[i], all_touched=touched[i]
        )
        row = row_of(i, asked, named, request)
        if row is not None:
            if constants[i]:
                _require_reflectance(row)
            rows.append(row)
    return rows


def _require_reflectance(row: Row) -> None:
    """ArgumentError where whole numbers without a scale would be taken for reflectance."""
    from rasteret_sql.raster.algebra.expression import compile_expression

    for name in compile_expression(row.asked.expression or "").names:
        dtype, raster = row.dtypes[name.text], row.rasters[row.places[name.text][0]].known
        if row.asked.scale is not False and name.text not in row.scalings and np.dtype(dtype).kind in "iu":
            raise ArgumentError(
                f"{name.text} ({display_href(raster.name)}) holds {dtype} without scale and offset, and the "
                "constants of this index are those of reflectance; pass reflectance := [scale, offset], such "
                "as [0.0001, -0.1] for Sentinel-2 since January 2022, or [1, 0] where it is reflectance"
            )


def row_of(number: int, asked: BandMath, named: NamedRasters, request: ReadRequest) -> Row | None:
    """What is asked of some rasters; None where one that is needed is NULL."""
    places = places_of(asked, named)
    if places is None:
        return None
    dtypes = {text: named[name].known.dtype for text, (name, _) in places.items()}
    if asked.scale:
        for name in dict.fromkeys(name for name, _ in places.values()):
            require_scale(named[name].column.array.type)
    scalings = {} if asked.scale is False else _scalings(places, named)
    require(asked, dtypes, scalings)
    return Row(
        row=number,
        asked=asked,
        rasters=named,
        places=places,
        dtypes=dtypes,
        scalings=scalings,
        request=request,
    )


def _scalings(places: Mapping[str, Place], named: NamedRasters) -> dict[str, Scaling]:
    """Of the names that have one."""
    scalings = {text: named[name].known.scaling(band) for text, (name, band) in places.items()}
    return {text: scaling for text, scaling in scalings.items() if scaling is not None}


def places_of(asked: BandMath, named: NamedRasters) -> dict[str, Place] | None:
    """Raster and band of each name; None where a raster that is needed is NULL."""
    if not asked.names:
        raise ArgumentError(f"expression '{asked.expression}' names no band; without one it has no grid")
    if WHOLE in named:
        whole = named[WHOLE].raster
        if whole is None:
            return None
        bands = bands_of(asked, whole.band_count, whole.names, whole.name)
        return {text: (WHOLE, band) for text, band in bands.items()}
    keys = list(named)
    bands_by_name: dict[str, Place] = {}
    for text, (name, expression) in asked.names.items():
        at = find(name.name if name.raster is None else name.raster, keys)
        if at is None:
            expression.refuse(
                name, f"no raster is named {name.raster or name.name}; there are {', '.join(keys)}"
            )
        raster = named[keys[at]].raster
        if raster is None:
            return None
        count, names = raster.band_count, raster.names
        band = find_band(name.name, count, names) if name.raster is not None else 0 if count == 1 else None
        if band is None:
            what = f"{keys[at]} ({display_href(raster.name)}) has the bands {bands_told(count, names)}"
            expression.refuse(name, f"{what}; write {keys[at]}.b1 and so on")
        bands_by_name[text] = (keys[at], band)
    return bands_by_name
