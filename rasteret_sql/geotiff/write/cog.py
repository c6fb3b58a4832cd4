"""Arrays to a Cloud-Optimized GeoTIFF: tiles, overviews, masks, georeference, GDAL's layout promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rasteret_sql.codec.block import SUPPORTED, BlockLayout, encode_block
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geotiff.from_tiff import layout_of
from rasteret_sql.geotiff.nodata import fill_value
from rasteret_sql.geotiff.write.colours import default_colours, painting_of, whole_table
from rasteret_sql.geotiff.write.geo_keys import geo_keys
from rasteret_sql.geotiff.write.overviews import Resolution, pyramid
from rasteret_sql.geotiff.write.read_back import Facts, compare_written
from rasteret_sql.geotiff.write.tags import band_metadata, model_tags, nodata_text
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.image import Image, Tiff

Pixels = npt.NDArray[Any]
"""Shape (bands, rows, columns)."""
Blocks = list[bytes | None]

LARGEST_TILE = 16_384
"""Pixels of a side: of one band of float64 that is 2 GiB."""
_SAMPLE_FORMATS = {"u": "uint", "i": "int", "f": "float", "c": "complex"}
_USUAL_PREDICTORS = {"u": 2, "i": 2, "f": 3}
_GHOST = {
    "LAYOUT": "IFDS_BEFORE_DATA",
    "BLOCK_ORDER": "ROW_MAJOR",
    "BLOCK_LEADER": "SIZE_AS_UINT4",
    "BLOCK_TRAILER": "LAST_4_BYTES_REPEATED",
    "KNOWN_INCOMPATIBLE_EDITION": "NO",
}
"""GDAL's promises about the layout, which ``build_tiff`` keeps."""
_CHOICES = {"interleave": ("band", "pixel"), "byte_order": ("little", "big")}


@dataclass(frozen=True, kw_only=True)
class _Packing:
    """How all images of the file are stored."""

    tile_size: int
    compression: str
    predictor: int
    interleave: str
    byte_order: str
    level: int | None
    fill: float | int | None = None
    """Tiles of this value alone are left out; None: no tile is."""
    bits: int | None = None
    """Bits a sample where they are fewer than the dtype's."""
    photometric: str = "minisblack"
    extra_samples: tuple[str, ...] = ()

    def image(self, pixels: Pixels) -> Image:
        """The directory of one resolution."""
        bands, rows, columns = pixels.shape
        return Image(
            width=columns,
            height=rows,
            tile_width=self.tile_size,
            tile_height=self.tile_size,
            tiled=True,
            band_count=bands,
            dtype=pixels.dtype.name,
            bits_per_sample=self.bits or pixels.dtype.itemsize * 8,
            sample_format=_SAMPLE_FORMATS.get(pixels.dtype.kind, pixels.dtype.name),
            compression=self.compression,
            predictor=self.predictor,
            interleave=self.interleave,
            photometric=self.photometric,
            fill_order=1,
            extra_samples=self.extra_samples,
            subfile_type=0,
            tile_offsets=np.zeros(0, np.uint64),  # build_tiff makes both tables
            tile_byte_counts=np.zeros(0, np.uint64),
        )

    def blocks(self, pixels: Pixels) -> Blocks:
        """The tiles of one resolution, in the order of its tile table."""
        groups = pixels[:, np.newaxis] if self.interleave == "band" else pixels[np.newaxis]
        rows, columns = pixels.shape[1:]
        size, layout = self.tile_size, layout_of(self.image(pixels), self.byte_order).block
        return [
            self._block(group[:, y : y + size, x : x + size], layout)
            for group in groups
            for y in range(0, rows, size)
            for x in range(0, columns, size)
        ]

    def _block(self, pixels: Pixels, layout: BlockLayout) -> bytes | None:
        if self.fill is not None and _all_equal(pixels, self.fill):
            return None
        _, rows, columns = pixels.shape
        # The last row and column fill a tile that reaches beyond the image: that compresses best.
        beyond = ((0, 0), (0, self.tile_size - rows), (0, self.tile_size - columns))
        whole = np.pad(pixels, beyond, mode="edge") if pixels[0].size < self.tile_size**2 else pixels
        return encode_block(whole.transpose(1, 2, 0), layout, level=self.level)


def _all_equal(pixels: Pixels, fill: float) -> bool:
    return bool(np.isnan(pixels).all() if fill != fill else (pixels == fill).all())


