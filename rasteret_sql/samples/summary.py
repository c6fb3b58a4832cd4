"""What an epoch takes and took, in a few lines."""

from __future__ import annotations

import time

from rasteret_sql.samples.order import Order, Shard
from rasteret_sql.samples.stream import Stream
from rasteret_sql.store import request_log
from rasteret_sql.store.request_log import Totals

BUSY = 0.7
"""Of the processors' time, above which decoding is what limits."""
IDLE = 0.1
"""Of an epoch spent waiting, below which training is what limits."""


def summary(
    order: Order, rank: Shard, stream: Stream, began: tuple[float, float, Totals] | None, processors: int
) -> str:
    """Lines for a terminal; ``began``: wall and processor seconds and requests at the start of the epoch."""
    count = len(order.part_of)
    parts = int(order.part_of.max(initial=-1)) + 1
    over = order.left_over(rank.count)
    what = "come twice" if order.repeats else "are left out"
    lines = [
        f"{count:,} samples in {parts:,} parts, {order.length(rank.count):,} for each of {rank.count:,} ranks"
        + (f"; {over:,} {what}" if over else ""),
    ]
    counts = stream.counts
    if began is None or not counts.samples:
        return lines[0]
    wall_0, processor_0, before = began
    wall, processor = time.perf_counter() - wall_0, time.process_time() - processor_0
    now = request_log.totals()
    lines.append(
        f"epoch {stream.epoch_number}: {counts.samples:,} samples, {counts.skipped:,} skipped, "
        f"{counts.waited_s:.1f} s waited for and {counts.used_s:.1f} s used"
    )
    lines.append(
        f"{now.requests - before.requests:,} requests, {now.byte_count - before.byte_count:,} bytes, "
        f"{processor:.1f} CPU s of {processors} processors in {wall:.1f} s: "
        + _limit(counts.waited_s / wall, processor / (wall * processors))
    )
    return "\n".join(lines)


def _limit(waited: float, busy: float) -> str:
    """``waited``: share of the time that the consumer waited; ``busy``: share of the processors."""
    if waited < IDLE:
        return "training limits"
    return "decoding limits" if busy > BUSY else "the network limits"
