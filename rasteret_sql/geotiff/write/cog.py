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
from rasteret_sql.geotiff.write.colours import Painting, default_colours, painting_of, whole_table
from rasteret_sql.geotiff.write.geo_keys import geo_keys
from rasteret_sql.geotiff.write.options import Description, Storage
from rasteret_sql.geotiff.write.overviews import Resolution, pyramid
from rasteret_sql.geotiff.write.read_back import compare_written
from rasteret_sql.geotiff.write.tags import band_metadata, model_tags, nodata_text
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.image import Image, Tiff

Pixels = npt.NDArray[Any]
"""Shape (bands, rows, columns)."""
Blocks = list[bytes | None]

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
_USUAL = Storage()


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
    description: Description,
    storage: Storage = _USUAL,
    *,
    mask: npt.NDArray[Any] | None = None,
) -> bytes:
    """Encode ``bands``, shape (bands, rows, columns), as one COG in memory.

    ``mask``, shape (rows, columns), is true where pixels are valid and is kept as an internal mask of one
    bit. The file is read back, header and pixels, and compared with what was given before it is returned.
    ``ArgumentError``: an argument does not fit the others. ``UnsupportedError``: no such compression, or
    dtype, or predictor for them; what the file would not give back as it was.
    """
    colormap, painting = _colours(bands, description)
    _check_shapes(bands, mask, colormap)
    bands = bands.astype(bands.dtype.newbyteorder("="), copy=False)
    levels = pyramid(
        Resolution(pixels=bands, valid=None if mask is None else mask.astype(bool)),
        overviews=storage.overviews,
        until=storage.tile_side(*bands.shape[1:]),
        resampling=storage.resampling,
        nodata=description.nodata,
    )
    packing = _packing(bands, description, storage, painting)
    files = _images(levels, bands, description, painting, packing) + _masks(levels, packing)
    file = _built(files, storage, masked=mask is not None)
    compare_written(file, levels, replace(description, colours=painting.colours, colormap=painting.colormap))
    return file


def _colours(bands: Pixels, description: Description) -> tuple[tuple[int, ...] | None, Painting]:
    """The whole colour table, and how the file tells the colours of its bands."""
    table = None if description.colormap is None else whole_table(description.colormap, bands.dtype)
    colours = description.colours or default_colours(len(bands), palette=table is not None)
    return table, painting_of(colours, table)


def _packing(bands: Pixels, description: Description, storage: Storage, painting: Painting) -> _Packing:
    predictor = storage.predictor
    return _Packing(
        tile_size=storage.tile_side(*bands.shape[1:]),
        compression=storage.compression,
        predictor=_usual_predictor(bands, storage.compression) if predictor is None else predictor,
        interleave=storage.interleave,
        byte_order=storage.byte_order,
        level=storage.level,
        fill=fill_value(bands.dtype.name, description.nodata) if storage.sparse else None,
        photometric=painting.photometric,
        extra_samples=painting.extra_samples,
    )


def _built(files: list[tuple[Image, Blocks]], storage: Storage, *, masked: bool) -> bytes:
    ghost = dict(_GHOST)
    if masked and storage.interleave == "pixel" and not storage.sparse:
        ghost["MASK_INTERLEAVED_WITH_IMAGERY"] = "YES"
    # GDAL's order: the image, its mask, the overviews, their masks.
    files.sort(key=lambda item: (item[0].is_reduced, item[0].is_mask))
    images = tuple(image for image, _ in files)
    tiff = Tiff(byte_order=storage.byte_order, big=storage.big, images=images, ghost=ghost)
    return build_tiff(tiff, [blocks for _, blocks in files])


def _images(
    levels: Sequence[Resolution],
    bands: Pixels,
    description: Description,
    painting: Painting,
    packing: _Packing,
) -> list[tuple[Image, Blocks]]:
    """The full resolution, whose directory says everything, and the overviews."""
    nodata = description.nodata
    base = replace(
        packing.image(bands),
        colormap=painting.colormap,
        gdal_nodata=None if nodata is None else nodata_text(nodata, bands.dtype),
    )
    first = replace(
        base,
        gdal_metadata=_metadata(len(bands), description, painting),
        geo_keys=geo_keys(description.crs),
        **model_tags(description.transform, georeferenced=description.crs is not None),
    )
    images: list[tuple[Image, Blocks]] = []
    for level in levels:
        rows, columns = level.pixels.shape[1:]
        image = replace(base, subfile_type=1, width=columns, height=rows) if images else first
        images.append((image, packing.blocks(level.pixels)))
    return images


def _metadata(band_count: int, description: Description, painting: Painting) -> str | None:
    roles = {
        "description": description.band_names,
        "scale": description.scales,
        "offset": description.offsets,
        "unittype": description.units,
        "colorinterp": painting.named,
    }
    return band_metadata(band_count, roles)


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


def _check_shapes(bands: Pixels, mask: npt.NDArray[Any] | None, colormap: Sequence[int] | None) -> None:
    if bands.ndim != 3 or not bands.size:
        raise ArgumentError(f"bands of shape {bands.shape}: expected (bands, rows, columns), none of them 0")
    if mask is not None and mask.shape != bands.shape[1:]:
        raise ArgumentError(f"mask of shape {mask.shape}: expected {bands.shape[1:]}, as the bands")
    if colormap is not None:
        of_size = {"uint8": 3 << 8, "uint16": 3 << 16}.get(bands.dtype.name)
        if len(colormap) != of_size:
            raise ArgumentError(
                f"colormap of {len(colormap)} values for {len(bands)} bands of {bands.dtype}: "
                "expected 768 at most for a first band of uint8, or 196608 for one of uint16"
            )
