"""How large one block may be."""

from __future__ import annotations

from rasteret_sql.codec.block import BlockLayout
from rasteret_sql.errors import LimitError
from rasteret_sql.settings import settings


def has_size(layout: BlockLayout, stored_bytes: int) -> bool:
    """Whether ``require_size`` lets blocks pass."""
    return max(layout.decoded_bytes, stored_bytes) <= settings().max_tile_bytes


def require_size(layout: BlockLayout, stored_bytes: int) -> None:
    """``LimitError`` for blocks that take more than ``max_tile_bytes``, as they are stored or decoded.

    A tile is decoded as a whole for a single pixel of it, so a few bytes of a tag may claim gigabytes.
    ``layout`` is one that ``require_supported`` lets pass; ``stored_bytes`` is the largest of its blocks.
    """
    decoded, most = layout.decoded_bytes, settings().max_tile_bytes
    if decoded > most:
        raise LimitError(
            f"blocks of {layout.width:,} x {layout.height:,} pixels x {layout.samples:,} {layout.dtype} "
            f"take {decoded:,} bytes each; at most {most:,} are decoded (setting max_tile_bytes)"
        )
    if stored_bytes > most:
        raise LimitError(
            f"one block claims {stored_bytes:,} stored bytes, for {decoded:,} bytes decoded; "
            f"at most {most:,} are read (setting max_tile_bytes)"
        )
