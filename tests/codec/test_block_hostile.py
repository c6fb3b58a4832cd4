"""Blocks that are broken, cut short, too long or not supported are refused by name, at no cost."""

from __future__ import annotations

import tracemalloc
import zlib
from dataclasses import replace

import hypothesis.strategies as st
import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings

from rasteret_sql.codec.block import SUPPORTED, BlockLayout, decode_block, encode_block
from rasteret_sql.errors import ArgumentError, MalformedError

LAYOUT = BlockLayout(
    width=64, height=32, samples=1, dtype="uint16", byte_order="little",
    bits_per_sample=16, compression="deflate", predictor=1,
)  # fmt: skip
SIZE = 64 * 32 * 2
PIXELS = (np.add.outer(np.arange(32), np.arange(64)) % 251).astype("uint16")[:, :, None]
EACH_COMPRESSION = pytest.mark.parametrize("compression", sorted(SUPPORTED))


def layout(compression: str) -> BlockLayout:
    return replace(LAYOUT, compression=compression)


@EACH_COMPRESSION
@pytest.mark.parametrize("cut", [1, 100])
def test_a_block_cut_short_is_malformed(compression: str, cut: int) -> None:
    stored = encode_block(PIXELS, layout(compression))
    # What these end with holds no pixels: LZW a code, LZMA its index and footer.
    kept = stored[: -cut - {"lzw": 2, "lzma": 40}.get(compression, 0)]
    with pytest.raises(MalformedError, match=rf"{len(kept)} bytes as stored: expected {SIZE} bytes decoded"):
        decode_block(kept, layout(compression))


@EACH_COMPRESSION
def test_an_empty_block_is_malformed(compression: str) -> None:
    with pytest.raises(MalformedError, match=f"expected {SIZE} bytes decoded, found bytes for 0 at best"):
        decode_block(b"", layout(compression))


@EACH_COMPRESSION
@pytest.mark.parametrize("more", [1, 5000])
def test_a_block_of_more_rows_than_fit_is_malformed(compression: str, more: int) -> None:
    taller = replace(layout(compression), height=32 + more)
    stored = encode_block(np.resize(PIXELS, (32 + more, 64, 1)), taller)
    with pytest.raises(MalformedError, match=f"expected {SIZE} bytes decoded, found more"):
        decode_block(stored, layout(compression))


@EACH_COMPRESSION
def test_a_block_of_fewer_rows_is_malformed_unless_they_are_the_last(compression: str) -> None:
    stored = encode_block(PIXELS[:10], layout(compression))
    assert (decode_block(stored, layout(compression), rows=10) == PIXELS[:10]).all()
    found = "(1280|bytes for 1280|.*short 2816 bytes)"
    with pytest.raises(MalformedError, match=f"expected {SIZE} bytes decoded, found {found}"):
        decode_block(stored, layout(compression))
    with pytest.raises(MalformedError, match=f"expected 1408 to {SIZE} bytes decoded, found"):
        decode_block(stored, layout(compression), rows=11)


@pytest.mark.parametrize("rows", [0, -1, 33])
def test_rows_outside_the_block_are_an_argument_error(rows: int) -> None:
    with pytest.raises(ArgumentError, match=f"{rows} rows asked of a block of 64 x 32 pixels"):
        decode_block(encode_block(PIXELS, LAYOUT), LAYOUT, rows=rows)


BOMBS = {
    "deflate": zlib.compress(bytes(1 << 26), 9),
    "zstd": imagecodecs.zstd_encode(bytes(1 << 26)),
    "lzw": imagecodecs.lzw_encode(bytes(1 << 26)),
    "lzma": imagecodecs.lzma_encode(bytes(1 << 26)),
    "packbits": b"\x81\x00" * (1 << 19),
}


@pytest.mark.parametrize("compression", BOMBS)
def test_a_bomb_costs_no_memory(compression: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(MalformedError, match=f"expected {SIZE} bytes decoded, found more"):
            decode_block(BOMBS[compression], layout(compression))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@EACH_COMPRESSION
def test_tags_that_promise_too_much_cost_no_memory(compression: str) -> None:
    huge = replace(layout(compression), width=1 << 31, height=1 << 31)
    with pytest.raises(MalformedError, match=f"expected {1 << 63} bytes decoded, found bytes for"):
        decode_block(encode_block(PIXELS, layout(compression)), huge)


@pytest.mark.parametrize(
    ("compression", "trouble"),
    [("deflate", "BAD_DATA"), ("zstd", "Unknown frame descriptor"), ("lzw", "Using code not yet in table")],
)
def test_garbage_is_malformed_and_says_what_the_decoder_said(compression: str, trouble: str) -> None:
    garbage = np.random.default_rng(0).bytes(3000)
    with pytest.raises(
        MalformedError, match=rf"{compression} compression, .*found a broken stream \(.*{trouble}"
    ):
        decode_block(garbage, layout(compression))


@settings(max_examples=300, deadline=None)
@given(
    compression=st.sampled_from(sorted(SUPPORTED)), noise=st.binary(max_size=200), place=st.integers(0, 400)
)
def test_any_bytes_decode_or_are_malformed(compression: str, noise: bytes, place: int) -> None:
    stored = bytearray(encode_block(PIXELS, layout(compression)))
    stored[place : place + len(noise)] = noise
    for data in (noise, bytes(stored)):
        try:
            pixels = decode_block(data, layout(compression))
        except MalformedError:
            continue
        assert pixels.shape == (32, 64, 1)


@pytest.mark.parametrize("compression", ["deflate", "lzw"])
def test_bytes_after_the_end_of_a_stream_are_ignored(compression: str) -> None:
    stored = encode_block(PIXELS, layout(compression))
    assert (decode_block(stored + b"\0\0", layout(compression)) == PIXELS).all()
