"""Build a TIFF: the inverse of ``parse``. Directories and tables first, then the blocks, as in a COG."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rasteret_sql.arrays import UInt64s
from rasteret_sql.errors import ArgumentError
from rasteret_sql.tiff import tags
from rasteret_sql.tiff.geokeys import store_geo_keys
from rasteret_sql.tiff.ghost import format_ghost
from rasteret_sql.tiff.image import Image, Tiff

Values = bytes | Sequence[int] | Sequence[float] | UInt64s
Entry = tuple[int, int, Values]
Blocks = Sequence[bytes | None]
Offsets = list[tuple[UInt64s, UInt64s]]


@dataclass(frozen=True, kw_only=True)
class Form:
    """What differs between classic TIFF and BigTIFF."""

    head: str
    """Version; BigTIFF adds the width of an offset and a zero. Then the first directory's offset."""
    count: str
    entry: str
    pointer: str
    field: int
    """The field type of an offset."""


FORMS: Final = {
    False: Form(head="HI", count="H", entry="HHI", pointer="I", field=tags.LONG),
    True: Form(head="HHHQ", count="Q", entry="HHQ", pointer="Q", field=tags.LONG8),
}


def build_tiff(tiff: Tiff, blocks: Sequence[Blocks]) -> bytes:
    """The file whose directories say what ``tiff`` says and whose blocks are ``blocks``.

    ``blocks`` has one sequence for each image, in the order of its tile table; ``None`` is a sparse
    block. Offsets and byte counts of ``tiff`` are not used: they follow from the layout. Data runs from
    the coarsest image to the finest; with ``BLOCK_LEADER`` and ``BLOCK_TRAILER`` in ``tiff.ghost`` every
    block has GDAL's leader (its size) and trailer (its last four bytes again), and with
    ``MASK_INTERLEAVED_WITH_IMAGERY=YES`` a mask's block follows its image's block.
    Raises ``ArgumentError`` where the blocks do not fit the images, or a classic TIFF would pass 4 GiB.
    """
    _check(tiff, blocks)
    unplaced = [(_zeros(image), _zeros(image)) for image in tiff.images]
    directories_end = len(_directories(tiff, unplaced))
    data, placed = _place(tiff, blocks, directories_end)
    if not tiff.big and directories_end + sum(map(len, data)) > 0xFFFFFFFF:
        raise ArgumentError("build_tiff: more than 4 GiB do not fit a classic TIFF; set big=True")
    return b"".join((_directories(tiff, placed), *data))


def _check(tiff: Tiff, blocks: Sequence[Blocks]) -> None:
    if len(blocks) != len(tiff.images) or not blocks:
        raise ArgumentError(f"build_tiff: {len(blocks)} sequences of blocks for {len(tiff.images)} images")
    for i, (image, own) in enumerate(zip(tiff.images, blocks, strict=True)):
        if len(own) != image.block_count:
            raise ArgumentError(
                f"build_tiff: image {i} has {image.block_count} blocks; {len(own)} were given"
            )


def _zeros(image: Image) -> UInt64s:
    return np.zeros(image.block_count, np.uint64)


def _place(tiff: Tiff, blocks: Sequence[Blocks], start: int) -> tuple[list[bytes], Offsets]:
    """The data after the directories, in pieces, and where each block came to lie."""
    leader = tiff.ghost.get("BLOCK_LEADER") == "SIZE_AS_UINT4"
    trailer = tiff.ghost.get("BLOCK_TRAILER") == "LAST_4_BYTES_REPEATED"
    placed = [(_zeros(image), _zeros(image)) for image in tiff.images]
    data: list[bytes] = []
    position = start
    for i, k in _write_order(tiff):
        block = blocks[i][k]
        if block is None:
            continue
        before = struct.pack("<I", len(block)) if leader else b""
        after = block[-4:].ljust(4, b"\0") if trailer else b""
        offsets, counts = placed[i]
        offsets[k], counts[k] = position + len(before), len(block)
        data += (before, block, after)
        position += len(before) + len(block) + len(after)
    return data, placed


def _write_order(tiff: Tiff) -> list[tuple[int, int]]:
    """(image, block), coarsest image first; a mask follows the image of its size."""
    interleaved = tiff.ghost.get("MASK_INTERLEAVED_WITH_IMAGERY") == "YES"
    by_size: dict[tuple[int, int], list[int]] = {}
    for i, image in sorted(enumerate(tiff.images), key=lambda item: item[1].is_mask):
        by_size.setdefault((image.width, image.height), []).append(i)
    order: list[tuple[int, int]] = []
    for _, group in sorted(by_size.items(), key=lambda item: item[0][0] * item[0][1]):
        pairs = [(i, k) for i in group for k in range(tiff.images[i].block_count)]
        order += sorted(pairs, key=lambda pair: pair[1]) if interleaved else pairs
    return order


def _directories(tiff: Tiff, tables: Offsets) -> bytes:
    """Everything before the data: header, ghost area, and each directory with its values."""
    form, prefix = FORMS[tiff.big], "<" if tiff.byte_order == "little" else ">"
    ghost = format_ghost(tiff.ghost)
    head_length = struct.calcsize(prefix + form.head) + 2
    position = head_length + len(ghost)
    magic = (43, 8, 0, position) if tiff.big else (42, position)
    out = [b"II" if prefix == "<" else b"MM", struct.pack(prefix + form.head, *magic), ghost]
    for i, (image, table) in enumerate(zip(tiff.images, tables, strict=True)):
        last = i == len(tiff.images) - 1
        directory = _directory(image_entries(image, table, form), prefix, form, position, last=last)
        out.append(directory)
        position += len(directory)
    return b"".join(out)


