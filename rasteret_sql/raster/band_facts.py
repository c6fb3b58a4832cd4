"""What is known of the bands of a chip beside their pixels: names, scales, units, colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

from rasteret_sql.geotiff.colorinterp import PALETTE
from rasteret_sql.geotiff.header import Header

BILEVEL = {"minisblack": (0, 65535) * 3, "miniswhite": (65535, 0) * 3}
"""The colour tables that GDAL gives images of one bit, whose pixels are bytes to every reader."""


@dataclass(frozen=True, kw_only=True)
class BandFacts:
    """One value per band, in the order of the bands; None where no band has one."""

    band_names: tuple[str | None, ...] | None = None
    scales: tuple[float, ...] | None = None
    offsets: tuple[float, ...] | None = None
    units: tuple[str | None, ...] | None = None
    colorinterp: tuple[str, ...] | None = None
    colormap: tuple[int, ...] | None = None
    """The table of the band that is a palette's."""

    @property
    def physical(self) -> BandFacts:
        """Those of physical values."""
        return replace(self.without_palette, scales=None, offsets=None)

    @property
    def without_palette(self) -> BandFacts:
        """Those of values that are not numbers of a colour table."""
        colours = None if self.colorinterp and PALETTE in self.colorinterp else self.colorinterp
        return replace(self, colorinterp=colours, colormap=None)

    @property
    def scaling_alone(self) -> BandFacts:
        """Scales and offsets, without what makes other pixels of other bands."""
        return BandFacts(scales=self.scales, offsets=self.offsets)

    def of(self, places: Sequence[int]) -> BandFacts:
        """Those of some bands, counted from 0."""

        def chosen(values: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
            picked = None if values is None else tuple(values[place] for place in places)
            return picked if picked and any(value is not None for value in picked) else None

        colours = chosen(self.colorinterp)
        return BandFacts(
            band_names=chosen(self.band_names),
            scales=chosen(self.scales),
            offsets=chosen(self.offsets),
            units=chosen(self.units),
            colorinterp=colours,
            colormap=self.colormap if colours is None or PALETTE in colours else None,
        )


UNKNOWN = BandFacts()
COLUMNS = tuple(field.name for field in fields(BandFacts))
"""Columns of chips, by the names of those of cog_header."""


def facts_of(header: Header, bands: Sequence[int]) -> BandFacts:
    """Those of bands of a file, counted from 0."""
    colours, colormap = header.colours, header.colormap
    block = header.full.image.block
    if block.bits_per_sample == header.band_count == 1 and block.photometric in BILEVEL:
        colours, colormap = (PALETTE,), BILEVEL[block.photometric]
    return _facts(
        header.band_names, header.scales, header.offsets, header.units, colours, colormap, tuple(bands)
    )


@lru_cache(256)
def _facts(*values: Any) -> BandFacts:
    """Chips of one file, and files of one archive, have the same."""
    *known, bands = values
    return BandFacts(**dict(zip(COLUMNS, known, strict=True))).of(bands)
