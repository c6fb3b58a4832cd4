"""All rows of the table, in its order."""

from __future__ import annotations

from tests.parity import analysis, metadata, pixels, points, warps

COMPARISONS = (
    *pixels.COMPARISONS,
    *points.COMPARISONS,
    *analysis.COMPARISONS,
    *warps.COMPARISONS,
    *metadata.COMPARISONS,
)
