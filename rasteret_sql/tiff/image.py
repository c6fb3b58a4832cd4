"""What one image file directory (IFD) of a TIFF says, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rasteret_sql.arrays import UInt64s

GeoKey = int | float | str | tuple[float, ...]
"""A SHORT, a DOUBLE, ASCII, or several DOUBLEs (GeogTOWGS84)."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """One IFD: how its pixels are stored and where its blocks are.

    A stripped image is a tiled one whose tiles are as wide as the image and one strip high.
    Blocks run left to right, top to bottom; with ``interleave == 'band'`` all blocks of band 1
    come first (TIFF 6.0, sections 8 and 15).
    """

    width: int
    height: int
    tile_width: int
    """Columns of one block; equals ``width`` for strips."""
    tile_height: int
    """Rows of one block; RowsPerStrip, at most ``height``, for strips."""
    tiled: bool
    band_count: int
    """SamplesPerPixel."""
    dtype: str
    """NumPy name of one sample: ``uint16``, ``float32``, ``complex64``; bits below 8 are ``uint8``."""
    bits_per_sample: int
    sample_format: str
    """``uint``, ``int``, ``float``, ``complex_int`` or ``complex``."""
    compression: str
    """A name of ``tiff.tags.COMPRESSION_CODES``; an unknown code is ``'unknown (N)'``."""
    predictor: int
    interleave: str
    """``pixel`` or ``band``."""
    photometric: str
    """A name of ``tiff.tags.PHOTOMETRICS``: ``minisblack``, ``rgb``, ``palette``, ``mask``, …"""
    fill_order: int
    extra_samples: tuple[str, ...]
    """``unspecified``, ``associated_alpha`` or ``unassociated_alpha``, for the last samples."""
    subfile_type: int
    """NewSubfileType: bit 0 reduced resolution, bit 2 transparency mask."""
    tile_offsets: UInt64s
    tile_byte_counts: UInt64s
    """Zero offset and count: a sparse block, nothing is stored."""
    jpeg_tables: bytes | None = None
    lerc_parameters: tuple[int, ...] | None = None
    colormap: tuple[int, ...] | None = None
    """ColorMap as stored: all reds, then greens, then blues, 0–65535."""
    gdal_nodata: str | None = None
    gdal_metadata: str | None = None
    """GDAL's XML, unparsed."""
    model_tiepoint: tuple[float, ...] | None = None
    model_pixel_scale: tuple[float, ...] | None = None
    model_transformation: tuple[float, ...] | None = None
    geo_keys: Mapping[int, GeoKey] = field(default_factory=dict)
    """GeoKeyDirectory resolved: key id to SHORT, DOUBLE or ASCII value."""
    geo_keys_problem: str | None = None
    """Why there are no GeoKeys, where their tags are malformed."""
    geo_minor_revision: int = 0
    """Of the GeoKeyDirectory: 0 is GeoTIFF 1.0, 1 is GeoTIFF 1.1."""

    @property
    def is_mask(self) -> bool:
        return bool(self.subfile_type & 4)

    @property
    def is_reduced(self) -> bool:
        return bool(self.subfile_type & 1)

    @property
    def tiles_across(self) -> int:
        return -(-self.width // self.tile_width)

    @property
    def tiles_down(self) -> int:
        return -(-self.height // self.tile_height)

    @property
    def block_count(self) -> int:
        """How many blocks there are, over all bands."""
        return self.tiles_across * self.tiles_down * (self.band_count if self.interleave == "band" else 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tiff:
    """A whole TIFF file's directories."""

    byte_order: str
    """``little`` or ``big``."""
    big: bool
    """BigTIFF (version 43)."""
    images: tuple[Image, ...]
    """In file order; SubIFDs follow the image that names them."""
    ghost: Mapping[str, str] = field(default_factory=dict)
    """GDAL's structural metadata, the COG "ghost area"; empty where there is none."""
    like: Tiff | None = None
    """Another file that is the same but for the tables of its blocks and its tie points, if one is known."""
