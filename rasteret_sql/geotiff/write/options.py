"""What a GeoTIFF to write says, and how it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rasteret_sql.errors import ArgumentError

USUAL_TILE = 512
LARGEST_TILE = 16_384
"""Pixels of a side: of one band of float64 that is 2 GiB."""
_CHOICES = {"interleave": ("band", "pixel"), "byte_order": ("little", "big")}


@dataclass(frozen=True, kw_only=True)
class Description:
    """What the header says. Lists have a value for each band."""

    transform: Sequence[float]
    """The affine a b c d e f."""
    crs: int | str | None
    """An EPSG code (``32632`` or ``'EPSG:32632'``) or any text of a projected or geographic CRS."""
    nodata: float | None = None
    band_names: Sequence[str | None] | None = None
    scales: Sequence[float] | None = None
    offsets: Sequence[float] | None = None
    units: Sequence[str | None] | None = None
    colours: Sequence[str] | None = None
    """What each band means to the eye, in the words of ``colorinterp``."""
    colormap: Sequence[int] | None = None
    """As TIFF stores it: all reds, then greens, then blues, 0 to 65535, for a first band of
    uint8 or uint16."""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """How pixels are stored."""

    tile_size: int | None = None
    """A multiple of 16; None: 512, or what holds a smaller image."""
    compression: str = "deflate"
    predictor: int | None = None
    """None: 2 for integers and 3 for floats where the compression takes one."""
    level: int | None = None
    """The compression's own scale."""
    interleave: str = "band"
    overviews: int | str = "auto"
    """How many, or ``'auto'`` down to one tile."""
    resampling: str = "nearest"
    """Of overviews: ``'nearest'`` or ``'average'``."""
    sparse: bool = False
    """Leave out tiles that hold nothing but nodata (zeros without one)."""
    byte_order: str = "little"
    big: bool = False
    """BigTIFF."""

    def __post_init__(self) -> None:
        size = self.tile_size
        if size is not None and (not 16 <= size <= LARGEST_TILE or size % 16):
            raise ArgumentError(f"tile_size := {size}: expected a multiple of 16, up to {LARGEST_TILE:,}")
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                raise ArgumentError(f"{name} {value!r}: expected one of {', '.join(allowed)}")

    def tile_side(self, rows: int, columns: int) -> int:
        """Pixels of a side of the tiles of an image."""
        return self.tile_size or min(USUAL_TILE, -(-max(rows, columns) // 16) * 16)
