"""From the directories of one file to its header."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rasteret_sql.errors import MalformedError, RasteretError
from rasteret_sql.geotiff.colorinterp import amended, colours_of
from rasteret_sql.geotiff.gdal_metadata import read_band_metadata
from rasteret_sql.geotiff.georef.georeference import Transform, georeference_of, nodata_of, transform_of
from rasteret_sql.geotiff.header import Header, Level
from rasteret_sql.geotiff.image_layout import ImageLayout, image_layout
from rasteret_sql.store.protocol import ObjectInfo
from rasteret_sql.tiff.alike import MAX_KEPT, changed
from rasteret_sql.tiff.image import Image, Tiff

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
BITS_IN_OWN_ORDER = frozenset({"jpeg"})
"""Compressions that FillOrder does not apply to (libtiff)."""


def build_header(href: str, tiff: Tiff, info: ObjectInfo) -> Header:
    """What the directories of one file say, as a header.

    Without an affine (none at all, or ground control points only) the header has pixel coordinates and
    no CRS: the GeoKeys' CRS is that of the control points. RPCs (tag 50844) are left alone. A CRS that
    cannot be built is left out, and ``crs_note`` says why. Raises ``UnsupportedError`` as ``nodata_of`` does.
    """
    known = None if tiff.like is None else _known(tiff.like)
    header = None if known is None else known.header_of(tiff)
    return changed(
        header or _header(tiff),
        href=href,
        file_size=info.size,
        etag=info.etag,
        last_modified=info.last_modified,
    )


@dataclass(frozen=True)
class _Known:
    """A header, and which images of its file its levels and their masks are."""

    header: Header
    places: tuple[tuple[int, int | None], ...]

    def header_of(self, tiff: Tiff) -> Header | None:
        """Of a file that is like this one; None without an affine, for the tie points decide more then."""
        transform = _affine(tiff.images[0])
        if transform is None:
            return None
        levels = []
        for level, (image, mask) in zip(self.header.levels, self.places, strict=True):
            own = _with_tables(level, tiff.images[image])
            if mask is not None and level.mask is not None:
                own = changed(own, mask=_with_tables(level.mask, tiff.images[mask]))
            levels.append(own)
        full, *overviews = levels
        return changed(self.header, full=full, overviews=tuple(overviews), transform=transform)


@lru_cache(MAX_KEPT)
def _known(tiff: Tiff) -> _Known | None:
    """What headers of files like this one share; None where it has no affine or cannot be read."""
    try:
        header = _header(tiff)
    except RasteretError:
        return None
    if _affine(tiff.images[0]) is None:
        return None
    number = {id(image): at for at, image in enumerate(tiff.images)}
    places = [
        (number[id(image)], None if mask is None else number[id(mask)]) for image, mask in _levels(tiff)
    ]
    return _Known(header, tuple(places))


def _affine(image: Image) -> Transform | None:
    try:
        return transform_of(image)
    except MalformedError:  # ``crs_note`` says so
        return None


def _with_tables(level: Level, image: Image) -> Level:
    return changed(level, tile_offsets=image.tile_offsets, tile_byte_counts=image.tile_byte_counts)


def _header(tiff: Tiff) -> Header:
    """Without where the file is."""
    image = tiff.images[0]
    place = georeference_of(image)
    bands = read_band_metadata(image.gdal_metadata, image.band_count)
    full, *overviews = (_level(image, tiff.byte_order, mask) for image, mask in _levels(tiff))
    return Header(
        href="",
        band_count=image.band_count,
        dtype=image.dtype,
        byte_order=tiff.byte_order,
        extra_samples=image.extra_samples,
        full=full,
        overviews=tuple(overviews),
        crs=place.crs,
        crs_note=place.note,
        transform=place.transform or IDENTITY,
        nodata=nodata_of(image),
        scales=bands.scales,
        offsets=bands.offsets,
        units=bands.units,
        band_names=bands.band_names,
        gcps=place.gcps or None,
        gcps_crs=place.gcps_crs,
        colorinterp=_colours(image, bands.colours),
        colormap=image.colormap,
        mask_bands=_mask_bands(tiff),
        ghost=tiff.ghost,
    )


def _colours(image: Image, named: tuple[str | None, ...] | None) -> tuple[str, ...]:
    """What the tags tell of each band's colour, or GDAL_METADATA where it names another."""
    tagged = colours_of(image.photometric, image.extra_samples, image.band_count)
    return tagged if named is None else tuple(map(amended, tagged, named))


def overviews_of(tiff: Tiff) -> list[Image]:
    """The reduced-resolution images of the first one, fine to coarse; of two of one size the first."""
    full = tiff.images[0]
    by_size: dict[tuple[int, int], Image] = {}
    for image in tiff.images[1:]:
        alike = (image.band_count, image.dtype) == (full.band_count, full.dtype)
        smaller = image.width <= full.width and image.height <= full.height
        if image.is_reduced and not image.is_mask and alike and smaller:
            by_size.setdefault((image.width, image.height), image)
    by_size.pop((full.width, full.height), None)
    return sorted(by_size.values(), key=lambda image: image.width * image.height, reverse=True)


def _levels(tiff: Tiff) -> list[tuple[Image, Image | None]]:
    """The first image and its overviews, each with its mask; of two masks of one size the first."""
    samples = _mask_bands(tiff)
    masks = {
        (m.width, m.height): m for m in reversed(tiff.images[1:]) if m.is_mask and m.band_count == samples
    }
    images = (tiff.images[0], *overviews_of(tiff))
    return [(image, masks.get((image.width, image.height))) for image in images]


def _mask_bands(tiff: Tiff) -> int:
    """Samples a pixel of the first mask that is one: 1, or as many as the image has (as GDAL)."""
    known = (1, tiff.images[0].band_count)
    counts = (m.band_count for m in tiff.images[1:] if m.is_mask and m.band_count in known)
    return next(counts, 1)


def _level(image: Image, byte_order: str, mask: Image | None = None) -> Level:
    return Level(
        image=layout_of(image, byte_order),
        tile_offsets=image.tile_offsets,
        tile_byte_counts=image.tile_byte_counts,
        mask=None if mask is None else _level(mask, byte_order),
    )


def layout_of(image: Image, byte_order: str) -> ImageLayout:
    """How the blocks of one directory lie and are packed; a mask gives one byte per sample."""
    return image_layout(
        width=image.width,
        height=image.height,
        tile_width=image.tile_width,
        tile_height=image.tile_height,
        band_count=image.band_count,
        interleave=image.interleave,
        tiled=image.tiled,
        dtype="uint8" if image.is_mask else image.dtype,
        byte_order=byte_order,
        bits_per_sample=image.bits_per_sample,
        compression=image.compression,
        predictor=image.predictor,
        fill_order=1 if image.compression in BITS_IN_OWN_ORDER else image.fill_order,
        photometric=image.photometric,
        jpeg_tables=image.jpeg_tables,
        lerc_parameters=image.lerc_parameters,
    )
