"""TIFF files as any writer may lay them out: directories, values and blocks anywhere, in any order.

``build_tiff`` writes one layout, that of a COG. Here the layout itself is a value that hypothesis draws.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from rasteret_sql.tiff import tags
from rasteret_sql.tiff.build import FORMS, Entry, image_entries
from rasteret_sql.tiff.image import Tiff
from tests.tiff.examples import NO_TABLE

UNSIGNED = {tags.BYTE: 0xFF, tags.SHORT: 0xFFFF, tags.LONG: 0xFFFFFFFF, tags.LONG8: (1 << 64) - 1}
TABLES = (tags.TILE_OFFSETS, tags.TILE_BYTE_COUNTS, tags.STRIP_OFFSETS, tags.STRIP_BYTE_COUNTS)
FIXED_KINDS = (tags.GEO_KEY_DIRECTORY, tags.JPEG_TABLES)
Piece = tuple[str, int, int]
"""``ifd``, ``value`` or ``block``; the image; the tag or the block."""


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """How the parts of one file lie in it."""

    depths: tuple[int, ...]
    """Of each image: 0 is in the chain, 1 is a SubIFD of the last image of depth 0, and so on."""
    order: tuple[Piece, ...]
    gaps: tuple[int, ...]
    """Bytes of nothing before each part, repeated as needed."""
    kinds: tuple[int, ...]
    """Field types that integers take in turn, where their values fit."""
    strangers: tuple[tuple[int, int, int], ...]
    """Tag, field type and count of entries that nobody knows, in every directory."""
    sorted_tags: bool


@st.composite
def arrangements(draw: st.DrawFn, tiff: Tiff, blocks: Sequence[Sequence[bytes | None]]) -> Arrangement:
    """Any layout of these images and blocks."""
    depths = [0]
    for _ in tiff.images[1:]:
        depths.append(draw(st.integers(0, min(depths[-1] + 1, 2))))
    pieces: list[Piece] = []
    for i, image in enumerate(tiff.images):
        pieces.append(("ifd", i, 0))
        pieces += [("value", i, tag) for tag, _, _ in image_entries(image, (NO_TABLE, NO_TABLE), FORMS[True])]
        pieces.append(("value", i, tags.SUB_IFDS))
        pieces += [("block", i, k) for k, block in enumerate(blocks[i]) if block is not None]
    integer_kinds = [tags.BYTE, tags.SHORT, tags.LONG] + [tags.LONG8] * tiff.big
    stranger = st.tuples(st.integers(60000, 65535), st.integers(0, 20), st.integers(0, 0xFFFFFFFF))
    return Arrangement(
        depths=tuple(depths),
        order=tuple(draw(st.permutations(pieces))),
        gaps=tuple(draw(st.lists(st.integers(0, 40), min_size=1, max_size=5))),
        kinds=tuple(draw(st.lists(st.sampled_from(integer_kinds), min_size=1, max_size=5))),
        strangers=tuple(draw(st.lists(stranger, max_size=3))),
        sorted_tags=draw(st.booleans()),
    )


def arranged(tiff: Tiff, blocks: Sequence[Sequence[bytes | None]], how: Arrangement) -> bytes:
    """The file: every part is measured first, then placed, then written with the places of the others."""
    places: dict[Piece, int] = {}
    unplaced = _parts(tiff, blocks, how, places)
    position = 16 if tiff.big else 8
    for number, piece in enumerate(how.order):
        position += how.gaps[number % len(how.gaps)] if unplaced.get(piece) else 0
        places[piece] = position
        position += len(unplaced.get(piece, b""))
    parts = _parts(tiff, blocks, how, places)
    prefix, first = ("<" if tiff.byte_order == "little" else ">"), places["ifd", 0, 0]
    head = (
        struct.pack(prefix + "HHHQ", 43, 8, 0, first) if tiff.big else struct.pack(prefix + "HI", 42, first)
    )
    out = bytearray(position)
    out[: 2 + len(head)] = (b"II" if prefix == "<" else b"MM") + head
    for piece, data in parts.items():
        out[places[piece] : places[piece] + len(data)] = data
    return bytes(out)


def _parts(
    tiff: Tiff, blocks: Sequence[Sequence[bytes | None]], how: Arrangement, places: dict[Piece, int]
) -> dict[Piece, bytes]:
    """Every part of the file as it is when the others lie at ``places``."""
    parts: dict[Piece, bytes] = {}
    for i, own in enumerate(blocks):
        parts |= {("block", i, k): block for k, block in enumerate(own) if block is not None}
        parts |= _directory(tiff, own, how, places, i)
    return parts


def _directory(
    tiff: Tiff, own: Sequence[bytes | None], how: Arrangement, places: dict[Piece, int], i: int
) -> dict[Piece, bytes]:
    prefix, form = ("<" if tiff.byte_order == "little" else ">"), FORMS[tiff.big]
    room = struct.calcsize(form.pointer)
    offsets = [0 if block is None else places.get(("block", i, k), 0) for k, block in enumerate(own)]
    counts = [0 if block is None else len(block) for block in own]
    table = np.array(offsets, np.uint64), np.array(counts, np.uint64)
    entries = image_entries(tiff.images[i], table, form) + _sub_ifds(how, places, i, form.field)
    entries.sort(key=lambda entry: entry[0], reverse=not how.sorted_tags)
    out: dict[Piece, bytes] = {}
    rows = []
    for number, (tag, kind, values) in enumerate(entries):
        kind = _kind(tag, kind, values, how.kinds[number % len(how.kinds)])
        raw = _raw(values, kind, prefix)
        if len(raw) > room:
            out["value", i, tag] = raw
            raw = struct.pack(prefix + form.pointer, places.get(("value", i, tag), 0))
            count = len(out["value", i, tag]) // tags.FIELD_WIDTHS[kind]
        else:
            count = len(raw) // tags.FIELD_WIDTHS[kind]
        rows.append(struct.pack(prefix + form.entry, tag, kind, count) + raw.ljust(room, b"\0"))
    rows += [struct.pack(prefix + form.entry, *stranger) + b"\xee" * room for stranger in how.strangers]
    chained = [k for k in range(i + 1, len(how.depths)) if how.depths[k] == 0 and how.depths[i] == 0]
    # A SubIFD's own "next" leads nowhere, and nobody follows it.
    following = places.get(("ifd", chained[0], 0), 0) if chained else 0xDEAD * (how.depths[i] > 0)
    count_of_rows = struct.pack(prefix + form.count, len(rows))
    out["ifd", i, 0] = count_of_rows + b"".join(rows) + struct.pack(prefix + form.pointer, following)
    return out


def _sub_ifds(how: Arrangement, places: dict[Piece, int], i: int, kind: int) -> list[Entry]:
    children = []
    for k in range(i + 1, len(how.depths)):
        if how.depths[k] <= how.depths[i]:
            break
        if how.depths[k] == how.depths[i] + 1:
            children.append(places.get(("ifd", k, 0), 0))
    return [(tags.SUB_IFDS, kind, children)] if children else []


def _kind(tag: int, kind: int, values: object, wanted: int) -> int:
    """The field type that is written: the wanted one where every value fits it, and offsets keep theirs."""
    plain = isinstance(values, Sequence | np.ndarray) and kind in (tags.SHORT, tags.LONG)
    if not plain or isinstance(values, bytes) or tag in (*TABLES, tags.SUB_IFDS, *FIXED_KINDS):
        return kind
    return wanted if max(values, default=0) <= UNSIGNED[wanted] else kind


def _raw(values: object, kind: int, prefix: str) -> bytes:
    if isinstance(values, bytes):
        return values
    return np.asarray(values).astype(prefix + {**tags.INTEGERS, **tags.FLOATS}[kind]).tobytes()
