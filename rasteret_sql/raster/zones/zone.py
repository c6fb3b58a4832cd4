"""What is asked about one zone of one raster, and a zone that overlaps its raster."""

from __future__ import annotations

from dataclasses import dataclass

from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.window import Window
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.source import Raster
from rasteret_sql.raster.zones.footprint import WHOLE_PIXELS, Footprint, Rule, ZoneGrid


@dataclass(frozen=True, kw_only=True)
class ZoneRequest:
    """What is asked about one zone of one raster."""

    area: Aoi | Window | None
    """None: the whole raster."""
    bands: tuple[int | str, ...] = (1,)
    """Numbers from 1, or names. The first is counted; the others are for ``through``."""
    level: int | None = None
    resolution: float | None = None
    rule: Rule = WHOLE_PIXELS
    exclude_nodata: bool = True
    """Whether nodata, and what a mask or alpha says is not there, is left out. NaN never counts."""
    distribution: bool = True
    """Whether median, mode, percentiles or a histogram are wanted, beyond the moments."""


@dataclass(frozen=True, kw_only=True)
class Zone:
    """One zone that overlaps its raster."""

    row: int
    source: Raster
    request: ZoneRequest
    level: int
    grid: ZoneGrid
    footprint: Footprint

    @property
    def file(self) -> Header | None:
        """Its raster, where that is a file."""
        return self.source if isinstance(self.source, Header) else None
