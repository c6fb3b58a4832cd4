"""Fewer, longer ranges: what lies close together in one file is read by one request. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rasteret_sql.store.protocol import ByteRange


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One wanted range inside a merged one."""

    index: int
    """Position in the sequence given to ``merge``."""
    start: int
    """First byte inside the merged range, from 0."""
    length: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """One request, and the wanted ranges that it answers."""

    range: ByteRange
    members: tuple[Member, ...]


def merge(ranges: Sequence[ByteRange], *, gap: int, max_length: int) -> list[Merged]:
    """Merge ranges of one href that are at most ``gap`` bytes apart, up to ``max_length`` bytes a request.

    Every wanted range is a member of exactly one merged range; equal and overlapping ranges share bytes.
    A merged range begins with its first member and ends with its last, so beside gaps nothing unwanted
    is read. A wanted range longer than ``max_length`` is read whole. Files come in the order in which
    they were first asked for, the ranges of a file by offset.
    """
    by_href: dict[str, list[int]] = {}
    for index, wanted in enumerate(ranges):
        by_href.setdefault(wanted.href, []).append(index)
    merged = []
    for href, indices in by_href.items():
        indices.sort(key=lambda i: (ranges[i].start, ranges[i].end))
        group: list[int] = []
        start = end = 0
        for index in indices:
            wanted = ranges[index]
            fits = max(end, wanted.end) - start <= max(max_length, end - start)
            if group and wanted.start - end <= gap and fits:
                group.append(index)
                end = max(end, wanted.end)
                continue
            if group:
                merged.append(_merged(href, start, end, group, ranges))
            group, start, end = [index], wanted.start, wanted.end
        merged.append(_merged(href, start, end, group, ranges))
    return merged


def _merged(href: str, start: int, end: int, group: list[int], ranges: Sequence[ByteRange]) -> Merged:
    members = (Member(index=i, start=ranges[i].start - start, length=ranges[i].length) for i in group)
    return Merged(range=ByteRange(href=href, start=start, length=end - start), members=tuple(members))
