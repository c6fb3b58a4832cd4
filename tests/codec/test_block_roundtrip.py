"""Decoding what was encoded gives the same bits, and nobody's memory is touched."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings

from rasteret_sql.codec.block import SUPPORTED, BlockLayout, decode_block, encode_block, require_supported
from rasteret_sql.codec.samples import STORED_AS
from rasteret_sql.errors import ArgumentError, UnsupportedError


@st.composite
def blocks(draw: st.DrawFn) -> tuple[BlockLayout, npt.NDArray[Any]]:
    """A layout that is supported, and pixels of any bits for it."""
    (kind, bits), (_, dtype) = draw(st.sampled_from(sorted(STORED_AS.items())))
    layout = BlockLayout(
        width=draw(st.integers(1, 20)),
        height=draw(st.integers(1, 12)),
        samples=draw(st.integers(1, 5)),
        dtype=dtype,
        byte_order=draw(st.sampled_from(["little", "big"])),
        bits_per_sample=bits,
        compression=draw(st.sampled_from(sorted(SUPPORTED))),
        predictor=draw(st.sampled_from([1, 2, 3])),
        fill_order=draw(st.sampled_from([1, 2])),
    )
    try:
        require_supported(layout)
    except UnsupportedError:
        assume(False)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = (layout.height, layout.width, layout.samples)
    least, most = (-(1 << bits - 1), 1 << bits - 1) if kind == "int" else (0, 1 << min(bits, 62))
    if kind in ("int", "uint") and bits < 64:
        return layout, rng.integers(least, most, shape, dtype)
    if kind == "complex_int":
        parts = rng.integers(-(1 << bits // 2 - 1), 1 << bits // 2 - 1, (*shape, 2))
        return layout, (parts[..., 0] + 1j * parts[..., 1]).astype(dtype)
    if (kind, bits) == ("float", 24):
        return layout, imagecodecs.float24_decode(rng.bytes(3 * math.prod(shape))).reshape(shape)
    return layout, np.frombuffer(rng.bytes(math.prod(shape) * bits // 8), dtype).reshape(shape)


@settings(max_examples=300, deadline=None)
@given(block=blocks(), data=st.data())
def test_decode_undoes_encode(block: tuple[BlockLayout, npt.NDArray[Any]], data: st.DataObject) -> None:
    layout, pixels = block
    rows = data.draw(st.integers(1, layout.height))
    before = pixels.tobytes()
    whole = encode_block(pixels, layout)
    short = encode_block(pixels[:rows], layout)
    assert pixels.tobytes() == before
    # Of 24-bit floats that are not numbers, the pattern is not kept.
    if layout.sample_kind == "float" and layout.bits_per_sample == 24:
        assert np.array_equal(decode_block(whole, layout), pixels, equal_nan=True)
        return
    assert decode_block(whole, layout).tobytes() == before
    assert decode_block(short, layout, rows=rows).tobytes() == pixels[:rows].tobytes()
    # Some writers fill up the last strip of an image.
    assert decode_block(whole, layout, rows=rows).tobytes() == pixels[:rows].tobytes()


PREDICTORS = [
    (name, n) for name in sorted(SUPPORTED) for n in (1, 2, 3) if n == 1 or SUPPORTED[name].predicts
]


@pytest.mark.parametrize("byte_order", ["little", "big"])
@pytest.mark.parametrize(("compression", "predictor"), PREDICTORS)
def test_a_decoded_block_is_the_callers_own(compression: str, byte_order: str, predictor: int) -> None:
    layout = BlockLayout(
        width=8, height=4, samples=2, dtype="float32", byte_order=byte_order,
        bits_per_sample=32, compression=compression, predictor=predictor,
    )  # fmt: skip
    pixels = np.arange(64, dtype="float32").reshape(4, 8, 2)
    # A writable view into a larger read, at an odd place, as one range that holds several tiles.
    stored = bytearray(b"..." + encode_block(pixels, layout))
    before = bytes(stored)
    decoded = decode_block(memoryview(stored)[3:], layout)
    assert decoded.flags.writeable
    assert decoded.flags.c_contiguous
    assert decoded.dtype.isnative
    decoded[:] = 0
    assert bytes(stored) == before
    assert (decode_block(memoryview(before)[3:], layout) == pixels).all()


def test_levels_trade_size_for_time() -> None:
    pixels = (np.add.outer(np.arange(64), np.arange(64)) % 23).astype("uint16")[:, :, None]
    for compression, weak, strong in (("deflate", 0, 9), ("zstd", 1, 19)):
        layout = BlockLayout(
            width=64, height=64, samples=1, dtype="uint16", byte_order="little",
            bits_per_sample=16, compression=compression, predictor=1,
        )  # fmt: skip
        sizes = [len(encode_block(pixels, layout, level=level)) for level in (weak, strong)]
        assert sizes[0] > sizes[1]


GRAY = BlockLayout(
    width=4, height=2, samples=1, dtype="uint8", byte_order="little",
    bits_per_sample=8, compression="lzw", predictor=1,
)  # fmt: skip
ENCODER_REFUSALS: dict[str, tuple[npt.NDArray[Any], int | None, str]] = {
    "dtype": (np.zeros((2, 4, 1), "int8"), None, "int8 pixels"),
    "width": (np.zeros((2, 5, 1), "uint8"), None, "are not a block of 4 x 2 pixels"),
    "too many rows": (np.zeros((3, 4, 1), "uint8"), None, "are not a block of 4 x 2 pixels"),
    "no rows": (np.zeros((0, 4, 1), "uint8"), None, "are not a block of 4 x 2 pixels"),
    "level": (np.zeros((2, 4, 1), "uint8"), 6, "level 6 of lzw compression: it has none"),
}


@pytest.mark.parametrize("case", ENCODER_REFUSALS)
def test_the_encoder_refuses_what_does_not_fit(case: str) -> None:
    pixels, level, message = ENCODER_REFUSALS[case]
    with pytest.raises(ArgumentError, match=message):
        encode_block(pixels, GRAY, level=level)


def test_the_encoder_refuses_values_wider_than_their_bits() -> None:
    layout = BlockLayout(
        width=4, height=1, samples=1, dtype="uint8", byte_order="little",
        bits_per_sample=2, compression="none", predictor=1,
    )  # fmt: skip
    with pytest.raises(ArgumentError, match="the value 4 needs more than 2 bits"):
        encode_block(np.array([0, 1, 4, 3], "uint8").reshape(1, 4, 1), layout)


def test_the_encoder_refuses_floats_that_24_bits_do_not_hold() -> None:
    layout = BlockLayout(
        width=1, height=1, samples=1, dtype="float32", byte_order="little",
        bits_per_sample=24, compression="none", predictor=1,
    )  # fmt: skip
    with pytest.raises(ArgumentError, match="do not fit floats of 24 bits"):
        encode_block(np.full((1, 1, 1), 0.1, "float32"), layout)


def test_the_encoder_refuses_complex_numbers_that_are_no_pairs_of_integers() -> None:
    layout = BlockLayout(
        width=1, height=1, samples=1, dtype="complex64", byte_order="little",
        bits_per_sample=32, compression="none", predictor=1,
    )  # fmt: skip
    with pytest.raises(ArgumentError, match="complex pixels are not integers of 16 bits"):
        encode_block(np.full((1, 1, 1), 1.5 + 2j, "complex64"), layout)
