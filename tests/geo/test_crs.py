"""Transformers between two CRSs: what is taken without PROJ's search is what the search finds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pyproj import Transformer

from rasteret_sql.geo.crs import is_degrees, parse_crs, transformer

ZONES = [f"EPSG:{base + zone}" for base in (32600, 32700) for zone in (1, 9, 10, 31, 32, 33, 59, 60)]


@pytest.mark.parametrize("lonlat", ["OGC:CRS84", "EPSG:4326"])
@pytest.mark.parametrize("zone", ZONES)
def test_zones_of_utm_are_transformed_as_proj_finds(zone: str, lonlat: str) -> None:
    rng = np.random.default_rng(int(zone[5:]))
    degrees = rng.uniform(-180, 180, 500), rng.uniform(-90, 90, 500)
    metres = rng.uniform(-3e6, 4e6, 500), rng.uniform(-1.2e7, 1.2e7, 500)
    for source, target, points in ((lonlat, zone, degrees), (zone, lonlat, metres)):
        found, expected = transformer(source, target), Transformer.from_crs(source, target, always_xy=True)
        assert found is not None
        if lonlat == "OGC:CRS84":  # of the other, PROJ's text turns the axes as the flag turns them back
            assert found.definition == expected.definition
        for one, other in zip(found.transform(*points), expected.transform(*points), strict=True):
            assert np.array_equal(one, other)


@pytest.mark.parametrize(("source", "target"), [*itertools.permutations(ZONES[4:6] + ZONES[12:14], 2)])
def test_zones_are_transformed_into_each_other_as_proj_finds(source: str, target: str) -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-1e6, 2e6, 500), rng.uniform(-9e6, 9e6, 500)
    found, expected = transformer(source, target), Transformer.from_crs(source, target, always_xy=True)
    assert found is not None
    assert found.definition == expected.definition
    for one, other in zip(found.transform(*points), expected.transform(*points), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("text", [*ZONES, "OGC:CRS84", "EPSG:4326"])
def test_what_is_known_of_a_code_is_what_proj_says(text: str) -> None:
    assert transformer(text, text) is None
    assert is_degrees(text) == parse_crs(text).is_geographic


@pytest.mark.parametrize("other", ["EPSG:32661", "EPSG:3857", "EPSG:25832", "EPSG:4258"])
def test_others_are_searched_for(other: str) -> None:
    """Polar grids have numbers like zones."""
    found, expected = (
        transformer("OGC:CRS84", other),
        Transformer.from_crs("OGC:CRS84", other, always_xy=True),
    )
    x, y = expected.transform(11.0, 70.0)
    assert (x, y) == ((11.0, 70.0) if found is None else found.transform(11.0, 70.0))
