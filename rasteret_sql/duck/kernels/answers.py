"""Answers that are large, one for each row of a vector, within the limit of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from rasteret_sql.errors import LimitError
from rasteret_sql.settings import settings

Answer = TypeVar("Answer")


def gathered(
    answers: Iterable[tuple[int, Answer]], count: int, size: Callable[[Answer], int]
) -> list[Answer | None]:
    """Answers, which come with their row numbers in any order, in the order of ``count`` rows; None without.

    LimitError as soon as those of one vector exceed ``max_read_bytes``; ``size`` gives the bytes of one.
    """
    found: list[Answer | None] = [None] * count
    limit, total = settings().max_read_bytes, 0
    for row, answer in answers:
        found[row] = answer
        total += size(answer)
        if total > limit:
            raise LimitError(
                f"the answers of one batch of {count:,} rows pass max_read_bytes ({limit / 2**20:,.0f} MiB). "
                "Ask for smaller areas or a coarser level, for fewer rows at once, or raise max_read_bytes"
            )
    return found
