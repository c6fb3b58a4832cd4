"""Answers that are large, one for each row of a vector, within the limit of memory.

A scalar function cannot cut the vector that it is called with, as ``read_cog`` does; it can say that the
answers of one would take too much, before they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa

from rasteret_sql.duck.arguments.batches import SHARE_OF_MEMORY, memory_of
from rasteret_sql.duck.arguments.call import ASKED, Call
from rasteret_sql.errors import LimitError
from rasteret_sql.settings import settings

Answer = TypeVar("Answer")
MEMORY_LIMIT = "memory_limit"
"""The column of ``_rasteret_memory_limit``, of kernels without one of ``_rasteret_asked``."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """What the answers of one vector may take."""

    rows: int
    byte_count: int
    alone: int
    """What the only answer of a vector may take."""
    name: str
    """Of the limit, for messages."""
    setting: str

    def check(self, byte_count: int, answers: int) -> None:
        """LimitError where so many answers take more than there is room for."""
        if byte_count > (self.byte_count if answers > 1 else self.alone):
            raise LimitError(
                f"the answers of one batch of {self.rows:,} rows pass {self.name} "
                f"({self.byte_count / 2**20:,.0f} MiB). Ask for smaller areas or a coarser level, for fewer "
                f"rows at once, use read_cog, whose batches end where their bytes do, or raise {self.setting}"
            )


def room(call: Call) -> Room:
    """``max_read_bytes`` or a quarter of DuckDB's memory_limit, whichever is less."""
    return room_of(call[ASKED] if ASKED in call else call[MEMORY_LIMIT])


def room_of(column: pa.Array) -> Room:
    """The same by the column that tells DuckDB's memory_limit."""
    most, memory = settings().max_read_bytes, memory_of(column)
    if memory is None or memory // SHARE_OF_MEMORY >= most:
        return Room(
            rows=len(column), byte_count=most, alone=most, name="max_read_bytes", setting="max_read_bytes"
        )
    return Room(
        rows=len(column),
        byte_count=memory // SHARE_OF_MEMORY,
        alone=most,
        name="a quarter of DuckDB's memory_limit",
        setting="memory_limit",
    )


def collect_within_limit(
    answers: Iterable[tuple[int, Answer]], size: Callable[[Answer], int], within: Room
) -> list[Answer | None]:
    """Answers, which come with their row numbers in any order, in the order of the rows; None without.

    LimitError as soon as those of one vector do not fit; ``size`` gives the bytes of one.
    """
    by_row: list[Answer | None] = [None] * within.rows
    total = 0
    for count, (row, answer) in enumerate(answers, 1):
        by_row[row] = answer
        total += size(answer)
        within.check(total, count)
    return by_row
