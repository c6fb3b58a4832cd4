"""The first bytes of a file: byte order, classic or BigTIFF, GDAL's ghost area; or what else it is."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from rasteret_sql.errors import MalformedError
from rasteret_sql.tiff.buffer import Bytes, NeedBytes
from rasteret_sql.tiff.ghost import FIRST_LINE_BYTES, ghost_length, parse_ghost

READ_AHEAD: Final = 32768
"""Bytes asked for where a directory must be but its length is not known: at the start of the file, and at
the offset of a directory. It holds all tables of 10,980² pixels in tiles of 256 (22 kB) and of 36,000² in
tiles of 1,024 with six overviews and masks (28 kB), and takes no more flights of packets than half of it
on a new TCP connection, whose first window is 14.6 kB."""

SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"<?xml", "XML: is the href a sidecar, or does the store answer with an error?"),
    (
        b"<",
        "a web page: is the href a page, or does the store answer with an error or a page to sign in at? "
        "The item may name the same file elsewhere: alternate := 's3' in cog_index and stac_search",
    ),
    (b"{", "JSON: is the href a STAC document or another sidecar?"),
    (b"[", "JSON: is the href a sidecar?"),
    (b"\x89HDF", "HDF5 or NetCDF-4, which is not read"),
    (b"CDF", "NetCDF, which is not read"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000 (JP2), which is not read"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 codestream, which is not read"),
    (b"\xff\xd8\xff", "JPEG: is the href a thumbnail?"),
    (b"\x89PNG", "PNG: is the href a thumbnail?"),
    (b"GIF8", "GIF: is the href a thumbnail?"),
    (b"PK\x03\x04", "a zip archive: give the href of the file inside it"),
    (b"\x1f\x8b", "gzip: unpack it first"),
    (b"PAR1", "Parquet: is the href an index?"),
    (b"GRIB", "GRIB, which is not read"),
)
"""What files that are taken for a TIFF start with."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """The header of the file: how numbers are stored, and where the first directory is."""

    prefix: str
    """``<`` or ``>``, as ``struct`` and NumPy write byte orders."""
    big: bool
    first_directory: int
    ghost: Mapping[str, str]
    length: int
    """Bytes of both."""

    @property
    def byte_order(self) -> Literal["little", "big"]:
        return "little" if self.prefix == "<" else "big"


def read_head(buffer: Bytes) -> Head:
    """The header (TIFF 6.0, section 2; BigTIFF) and the ghost area after it.

    Raises ``MalformedError`` where this is not a TIFF, ``NeedBytes`` where the first bytes are missing.
    """
    _, length = buffer.clipped(0, 8)
    if length == 0:
        raise MalformedError("the file is empty")
    if not buffer.has(0, length, "the TIFF header"):
        raise NeedBytes([buffer.clipped(0, READ_AHEAD)])
    start = buffer.read(0, length, "the TIFF header")
    order = {b"II": "<", b"MM": ">"}.get(start[:2])
    if order is None or len(start) < 8:
        raise MalformedError(not_a_tiff(start))
    version = struct.unpack_from(order + "H", start, 2)[0]
    if version not in (42, 43):
        raise MalformedError(f"not a TIFF: version {version} where 42 or 43 (BigTIFF) was expected")
    big = version == 43
    if big:
        start = buffer.read(0, 16, "the BigTIFF header")
        width, zero = struct.unpack_from(order + "HH", start, 4)
        if (width, zero) != (8, 0):
            raise MalformedError(f"BigTIFF header: offsets of {width} bytes where 8 were expected")
    first = struct.unpack_from(order + ("8xQ" if big else "4xI"), start)[0]
    ghost, length = _read_ghost(buffer, 16 if big else 8)
    return Head(prefix=order, big=big, first_directory=first, ghost=ghost, length=length)


def _read_ghost(buffer: Bytes, at: int) -> tuple[dict[str, str], int]:
    """The ghost area at ``at``, and where the bytes end that were looked at."""
    if buffer.clipped(at, FIRST_LINE_BYTES)[1] < FIRST_LINE_BYTES:
        return {}, at
    begin = at + FIRST_LINE_BYTES
    length = ghost_length(buffer.read(at, FIRST_LINE_BYTES, "the ghost area"))
    return (parse_ghost(buffer.read(begin, length, "the ghost area")) if length else {}), begin + (
        length or 0
    )


def not_a_tiff(start: bytes) -> str:
    """A message for a file whose first eight bytes are not a TIFF header."""
    if start[:2] in (b"II", b"MM"):
        return f"the file has {len(start)} bytes; the TIFF header alone needs 8"
    message = f"not a TIFF: it starts with {start[:4]!r} where b'II' or b'MM' was expected"
    for signature, meaning in SIGNATURES:
        if start.lstrip().startswith(signature):
            return f"{message}; that is {meaning}"
    return f"{message}; is the href right?"
