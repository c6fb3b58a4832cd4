"""Which scenes are one time step."""

from __future__ import annotations

from collections.abc import Sequence

FUSES = ("none", "solar_day", "datetime")
HOUR = 3_600 * 1_000_000
DAY = 24 * HOUR
DEGREES_AN_HOUR = 15.0


def time_steps(moments: Sequence[int], fuse: str, longitude: float) -> list[list[int]]:
    """The numbers of the scenes of each time step, earliest step first, in the order in which they came.

    ``moments`` are microseconds since 1970, UTC. Without a fuse every scene is a step. ``solar_day``: scenes
    of one day at the longitude, whose noon is when the sun is highest on average.
    """
    steps: dict[int, list[int]] = {}
    for number, moment in enumerate(moments):
        key = number if fuse == "none" else _day(moment, longitude) if fuse == "solar_day" else moment
        steps.setdefault(key, []).append(number)
    return sorted(steps.values(), key=lambda step: min(moments[number] for number in step))


def _day(moment: int, longitude: float) -> int:
    return (moment + round(longitude / DEGREES_AN_HOUR * HOUR)) // DAY
