"""The header of one raster: what a reader must know, and what one row of an index holds."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from rasteret_sql.arrays import UInt64s
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geotiff.colorinterp import colours_of
from rasteret_sql.geotiff.image_layout import ImageLayout
from rasteret_sql.geotiff.scaling import Scaling, scaling_of

T = TypeVar("T")
MAX_DERIVED = 16


@dataclass(frozen=True, kw_only=True)
class Level:
    """One stored resolution of a raster, or of its mask: where its tiles are and how they are packed."""

    image: ImageLayout
    tile_offsets: UInt64s
    tile_byte_counts: UInt64s
    """Zero in both is a sparse block."""
    mask: Level | None = None
    """The internal mask of this level (1 or 8 bits a pixel, 0 = not valid)."""

    @property
    def width(self) -> int:
        return self.image.width

    @property
    def height(self) -> int:
        return self.image.height

    @property
    def tile_width(self) -> int:
        return self.image.block.width

    @property
    def tile_height(self) -> int:
        return self.image.block.height

    @property
    def interleave(self) -> str:
        return self.image.interleave


@dataclass(frozen=True, kw_only=True)
class GroundControlPoint:
    """A place in the image, from the corner of its first pixel, whose coordinates are known."""

    row: float
    col: float
    x: float
    y: float
    z: float


@dataclass(frozen=True, kw_only=True)
class Header:
    """One raster asset: full resolution, overviews from fine to coarse, georeference."""

    href: str
    band_count: int
    dtype: str
    byte_order: str
    """``little`` or ``big``: how the file stores its samples."""
    extra_samples: tuple[str, ...]
    full: Level
    overviews: tuple[Level, ...] = ()
    crs: str | None = None
    """``EPSG:32632`` where there is a code, else WKT2:2019; None without georeference."""
    crs_note: str | None = None
    """Why there is no CRS, or no affine, where the file has tags for it that cannot be made out."""
    transform: tuple[float, float, float, float, float, float] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    """Affine, rasterio's order a b c d e f; identity (pixel coordinates) without georeference."""
    nodata: float | None = None
    scales: tuple[float, ...] | None = None
    offsets: tuple[float, ...] | None = None
    units: tuple[str | None, ...] | None = None
    """Of the values after scale and offset; None where no band has one."""
    band_names: tuple[str | None, ...] | None = None
    """GDAL's band descriptions; None where no band has one."""
    gcps: tuple[GroundControlPoint, ...] | None = None
    """Instead of an affine; ``crs`` is None then, because it is that of the points."""
    gcps_crs: str | None = None
    colorinterp: tuple[str, ...] | None = None
    """What each band means to the eye (``colorinterp``); None: what its tags tell."""
    colormap: tuple[int, ...] | None = None
    mask_bands: int = 1
    """Samples a pixel of the internal masks: 1 for all bands together, or one for each band."""
    ghost: Mapping[str, str] = field(default_factory=dict)
    file_size: int | None = None
    etag: str | None = None
    last_modified: datetime | None = None
    _derived: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def derived(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` makes of the header, which is kept as long as it is, or until many others are."""
        value: T | None = self._derived.get(key)
        if value is None:
            if len(self._derived) >= MAX_DERIVED:
                self._derived.clear()
            value = self._derived[key] = make()
        return value

    @property
    def levels(self) -> tuple[Level, ...]:
        """Full resolution first."""
        return (self.full, *self.overviews)

    @property
    def choices(self) -> tuple[tuple[int, Level], ...]:
        """Number and level of those that a pixel size may choose: where there are masks, with a mask."""
        numbered = tuple(enumerate(self.levels))
        masked = tuple(one for one in numbered if one[1].mask is not None)
        return masked or numbered

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.href

    @property
    def names(self) -> tuple[str | None, ...]:
        """Of its bands; empty where none has one."""
        return self.band_names or ()

    def grid(self, level: int = 0) -> Grid:
        """Where the pixels of a level lie."""
        size = self.levels[level]
        return Grid(crs=self.crs, transform=self.level_transform(level), width=size.width, height=size.height)

    def tile_size(self, level: int) -> tuple[int, int]:
        """Columns and rows of a block."""
        return self.levels[level].tile_width, self.levels[level].tile_height

    def has_mask(self, level: int) -> bool:
        """Whether a level has an internal mask."""
        return self.levels[level].mask is not None

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax, ymax in the raster's CRS."""
        a, b, c, d, e, f = self.transform
        w, h = self.full.width, self.full.height
        xs = (c, c + a * w, c + b * h, c + a * w + b * h)
        ys = (f, f + d * w, f + e * h, f + d * w + e * h)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def colours(self) -> tuple[str, ...]:
        """The colour of each band, from ``colorinterp`` or else from the tags."""
        tagged = colours_of(self.full.image.block.photometric, self.extra_samples, self.band_count)
        return (
            tagged
            if self.colorinterp is None or len(self.colorinterp) != self.band_count
            else self.colorinterp
        )

    @property
    def alpha_band(self) -> int | None:
        """Index (from 0) of the alpha band, if there is one."""
        first = self.band_count - len(self.extra_samples)
        for i, kind in enumerate(self.extra_samples):
            if kind.endswith("alpha"):
                return first + i
        return None

    def scaling(self, band: int) -> Scaling | None:
        """Scale and offset of a band (from 0); None where stored numbers are physical values."""
        return scaling_of(self.scales, self.offsets, band)

    def level_transform(self, level: int) -> tuple[float, float, float, float, float, float]:
        """The affine of one level: the full one scaled by the exact ratio of sizes, as GDAL does."""
        lv = self.levels[level]
        sx, sy = self.full.width / lv.width, self.full.height / lv.height
        a, b, c, d, e, f = self.transform
        return (a * sx, b * sy, c, d * sx, e * sy, f)
