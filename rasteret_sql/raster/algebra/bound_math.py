"""What is asked of the bands of one raster: an expression, a mask, physical values.

Expressions are evaluated on the raster's own pixels, before anything is resampled or interpolated, so that
classes and flags in a mask are never blended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rasteret_sql.arrays import Bools
from rasteret_sql.blocks.support import naming
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geotiff.nodata import is_nodata
from rasteret_sql.geotiff.scaling import Scaling
from rasteret_sql.raster.algebra.band_math import (
    BandMath,
    Column,
    bands_of,
    evaluate,
    masked_out,
    nulls,
    require,
)
from rasteret_sql.raster.algebra.sql.values import Array
from rasteret_sql.raster.band_facts import UNKNOWN
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.physical import physical_nodata, physical_pixels, require_real
from rasteret_sql.raster.read.plan import pick_bands
from rasteret_sql.raster.source import Raster


@dataclass(frozen=True, kw_only=True)
class BoundMath:
    """What is asked, with the bands of a raster behind its names."""

    asked: BandMath
    places: Mapping[str, int]
    """Of each name, which of the bands that are read it means."""
    read: tuple[int, ...]
    """Bands from 0. Under a mask alone those that are answered come first."""
    answered: int
    """How many bands the answer has: 1 of an expression."""
    dtype: str
    """NumPy's name of the answer's samples."""
    nodata: float | None
    """Of the answer."""
    href: str
    """Of the raster, for messages."""
    scalings: Mapping[str, Scaling]
    """Of the names that stand for physical values."""
    physical: tuple[Scaling | None, ...] | None = None
    """Of the answered bands, where their physical values are wanted; None: they are answered as stored."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing comes of it: physical values of bands without scale and offset."""
        return not self.asked.expressions and self.physical is None

    def values(
        self,
        bands: Sequence[Array],
        valid: Bools | None,
        nodata: float | None,
        own: Bools | None,
    ) -> tuple[Array | None, Bools | None]:
        """Pixels of the expression (None: those of the answered bands) and their validity (None: all).

        ``bands``: those of ``read``, arrays of any one shape; ``valid`` and ``nodata`` say where the names
        are NULL; ``own``: where the answered bands are valid, were there no mask.
        """
        columns = {
            text: Column(bands[place], nulls(bands[place], valid, nodata), self.scalings.get(text))
            for text, place in self.places.items()
        }
        mask, shape = self.asked.mask, bands[0].shape
        with naming(self.href):
            kept = None if mask is None else ~masked_out(mask, columns, shape)
            if self.asked.expression is None:
                return None, kept if own is None else own if kept is None else own & kept
            data, null, _ = evaluate(self.asked, columns, shape, kept)
            return data, null

    def on(self, chip: Chip, *, by_nodata: bool) -> Chip:
        """The answer over a chip of the bands that are read. ``by_nodata``: see ``own_validity``."""
        own = chip.valid
        if by_nodata and len(self.read) > self.answered:
            own = own_validity(chip.pixels[: self.answered], own, chip.nodata)
        data, valid = self.values(list(chip.pixels), chip.valid, chip.nodata, own)
        if data is not None:
            return replace(chip, pixels=data[None], valid=valid, nodata=self.nodata, bands=(), facts=UNKNOWN)
        computed = replace(
            chip,
            pixels=chip.pixels[: self.answered],
            valid=valid,
            bands=chip.bands[: self.answered],
            facts=chip.facts.of(range(self.answered)),
        )
        if self.physical is None:
            return computed
        pixels = physical_pixels(computed.pixels, chip.valid, chip.nodata, self.physical)
        nodata = physical_nodata(chip.nodata)
        return replace(computed, pixels=pixels, nodata=nodata, facts=computed.facts.physical)


def own_validity(pixels: Array, valid: Bools | None, nodata: float | None) -> Bools | None:
    """Validity of some bands ``(bands, rows, columns)`` that were read beside others.

    Where nodata decides, a pixel is not valid that is nodata in all of the bands that are requested; what was
    read beside them is not asked. Where an internal mask decides, nodata does not.
    """
    missing = is_nodata(pixels, nodata)
    if missing is None:
        return valid
    there: Bools = np.any(~missing, axis=0)
    return there if valid is None else there & valid


def bind_source(asked: BandMath, bands: Sequence[int | str] | None, source: Raster) -> BoundMath:
    """What is asked on a file, or on a chip, whose bands count in its order.

    ``bands`` are those under a mask, numbers from 1 or names (None: all). The answer of an expression has one
    band: beside one, only 1 can be requested. ArgumentError, with the place in the text, tells what there is.
    """
    dtype, nodata = source.dtype, source.nodata
    where = bands_of(asked, source.band_count, source.names, source.name)
    scalings = {} if asked.scale is False else _scaled(where, source)
    result = require(asked, dict.fromkeys(where, dtype), scalings)
    wanted: tuple[int, ...] = ()
    physical: tuple[Scaling | None, ...] | None = None
    if result is None:
        wanted = pick_bands(source, bands)
        own = tuple(map(source.scaling, wanted)) if asked.scale else ()
        if any(own):
            require_real(np.dtype(dtype))
            physical = own
            dtype, nodata = "float64", physical_nodata(nodata)
    else:
        require_one(asked, bands)
        dtype, nodata = result
    read = (*wanted, *dict.fromkeys(band for band in where.values() if band not in wanted))
    return BoundMath(
        asked=asked,
        places={text: read.index(band) for text, band in where.items()},
        read=read,
        answered=len(wanted) or 1,
        dtype=dtype,
        nodata=nodata,
        href=source.name,
        scalings=scalings,
        physical=physical,
    )


def _scaled(places: Mapping[str, int], source: Raster) -> dict[str, Scaling]:
    """Of the names that have one."""
    scalings = {text: source.scaling(band) for text, band in places.items()}
    return {text: scaling for text, scaling in scalings.items() if scaling is not None}


def require_one(asked: BandMath, bands: Sequence[int | str] | None) -> None:
    """ArgumentError where an expression names no band, or another band than its answer's is requested."""
    if not asked.names:
        raise ArgumentError(f"expression '{asked.expression}' names no band, so there is nothing to read")
    if bands is not None and tuple(bands) != (1,):
        listed = ", ".join(repr(band) for band in bands)
        raise ArgumentError(
            f"band {listed} was asked for beside expression := '{asked.expression}', whose answer has one "
            "band; leave the band out, the expression names those that it needs"
        )
