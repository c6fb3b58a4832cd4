"""Statistics of stored numbers as those of the physical values scale * stored + offset.

Counting stays as fast and exact as it is of stored numbers: what is known of them is moved to the scale.
"""

from __future__ import annotations

from dataclasses import replace

from rasteret_sql.geotiff.scaling import Scaling
from rasteret_sql.raster.zones.distribution import Distribution, collected
from rasteret_sql.raster.zones.tally import Moments, Statistics


def scaled_statistics(statistics: Statistics, scaling: Scaling) -> Statistics:
    """The same pixels, counted by their physical values."""
    return replace(
        statistics,
        moments=None if statistics.moments is None else _moments(statistics.moments, scaling),
        distribution=None
        if statistics.distribution is None
        else _distribution(statistics.distribution, scaling),
    )


def _moments(stored: Moments, scaling: Scaling) -> Moments:
    scale, offset = scaling
    ends = [end * scale + offset for end in (stored.min, stored.max)]
    return Moments(
        count=stored.count,
        sum=stored.sum * scale + offset * stored.count,
        mean=stored.mean * scale + offset,
        m2=stored.m2 * scale * scale,
        min=min(ends),
        max=max(ends),
    )


def _distribution(stored: Distribution, scaling: Scaling) -> Distribution:
    """In ascending order, which a negative scale turns round; values that round to one are counted as one."""
    values, counts = scaling.of(stored.values), stored.counts
    if (values[1:] > values[:-1]).all():
        return Distribution(values=values, counts=counts)
    return collected(values, counts)
