"""Which requests blocks take: those that lie close together share one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rasteret_sql.blocks.jobs import Job
from rasteret_sql.settings import settings
from rasteret_sql.store.protocol import ByteRange
from rasteret_sql.store.scheduling.coalesce import merge

Part = tuple[int, int, int]
"""(number of the job, first byte in the answer, length)."""


def requests_of(jobs: Sequence[Job]) -> list[tuple[ByteRange, list[Part]]]:
    """Merged ranges, each cut off where the last block in it has given what is wanted of it."""
    limits = settings()
    merged = merge(
        [job.byte_range for job in jobs], gap=limits.merge_gap_bytes, max_length=limits.merge_max_bytes
    )
    requests = []
    for group in merged:
        ends = [member.start + jobs[member.index].front_bytes for member in group.members]
        whole_ends = sorted(member.start + member.length for member in group.members)
        # all blocks but the last lie before its end in any case
        end = max([*ends, *whole_ends[:-1]])
        parts = [
            (member.index, member.start, min(member.length, end - member.start)) for member in group.members
        ]
        requests.append((replace(group.range, length=end), parts))
    return requests
