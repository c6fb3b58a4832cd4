"""RS_ZonalStatsAll against NumPy, rasterstats, SedonaDB and exactextract on real files."""

from __future__ import annotations

from pathlib import Path

import pytest

import rasteret_sql
from tests.zonal.parity import Comparison, compare

BOUNDS = {
    "numpy": 1e-15,
    "SedonaDB": 1e-11,  # it adds up squares one after the other
    "rasterstats": 1e-13,
    "rasterstats, float32": 1e-6,  # it adds up in the type of the pixels
    "exactextract": 1e-7,  # it rounds the fraction of each pixel to float32
}
"""Largest difference, relative to the peer's value."""


@pytest.fixture(scope="module")
def found(shared_data: Path) -> dict[str, Comparison]:
    for peer in ("rasterstats", "sedonadb", "exactextract"):
        pytest.importorskip(peer)
    with rasteret_sql.connect() as con:
        return compare(con, shared_data)


@pytest.mark.parametrize("peer", BOUNDS)
def test_statistics_agree_with(found: dict[str, Comparison], peer: str) -> None:
    apart = {
        name: largest.told
        for name, largest in found[peer].largest.items()
        if not largest.relative <= BOUNDS[peer]
    }
    assert apart == {}
    assert found[peer].zones >= 15
