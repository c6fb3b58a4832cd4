"""All rows of the table, in its order."""

from __future__ import annotations

from tests.parity import analysis, metadata, pixels, warps

COMPARISONS = (*pixels.COMPARISONS, *analysis.COMPARISONS, *warps.COMPARISONS, *metadata.COMPARISONS)
