"""All rows of the table, in its order."""

from __future__ import annotations

from tests.parity import analysis, cubes, metadata, pixels, points, warps

COMPARISONS = (
    *pixels.COMPARISONS,
    *points.COMPARISONS,
    *analysis.COMPARISONS,
    *cubes.COMPARISONS,
    *warps.COMPARISONS,
    *metadata.COMPARISONS,
)
