"""Streams of image codecs that are broken, cut short or claim what is not theirs: named errors, no memory."""

from __future__ import annotations

import itertools
import struct
import tracemalloc
import zlib
from dataclasses import replace

import hypothesis.strategies as st
import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings

from rasteret_sql.codec.block import BlockLayout, decode_block
from rasteret_sql.errors import LimitError, MalformedError, RasteretError
from rasteret_sql.memory import MIN_BYTES, RECYCLER

ROWS, COLUMNS = 32, 64
GRAY = (np.add.outer(np.arange(ROWS), np.arange(COLUMNS)) % 251).astype("uint8")
RGB = np.stack((GRAY, 255 - GRAY, GRAY // 2), axis=2)
BYTE = BlockLayout(
    width=COLUMNS, height=ROWS, samples=1, dtype="uint8", byte_order="little",
    bits_per_sample=8, compression="jpeg", predictor=1,
)  # fmt: skip
FLOAT = replace(BYTE, compression="lerc", dtype="float32", bits_per_sample=32)


def fax(rows: int = ROWS) -> bytes:
    """Rows of one white and 63 black pixels, in RLE: 000111, then 63 in black 000001100111."""
    return int("000111" + "000001100111" + "000000", 2).to_bytes(3, "big") * rows


STREAMS: dict[str, tuple[bytes, BlockLayout]] = {
    "jpeg": (imagecodecs.jpeg8_encode(GRAY), BYTE),
    "jpeg ycbcr": (imagecodecs.jpeg8_encode(RGB), replace(BYTE, samples=3, photometric="ycbcr")),
    "jpeg lossless": (imagecodecs.jpeg8_encode(GRAY, lossless=True), BYTE),
    "webp": (imagecodecs.webp_encode(RGB, level=60), replace(BYTE, compression="webp", samples=3)),
    "webp lossless": (
        imagecodecs.webp_encode(RGB, lossless=True),
        replace(BYTE, compression="webp", samples=3),
    ),
    "lerc": (imagecodecs.lerc_encode(GRAY, 0), replace(BYTE, compression="lerc")),
    "lerc of floats": (imagecodecs.lerc_encode(GRAY.astype("float32") / 7, 0), FLOAT),
    "lerc in deflate": (
        zlib.compress(imagecodecs.lerc_encode(GRAY, 0)),
        replace(BYTE, compression="lerc", lerc_parameters=(4, 1)),
    ),
    "lerc in zstd": (
        imagecodecs.zstd_encode(imagecodecs.lerc_encode(GRAY, 0)),
        replace(BYTE, compression="lerc", lerc_parameters=(4, 2)),
    ),
    "jpegxl": (imagecodecs.jpegxl_encode(GRAY, lossless=True), replace(BYTE, compression="jpegxl")),
    "jpegxl in boxes": (
        imagecodecs.jpegxl_encode(GRAY, lossless=True, usecontainer=True),
        replace(BYTE, compression="jpegxl"),
    ),
    "jpeg2000": (
        imagecodecs.jpeg2k_encode(GRAY, codecformat="J2K", reversible=True, level=0),
        replace(BYTE, compression="jpeg2000"),
    ),
    "jpeg2000 in boxes": (
        imagecodecs.jpeg2k_encode(GRAY, codecformat="JP2", reversible=True, level=0),
        replace(BYTE, compression="jpeg2000"),
    ),
    "ccitt_rle": (fax(), replace(BYTE, compression="ccitt_rle", bits_per_sample=1)),
}
EACH = pytest.mark.parametrize("name", STREAMS)


@EACH
def test_the_streams_of_these_tests_are_whole(name: str) -> None:
    block, layout = STREAMS[name]
    assert decode_block(block, layout).shape == (ROWS, COLUMNS, layout.samples)


@EACH
@pytest.mark.parametrize("part", [0.05, 0.3, 0.6, 0.9])
def test_a_stream_cut_short_is_malformed(name: str, part: float) -> None:
    block, layout = STREAMS[name]
    kept = block[: int(len(block) * part)]
    with pytest.raises(MalformedError, match=f"{len(kept)} bytes as stored: expected .*, found"):
        decode_block(kept, layout)


@EACH
def test_an_empty_block_is_malformed(name: str) -> None:
    with pytest.raises(MalformedError, match=r"0 bytes as stored: expected 64 x 32 pixels .*, found nothing"):
        decode_block(b"", STREAMS[name][1])


# Of RLE libtiff passes over codes that do not exist, row by row.
@pytest.mark.parametrize("name", sorted(set(STREAMS) - {"ccitt_rle"}))
def test_garbage_is_malformed(name: str) -> None:
    layout = STREAMS[name][1]
    with pytest.raises(MalformedError, match=f"a block in {layout.compression} compression, 3000 bytes"):
        decode_block(np.random.default_rng(0).bytes(3000), layout)


OTHER_LAYOUTS = {
    "wider tags": {"width": COLUMNS + 1},
    "taller tags": {"height": ROWS + 1},
    "narrower tags": {"width": COLUMNS - 1},
    "lower tags": {"height": ROWS - 1},
    "tags of four gigabytes": {"width": 1 << 16, "height": 1 << 16},
    "more samples": {"samples": 4, "photometric": "rgb"},
}
WITHOUT_SIZE = {
    ("ccitt_rle", "lower tags"),  # a fax stream does not say how many rows it has
    ("ccitt_rle", "narrower tags"),  # nor how long they are
    ("ccitt_rle", "wider tags"),
    ("ccitt_rle", "tags of four gigabytes"),
    ("ccitt_rle", "more samples"),
    ("webp", "more samples"),  # opaque alpha is left out
    ("webp lossless", "more samples"),
}


@pytest.mark.parametrize(
    ("name", "other"), sorted({*itertools.product(STREAMS, OTHER_LAYOUTS)} - WITHOUT_SIZE)
)
def test_a_stream_of_another_size_than_the_tags_is_malformed_at_no_cost(name: str, other: str) -> None:
    block, layout = STREAMS[name]
    RECYCLER.clear()
    RECYCLER.take(MIN_BYTES)  # the first slab of this process is nobody's cost
    tracemalloc.start()
    try:
        with pytest.raises(MalformedError, match=r"expected .*, found"):
            decode_block(block, replace(layout, **OTHER_LAYOUTS[other]))
        assert tracemalloc.get_traced_memory()[1] + RECYCLER.byte_count < 1 << 22
    finally:
        tracemalloc.stop()


@EACH
def test_the_last_strip_may_hold_more_rows_than_are_wanted_and_no_less(name: str) -> None:
    block, layout = STREAMS[name]
    whole = decode_block(block, layout)
    few = decode_block(block, replace(layout, height=ROWS + 8), rows=ROWS - 3)
    assert np.array_equal(few, whole[: ROWS - 3])
    with pytest.raises(MalformedError, match=f"expected 64 x {ROWS + 1} to {ROWS + 8} pixels"):
        decode_block(block, replace(layout, height=ROWS + 8), rows=ROWS + 1)


@EACH
def test_a_decoded_block_is_the_callers_own(name: str) -> None:
    block, layout = STREAMS[name]
    stored = bytearray(b"..." + block)
    pixels = decode_block(memoryview(stored)[3:], layout)
    assert pixels.flags.writeable
    assert pixels.flags.c_contiguous
    pixels[:] = 0
    assert stored == b"..." + block


@settings(max_examples=400, deadline=None)
@given(
    name=st.sampled_from(sorted(STREAMS)),
    noise=st.binary(min_size=1, max_size=40),
    place=st.integers(0, 300),
    instead=st.integers(0, 60),
)
def test_any_bytes_decode_or_give_a_named_error(name: str, noise: bytes, place: int, instead: int) -> None:
    block, layout = STREAMS[name]
    damaged = block[:place] + noise + block[place + instead :]
    try:
        pixels = decode_block(damaged, layout)
    except RasteretError:
        return
    assert (pixels.shape, pixels.dtype) == ((ROWS, COLUMNS, layout.samples), layout.dtype)


def with_sof(marker: int, width: int, height: int) -> bytes:
    """A JPEG stream of a frame header, a scan header and an end."""
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    return b"\xff\xd8\xff" + bytes([marker]) + struct.pack(">H", len(frame) + 2) + frame + scan + b"\xff\xd9"


def lerc_head(version: int, width: int, height: int) -> bytes:
    """The start of a LERC blob of bytes, and enough zeros behind it."""
    checksum = b"\0" * 4
    sizes = struct.pack("<iiiiiii", height, width, 1, 0, 8, 200, 1)
    return b"Lerc2 " + struct.pack("<i", version) + checksum + sizes + bytes(200)


HUGE = 60_000
CLAIMS = {
    "jpeg": (with_sof(0xC0, HUGE, HUGE), {}, "bytes, which hold .* pixels at best"),
    "lerc": (lerc_head(4, HUGE, HUGE), {"compression": "lerc"}, "found"),
    "jpegxl": (
        # not small; U32(1 + u(18)) for the height, no ratio, and for the width
        b"\xff\x0a" + (0b10 << 1 | (HUGE - 1) << 3 | 0b10 << 24 | (HUGE - 1) << 26).to_bytes(8, "little"),
        {"compression": "jpegxl"},
        "found",
    ),
    "jpeg2000": (
        b"\xff\x4f\xff\x51\x00\x29\x00\x00"
        + struct.pack(">8IH", HUGE, HUGE, 0, 0, HUGE, HUGE, 0, 0, 1)
        + b"\x07\x01\x01"
        + b"\xff\xd9",
        {"compression": "jpeg2000"},
        "found a broken stream",
    ),
}


@pytest.mark.parametrize("codec", CLAIMS)
def test_tags_and_stream_that_both_claim_gigabytes(codec: str) -> None:
    block, changes, message = CLAIMS[codec]
    with pytest.raises(MalformedError, match=message):
        decode_block(block, replace(BYTE, width=HUGE, height=HUGE, **changes))


def test_a_bomb_around_a_lerc_blob_costs_no_memory() -> None:
    for wrapper, bomb in (
        (1, zlib.compress(bytes(1 << 26), 9)),
        (2, imagecodecs.zstd_encode(bytes(1 << 26))),
    ):
        layout = replace(BYTE, compression="lerc", lerc_parameters=(4, wrapper))
        tracemalloc.start()
        try:
            with pytest.raises(MalformedError, match=r"a block in lerc compression.*found more"):
                decode_block(bomb, layout)
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()


def test_too_many_scans_of_a_jpeg_are_refused() -> None:
    block = imagecodecs.jpeg8_encode(GRAY)
    scans = block[:-2] + b"\xff\xda\x00\x02" * 200 + block[-2:]
    with pytest.raises(LimitError, match="a JPEG stream of 201 scans; at most 100 are read"):
        decode_block(scans, BYTE)


def test_a_jpeg_without_its_end_is_malformed_where_libjpeg_would_make_up_the_rest() -> None:
    block = imagecodecs.jpeg8_encode(GRAY)
    assert imagecodecs.jpeg8_decode(block[:-60]).shape == GRAY.shape
    with pytest.raises(MalformedError, match="found a JPEG stream without its end"):
        decode_block(block[:-60], BYTE)


def jpeg2000_of(side: int, *, tile: int | None = None, precinct: int = 0, layers: int = 1) -> bytes:
    """A codestream of zeros whose header asks for other tiles, precincts of 2^n, or more layers."""
    zeros = np.zeros((side, side), "uint8")
    block = imagecodecs.jpeg2k_encode(zeros, codecformat="J2K", reversible=True, level=0)
    if tile is not None:
        block = block[:24] + struct.pack(">II", tile, tile) + block[32:]
    at = block.index(b"\xff\x52")
    length = int.from_bytes(block[at + 2 : at + 4], "big")
    style = bytearray(block[at + 4 : at + 2 + length])
    style[2:4] = struct.pack(">H", layers)
    if precinct:
        style[0] |= 1
        style += bytes([precinct << 4 | precinct]) * (style[5] + 1)
    changed = struct.pack(">H", len(style) + 2) + bytes(style)
    return block[: at + 2] + changed + block[at + 2 + length :]


COSTLY = {
    "tiles": (jpeg2000_of(256, tile=4), "found 4,096 JPEG 2000 tiles of 1 samples; at most 3,276 are read"),
    "precincts": (
        jpeg2000_of(256, precinct=1),
        "found 21,840 JPEG 2000 precincts in 1 layers; at most 4,096",
    ),
    "layers": (jpeg2000_of(256, precinct=5, layers=65535), "found 87 JPEG 2000 precincts in 65,535 layers"),
}


@pytest.mark.parametrize("what", COSTLY)
def test_jpeg2000_headers_that_make_openjpeg_take_much_memory_or_time_are_refused(what: str) -> None:
    block, message = COSTLY[what]
    layout = replace(BYTE, compression="jpeg2000", width=256, height=256)
    with pytest.raises(LimitError, match=message):
        decode_block(block, layout)


@pytest.mark.parametrize(("precinct", "layers"), [(7, 1), (0, 12), (6, 20)])
def test_ordinary_precincts_and_layers_of_jpeg2000_are_read(precinct: int, layers: int) -> None:
    layout = replace(BYTE, compression="jpeg2000", width=256, height=256)
    assert not decode_block(jpeg2000_of(256, precinct=precinct, layers=layers), layout).any()
