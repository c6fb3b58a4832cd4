"""A raster: what functions read, be it a file or pixels in memory."""

from __future__ import annotations

from typing import Protocol

from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.window import Affine
from rasteret_sql.geotiff.scaling import Scaling


class Raster(Protocol):
    """A file, known by its ``Header``, or a ``Chip``, whose pixels are in memory and which has one level."""

    @property
    def href(self) -> str | None:
        """Of the file, also of the one that a chip was read from."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def crs(self) -> str | None: ...

    @property
    def crs_note(self) -> str | None:
        """Why there is no CRS, where there should be one."""

    @property
    def transform(self) -> Affine: ...

    @property
    def band_count(self) -> int: ...

    @property
    def names(self) -> tuple[str | None, ...]:
        """Of its bands; empty where none has one."""

    @property
    def dtype(self) -> str:
        """NumPy's name of a sample."""

    @property
    def nodata(self) -> float | None: ...

    def scaling(self, band: int) -> Scaling | None:
        """Scale and offset of a band (from 0); None where stored numbers are physical values."""

    def grid(self, level: int = 0) -> Grid:
        """Where the pixels of a level lie."""

    def tile_size(self, level: int) -> tuple[int, int]:
        """Columns and rows that are best read together."""

    def has_mask(self, level: int) -> bool:
        """Whether something beside the pixels themselves says which of them are valid."""
