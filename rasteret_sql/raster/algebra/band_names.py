"""Names of bands in an expression: what a band is called, its number (``b1``), or its common name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

NUMBER = re.compile(r"[bB](\d+)$")
ALWAYS: Mapping[str, tuple[str, ...]] = {
    "coastal": ("B01",),
    "blue": ("B02",),
    "green": ("B03",),
    "red": ("B04",),
    "nir": ("nir08",),
}
"""STAC's common names, and the names under which every mission that uses them has the same band."""
SENTINEL_2: Mapping[str, tuple[str, ...]] = {
    **ALWAYS,
    "rededge1": ("B05",),
    "rededge2": ("B06",),
    "rededge3": ("B07",),
    "nir": ("B08", "nir08", "B8A"),
    "nir08": ("B8A",),
    "nir09": ("B09",),
    "swir16": ("B11",),
    "swir22": ("B12",),
}
MARKS = ("B08", "B8A", "B12")
"""Only Sentinel-2 has these: B05 to B11 are other bands of Landsat (HLS): alone they have no common name."""


def find(name: str, there: Sequence[str]) -> int | None:
    """Which of the names that are there ``name`` is: exactly, in another case, or as their common name."""
    if name in there:
        return there.index(name)
    folded = [other.lower() for other in there]
    if name.lower() in folded:
        return folded.index(name.lower())
    marked = any(mark.lower() in folded for mark in MARKS)
    for other in (SENTINEL_2 if marked else ALWAYS).get(name.lower(), ()):
        if other.lower() in folded:
            return folded.index(other.lower())
    return None


def find_band(name: str, count: int, names: Sequence[str | None]) -> int | None:
    """Index from 0 of a band of a raster by its name, else by ``b1``, ``b2``, …"""
    at = find(name, [other or "" for other in names])
    if at is not None:
        return at
    number = NUMBER.match(name)
    if number is not None and 1 <= int(number[1]) <= count:
        return int(number[1]) - 1
    return None


def bands_told(count: int, names: Sequence[str | None]) -> str:
    """The names that a raster's bands have, for a message."""
    named = [name for name in names if name]
    numbers = "b1" if count == 1 else f"b1 to b{count}"
    return f"{', '.join(named)}, or {numbers}" if named else numbers
