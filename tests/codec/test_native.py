"""The compiled kernel beside Python's own decoding: the same pixels, or no answer."""

from __future__ import annotations

import ctypes
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasteret_sql.arrays import Pixels
from rasteret_sql.codec.block import BlockLayout, decode_block, encode_block
from rasteret_sql.codec.native import decoding, library
from rasteret_sql.codec.native.decoding import Place, decoded, scatter
from rasteret_sql.codec.part import Part, decode_part
from rasteret_sql.errors import MalformedError, RasteretError
from rasteret_sql.settings import configure
from tests.codec.test_part import layout_of, pixels_of

pytestmark = pytest.mark.skipif(not library.BUILT.is_file(), reason="the kernel was not built here")

DTYPES = (
    "uint8",
    "int8",
    "int16",
    "uint16",
    "uint32",
    "float16",
    "float32",
    "uint64",
    "float64",
    "complex64",
)
COMPRESSIONS = ("deflate", "none", "zstd", "lzw", "packbits")
KINDS = ("smooth", "noisy", "constant")


@pytest.fixture(autouse=True)
def _native_decoding() -> Iterator[None]:
    """Whatever the environment says."""
    configure(native_decoding=True)
    yield
    configure(native_decoding=None)


@contextmanager
def only_python() -> Iterator[None]:
    configure(native_decoding=False)
    try:
        yield
    finally:
        configure(native_decoding=True)


@contextmanager
def kernel(*, with_isal: bool) -> Iterator[None]:
    deflate = library._libdeflate()
    assert deflate is not None
    bound = library.Kernel(ctypes.CDLL(str(library.BUILT)), deflate, library._isal() if with_isal else None)
    before, decoding.kernel = decoding.kernel, lambda: bound
    try:
        yield
    finally:
        decoding.kernel = before


@st.composite
def layouts(draw: st.DrawFn) -> BlockLayout:
    dtype = draw(st.sampled_from(DTYPES))
    compression = draw(st.sampled_from(COMPRESSIONS))
    predictors = [1]
    if compression in ("deflate", "zstd", "lzw"):
        predictors.append(2)
        if dtype.startswith("float"):
            predictors.append(3)
    return layout_of(
        dtype,
        width=draw(st.integers(1, 70)),
        height=draw(st.integers(1, 40)),
        samples=draw(st.integers(1, 5)),
        byte_order=draw(st.sampled_from(("little", "big"))),
        compression=compression,
        predictor=draw(st.sampled_from(predictors)),
    )


def bits(pixels: Pixels) -> bytes:
    """Not a number is a number here."""
    return np.ascontiguousarray(pixels).tobytes()


@settings(max_examples=300, deadline=None)
@given(layout=layouts(), kind=st.sampled_from(KINDS), data=st.data())
def test_places_get_the_pixels_that_python_decodes(
    layout: BlockLayout, kind: str, data: st.DataObject
) -> None:
    stored = encode_block(pixels_of(layout, kind), layout)
    with only_python():
        wanted = decode_block(stored, layout)
    whole = data.draw(st.booleans())
    rows = layout.height if whole else data.draw(st.integers(1, layout.height))
    places = []
    for _ in range(data.draw(st.integers(1, 4))):
        top = data.draw(st.integers(0, rows - 1))
        bottom = data.draw(st.integers(top + 1, rows))
        left = data.draw(st.integers(0, layout.width - 1))
        right = data.draw(st.integers(left + 1, layout.width))
        around = np.full((bottom - top + 2, right - left + 3), 99, layout.dtype)
        sample = data.draw(st.integers(0, layout.samples - 1))
        places.append((Place(top, bottom, left, right, sample, around[1:-1, 2:-1]), around))
    assert scatter(stored, layout, [place for place, _ in places], rows=rows, whole=whole)
    for place, around in places:
        expected = np.full(around.shape, 99, layout.dtype)
        expected[1:-1, 2:-1] = wanted[place.top : place.bottom, place.left : place.right, place.sample]
        assert bits(around) == bits(expected)


@settings(max_examples=200, deadline=None)
@given(layout=layouts(), kind=st.sampled_from(KINDS))
def test_whole_blocks_are_those_of_python(layout: BlockLayout, kind: str) -> None:
    pixels = pixels_of(layout, kind)
    stored = encode_block(pixels, layout)
    found = decoded(stored, layout, top=0, rows=layout.height, right=layout.width, whole=True)
    assert found is not None
    assert bits(found) == bits(pixels)


