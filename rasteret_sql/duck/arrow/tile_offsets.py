"""Where each tile lies, and what lies between it and the tile before: one from the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
OFFSETS, GAPS, COUNTS = "tile_offsets", "tile_gaps", "tile_byte_counts"


def gaps_of(offsets: Numbers, counts: Numbers, starts: Numbers) -> Numbers:
    """Bytes between each tile and the one before; ``starts`` are where the tables of a row begin."""
    gaps = offsets.copy()
    gaps[1:] -= offsets[:-1]
    gaps[1:] -= counts[:-1]
    gaps[starts] = offsets[starts]
    return gaps


def offsets_of(gaps: Numbers, counts: Numbers, starts: Numbers) -> Numbers:
    """The inverse of ``gaps_of``."""
    ends = offsets_of_table(gaps, counts)
    lengths = np.diff(np.append(starts, len(gaps)))
    return ends - np.repeat(ends[starts] - gaps[starts], lengths)


def offsets_of_table(gaps: Numbers, counts: Numbers) -> Numbers:
    """The same of one table."""
    steps = gaps.copy()
    steps[1:] += counts[:-1]
    return np.cumsum(steps)
