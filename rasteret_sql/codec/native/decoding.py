"""Blocks through the compiled kernel: what it takes, and where the pixels go."""

from __future__ import annotations

import struct
import sys
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from rasteret_sql.arrays import Bytes, Pixels
from rasteret_sql.codec import predictor
from rasteret_sql.codec.compression import SUPPORTED, decompress
from rasteret_sql.codec.layout import BlockLayout
from rasteret_sql.codec.native.library import Kernel, kernel
from rasteret_sql.codec.samples import NATIVE, stored_as
from rasteret_sql.errors import RasteretError
from rasteret_sql.memory import take

_BLOCK: Final = struct.Struct("<QqQqQ10i")
_PLACE: Final = struct.Struct("<Qq6i")
_STORED, _DEFLATE = 0, 1
_ALL_SAMPLES = -1
SLACK_BYTES: Final = (256 << 10) + (64 << 10) + 64
"""What the kernel needs besides rows: ISA-L's state, and the longest step of libdeflate; aligned."""
MOST_BYTES: Final = 1 << 30
"""Larger blocks are left to Python."""
KEPT_BYTES: Final = 32 << 20
"""A thread keeps memory of that size to inflate into; more is given back."""


class Place(NamedTuple):
    """A rectangle of a block, one sample of its pixels, and the array ``(rows, columns)`` that it fills."""

    top: int
    bottom: int
    left: int
    right: int
    sample: int
    to: Pixels
    """Each row of it lies in one piece; it has the dtype of the block."""


class _Form(NamedTuple):
    """What the kernel has to know of a layout."""

    compression: int
    sample_bytes: int
    predictor: int
    unit_bytes: int
    swapped: bool


def scatter(
    data: bytes | memoryview, layout: BlockLayout, places: Sequence[Place], *, rows: int, whole: bool
) -> bool:
    """Decode the first ``rows`` rows of a block and fill ``places``; False: not done, use ``decode_block``.

    ``whole``: they are all rows that are wanted, and the checksum is compared. Where the answer is False the
    places hold anything. It is False for layouts that the kernel does not know, for broken blocks, and where
    there is no kernel.
    """
    task = _task(data, layout, rows, whole)
    return task is not None and task.run(
        *(
            _PLACE.pack(_address(to), to.strides[0], top, bottom, left, right, sample, 0)
            for top, bottom, left, right, sample, to in places
        )
    )


def decoded(
    data: bytes | memoryview, layout: BlockLayout, *, top: int, rows: int, right: int, whole: bool
) -> Pixels | None:
    """Rows ``top`` to ``rows`` of a block, columns before ``right``, as new memory; None as ``scatter``."""
    task = _task(data, layout, rows, whole)
    if task is None:
        return None
    row_bytes = right * layout.samples * task.form.sample_bytes
    memory = take((rows - top) * row_bytes)
    if not task.run(_PLACE.pack(_address(memory), row_bytes, top, rows, 0, right, _ALL_SAMPLES, 0)):
        return None
    return memory.view(layout.dtype).reshape(rows - top, right, layout.samples)


class _Task(NamedTuple):
    """One block that the kernel may know how to decode."""

    native: Kernel
    form: _Form
    stored: Bytes
    layout: BlockLayout
    rows: int
    most_rows: int
    whole: bool

    def run(self, *places: bytes) -> bool:
        layout, form = self.layout, self.form
        rows = self.most_rows if self.whole else self.rows
        inflated = 0 if form.compression == _STORED else rows * layout.row_bytes
        own = _own(self.native)
        scratch = own.memory(2 * layout.row_bytes + inflated + SLACK_BYTES)
        block = _BLOCK.pack(
            *(_address(self.stored), len(self.stored), _address(scratch), len(scratch), own.decompressor),
            *(form.compression, layout.width, layout.samples, form.sample_bytes, form.predictor),
            *(form.unit_bytes, form.swapped, self.rows, self.most_rows, self.whole),
        )
        return self.native.decode(block, b"".join(places), len(places))


def _task(data: bytes | memoryview, layout: BlockLayout, rows: int, whole: bool) -> _Task | None:
    native, form = kernel(), _form(layout)
    if native is None or form is None:
        return None
    # no more memory than the stored bytes can fill
    reachable = len(data) * SUPPORTED[layout.compression].max_ratio
    most_rows = min(layout.height, reachable // layout.row_bytes + 1)
    if rows > most_rows or most_rows * layout.row_bytes > MOST_BYTES:
        return None
    stored = np.frombuffer(data, np.uint8)
    if form.compression == _STORED and layout.compression != "none":
        least, most = rows * layout.row_bytes, layout.height * layout.row_bytes
        try:
            stored = decompress(data, layout.compression, least=least, most=most)
        except RasteretError:
            return None  # Python's own path does the same, and says so
    return _Task(native, form, stored, layout, rows, most_rows, whole)


@lru_cache(maxsize=256)
def _form(layout: BlockLayout) -> _Form | None:
    codec = SUPPORTED.get(layout.compression)
    sample_bytes = np.dtype(layout.dtype).itemsize
    if codec is None or layout.fill_order != 1 or stored_as(layout) != NATIVE or sample_bytes > 8:
        return None
    if layout.predictor not in (predictor.NONE, predictor.HORIZONTAL, predictor.FLOATING_POINT):
        return None
    is_complex = layout.sample_kind == "complex"
    swapped = layout.byte_order != sys.byteorder and sample_bytes > 1
    if layout.predictor == predictor.FLOATING_POINT and (is_complex or sample_bytes == 1):
        return None
    if is_complex and swapped and layout.predictor != predictor.HORIZONTAL:
        unit_bytes = sample_bytes // 2
    else:
        unit_bytes = sample_bytes
    if layout.predictor == predictor.FLOATING_POINT:
        swapped = False  # its bytes have an order of their own
    return _Form(
        compression=_DEFLATE if layout.compression == "deflate" else _STORED,
        sample_bytes=sample_bytes,
        predictor=layout.predictor,
        unit_bytes=unit_bytes,
        swapped=swapped,
    )


class _Own:
    """What a thread decodes with: memory that it uses again, and one of libdeflate's decompressors."""

    def __init__(self, native: Kernel) -> None:
        self._memory = np.empty(0, np.uint8)
        self._native = native
        self.decompressor = native.new_decompressor()

    def memory(self, length: int) -> Bytes:
        if length > KEPT_BYTES:
            return np.empty(length, np.uint8)
        if length > len(self._memory):
            self._memory = np.empty(length, np.uint8)
        return self._memory

    def __del__(self) -> None:
        self._native.free_decompressor(self.decompressor)


_owns = threading.local()


def _own(native: Kernel) -> _Own:
    own: _Own | None = getattr(_owns, "own", None)
    if own is None:
        own = _owns.own = _Own(native)
    return own


def _address(array: Pixels) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
