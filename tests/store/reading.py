"""Ranges of one file, read as tiles are."""

from __future__ import annotations

from rasteret_sql.errors import RasteretError
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.protocol import Block, ByteRange


def read(href: str, *, parts: int = 1) -> list[Block | RasteretError]:
    ranges = [ByteRange(href=href, start=100 * part, length=100) for part in range(parts)]
    return [outcome for _, outcome in fetch(ranges, kind="tile")]


def fault_of(href: str) -> RasteretError:
    [outcome] = read(href)
    assert isinstance(outcome, RasteretError)
    return outcome
