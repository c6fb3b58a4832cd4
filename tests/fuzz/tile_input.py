"""A block and its layout as one string of bytes, so that a fuzzer can change both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

from rasteret_sql.codec.block import BlockLayout
from rasteret_sql.codec.samples import STORED_AS
from rasteret_sql.codec.support import COMPRESSIONS

T = TypeVar("T")

SIZES: Final = (1, 2, 7, 8, 16, 17, 32, 33, 64, 256)
BANDS: Final = (1, 2, 3, 4, 5, 70)
PHOTOMETRICS: Final = ("minisblack", "ycbcr", "rgb", "cmyk", "miniswhite", "palette")
LERC: Final = (None, (4, 0), (4, 1), (4, 2))
ORDERS: Final = ("little", "big")
KINDS: Final = tuple(STORED_AS)
HEAD_BYTES: Final = 12
"""One byte for each choice, the last two for the length of JPEGTables; then the tables, then the block."""


@dataclass(frozen=True, kw_only=True)
class TileInput:
    """One block to decode."""

    layout: BlockLayout
    rows: int
    block: bytes


def unpack(data: bytes) -> TileInput | None:
    """What a string of bytes says; None where it is too short to say it."""
    if len(data) < HEAD_BYTES:
        return None
    kind, bits = _choice(KINDS, data[1])
    tables_end = HEAD_BYTES + int.from_bytes(data[10:12], "little")
    height = _choice(SIZES, data[7])
    layout = BlockLayout(
        compression=_choice(COMPRESSIONS, data[0]),
        dtype=STORED_AS[kind, bits][1],
        bits_per_sample=bits,
        predictor=1 + data[2] % 3,
        fill_order=1 + data[3] % 2,
        byte_order=_choice(ORDERS, data[4]),
        samples=_choice(BANDS, data[5]),
        width=_choice(SIZES, data[6]),
        height=height,
        photometric=_choice(PHOTOMETRICS, data[8]),
        lerc_parameters=_choice(LERC, data[9] & 3),
        jpeg_tables=data[HEAD_BYTES:tables_end] or None,
    )
    rows = height if data[9] < 128 else max(1, height // 2)
    return TileInput(layout=layout, rows=rows, block=data[tables_end:])


def pack(layout: BlockLayout, block: bytes) -> bytes:
    """The inverse of ``unpack``, of whole blocks whose layout is among the choices."""
    tables = layout.jpeg_tables or b""
    head = (
        COMPRESSIONS.index(layout.compression),
        KINDS.index((layout.sample_kind, layout.bits_per_sample)),
        layout.predictor - 1,
        layout.fill_order - 1,
        ORDERS.index(layout.byte_order),
        BANDS.index(layout.samples),
        SIZES.index(layout.width),
        SIZES.index(layout.height),
        PHOTOMETRICS.index(layout.photometric),
        LERC.index(layout.lerc_parameters and layout.lerc_parameters[:2]),
    )
    return bytes(head) + len(tables).to_bytes(2, "little") + tables + block


def _choice(values: tuple[T, ...], number: int) -> T:
    return values[number % len(values)]
