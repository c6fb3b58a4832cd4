"""CQL2 applied here: cql2's own matcher is the oracle; where it has no answer, NULL is one as in SQL."""

from __future__ import annotations

import json
from typing import Any

import cql2
import pytest

from rasteret_sql.stac.filter.evaluate.matching import matches, unknown_functions
from rasteret_sql.stac.filter.filters import parse_filter

ITEM: dict[str, Any] = {
    "type": "Feature",
    "id": "a",
    "collection": "scenes",
    "geometry": {"type": "Point", "coordinates": [7.5, 51.5]},
    "properties": {
        "datetime": "2024-05-31T10:15:00.123Z",
        "eo:cloud_cover": 12.5,
        "platform": "Sentinel-2A",
        "gsd": 10,
        "tags": ["a", "b"],
        "nothing": None,
        "flag": True,
    },
}

SAME = """
    cloud_cover < 20
    cloud_cover < 12.5
    eo:cloud_cover >= 12.5 AND NOT gsd <> 10
    cloudy < 20 OR gsd = 10
    cloudy < 20 AND gsd = 11
    cloudy IS NULL
    gsd IS NOT NULL
    platform LIKE 'Sent%'
    platform LIKE 'S_nt%2B'
    platform NOT LIKE 'S%'
    platform ILIKE 's%'
    casei(platform) = casei('SENTINEL-2a')
    gsd BETWEEN 5 AND 10
    gsd NOT BETWEEN 5 AND 10
    gsd IN (10, 20)
    platform NOT IN ('Sentinel-2A')
    datetime > TIMESTAMP '2024-05-31 12:14:00+02'
    datetime > DATE '2024-06-01'
    gsd + 5 = 15 AND gsd * 2 > cloud_cover AND gsd % 3 = 1 AND gsd // 3 = 3 AND gsd ^ 2 = 100
    gsd / 4 = 2.5
    -gsd < 0
    ST_Intersects(geometry, ST_GeomFromText('POINT(7.5 51.5)'))
    ST_Within(geometry, ST_MakeEnvelope(7, 51, 7.2, 52))
    geometry && ST_MakeEnvelope(7, 51, 8, 52)
    S_DISJOINT(geometry, POINT(1 1))
    list_contains(tags, 'a')
    tags @> ['a', 'c']
    tags <@ ['a', 'b', 'c']
    tags && ['z', 'b']
    a_equals(tags, ['a', 'b'])
    flag AND gsd = 10
    NOT flag
    flag IS TRUE
    t_after(datetime, TIMESTAMP '2024-01-01')
    T_INTERSECTS(datetime, INTERVAL('2024-01-01', '..'))
    T_DURING(datetime, INTERVAL('2025-01-01', '..'))
    collection = 'scenes' AND id = 'a'
    platform < 'T'
""".strip().splitlines()


def test_answers_are_those_of_cql2() -> None:
    found = set()
    for text in map(str.strip, SAME):
        said = parse_filter(text)
        ours = matches(said, ITEM)
        assert ours == cql2.parse_json(json.dumps(said)).matches(ITEM), text
        found.add(ours)
    assert found == {True, False}


@pytest.mark.parametrize(
    "text",
    [
        "cloudy < 20",
        "NOT cloudy < 20",
        "nothing = 1 AND gsd = 10",
        "nothing = 1 OR gsd = 11",
        "gsd IN (11, nothing)",
        "gsd NOT IN (11, nothing)",
        "cloudy BETWEEN 1 AND 2",
        "gsd / 0 = 1",
        "platform > 3",
        "gsd = '10'",
        "nothing LIKE 'a%'",
        "list_contains(cloudy, 'a')",
        "ST_Intersects(cloudy, ST_Point(1, 2))",
        "t_after(cloudy, TIMESTAMP '2024-01-01')",
    ],
)
def test_null_and_values_of_another_type_are_neither_true_nor_false(text: str) -> None:
    assert matches(parse_filter(text), ITEM) is None


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("datetime < '2024-06'", True),
        ("datetime >= '2024-06-01'", False),
        ("T_BEFORE(INTERVAL('..', '2024-01-01'), datetime)", True),
        ("T_MEETS(INTERVAL('2024-01-01', '2024-02-01'), INTERVAL('2024-02-01', '..'))", True),
        ("accenti(platform) = accenti('Séntinel-2A')", True),
        ("platform LIKE 'Sentinel!_2A' ESCAPE '!'", False),
        ("properties.gsd = 10", True),
    ],
)
def test_what_cql2s_matcher_does_not_know(text: str, truth: bool) -> None:
    assert matches(parse_filter(text), ITEM) is truth


def test_functions_of_one_server_are_named() -> None:
    assert unknown_functions(parse_filter("foo(gsd) = 1 OR NOT bar() < 2 AND gsd = 1")) == {"foo", "bar"}
    assert unknown_functions(parse_filter("T_AFTER(datetime, 'soon')")) == {"t_after"}
    assert unknown_functions(parse_filter("datetime > '2024' AND gsd IN (1, 2)")) == set()