def write_cog(
    bands: Pixels,
    *,
    transform: Sequence[float],
    crs: int | str | None,
    nodata: float | None = None,
    mask: npt.NDArray[Any] | None = None,
    tile_size: int = 512,
    compression: str = "deflate",
    predictor: int | None = None,
    level: int | None = None,
    interleave: str = "band",
    overviews: int | str = "auto",
    resampling: str = "nearest",
    sparse: bool = False,
    band_names: Sequence[str | None] | None = None,
    scales: Sequence[float] | None = None,
    offsets: Sequence[float] | None = None,
    units: Sequence[str | None] | None = None,
    colours: Sequence[str] | None = None,
    colormap: Sequence[int] | None = None,
    byte_order: str = "little",
    big: bool = False,
) -> bytes:
    """Encode ``bands``, shape (bands, rows, columns), as one COG in memory.

    ``transform`` is the affine a b c d e f; ``crs`` an EPSG code (``32632`` or ``'EPSG:32632'``) or any text
    of a projected or geographic CRS. ``mask``, shape (rows, columns), is true where pixels are valid and is
    kept as an internal mask of one bit. ``tile_size`` is a multiple of 16. ``predictor`` None: 2 for integers
    and 3 for floats where the compression takes one. ``level`` is the compression's own scale. ``overviews``:
    how many, or ``'auto'`` down to one tile; ``resampling`` ``'nearest'`` or ``'average'``. ``sparse``
    leaves out tiles that hold nothing but nodata (zeros without one). ``colormap`` is as TIFF stores it:
    all reds, then greens, then blues, 0 to 65535, for a first band of uint8 or uint16. ``colours``: what each
    band means to the eye, in the words of ``colorinterp``. ``big``: BigTIFF.

    The file is read back, header and pixels, and compared with what was given before it is returned.
    ``ArgumentError``: an argument is none of these, or does not fit the others. ``UnsupportedError``:
    no such compression, or dtype, or predictor for them; what the file would not give back as it was.
    """
    table = None if colormap is None else whole_table(colormap, bands.dtype)
    _check_shapes(bands, mask, tile_size, table)
    painting = painting_of(colours or default_colours(len(bands), palette=table is not None), table)
    _check_choices(interleave=interleave, byte_order=byte_order)
    bands = bands.astype(bands.dtype.newbyteorder("="), copy=False)
    full = Resolution(pixels=bands, valid=None if mask is None else mask.astype(bool))
    levels = pyramid(full, overviews=overviews, until=tile_size, resampling=resampling, nodata=nodata)
    packing = _Packing(
        tile_size=tile_size,
        compression=compression,
        predictor=_usual_predictor(bands, compression) if predictor is None else predictor,
        interleave=interleave,
        byte_order=byte_order,
        level=level,
        fill=fill_value(bands.dtype.name, nodata) if sparse else None,
        photometric=painting.photometric,
        extra_samples=painting.extra_samples,
    )
    base = replace(
        packing.image(bands),
        colormap=painting.colormap,
        gdal_nodata=None if nodata is None else nodata_text(nodata, bands.dtype),
    )
    described = {"description": band_names, "scale": scales, "offset": offsets, "unittype": units}
    first = replace(
        base,
        gdal_metadata=band_metadata(len(bands), described | {"colorinterp": painting.named}),
        geo_keys=geo_keys(crs),
        **model_tags(transform, georeferenced=crs is not None),
    )
    files = _images(levels, first, base, packing) + _masks(levels, packing)
    ghost = dict(_GHOST)
    if mask is not None and interleave == "pixel" and not sparse:
        ghost["MASK_INTERLEAVED_WITH_IMAGERY"] = "YES"
    # GDAL's order: the image, its mask, the overviews, their masks.
    files.sort(key=lambda item: (item[0].is_reduced, item[0].is_mask))
    tiff = Tiff(byte_order=byte_order, big=big, images=tuple(image for image, _ in files), ghost=ghost)
    file = build_tiff(tiff, [blocks for _, blocks in files])
    compare_written(
        file,
        levels,
        Facts(
            crs=crs,
            transform=tuple(map(float, transform)),
            nodata=nodata,
            band_names=band_names,
            scales=scales,
            offsets=offsets,
            units=units,
            colours=painting.colours,
            colormap=painting.colormap,
        ),
    )
    return file


def _images(
    levels: Sequence[Resolution], first: Image, base: Image, packing: _Packing
) -> list[tuple[Image, Blocks]]:
    images: list[tuple[Image, Blocks]] = []
    for level in levels:
        rows, columns = level.pixels.shape[1:]
        image = replace(base, subfile_type=1, width=columns, height=rows) if images else first
        images.append((image, packing.blocks(level.pixels)))
    return images


def _masks(levels: Sequence[Resolution], packing: _Packing) -> list[tuple[Image, Blocks]]:
    of_bits = replace(
        packing,
        interleave="pixel",
        predictor=1,
        fill=None,
        bits=1,
        photometric="mask",
        extra_samples=(),
    )
    masks: list[tuple[Image, Blocks]] = []
    for level in levels:
        if level.valid is not None:
            bits = level.valid[np.newaxis].astype(np.uint8)
            image = replace(of_bits.image(bits), subfile_type=5 if masks else 4)
            masks.append((image, of_bits.blocks(bits)))
    return masks


def _usual_predictor(bands: Pixels, compression: str) -> int:
    predicts = compression in SUPPORTED and SUPPORTED[compression].predicts
    return _USUAL_PREDICTORS.get(bands.dtype.kind, 1) if predicts else 1


def _check_shapes(
    bands: Pixels, mask: npt.NDArray[Any] | None, tile_size: int, colormap: Sequence[int] | None
) -> None:
    if bands.ndim != 3 or not bands.size:
        raise ArgumentError(f"bands of shape {bands.shape}: expected (bands, rows, columns), none of them 0")
    if mask is not None and mask.shape != bands.shape[1:]:
        raise ArgumentError(f"mask of shape {mask.shape}: expected {bands.shape[1:]}, as the bands")
    if not 16 <= tile_size <= LARGEST_TILE or tile_size % 16:
        raise ArgumentError(f"tile_size := {tile_size}: expected a multiple of 16, up to {LARGEST_TILE:,}")
    if colormap is not None:
        of_size = {"uint8": 3 << 8, "uint16": 3 << 16}.get(bands.dtype.name)
        if len(colormap) != of_size:
            raise ArgumentError(
                f"colormap of {len(colormap)} values for {len(bands)} bands of {bands.dtype}: "
                "expected 768 at most for a first band of uint8, or 196608 for one of uint16"
            )


def _check_choices(**chosen: str) -> None:
    for name, value in chosen.items():
        if value not in _CHOICES[name]:
            raise ArgumentError(f"{name} {value!r}: expected one of {', '.join(_CHOICES[name])}")