def _directory(entries: list[Entry], prefix: str, form: Form, start: int, *, last: bool) -> bytes:
    """One IFD at ``start`` (TIFF 6.0, section 2) and, after it, the values that do not fit inside."""
    room = struct.calcsize(prefix + form.pointer)
    body_length = struct.calcsize(prefix + form.count) + (4 + 2 * room) * len(entries) + room
    body = [struct.pack(prefix + form.count, len(entries))]
    values: list[bytes] = []
    position = start + body_length
    for tag, kind, value in sorted(entries, key=lambda entry: entry[0]):
        raw = _raw(value, kind, prefix)
        body.append(struct.pack(prefix + form.entry, tag, kind, len(raw) // tags.FIELD_WIDTHS[kind]))
        if len(raw) <= room:
            body.append(raw.ljust(room, b"\0"))
        else:
            padded = raw + b"\0" * (-len(raw) % 8)
            body.append(struct.pack(prefix + form.pointer, position))
            values.append(padded)
            position += len(padded)
    padding = b"\0" * (position % 2)
    body.append(struct.pack(prefix + form.pointer, 0 if last else position + len(padding)))
    return b"".join((*body, *values, padding))


def _raw(value: Values, kind: int, prefix: str) -> bytes:
    if isinstance(value, bytes):
        return value
    return np.asarray(value).astype(prefix + {**tags.INTEGERS, **tags.FLOATS}[kind]).tobytes()


def image_entries(image: Image, table: tuple[UInt64s, UInt64s], form: Form) -> list[Entry]:
    """Every tag of one image that has a value."""
    offsets, counts = table
    shorts: list[tuple[int, Sequence[int]]] = [
        (tags.BITS_PER_SAMPLE, (image.bits_per_sample,) * image.band_count),
        (tags.COMPRESSION, (_code(image.compression, tags.COMPRESSION_CODES),)),
        (tags.PHOTOMETRIC, (_code(image.photometric, tags.PHOTOMETRIC_CODES),)),
        (tags.FILL_ORDER, (image.fill_order,) if image.fill_order != 1 else ()),
        (tags.SAMPLES_PER_PIXEL, (image.band_count,)),
        (tags.PLANAR_CONFIGURATION, (2 if image.interleave == "band" else 1,)),
        (tags.PREDICTOR, (image.predictor,) if image.predictor != 1 else ()),
        (tags.COLOR_MAP, image.colormap or ()),
        (tags.EXTRA_SAMPLES, [_code(kind, tags.EXTRA_SAMPLES_CODES) for kind in image.extra_samples]),
        (tags.SAMPLE_FORMAT, (_code(image.sample_format, tags.SAMPLE_FORMAT_CODES),) * image.band_count),
    ]
    longs: list[tuple[int, Sequence[int]]] = [
        (tags.NEW_SUBFILE_TYPE, (image.subfile_type,)),
        (tags.IMAGE_WIDTH, (image.width,)),
        (tags.IMAGE_LENGTH, (image.height,)),
        (tags.TILE_WIDTH, (image.tile_width,) if image.tiled else ()),
        (tags.TILE_LENGTH if image.tiled else tags.ROWS_PER_STRIP, (image.tile_height,)),
        (tags.T4_OPTIONS, (1,) if image.compression == tags.CCITT_G3_2D else ()),
        (tags.LERC_PARAMETERS, image.lerc_parameters or ()),
    ]
    entries: list[Entry] = [(tag, tags.SHORT, value) for tag, value in shorts if value]
    entries += [(tag, tags.LONG, value) for tag, value in longs if value]
    entries.append((tags.TILE_OFFSETS if image.tiled else tags.STRIP_OFFSETS, form.field, offsets))
    entries.append((tags.TILE_BYTE_COUNTS if image.tiled else tags.STRIP_BYTE_COUNTS, form.field, counts))
    return entries + _text_and_geo_entries(image)


def _text_and_geo_entries(image: Image) -> list[Entry]:
    entries: list[Entry] = []
    if image.jpeg_tables is not None:
        entries.append((tags.JPEG_TABLES, tags.UNDEFINED, image.jpeg_tables))
    texts = ((tags.GDAL_METADATA, image.gdal_metadata), (tags.GDAL_NODATA, image.gdal_nodata))
    entries += [(tag, tags.ASCII, text.encode() + b"\0") for tag, text in texts if text is not None]
    models = (
        (tags.MODEL_TIEPOINT, image.model_tiepoint),
        (tags.MODEL_PIXEL_SCALE, image.model_pixel_scale),
        (tags.MODEL_TRANSFORMATION, image.model_transformation),
    )
    entries += [(tag, tags.DOUBLE, model) for tag, model in models if model is not None]
    if image.geo_keys:
        stored = store_geo_keys(image.geo_keys, image.geo_minor_revision)
        entries.append((tags.GEO_KEY_DIRECTORY, tags.SHORT, stored.directory))
        if stored.doubles:
            entries.append((tags.GEO_DOUBLE_PARAMS, tags.DOUBLE, stored.doubles))
        if stored.ascii:
            entries.append((tags.GEO_ASCII_PARAMS, tags.ASCII, stored.ascii + b"\0"))
    return entries


def _code(name: str, codes: Mapping[str, int]) -> int:
    """The number of a name; ``unknown (N)`` is N."""
    if name.startswith("unknown (") and name[9:-1].isdigit():
        return int(name[9:-1])
    if name not in codes:
        known = ", ".join(sorted(codes, key=codes.__getitem__))
        raise ArgumentError(f"build_tiff: {name!r} is none of {known}")
    return codes[name]
