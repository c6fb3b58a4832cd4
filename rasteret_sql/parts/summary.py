"""What a query will read and what that costs, before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rasteret_sql.errors import ArgumentError

if TYPE_CHECKING:
    from rasteret_sql.parts.part import Part

CORE_BYTES_S = 250e6
"""Compressed bytes of tiles that a core decodes and counts in a second; measured in docs/distributed.md."""
REQUESTS_PER_DOLLAR = 2_500_000
"""GET of S3 in us-west-2: $0.40 a million."""
HOW = {
    "plan": "by the plan of the query",
    "areas": "by the tiles under the areas",
    "files": "whole files at full resolution: the query has no plan of its own, so this is an upper bound",
    "rows": "unknown: the index has no tile_byte_counts",
}


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Sums over the parts of a query; ``str`` is the text for people."""

    part_count: int
    row_count: int
    """Rows of the index."""
    byte_count: int
    """Compressed bytes of tiles."""
    tile_count: int
    """An upper bound of the requests: neighbours are merged into one."""
    least_bytes: int
    """Of the smallest part."""
    most_bytes: int
    weighed: str
    planned_share: float
    """Of the rows, that were planned, each for its neighbours."""
    cores: float
    core_bytes_s: float

    @property
    def core_hours(self) -> float:
        return self.byte_count / self.core_bytes_s / 3600

    @property
    def seconds(self) -> float:
        """With all ``cores`` busy; no less than the largest part takes on one."""
        return max(self.core_hours * 3600 / self.cores, self.most_bytes / self.core_bytes_s)

    @property
    def requests_s(self) -> float:
        return self.tile_count / self.seconds if self.seconds else 0.0

    @property
    def network_bytes_s(self) -> float:
        return self.byte_count / self.seconds if self.seconds else 0.0

    @property
    def request_dollars(self) -> float:
        return self.tile_count / REQUESTS_PER_DOLLAR

    def __str__(self) -> str:
        planned = "" if self.planned_share == 1 else f", planned for {self.planned_share:.1%} of the rows"
        lines = (
            ("parts", f"{self.part_count:,} of {_size(self.least_bytes)} to {_size(self.most_bytes)}"),
            ("rows of the index", f"{self.row_count:,}"),
            ("tiles", f"{self.tile_count:,}, {_size(self.byte_count)} ({HOW[self.weighed]}{planned})"),
            ("time", f"{self.core_hours:,.2f} core-hours at {_size(self.core_bytes_s)}/s a core"),
            ("", f"{self.seconds:,.0f} s on {self.cores:g} cores"),
            ("network", f"{_size(self.network_bytes_s)}/s"),
            ("requests", f"at most {self.requests_s:,.0f} a second, ${self.request_dollars:,.2f} in all"),
        )
        return "\n".join(f"{name:<18} {text}" for name, text in lines)


def summary_of(
    parts: Sequence[Part], *, weighed: str, planned_share: float, cores: float, core_bytes_s: float
) -> Summary:
    """The sums over ``parts``."""
    for name, value in (("cores", cores), ("core_bytes_s", core_bytes_s)):
        if not value > 0:
            raise ArgumentError(f"summary: {name} must be above 0, found {value!r}")
    sizes = [part.byte_count for part in parts]
    return Summary(
        part_count=len(parts), row_count=sum(part.row_count for part in parts), byte_count=sum(sizes),
        tile_count=sum(part.tile_count for part in parts), least_bytes=min(sizes), most_bytes=max(sizes),
        weighed=weighed, planned_share=planned_share, cores=cores, core_bytes_s=core_bytes_s,
    )  # fmt: skip


def _size(byte_count: float) -> str:
    """``byte_count`` for people, in powers of 1,000."""
    for unit in ("B", "kB", "MB", "GB"):
        if byte_count < 1000:
            return f"{byte_count:.3g} {unit}"
        byte_count /= 1000
    return f"{byte_count:,.3g} TB" if byte_count < 1000 else f"{byte_count:,.0f} TB"
