"""All files of the matrix."""

from __future__ import annotations

from tests.matrix import edited, image_codecs, samples_and_blocks, validity

FAMILIES = (
    samples_and_blocks.codecs,
    samples_and_blocks.layouts,
    samples_and_blocks.bits,
    samples_and_blocks.by_tifffile,
    validity.masks,
    validity.alpha,
    validity.masks_by_tifffile,
    validity.nodata,
    validity.odd_nodata,
    validity.sparse,
    validity.colours,
    validity.places,
    validity.cog_driver,
    validity.cog_driver_of_other_types,
    image_codecs.jpeg_by_gdal,
    image_codecs.jpeg_by_tifffile,
    image_codecs.webp,
    image_codecs.lerc,
    image_codecs.lerc_masks,
    image_codecs.lerc_by_tifffile,
    image_codecs.fax,
    image_codecs.jpeg2000_and_jpegxl,
    edited.reversed_bits,
    edited.odd_samples,
    edited.odd_tiles,
    edited.short_tiles,
    edited.refused,
)
CASES = tuple(case for family in FAMILIES for case in family())
