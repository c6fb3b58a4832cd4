"""Grids of pixels: where a raster lies, or will lie."""

from __future__ import annotations

from dataclasses import dataclass

from rasteret_sql.geo.window import Affine, Window, window_bounds


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Pixels without values: of a file's level, of a chip, or of what is about to be made."""

    crs: str | None
    transform: Affine
    width: int
    height: int

    @property
    def known_crs(self) -> str:
        """The CRS of a grid that was made with one."""
        assert self.crs is not None, "the grid was made with a CRS"
        return self.crs

    @property
    def window(self) -> Window:
        """All of it."""
        return Window(x_off=0, y_off=0, width=self.width, height=self.height)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax, ymax in ``crs``."""
        return window_bounds(self.transform, self.window)
