"""The compiled kernel, and the inflating functions of other packages that it calls.

libdeflate comes from imagecodecs' wheel and ISA-L from python-isal's: their libraries export it. ISA-L may be
missing; without libdeflate, or without the kernel itself, ``kernel()`` is None.
"""

from __future__ import annotations

import ctypes
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from rasteret_sql.settings import settings

BUILT: Final = Path(__file__).with_name("decode.so")
"""The same name on every platform: nothing but this module loads it."""
_FUNCTIONS: Final = 5
"""Pointers of ``struct libraries`` in ``decode.c``."""


class Kernel:
    """The functions of ``decode.c``, bound to the libraries that inflate."""

    def __init__(self, library: ctypes.CDLL, deflate: ctypes.CDLL, isal: ctypes.CDLL | None) -> None:
        self._libraries = (ctypes.c_void_p * _FUNCTIONS)(
            _address(isal, "isal_inflate_init"),
            _address(isal, "isal_inflate"),
            _address(deflate, "libdeflate_zlib_decompress"),
            _address(deflate, "libdeflate_deflate_decompress"),
            _address(deflate, "libdeflate_adler32"),
        )
        self._kept = library, deflate, isal
        self._with = ctypes.addressof(self._libraries)
        self._decode = library.rasteret_decode
        self._decode.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int32)
        self._has = library.rasteret_has
        self._has.argtypes = (
            *(ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32, ctypes.c_int32),
            *(ctypes.c_uint64, ctypes.c_double),
        )
        self._new = deflate.libdeflate_alloc_decompressor
        self._new.restype = ctypes.c_void_p
        self._free = deflate.libdeflate_free_decompressor
        self._free.argtypes = (ctypes.c_void_p,)

    def decode(self, block: bytes, places: bytes, count: int) -> bool:
        """``rasteret_decode``: a packed ``struct block`` and ``count`` packed ``struct place``."""
        return bool(self._decode(self._with, block, places, count))

    def has(
        self, address: int, count: int, sample_bytes: int, how: int, bits: int, value: float
    ) -> bool | None:
        """``rasteret_has``; None for samples of a type that it does not know."""
        found = self._has(address, count, sample_bytes, how, bits, value)
        return None if found < 0 else bool(found)

    def new_decompressor(self) -> int:
        """One of libdeflate's, for one thread at a time; 0 where there is no memory for it."""
        return self._new() or 0

    def free_decompressor(self, decompressor: int) -> None:
        self._free(decompressor)


def kernel() -> Kernel | None:
    """The kernel, where it was built and the settings want it."""
    return _KERNEL if settings().native_decoding else None


def load() -> Kernel | None:
    """The kernel, and what it calls, where they are there."""
    try:
        library = ctypes.CDLL(str(BUILT))
    except OSError:
        return None
    deflate = _libdeflate()
    return None if deflate is None else Kernel(library, deflate, _isal())


def _isal() -> ctypes.CDLL | None:
    spec = find_spec("isal.isal_zlib")
    library = None if spec is None or spec.origin is None else _library(Path(spec.origin), "isal_inflate")
    return library if library is not None and _inflates_as_expected(library) else None


def _libdeflate() -> ctypes.CDLL | None:
    spec = find_spec("imagecodecs")
    if spec is None or spec.origin is None:
        return None
    for path in _beside(Path(spec.origin).parent):
        if (library := _library(path, "libdeflate_zlib_decompress")) is not None:
            return library
    return None


def _beside(package: Path) -> Iterator[Path]:
    """Where the wheels of imagecodecs keep libraries: those of Linux, of macOS."""
    yield from sorted(package.with_name("imagecodecs.libs").glob("libdeflate*.so*"))
    yield from sorted((package / ".dylibs").glob("libdeflate*.dylib"))


def _library(path: Path, symbol: str) -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(str(path))
    except OSError:
        return None
    return library if hasattr(library, symbol) else None


def _address(library: ctypes.CDLL | None, symbol: str) -> int | None:
    if library is None or not hasattr(library, symbol):
        return None
    return ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value


class _IsalState(ctypes.Structure):
    """The fields of ISA-L's state that ``decode.c`` relies on, and room for the rest."""

    _fields_ = (
        ("next_out", ctypes.c_void_p),
        ("avail_out", ctypes.c_uint32),
        ("total_out", ctypes.c_uint32),
        ("next_in", ctypes.c_void_p),
        ("read_in", ctypes.c_uint64),
        ("avail_in", ctypes.c_uint32),
        ("read_in_length", ctypes.c_int32),
        ("rest", ctypes.c_uint8 * (256 << 10)),
    )


def _inflates_as_expected(library: ctypes.CDLL) -> bool:
    """Whether these fields are where this version of the library has them: a known stream says so."""
    wanted = np.arange(4096, dtype=np.uint16).tobytes()
    stored = zlib.compress(wanted)
    source = (ctypes.c_uint8 * len(stored)).from_buffer_copy(stored)
    found = (ctypes.c_uint8 * (len(wanted) + 1))()
    state = _IsalState()
    library.isal_inflate_init(ctypes.byref(state))
    state.next_in, state.avail_in = ctypes.addressof(source) + 2, len(stored) - 2
    state.next_out, state.avail_out = ctypes.addressof(found), len(found)
    failed = library.isal_inflate(ctypes.byref(state))
    end = ctypes.addressof(source) + len(stored) - 4
    return not failed and state.next_in == end and bytes(found)[: state.total_out] == wanted


# with the import, as an extension module: beside threads that wait for answers it takes ten times as long
_KERNEL = load()
