"""The rows of an expression over rasters: what each asks for, checked before a pixel is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arguments import areas, asked_area, flags, levels_of, numbers, texts
from rasteret_sql.duck.named_rasters import WHOLE, Raster, named_rasters, scaling
from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.band_math import BandMath, bands_of, require
from rasteret_sql.raster.band_names import bands_told, find, find_band
from rasteret_sql.raster.plan import ReadRequest
from rasteret_sql.store.redact import place

Place = tuple[str, int]
"""Name of a raster, and index of its band from 0."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row whose rasters are all there."""

    row: int
    asked: BandMath
    rasters: Mapping[str, Raster]
    places: Mapping[str, Place]
    """Of each name of the expression, the grid's first."""
    dtypes: Mapping[str, str]
    """NumPy's, of the numbers behind each name."""
    request: ReadRequest
    """What is read of the first raster, but for its bands."""
    scaled: bool

    @property
    def first(self) -> str:
        """The raster whose grid the answer has."""
        return next(iter(self.places.values()))[0]

    def bands(self, name: str) -> tuple[int, ...]:
        """What is needed of a raster, from 0."""
        return tuple(dict.fromkeys(band for other, band in self.places.values() if other == name))

    def read(self, name: str, **changes: Any) -> tuple[Raster, ReadRequest]:
        """The request for a raster's needed bands, with changes for those that are not the first."""
        bands = tuple(band + 1 for band in self.bands(name))
        return self.rasters[name], replace(self.request, bands=bands, **changes)

    @property
    def others(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self.places.values() if name != self.first))


def rows_of(
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
) -> list[Row]:
    """Every row that is not NULL; ArgumentError for the first that asks for what is not there."""
    given_texts, masks = texts(expression, "expression"), texts(mask, "mask")
    dtypes, nodatas = texts(dtype, "dtype"), numbers(nodata, "nodata")
    wanted, scaled = areas(aoi, aoi_type, aoi_crs), flags(scale, "scale")
    resolutions, touched = numbers(resolution, "resolution"), flags(all_touched, "all_touched")
    levels = levels_of([None] * len(wanted), aoi)
    given = named_rasters(rasters, overviews=any(levels) or any(r is not None for r in resolutions))
    rows = []
    for i, (text, named, area) in enumerate(zip(given_texts, given, wanted, strict=True)):
        if text is None or named is None or area is None:
            continue
        asked = BandMath(expression=text, mask=masks[i], dtype=dtypes[i], nodata=nodatas[i])
        request = ReadRequest(
            area=asked_area(area), level=levels[i], resolution=resolutions[i], all_touched=touched[i]
        )
        row = row_of(i, asked, named, request, scaled=scaled[i])
        if row is not None:
            rows.append(row)
    return rows


def row_of(
    number: int, asked: BandMath, named: Mapping[str, Raster], request: ReadRequest, *, scaled: bool = False
) -> Row | None:
    """What is asked of some rasters; None where one that is needed is NULL."""
    places = _places(asked, named)
    if places is None:
        return None
    dtypes = {
        text: "float64" if scaled and scaling(named[name], band) is not None else named[name].dtype
        for text, (name, band) in places.items()
    }
    require(asked, dtypes)
    return Row(
        row=number,
        asked=asked,
        rasters=named,
        places=places,
        dtypes=dtypes,
        request=request,
        scaled=scaled,
    )


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
