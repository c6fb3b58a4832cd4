"""Bytes of a file that are there so far, and the signal that says which are still wanted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from rasteret_sql.errors import MalformedError

Range = tuple[int, int]
"""Start and length, in bytes."""

MAX_FILE_BYTES: Final = (1 << 63) - 1


class NeedBytes(Exception):  # noqa: N818  a signal to the caller, not a failure
    """Parsing cannot go on without these bytes: read them, add them, parse again.

    It never leaves this package. ``ranges`` do not overlap and are in order.
    A range may pass the end of the file where its size is not known.
    """

    def __init__(self, ranges: Sequence[Range]) -> None:
        self.ranges = merged(ranges)
        super().__init__(f"more bytes are needed: {self.ranges}")


class Bytes:
    """A sparse file: pieces of it at their offsets, and its size once that is known."""

    def __init__(self, data: bytes = b"", *, size: int | None = None) -> None:
        self.size = size
        self.progress: object = None
        """What the parser knows so far, kept for its next call: bytes that are there do not change."""
        self._starts: list[int] = []
        self._pieces: list[bytes] = []
        if data:
            self.add(0, data)

    def add(self, start: int, data: bytes | memoryview) -> None:
        """Put ``data`` at ``start``; a piece that touches another one becomes one with it."""
        joined = bytes(data)
        i = bisect_right(self._starts, start)
        if i and self._starts[i - 1] + len(self._pieces[i - 1]) >= start:
            i -= 1
            before, first = self._pieces.pop(i), self._starts.pop(i)
            joined = before[: start - first] + joined + before[start - first + len(joined) :]
            start = first
        while i < len(self._starts) and self._starts[i] <= start + len(joined):
            after, first = self._pieces.pop(i), self._starts.pop(i)
            joined += after[start + len(joined) - first :]
        self._starts.insert(i, start)
        self._pieces.insert(i, joined)

    def has(self, start: int, length: int, what: object) -> bool:
        """Whether these bytes are there; ``MalformedError`` names ``what`` if the file ends before them."""
        most = MAX_FILE_BYTES if self.size is None else self.size
        if start + length > most:
            raise MalformedError(
                f"{what}: bytes {start} to {start + length} are needed and the file has {most}; "
                "it is cut short or damaged"
            )
        i = bisect_right(self._starts, start) - 1
        return i >= 0 and start + length <= self._starts[i] + len(self._pieces[i])

    def read(self, start: int, length: int, what: object) -> bytes:
        """These bytes; ``NeedBytes`` where they are missing."""
        if not self.has(start, length, what):
            raise NeedBytes([(start, length)])
        i = bisect_right(self._starts, start) - 1
        begin = start - self._starts[i]
        return self._pieces[i][begin : begin + length]

    @property
    def beginning(self) -> bytes:
        """What is there of the file from its first byte on, without a gap."""
        data = self._pieces[0] if self._starts and self._starts[0] == 0 else b""
        return data if self.size is None else data[: self.size]

    def clipped(self, start: int, length: int) -> Range:
        """The part of a range that the file can have."""
        return start, length if self.size is None else max(0, min(length, self.size - start))


def merged(ranges: Sequence[Range], *, gap: int = 0) -> tuple[Range, ...]:
    """The same bytes, and gaps of up to ``gap`` between them, as ranges in order that lie farther apart."""
    out: list[Range] = []
    for start, length in sorted(ranges):
        if out and start <= sum(out[-1]) + gap:
            first = out[-1][0]
            out[-1] = (first, max(sum(out[-1]), start + length) - first)
        else:
            out.append((start, length))
    return tuple(out)
