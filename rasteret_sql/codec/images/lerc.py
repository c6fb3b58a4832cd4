"""LERC blocks (Esri's Limited Error Raster Compression, version 2): compression 34887, alone or inside
deflate or ZSTD (LercParameters)."""

from __future__ import annotations

import struct
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt

from rasteret_sql.codec.compression import decompress
from rasteret_sql.codec.images.stream_header import Claim, cut_short
from rasteret_sql.codec.layout import BlockLayout, Pixels
from rasteret_sql.errors import MalformedError, UnsupportedError

WRAPPERS: Final = {0: "none", 1: "deflate", 2: "zstd"}
"""Second value of LercParameters: what the LERC blob is compressed with in turn."""
DTYPES: Final = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")
"""LERC's numbers of its types."""
MAGIC: Final = b"Lerc2 "
SLACK: Final = 1 << 16
"""Bytes that a blob may be larger than twice its pixels."""


def unwrap(data: bytes, layout: BlockLayout) -> bytes:
    """The LERC blob of a block."""
    wrapper = (layout.lerc_parameters or (0, 0))[1:2] or (0,)
    if wrapper[0] not in WRAPPERS:
        raise UnsupportedError(f"LERC with additional compression {wrapper[0]} is not read")
    if wrapper[0] == 0:
        return data
    most = 2 * layout.height * layout.row_bytes + SLACK
    return decompress(data, WRAPPERS[wrapper[0]], least=1, most=most).tobytes()


def _heads(blob: bytes) -> list[tuple[int, int, int, str]]:
    """Width, height, depth (samples of a pixel) and dtype of every blob, one after the other, of a block."""
    heads: list[tuple[int, int, int, str]] = []
    at = 0
    while at < len(blob):
        head = blob[at : at + 64]
        if head[:6] != MAGIC:
            if heads:
                break  # libtiff may leave zeros behind a blob
            raise MalformedError(f"found {head[:6]!r} where a LERC 2 blob starts with {MAGIC!r}")
        if len(head) < 64:
            raise cut_short("a LERC header")
        version = struct.unpack_from("<i", head, 6)[0]
        # a checksum came with version 3, the depth with version 4
        place = 10 + (4 if version >= 3 else 0)
        height, width = struct.unpack_from("<ii", head, place)
        depth = struct.unpack_from("<i", head, place + 8)[0] if version >= 4 else 1
        place += 12 if version >= 4 else 8
        _, _, size, kind = struct.unpack_from("<iiii", head, place)
        if not 0 <= kind < len(DTYPES) or size < 1:
            raise MalformedError(f"found a LERC blob of {size} bytes and type {kind}")
        heads.append((width, height, depth, DTYPES[kind]))
        at += size
    return heads


def read_header(data: bytes, layout: BlockLayout) -> Claim:
    """Size, samples and type of a LERC blob; one sample less than asked for stands for alpha as its mask."""
    heads = _heads(data)
    if not heads:
        raise cut_short("a LERC header")
    width, height, depth, dtype = heads[0]
    if any(head != heads[0] for head in heads):
        raise MalformedError("found LERC blobs of different sizes or types")
    samples = depth * len(heads)
    alpha = samples + 1 == layout.samples and dtype == "uint8"
    return Claim(width=width, height=height, samples=layout.samples if alpha else samples, dtype=dtype)


def decode(data: bytes, layout: BlockLayout) -> Pixels:
    """Pixels, with what the LERC mask leaves out as NaN, or as 0 in an alpha sample (libtiff).

    ``UnsupportedError``: integers with a mask and no alpha; GDAL refuses them too.
    """
    pixels = _decode(data, layout)
    # libtiff reverses what LERC gives as if it had been stored in the order of the file, and so when writing
    return pixels.byteswap() if layout.byte_order == "big" and pixels.itemsize > 1 else pixels


def _decode(data: bytes, layout: BlockLayout) -> Pixels:
    heads = _heads(data)
    pixels, masks = imagecodecs.lerc_decode(data, masks=True)
    width, height, depth, _ = heads[0]
    pixels = _interleaved(pixels.reshape(len(heads), height, width, depth))
    valid = None if masks is None else _interleaved(masks.reshape(-1, height, width, 1))
    if pixels.shape[2] < layout.samples:
        alpha = np.full((height, width, 1), 255, np.uint8)
        if valid is not None:
            alpha *= valid
        return np.concatenate((pixels, alpha), axis=2)
    if valid is None or valid.all():
        return pixels
    if pixels.dtype.kind != "f":
        raise UnsupportedError("LERC integers with a mask and no alpha sample are not read")
    pixels[np.broadcast_to(~valid, pixels.shape)] = np.nan
    return pixels


def _interleaved(planes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(bands, rows, columns, depth) to (rows, columns, bands * depth)."""
    bands, rows, columns, depth = planes.shape
    return np.ascontiguousarray(planes.transpose(1, 2, 0, 3)).reshape(rows, columns, bands * depth)
