"""A GeoTIFF that was just written, read back and compared with what it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rasteret_sql.arrays import Pixels
from rasteret_sql.codec.block import decode_block
from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.geo.crs import parse_crs
from rasteret_sql.geo.crs_text import shorten
from rasteret_sql.geo.same_places import same_places
from rasteret_sql.geotiff.from_tiff import build_header, layout_of
from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.write.options import Description
from rasteret_sql.geotiff.write.overviews import Resolution
from rasteret_sql.store.protocol import ObjectInfo
from rasteret_sql.tiff.buffer import Bytes
from rasteret_sql.tiff.image import Image, Tiff
from rasteret_sql.tiff.parse import parse


def compare_written(file: bytes, levels: Sequence[Resolution], description: Description) -> None:
    """``ArgumentError`` names what the file would not give back as it was."""
    buffer = Bytes()
    buffer.add(0, file)
    buffer.size = len(file)
    try:
        tiff = parse(buffer)
        header = build_header("the file", tiff, ObjectInfo(size=len(file)))
    except RasteretError as error:
        raise ArgumentError(f"a GeoTIFF that could not be read again: {error}") from error
    _compare_facts(header, description, levels[0].pixels)
    _compare_pixels(file, tiff, levels)


def _compare_facts(header: Header, description: Description, pixels: Pixels) -> None:
    """What differs in its text differs: numbers are read as they were written, NaN is NaN."""
    count = len(pixels)
    pairs: dict[str, tuple[Any, Any]] = {
        "dtype": (pixels.dtype.name, header.dtype),
        "transform": (
            tuple(float(n) + 0.0 for n in description.transform),
            tuple(n + 0.0 for n in header.transform),
        ),
        "nodata": (_float(description.nodata), _float(header.nodata)),
        "band_names": (_texts(description.band_names), _texts(header.band_names)),
        "units": (_texts(description.units), _texts(header.units)),
        "scales": (_floats(description.scales, 1.0, count), _floats(header.scales, 1.0, count)),
        "offsets": (_floats(description.offsets, 0.0, count), _floats(header.offsets, 0.0, count)),
        "colorinterp": (description.colours, header.colours),
        "colormap": (description.colormap, header.colormap),
    }
    for name, (given, read) in pairs.items():
        if repr(given) != repr(read):
            raise _lost(name, given, read)
    if not _same_crs(description.crs, header.crs):
        raise _lost("crs", shorten(str(description.crs)), shorten(str(header.crs)))


def _lost(name: str, given: Any, read: Any) -> ArgumentError:
    texts = (text if len(text) < 200 else f"{text[:200]}…" for text in (repr(given), repr(read)))
    return ArgumentError(
        f"{name} {next(texts)} cannot be kept in a GeoTIFF: it would be read as {next(texts)}; "
        "write a raster without it, or with another"
    )


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)


def _texts(values: Sequence[str | None] | None) -> list[str | None] | None:
    """None where no band has one."""
    texts = [value or None for value in values or ()]
    return texts if any(texts) else None


def _floats(values: Sequence[float | None] | None, default: float, count: int) -> list[float]:
    return [default if value is None else float(value) for value in values or [None] * count]


def _same_crs(given: int | str | None, read: str | None) -> bool:
    if given is None or read is None:
        return given is None and read is None
    text = f"EPSG:{given}" if str(given).isdecimal() else str(given)
    return text == read or same_places(parse_crs(text), parse_crs(read))


def _compare_pixels(file: bytes, tiff: Tiff, levels: Sequence[Resolution]) -> None:
    """Bit for bit: every level, and every mask."""
    images = [image for image in tiff.images if not image.is_mask]
    masks = [image for image in tiff.images if image.is_mask]
    valid = [level.valid for level in levels if level.valid is not None]
    if (len(images), len(masks)) != (len(levels), len(valid)):
        raise ArgumentError(
            f"a GeoTIFF that would be read with {len(images)} levels and {len(masks)} masks; "
            f"{len(levels)} and {len(valid)} were written"
        )
    for image, level in zip(images, levels, strict=True):
        _compare_image(file, tiff, image, level.pixels)
    for image, mask in zip(masks, valid, strict=True):
        _compare_image(file, tiff, image, mask[np.newaxis].view(np.uint8))


def _compare_image(file: bytes, tiff: Tiff, image: Image, pixels: Pixels) -> None:
    groups = pixels[:, np.newaxis] if image.interleave == "band" else pixels[np.newaxis]
    layout = layout_of(image, tiff.byte_order).block
    places = (
        (group, y, x)
        for group in groups
        for y in range(0, image.height, image.tile_height)
        for x in range(0, image.width, image.tile_width)
    )
    blocks = zip(image.tile_offsets.tolist(), image.tile_byte_counts.tolist(), strict=True)
    for (group, y, x), (offset, length) in zip(places, blocks, strict=True):
        if not length:
            continue  # sparse: nothing but the fill value, which was looked for
        written = group[:, y : y + image.tile_height, x : x + image.tile_width]
        read = decode_block(memoryview(file)[offset : offset + length], layout).transpose(2, 0, 1)
        read = read[:, : written.shape[1], : written.shape[2]]
        if not _same_bits(read, written):
            raise ArgumentError(
                f"pixels at column {x}, row {y} cannot be kept in a GeoTIFF with {image.compression} "
                f"compression and predictor {image.predictor}: they would be read otherwise; "
                "choose another compression"
            )


def _same_bits(one: Pixels, other: Pixels) -> bool:
    """NaN with the same payload, and the sign of zero."""
    whole = f"u{one.dtype.itemsize}" if one.dtype.kind != "c" else f"u{one.dtype.itemsize // 2}"
    first, second = (np.ascontiguousarray(each).view(whole) for each in (one, other))
    return bool(np.array_equal(first, second))
