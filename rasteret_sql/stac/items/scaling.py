"""What stored numbers of an asset mean, where the item says it: value = scale * stored + offset."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rasteret_sql.stac.values import number

OFFSET_APPLIED = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")
"""True where the copy holds the numbers of before the offset: the one that ``raster:bands`` repeats is not
theirs any more."""
SENTINEL_2_BAND = re.compile(r"B(0[1-9]|1[0-2]|8A)")
"""Asset keys of surface reflectance where the item says nothing but its baseline (Planetary Computer)."""
REFLECTANCE = 0.0001
"""QUANTIFICATION_VALUE of Sentinel-2 is 10,000."""
BASELINE_WITH_OFFSET, BASELINE_OFFSET = 4.0, -0.1
"""BOA_ADD_OFFSET is -1000 since processing baseline 04.00 of 25 January 2022."""

Numbers = list[float]


def scaling(
    key: str, asset: Mapping[str, Any], properties: Mapping[str, Any]
) -> tuple[Numbers, Numbers] | None:
    """Scales and offsets by band, from STAC's raster extension (1.1 or 2.0) or Sentinel-2's baseline.

    The asset's own are those of every band that says nothing else; one value where it lists no bands.
    None where the item says nothing of them: the numbers are what the file says.
    """
    bands = next((asset[f] for f in ("raster:bands", "bands") if isinstance(asset.get(f), list)), None) or [
        {}
    ]
    sources = [{**asset, **band} if isinstance(band, Mapping) else asset for band in bands]
    scales = [_either(band, "raster:scale", "scale") for band in sources]
    offsets = [_either(band, "raster:offset", "offset") for band in sources]
    if not any(value is not None for value in (*scales, *offsets)):
        return _by_baseline(key, properties)
    if any(properties.get(name) is True for name in OFFSET_APPLIED):
        offsets = [None] * len(offsets)
    return [1.0 if s is None else s for s in scales], [0.0 if o is None else o for o in offsets]


def _either(band: Mapping[str, Any], *names: str) -> float | None:
    return next((value for name in names if (value := number(band.get(name))) is not None), None)


def _by_baseline(key: str, properties: Mapping[str, Any]) -> tuple[Numbers, Numbers] | None:
    baseline = properties.get("s2:processing_baseline")
    if not isinstance(baseline, str) or not SENTINEL_2_BAND.fullmatch(key):
        return None
    match = re.fullmatch(r"\d{2}\.\d{2}", baseline)
    if match is None:
        return None
    return [REFLECTANCE], [BASELINE_OFFSET if float(baseline) >= BASELINE_WITH_OFFSET else 0.0]
