"""What a plan of DuckDB says: which conditions stand in the scans of files, and which anywhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

SCAN = re.compile(r"SCAN|READ_PARQUET", re.IGNORECASE)


def nodes(plan: str) -> Iterator[dict[str, Any]]:
    """Every operator of ``EXPLAIN (FORMAT json)``, whatever a host writes before and after it."""
    stack, _ = json.JSONDecoder().raw_decode(plan, plan.index("["))
    while stack:
        node = stack.pop()
        stack += node["children"]
        yield node


def conditions(plan: str) -> tuple[str, str]:
    """Those in scans of files, and those in filters above."""
    inside, outside = "", ""
    for node in nodes(plan):
        told = json.dumps({k: v for k, v in node["extra_info"].items() if k in ("Filters", "Expression")})
        if SCAN.search(node["name"]):
            inside += told
        elif node["name"].strip() == "FILTER":
            outside += told
    return inside, outside


def require_filters_in_scans(plan: str, columns: Sequence[str]) -> None:
    """Every column has a condition in a scan, and none in another operator."""
    inside, outside = conditions(plan)
    for column in columns:
        assert column in inside, plan
        assert column not in outside, plan


def columns_read(plan: str) -> set[str]:
    """The columns that scans of files take."""
    found: set[str] = set()
    for node in nodes(plan):
        if SCAN.search(node["name"]):
            listed = node["extra_info"].get("Projections", [])
            found |= {listed} if isinstance(listed, str) else set(listed)
    return found
