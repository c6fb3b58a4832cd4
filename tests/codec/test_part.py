"""Parts of blocks: equal to the same rows and columns of the whole, whatever the stream is made of."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasteret_sql.codec.block import BlockLayout, decode_block, encode_block
from rasteret_sql.codec.part import LONGEST_STEP, Part, decodable_part, decode_part, whole
from rasteret_sql.errors import MalformedError
from rasteret_sql.memory import take

DTYPES = ("uint8", "int16", "uint16", "uint32", "float32", "uint64", "float64")
Cut = tuple[int, int, int]
"""First row, stop row, stop column."""


def layout_of(dtype: str, **changes: Any) -> BlockLayout:
    fields: dict[str, Any] = {
        "width": 64,
        "height": 128,
        "samples": 1,
        "dtype": dtype,
        "byte_order": "little",
        "bits_per_sample": np.dtype(dtype).itemsize * 8,
        "compression": "deflate",
        "predictor": 1,
    }
    return BlockLayout(**fields | changes)


def pixels_of(layout: BlockLayout, kind: str) -> npt.NDArray[Any]:
    """Smooth, noisy (stored blocks of deflate) or constant (the longest matches) pixels."""
    rng = np.random.default_rng(layout.width)
    shape = (layout.height, layout.width, layout.samples)
    if kind == "constant":
        return np.full(shape, 7, layout.dtype)
    if kind == "smooth":
        return (
            np.add.outer(np.arange(layout.height), np.arange(layout.width * layout.samples))
            .reshape(shape)
            .astype(layout.dtype)
        )
    raw = rng.integers(0, 256, (*shape, np.dtype(layout.dtype).itemsize), np.uint8)
    return raw.view(layout.dtype)[..., 0]


@settings(max_examples=150, deadline=None)
@given(
    dtype=st.sampled_from(DTYPES),
    byte_order=st.sampled_from(("little", "big")),
    predictor=st.sampled_from((1, 2)),
    samples=st.integers(1, 4),
    kind=st.sampled_from(("smooth", "noise", "constant")),
    level=st.sampled_from((0, 1, 6, 9)),
    cut=st.tuples(st.integers(0, 100), st.integers(1, 108), st.integers(1, 64)),
)
def test_a_part_equals_that_part_of_the_whole(
    dtype: str,
    byte_order: str,
    predictor: int,
    samples: int,
    kind: str,
    level: int,
    cut: tuple[int, int, int],
) -> None:
    layout = layout_of(dtype, byte_order=byte_order, predictor=predictor, samples=samples)
    data = encode_block(pixels_of(layout, kind), layout, level=level)
    wanted = Part(min(cut[0], cut[1] - 1), cut[1], cut[2])
    assert decodable_part(layout, layout.height, wanted) == wanted
    part = decode_part(data, layout, wanted)
    expected = decode_block(data, layout)[wanted.top : wanted.bottom, : wanted.right]
    assert part.dtype == expected.dtype
    assert part.tobytes() == expected.tobytes()
    assert part.flags.writeable


@pytest.mark.parametrize(
    "changes",
    [
        {"compression": "zstd"},
        {"predictor": 3, "dtype": "float32", "bits_per_sample": 32},
        {"dtype": "uint8", "bits_per_sample": 4},
        {"dtype": "complex64", "bits_per_sample": 64},
        {"fill_order": 2},
    ],
    ids=lambda changes: " ".join(f"{k}={v}" for k, v in changes.items()),
)
def test_other_layouts_are_decoded_whole(changes: dict[str, Any]) -> None:
    layout = replace(layout_of("uint16"), **changes)
    assert decodable_part(layout, layout.height, Part(0, 8, 8)) == whole(layout, layout.height)


def test_most_of_a_block_is_decoded_whole() -> None:
    layout = layout_of("uint16")
    assert decodable_part(layout, 128, Part(0, 120, 8)) == Part(0, 128, 64)


@pytest.mark.parametrize("level", [0, 1, 6, 12])
@pytest.mark.parametrize("kind", ["smooth", "noise", "constant"])
def test_a_large_block_ends_where_the_part_does(kind: str, level: int) -> None:
    """The stream goes on far behind the part: nothing of what was in the memory before may show.

    Level 0 is stored blocks of 65,535 bytes, of which a decoder writes all or nothing.
    """
    layout = layout_of("uint16", width=512, height=512)
    data = encode_block(pixels_of(layout, kind), layout, level=level)
    expected = decode_block(data, layout)
    for filling in (0, 255):
        for bottom in (1, 31, 32, 33, 63, 64, 65, 200, 350, 435):
            for length in (bottom * layout.row_bytes + LONGEST_STEP, bottom * layout.row_bytes):
                take(length)[:] = filling
            part = decode_part(data, layout, Part(bottom // 2, bottom, 400))
            assert part.tobytes() == expected[bottom // 2 : bottom, :400].tobytes(), bottom


def test_a_stream_that_ends_early_is_malformed() -> None:
    layout = layout_of("uint16")
    data = zlib.compress(bytes(64 * 2 * 10))
    with pytest.raises(MalformedError, match="expected at least 2560 bytes decoded, found 1280"):
        decode_part(data, layout, Part(4, 20, 8))


def test_a_broken_stream_is_malformed() -> None:
    layout = layout_of("uint16")
    with pytest.raises(MalformedError, match="a broken stream"):
        decode_part(b"\x78\x9c\xff\xff\xff\xff", layout, Part(0, 20, 8))


def test_a_bomb_gives_only_the_rows_that_were_asked_for() -> None:
    layout = layout_of("uint8", width=1024, height=16)
    bomb = zlib.compress(bytes(1 << 28))
    assert decode_part(bomb, layout, Part(0, 2, 8)).shape == (2, 8, 1)
