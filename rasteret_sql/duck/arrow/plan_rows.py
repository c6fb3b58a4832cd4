"""A plan, or what a query has read, as rows: a tree that a person reads, and the numbers in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from rasteret_sql.metering import Meter, Tally
from rasteret_sql.settings import settings
from rasteret_sql.store.clouds.prices import as_of, cost_of

LATENCY_S = 0.05
"""What one round of requests is expected to take beside its bytes."""
CONCURRENCY = 32
"""Requests in flight at once, where the settings leave it to be found."""
PAYERS = {"reader": "you pay", "owner": "its owner pays", None: "the bucket's account pays"}


@dataclass(kw_only=True)
class Node:
    """One line of the tree, and its values."""

    text: str
    values: dict[str, Any] = field(default_factory=dict)
    below: list[Node] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Who reads."""

    bandwidth: float
    """Mbit/s."""
    region: str


def rows_of(top: Node) -> list[dict[str, Any]]:
    """The tree as rows, a line each."""
    return [{"plan": prefix + node.text, **node.values} for prefix, node in _lines(top, "", "")]


def _lines(node: Node, head: str, tail: str) -> Iterable[tuple[str, Node]]:
    yield head, node
    for number, child in enumerate(node.below, 1):
        last = number == len(node.below)
        yield from _lines(child, tail + ("└─ " if last else "├─ "), tail + ("   " if last else "│  "))


def reads_of(meter: Meter, reader: Reader, *, planned: bool) -> Node:
    """What the functions of one query read, or would read."""
    with meter.lock:
        nodes = [_function(name, tally, reader, planned) for name, tally in meter.tallies.items()]
    numbers = ("requests", "byte_count", "cached_tiles", "cached_byte_count", "header_requests", "dollars")
    total: dict[str, Any] = {name: sum(node.values[name] for node in nodes) for name in numbers}
    for name in ("chips", "tiles"):
        total[name] = sum(node.values[name] or 0 for node in nodes)
    total["seconds"] = seconds_of(total["requests"], total["byte_count"], reader)
    asks = f"{count(total['requests'], 'request')}, {size(total['byte_count'])}"
    text = f"query: {asks}"
    if planned:
        text += f"; {total['seconds']:.2g} s at {reader.bandwidth:g} Mbit/s"
    text += f"; {money(total['dollars'])}"
    if total["dollars"]:
        text += f" (list prices of {as_of()})"
    return Node(text=text, values=total, below=nodes)


def seconds_of(requests: int, byte_count: int, reader: Reader) -> float:
    """How long the network takes, by a rule of thumb."""
    at_once = settings().max_concurrency or CONCURRENCY
    return byte_count * 8 / (reader.bandwidth * 1e6) + ceil(requests / at_once) * LATENCY_S


def _function(name: str, tally: Tally, reader: Reader, planned: bool) -> Node:
    requests, byte_count = tally.tile_requests()
    requests += tally.header_requests + tally.other_requests
    byte_count += tally.other_bytes
    costs = {
        root: cost_of(root, one.requests, one.byte_count, reader.region)
        for root, one in tally.tile_traffic.items()
    }
    values = {
        "function": name,
        "scenes": len(tally.scenes),
        "areas": len(tally.areas) if planned else None,
        "chips": tally.chips or None,
        "chip_bytes": tally.chip_bytes or None,
        "tiles": tally.tiles,
        "requests": requests,
        "byte_count": byte_count,
        "cached_tiles": tally.cached_tiles,
        "cached_byte_count": tally.cached_bytes,
        "header_requests": tally.header_requests,
        "seconds": seconds_of(requests, byte_count, reader),
        "dollars": sum(cost.dollars for cost in costs.values()),
    }
    below = []
    for root, one in tally.tile_traffic.items():
        cost = costs[root]
        where = f" ({cost.place}, {PAYERS[cost.payer]}: {money(cost.dollars)})" if cost.place else ""
        below.append(
            Node(
                text=f"{root or 'local files'}{where}: "
                f"{count(one.requests, 'request')}, {size(one.byte_count)}"
            )
        )
    if tally.cached_tiles:
        below.append(Node(text=f"cached: {count(tally.cached_tiles, 'tile')}, {size(tally.cached_bytes)}"))
    if tally.header_requests:
        below.append(Node(text=_headers(tally)))
    return Node(text=f"{name}: {_shape(tally, planned)}", values=values, below=below)


def _headers(tally: Tally) -> str:
    text = f"headers: {count(tally.header_requests, 'request')}"
    if tally.unsent_headers:
        text += "; what follows from them is not counted, look_up := true reads them"
    return text


def _shape(tally: Tally, planned: bool) -> str:
    """scenes × areas → chips, tiles."""
    made = [count(tally.chips, "chip") + f" of {size(tally.chip_bytes)}"] if tally.chips else []
    made.append(count(tally.tiles + tally.cached_tiles, "tile"))
    scenes = count(len(tally.scenes), "scene")
    areas = f" × {count(len(tally.areas), 'area')}" if tally.areas and planned else ""
    if tally.scenes or tally.chips:
        return f"{scenes}{areas} → {', '.join(made)}"
    return count(tally.header_requests + tally.other_requests, "request")


def count(number: int, noun: str) -> str:
    """``3 tiles``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def size(byte_count: int) -> str:
    """Bytes for a person."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if byte_count >= length:
            return f"{byte_count / length:.3g} {unit}"
    return f"{byte_count:,} bytes"


def money(dollars: float) -> str:
    """Dollars for a person."""
    return f"${dollars:,.2f}" if dollars >= 1 or not dollars else f"${dollars:.2g}"
