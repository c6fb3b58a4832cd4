"""What one query may ask for: the settings max_query_bytes, max_query_requests and max_query_cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rasteret_sql import metering
from rasteret_sql.errors import LimitError
from rasteret_sql.metering import Meter, Traffic
from rasteret_sql.settings import Settings, settings
from rasteret_sql.store.clouds.prices import cost_of
from rasteret_sql.store.protocol import ByteRange


def is_limited(limits: Settings) -> bool:
    """Whether any of the settings says something."""
    return bool(limits.max_query_bytes or limits.max_query_requests or limits.max_query_cost)


def take(ranges: Iterable[ByteRange]) -> None:
    """Grant a batch of requests to the query of this thread; ``LimitError`` where it would be too much."""
    limits = settings()
    known = metering.place() if is_limited(limits) else None
    if known is None:
        return
    meter, _ = known
    with meter.lock:
        for one in ranges:
            metering.add(meter.granted, one.href, 1, one.length)
        reason = excess(meter.granted, limits)
    if reason is not None:
        raise LimitError(
            f"with its next tiles this query has asked for {reason}. Nothing more is asked for. "
            f"{advice(meter)}"
        )


def excess(traffic: Mapping[str, Traffic], limits: Settings) -> str | None:
    """Which limit is exceeded, with the numbers; None where none is."""
    requests = sum(one.requests for one in traffic.values())
    byte_count = sum(one.byte_count for one in traffic.values())
    if limits.max_query_requests and requests > limits.max_query_requests:
        return f"{requests:,} requests, over max_query_requests ({limits.max_query_requests:,})"
    if limits.max_query_bytes and byte_count > limits.max_query_bytes:
        return f"{byte_count:,} bytes, over max_query_bytes ({limits.max_query_bytes:,})"
    if not limits.max_query_cost:
        return None
    dollars = sum(
        cost_of(root, one.requests, one.byte_count, limits.query_region).dollars
        for root, one in traffic.items()
    )
    if dollars > limits.max_query_cost:
        return f"what costs ${dollars:.2g}, over max_query_cost (${limits.max_query_cost:g})"
    return None


def advice(meter: Meter) -> str:
    """What would narrow a query."""
    with meter.lock:
        scenes = set[str]().union(*(tally.scenes for tally in meter.tallies.values()))
        areas = set[int]().union(*(tally.areas for tally in meter.tallies.values()))
    ways = []
    if len(scenes) > 1:
        ways.append(f"fewer of its {len(scenes):,} scenes (conditions on datetime, band or cloud cover)")
    if len(areas) > 1:
        ways.append(f"fewer of its {len(areas):,} areas")
    ways += ["a smaller area", "an overview (level := 1, or resolution :=)"]
    return f"Ask for {', '.join(ways)}, or raise the setting; rasteret_explain shows the plan"