@pytest.mark.parametrize("with_isal", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("whole", [True, False])
def test_each_library_inflates(with_isal: bool, kind: str, whole: bool) -> None:
    layout = layout_of("uint16", predictor=2, width=256, height=256)
    pixels = pixels_of(layout, kind)
    stored = encode_block(pixels, layout)
    with kernel(with_isal=with_isal):
        found = decoded(stored, layout, top=3, rows=256 if whole else 100, right=77, whole=whole)
    assert found is not None
    assert bits(found) == bits(pixels[3 : 256 if whole else 100, :77])


def test_isal_is_there() -> None:
    assert library._isal() is not None


def by_python(stored: bytes, layout: BlockLayout, *, rows: int, whole: bool) -> Pixels | None:
    """None where Python decodes no part, or happens to come to the checksum, which a front does not have."""
    with only_python():
        if whole:
            return decode_block(stored, layout)
        if layout.compression != "deflate" or layout.predictor == 3:
            return None
        try:
            return decode_part(stored, layout, Part(0, rows, layout.width))
        except MalformedError as error:
            if "checksum" in str(error):
                return None
            raise


@settings(max_examples=400, deadline=None)
@given(layout=layouts(), kind=st.sampled_from(KINDS), data=st.data())
def test_what_is_broken_is_no_other_block(layout: BlockLayout, kind: str, data: st.DataObject) -> None:
    stored = bytearray(encode_block(pixels_of(layout, kind), layout))
    match data.draw(st.sampled_from(("flip", "cut", "more", "noise"))):
        case "flip":
            stored[data.draw(st.integers(0, len(stored) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del stored[data.draw(st.integers(0, len(stored))) :]
        case "more":
            stored += data.draw(st.binary(max_size=8))
        case _:
            stored[:] = data.draw(st.binary(max_size=200))
    bottom = data.draw(st.integers(1, layout.height))
    for whole in (True, False):
        rows = layout.height if whole else bottom
        found = decoded(bytes(stored), layout, top=0, rows=rows, right=layout.width, whole=whole)
        if found is None:
            continue
        expected = by_python(bytes(stored), layout, rows=rows, whole=whole)
        assert expected is None or bits(found) == bits(expected)


def test_the_last_strip_may_hold_fewer_rows() -> None:
    layout = layout_of("uint16", height=100)
    pixels = pixels_of(layout, "noisy")
    few = encode_block(pixels[:30], layout)
    found = decoded(few, layout, top=0, rows=30, right=layout.width, whole=True)
    assert found is not None
    assert bits(found) == bits(pixels[:30])
    assert decoded(few, layout, top=0, rows=31, right=layout.width, whole=True) is None
    many = zlib.compress(pixels.tobytes() + b"x")
    assert decoded(many, layout, top=0, rows=30, right=layout.width, whole=True) is None


def test_what_the_kernel_does_not_know_is_left_to_python() -> None:
    for unknown in (
        layout_of("uint16", fill_order=2),
        layout_of("uint16", bits_per_sample=12),
        layout_of("complex128", bits_per_sample=128),
        layout_of("complex64", bits_per_sample=32),
    ):
        stored = encode_block(np.zeros((unknown.height, unknown.width, 1), unknown.dtype), unknown)
        assert decoded(stored, unknown, top=0, rows=unknown.height, right=unknown.width, whole=True) is None
        assert not decode_block(stored, unknown).any()


def test_without_the_setting_python_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    layout = layout_of("uint16", predictor=2)
    pixels = pixels_of(layout, "noisy")
    stored = encode_block(pixels, layout)
    calls: list[Any] = []
    run = library.Kernel.decode
    monkeypatch.setattr(library.Kernel, "decode", lambda *given: calls.append(1) or run(*given))
    assert bits(decode_block(stored, layout)) == bits(pixels)
    assert calls == [1]
    with only_python():
        assert bits(decode_block(stored, layout)) == bits(pixels)
    assert calls == [1]


def test_errors_are_those_of_python() -> None:
    layout = layout_of("uint16")
    stored = encode_block(pixels_of(layout, "noisy"), layout)
    for broken in (stored[:-30], stored[:40] + b"\0" * 8 + stored[48:], b""):
        texts = []
        for context in (only_python(), kernel(with_isal=True)):
            with context, pytest.raises(RasteretError) as error:
                decode_block(broken, layout)
            texts.append(str(error.value))
        assert texts[0] == texts[1]
