"""Filters and orders: SQL's comparisons, CQL2, and the words of older servers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rasteret_sql.errors import ArgumentError, UnsupportedError
from rasteret_sql.stac.filter.filters import cql2_text, parse_filter, parse_sortby
from rasteret_sql.stac.filter.query_extension import to_query


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cloud_cover < 20", "eo:cloud_cover < 20"),
        ("CLOUD_COVER < 20 and Platform = 'sentinel-2a'", "eo:cloud_cover < 20 AND platform = 'sentinel-2a'"),
        ("eo:cloud_cover BETWEEN 5 AND 20.5", "eo:cloud_cover BETWEEN 5 AND 20.5"),
        ("view:off_nadir > 1 OR NOT (gsd IN (10, 20) AND created IS NULL)",
         "view:off_nadir > 1 OR NOT (gsd IN (10, 20) AND created IS NULL)"),
        ("platform = 'cloud_cover < 20'", "platform = 'cloud_cover < 20'"),
        ("title = 'it''s DATE ''2024-01-01'''", "title = 'it''s DATE ''2024-01-01'''"),
        ('"my property" != 1', '"my property" <> 1'),
        ("datetime >= DATE '2024-01-31'", "datetime >= TIMESTAMP('2024-01-31T00:00:00Z')"),
        ("datetime >= DATE('2024-01-31')", "datetime >= TIMESTAMP('2024-01-31T00:00:00Z')"),
        ("updated < timestamp '2024-01-31 10:00:00+02'", "updated < TIMESTAMP('2024-01-31T08:00:00Z')"),
        ("proj_code = 'EPSG:32633'", "proj:code = 'EPSG:32633' OR proj:epsg = 32633"),
        ("gsd < 20 AND proj_code IN ('EPSG:1', 'IAU:2')",
         "gsd < 20 AND (proj:code = 'EPSG:1' OR proj:epsg = 1 OR proj:code = 'IAU:2')"),
        ("platform ILIKE 'SENTINEL%'", "casei(platform) LIKE casei('SENTINEL%')"),
        ("platform NOT LIKE 'a!%b' ESCAPE '!'", "NOT platform LIKE 'a\\%b'"),
        ("starts_with(platform, 'x_')", "platform LIKE 'x\\_%'"),
        ("gsd * 2 - 1 > -5 AND gsd // 2 = 1", "gsd * 2 - 1 > -5 AND div(gsd, 2) = 1"),
        ("updated < '2024-01-31'::DATE", "updated < TIMESTAMP('2024-01-31T00:00:00Z')"),
        ("list_contains(tags, 'a') OR tags && ['b']", "a_contains(tags, ('a')) OR a_overlaps(tags, ('b'))"),
        ("ST_Intersects(geometry, ST_GeomFromText('POINT(7.5 51.5)'))",
         "s_intersects(geometry, POINT(7.5 51.5))"),
        ("geometry && ST_GeomFromText('LINESTRING(1 2, 3 4)')",
         "s_intersects(geometry, POLYGON((1 2,3 2,3 4,1 4,1 2)))"),
        ("gsd IS TRUE AND NOT flag", "gsd = true AND NOT flag = true"),
        ("S_INTERSECTS(geometry, POINT(7.5 51.5))", "s_intersects(geometry, POINT(7.5 51.5))"),
        ('{"op": "<", "args": [{"property": "cloud_cover"}, 20]}', "eo:cloud_cover < 20"),
    ],
)  # fmt: skip
def test_column_names_become_properties(text: str, expected: str) -> None:
    assert cql2_text(parse_filter(text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "cloud_cover <",
            "filter 'cloud_cover <' is neither SQL nor CQL2 text, character 14 (its end): "
            "a value is missing; ",
        ),
        (
            "cloud_cover < 'x",
            "filter \"cloud_cover < 'x\" is neither SQL nor CQL2 text, character 15 ('x): "
            "a quote or a comment is not closed; ",
        ),
        (
            "gsd < 1 AND\nAND x = 1",
            "filter 'gsd < 1 AND\\nAND x = 1' is neither SQL nor CQL2 text, line 2, character ",
        ),
        (
            "a = 1; DROP TABLE x",
            "filter 'a = 1; DROP TABLE x' is neither SQL nor CQL2 text, character 8 (DROP): ",
        ),
        ('{"op"', "filter '{\"op\"' is not CQL2 JSON: EOF while parsing an object at line 1 column 5; "),
    ],
)
def test_what_is_not_cql2_is_shown_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        parse_filter(text)
    assert str(error.value).startswith(message)
    assert str(error.value).endswith(
        "write a condition as in WHERE, such as cloud_cover < 20 AND platform = 'sentinel-2a'"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cloud_cover", "filter 'cloud_cover' is not a condition: a comparison is expected"),
        ("assets = 'x'", "filter: a STAC API cannot filter by column assets; put it in WHERE on the result"),
        ("proj_code LIKE 'EPSG:326%'",
         "filter: proj_code can be compared with = and IN to codes such as 'EPSG:32633', not by 'like'; "
         "for more name the property, proj:code or proj:epsg"),
        ("datetime > DATE 'soon'",
         "filter \"datetime > DATE 'soon'\", character 17 ('soon'): DATE 'soon' is not a date or time"),
        ("gsd < 1\nAND platform ~ 'a'",
         "filter \"gsd < 1\\nAND platform ~ 'a'\", line 2, character 5 (platform): ~ has no word in CQL2; "
         "put it in WHERE on the result"),
        ("gsd < 1 AND 'x'",
         "filter \"gsd < 1 AND 'x'\", character 13 ('x'): a condition is expected here, "
         "such as a comparison"),
        ("gsd && 5",
         "filter 'gsd && 5', character 1 (gsd): && compares geometries or lists, such as "
         "geometry && ST_Point(7, 51)"),
        ("gsd = NULL",
         "filter 'gsd = NULL', character 1 (gsd): a comparison with NULL is never true; write IS NULL"),
        ("gsd::VARCHAR = '1'",
         "filter \"gsd::VARCHAR = '1'\", character 1 (gsd::VARCHAR): CQL2 casts no property to TEXT; "
         "put it in WHERE on the result"),
        ("a IN (SELECT 1)",
         "filter 'a IN (SELECT 1)', character 1 (a): IN takes a list of values, such as IN ('a', 'b')"),
        ("1 < a < 3",
         "filter '1 < a < 3', character 1 (1): comparisons do not chain; combine them by AND"),
        ("ST_Intersects(geometry, ST_GeomFromText('SPOT(1 2)'))",
         "filter \"ST_Intersects(geometry, ST_GeomFromText('SPOT(1 2)'))\", character 25 "
         "(ST_GeomFromText('SPO): st_geomfromtext: neither WKT nor GeoJSON "
         "(ParseException: Unknown type: 'SPOT')"),
    ],
)  # fmt: skip
def test_conditions_that_make_no_sense(text: str, message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        parse_filter(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cloud_cover < 20 AND platform = 'a'", {"eo:cloud_cover": {"lt": 20}, "platform": {"eq": "a"}}),
        ("20 > cloud_cover AND 5 <= cloud_cover", {"eo:cloud_cover": {"lt": 20, "gte": 5}}),
        ("gsd IN (10, 20) AND a <> 1", {"gsd": {"in": [10, 20]}, "a": {"neq": 1}}),
        ("gsd BETWEEN 1 AND 2", {"gsd": {"gte": 1, "lte": 2}}),
        ("created > TIMESTAMP '2024-01-01 00:00:00'", {"created": {"gt": "2024-01-01T00:00:00Z"}}),
        ("a LIKE 'x%' AND b LIKE '%y' AND c LIKE '%z%' AND d LIKE 'w'",
         {"a": {"startsWith": "x"}, "b": {"endsWith": "y"}, "c": {"contains": "z"}, "d": {"eq": "w"}}),
    ],
)  # fmt: skip
def test_the_query_extension_says_comparisons_joined_by_and(text: str, expected: dict[str, Any]) -> None:
    assert to_query(parse_filter(text)) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a = 1 OR b = 2", "OR"),
        ("NOT a = 1", "NOT"),
        ("a IS NULL", "IS NULL"),
        ("a LIKE 'x%y'", "LIKE 'x%y'"),
        ("a LIKE 'x_'", "LIKE 'x_'"),
        ("a = b", "a comparison with an expression or another property"),
        ("casei(a) = 'x'", "'=' of something else than a property"),
        ("id = 'x'", "a condition on id (use ids := …)"),
        ("S_INTERSECTS(geometry, POINT(0 0))", "a condition on geometry (use intersects := …)"),
        ("a < 1 AND a < 2", "two conditions 'lt' on a"),
        ("T_AFTER(datetime, TIMESTAMP('2024-01-01T00:00:00Z'))", "t_after"),
    ],
)
def test_what_the_query_extension_cannot_say_is_refused(text: str, part: str) -> None:
    with pytest.raises(UnsupportedError) as error:
        to_query(parse_filter(text))
    assert str(error.value) == part


@pytest.mark.parametrize(
    ("sortby", "expected"),
    [
        ("-datetime", "-properties.datetime"),
        ("datetime,-eo:cloud_cover", "+properties.datetime,-properties.eo:cloud_cover"),
        ("Cloud_Cover, +id", "+properties.eo:cloud_cover,+id"),
        (["-properties.gsd", "collection"], "-properties.gsd,+collection"),
    ],
)
def test_an_order_names_properties_as_the_extension_does(sortby: str | list[str], expected: str) -> None:
    keys = [key.as_json() for key in parse_sortby(sortby)]
    assert ",".join({"asc": "+", "desc": "-"}[key["direction"]] + key["field"] for key in keys) == expected


@pytest.mark.parametrize(
    ("sortby", "found"),
    [("", "''"), ("a,,b", "''"), ("datetime DESC", "'datetime DESC'"), (["--a"], "'--a'")],
)
def test_an_order_that_is_none(sortby: str | list[str], found: str) -> None:
    with pytest.raises(ArgumentError) as error:
        parse_sortby(sortby)
    assert str(error.value) == (
        f"sortby {sortby!r}: expected names with - for descending order, such as '-datetime,cloud_cover', "
        f"found {found}"
    )


def test_an_order_by_crs_must_name_the_property() -> None:
    with pytest.raises(
        ArgumentError, match=r"^sortby 'proj_code': name the property, proj:code or proj:epsg$"
    ):
        parse_sortby("proj_code")


def test_json_stays_json() -> None:
    expression = parse_filter('{"op": "and", "args": [{"op": "isNull", "args": [{"property": "a"}]}, '
                              '{"op": "=", "args": [{"property": "b"}, true]}]}')  # fmt: skip
    assert json.loads(json.dumps(expression)) == {
        "op": "and",
        "args": [
            {"op": "isNull", "args": [{"property": "a"}]},
            {"op": "=", "args": [{"property": "b"}, True]},
        ],
    }


ENDLESS = [
    "b1" + "+b1" * 2000 + " = 1", "b1" + "+b1" * 100 + " = 1", "not " * 20_000, "b1 = " + "-" * 20_000 + "1",
    "(" * 40,
    "(" * 3000 + "a==" + ")" * 3000, "a in (" * 40 + "=" + ")" * 40, "a^" * 20_000 + "b",
    "not (" * 30 + "a==" + ")" * 30,
    '{"op":"not","args":[' * 3000 + "true" + "]}" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("text", ENDLESS, ids=lambda text: text[:8])
def test_a_filter_that_is_nested_without_end(text: str) -> None:
    """cql2's parser would end the process, or take years."""
    with pytest.raises(ArgumentError, match=r"nested too deeply|neither SQL nor CQL2 text|not CQL2 JSON"):
        parse_filter(text)


def test_a_geometry_may_have_many_numbers_and_brackets() -> None:
    ring = ", ".join(f"{-n / 7:.4f} -{n}.5" for n in range(1, 2000))
    text = f"NOT ((gsd = 10 AND S_INTERSECTS(geometry, MULTIPOLYGON((({ring}, -0.1429 -1.5))))))"
    assert parse_filter(text)["op"] == "not"


@pytest.mark.parametrize("number", ["1" * 5000, "1e999", "1" * 400 + ".5", "9" * 310])
def test_a_number_past_every_number(number: str) -> None:
    with pytest.raises(ArgumentError, match="the number is out of the range of DOUBLE"):
        parse_filter(f"cloud_cover < {number}")
