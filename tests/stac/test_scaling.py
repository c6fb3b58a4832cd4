"""Scales and offsets of an asset, as its item says them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from rasteret_sql.stac.items.scaling import scaling

REFLECTANCE = ([0.0001], [-0.1])


@pytest.mark.parametrize(
    ("key", "asset", "properties", "expected"),
    [
        ("red", {"bands": [{"name": "red", "raster:scale": 0.0001, "raster:offset": -0.1}]}, {}, REFLECTANCE),
        ("red", {"raster:scale": 0.0001, "raster:offset": -0.1, "bands": [{"name": "red"}]}, {}, REFLECTANCE),
        ("red", {"raster:bands": [{"scale": 0.0001, "offset": -0.1}]}, {}, REFLECTANCE),
        ("data", {"raster:bands": [{"scale": 2}, {"offset": 1}]}, {}, ([2.0, 1.0], [0.0, 1.0])),
        ("data", {"raster:scale": 0.5, "raster:offset": 1, "bands": [{"name": "a"}, {"raster:scale": 2}]}, {},
         ([0.5, 2.0], [1.0, 1.0])),
        ("data", {"raster:scale": 0.5, "eo:bands": [{}, {}]}, {}, ([0.5], [0.0])),
        ("red", {"raster:bands": [{"scale": 0.0001, "offset": -0.1}]},
         {"earthsearch:boa_offset_applied": True, "s2:processing_baseline": "05.11"}, ([0.0001], [0.0])),
        ("red", {"raster:bands": [{"scale": 0.0001, "offset": -0.1}]},
         {"earthsearch:boa_offset_applied": False}, REFLECTANCE),
        ("B04", {}, {"s2:processing_baseline": "05.10"}, REFLECTANCE),
        ("B8A", {}, {"s2:processing_baseline": "04.00"}, REFLECTANCE),
        ("B04", {}, {"s2:processing_baseline": "03.01"}, ([0.0001], [0.0])),
        ("SCL", {}, {"s2:processing_baseline": "05.10"}, None),
        ("B13", {}, {"s2:processing_baseline": "05.10"}, None),
        ("B04", {}, {"s2:processing_baseline": "new"}, None),
        ("scl", {"raster:bands": [{"nodata": 0}]}, {}, None),
        ("x", {"raster:bands": "none", "bands": [None]}, {}, None),
    ],
)  # fmt: skip
def test_what_an_item_says(
    key: str, asset: dict[str, Any], properties: dict[str, Any], expected: Any
) -> None:
    assert scaling(key, asset, properties) == expected


def test_real_items(stac_data: Path) -> None:
    found: dict[tuple[str, str], set[str]] = {}
    with gzip.open(stac_data / "api/items.ndjson.gz", "rt") as lines:
        for item in map(json.loads, lines):
            for key, asset in item["assets"].items():
                told = scaling(key, asset, item["properties"])
                found.setdefault((item["collection"], key), set()).add(str(told))
    assert found["landsat-c2-l2", "red"] == {"([2.75e-05], [-0.2])"}
    assert found["sentinel-2-c1-l2a", "red"] == {"([0.0001], [-0.1])"}
    assert found["sentinel-2-l2a", "B04"] == {"([0.0001], [-0.1])", "([0.0001], [0.0])"}, "by baseline"
    assert found["sentinel-2-l2a", "SCL"] == {"None"}
