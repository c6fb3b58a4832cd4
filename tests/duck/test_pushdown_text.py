"""What is added to the text of a query, what is not, and what rasteret_explain says of it."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest

from rasteret_sql import pushdown
from tests.requests_log import newest

SEARCH = "SELECT * FROM stac_search('pc'{}) AS s {}"
INTERVAL = "_rasteret_interval(try_cast({} AS TIMESTAMPTZ), {})"

ADDED: dict[str, str] = {
    "WHERE cloud_cover < 20": "filter := 'cloud_cover < 20'",
    "WHERE 20 >= s.CLOUD_COVER": "filter := 'cloud_cover <= 20'",
    "WHERE NOT (gsd < 10 OR platform IN ('a', 'b''c'))": (
        "filter := 'gsd >= 10 AND platform <> ''a'' AND platform <> ''b''''c'''"
    ),
    "WHERE gsd NOT BETWEEN 1 AND 2.5": "filter := '(gsd < 1 OR gsd > 2.5)'",
    "WHERE (cloud_cover < 5 AND created IS NULL) OR gsd = 3": "filter := '(cloud_cover < 5 OR gsd = 3)'",
    "WHERE cloud_cover < $limit": "filter := 'cloud_cover < ' || _rasteret_cql2_number($limit)",
    "WHERE id IN ('a', 'b') AND id = 'b'": "ids := ['b']",
    "WHERE collection = 'naip'": "collections := ['naip']",
    "WHERE datetime >= '2024-01-01'": "datetime := " + INTERVAL.format("'2024-01-01'", "NULL"),
    "WHERE datetime > now() - INTERVAL 7 DAYS": (
        "datetime := " + INTERVAL.format("NOW() - INTERVAL '7' DAYS", "NULL")
    ),
    "WHERE ST_Intersects(geometry, ST_GeomFromText('POINT (1 2)'))": "intersects := 'POINT (1 2)'",
    "WHERE ST_Intersects(ST_Point(1, 2), s.geometry) LIMIT 7": (
        "intersects := 'POINT (1 2)', max_items := 7, limited := true"
    ),
    "LIMIT 7": "max_items := 7, limited := true",
    "WHERE gsd > 3 ORDER BY gsd DESC LIMIT 7": (
        "filter := 'gsd > 3', sortby := '-gsd', max_items := 7, limited := true"
    ),
    "LEFT JOIN t ON t.id = s.id WHERE s.gsd > 3 LIMIT 7": "filter := 'gsd > 3'",
    "JOIN t USING (id) WHERE gsd > 3 AND t.gsd > 9": "filter := 'gsd > 3'",
    "WHERE gsd > 3 GROUP BY ALL LIMIT 7": "filter := 'gsd > 3'",
    "WHERE gsd > random() AND gsd > 3": "filter := 'gsd > 3'",
}
UNTOUCHED = [
    "SELECT * FROM stac_search('pc') AS s RIGHT JOIN t ON t.id = s.id WHERE gsd > 3",
    "SELECT * FROM t LEFT JOIN stac_search('pc') AS s ON gsd > 3 WHERE gsd > 3",
    "SELECT * FROM t ASOF JOIN stac_search('pc') AS s ON t.d >= s.datetime WHERE gsd > 3",
    "SELECT * FROM t POSITIONAL JOIN stac_search('pc') WHERE gsd > 3",
    "SELECT * FROM stac_search('pc') TABLESAMPLE 10% WHERE gsd > 3",
    "SELECT * FROM stac_search('pc') AS s(gsd, id) WHERE gsd > 3",
    "SELECT * FROM stac_search('pc', max_items := 5) WHERE gsd > 3",
    "SELECT * FROM stac_search('pc', ['naip']) WHERE gsd > 3",
    """SELECT * FROM stac_search('pc', filter := '{"op": "isNull"}') WHERE gsd > 3""",
    "SELECT * FROM stac_search('pc', filter := t.f) WHERE gsd > 3",
    "SELECT * FROM stac_search('pc/naip') WHERE collection = 'other'",
    "SELECT * FROM t, stac_search(t.catalog) AS s WHERE s.collection = 'other'",
    "SELECT * FROM stac_search('pc', filter := 'gsd = 3 -- metres') WHERE gsd > 3",
    "FROM stac_search('pc', aoi_crs := 'EPSG:32632') WHERE ST_Intersects(geometry, 'POINT (1 2)'::GEOMETRY)",
    "SELECT * FROM (SELECT * FROM stac_search('pc')) WHERE gsd > 3",
    "SELECT count(*) FROM stac_search('pc') LIMIT 3",
    "SELECT unnest(bands) FROM stac_search('pc') LIMIT 3",
    "SELECT DISTINCT gsd FROM stac_search('pc') LIMIT 3",
    "SELECT * FROM stac_search('pc') LIMIT 10%",
    "SELECT * FROM stac_search('pc') LIMIT 3 OFFSET 1",
    "SELECT * FROM stac_search('pc') ORDER BY cloud_cover LIMIT 3",
    "SELECT * FROM stac_search('pc') WHERE updated > '2024-01-01'",
    "SELECT * FROM stac_search('pc') WHERE platform > 'a' AND platform LIKE 'a%' AND platform = 3",
    "SELECT * FROM stac_search('pc') WHERE gsd < ?",
    "SELECT * FROM stac_search('pc') WHERE id = '' OR id = 'a' AND gsd < 3",
    "SELECT * FROM stac_search('pc') WHERE geometry && 'POINT(200 1)'::GEOMETRY",
    "SELECT * FROM stac_search('pc') WHERE ST_Intersects(geometry, 'POINT EMPTY'::GEOMETRY)",
    "FROM cog_index('pc') LIMIT 3",
    "FROM cog_index('pc') WHERE constellation = 'a'",
    "CREATE MACRO m(gsd) AS TABLE FROM stac_search('pc') WHERE gsd > 3",
    "SELECT 'stac_search(''pc'') WHERE gsd > 3'",
    "SELEC nonsense FROM stac_search('pc' WHERE gsd > 3",
    "SELECT 1",
]


@pytest.mark.parametrize("tail", ADDED)
def test_conditions_become_arguments_and_stay(tail: str) -> None:
    assert pushdown(SEARCH.format("", tail)) == SEARCH.format(", " + ADDED[tail], tail)


@pytest.mark.parametrize("query", UNTOUCHED)
def test_what_could_change_the_rows_is_not_added(query: str) -> None:
    assert pushdown(query) == query


def test_the_rest_of_the_text_stays_as_it_is_written() -> None:
    query = (
        "EXPLAIN ANALYZE  with é as (from STAC_Search ( 'pc', filter := 'gsd = 3' -- )\n )"
        " where cloud_cover<9)\n"
        "select $$stac_search('x')$$, /* stac_search('y') */ * from é, cog_index('earthsearch') c\n"
        "where c.id='ü' and exists (from stac_search('z') where id = 'b')"
    )
    inserted = ("'(' || ", " || ') AND (' || 'cloud_cover < 9' || ')'", ", ids := ['ü']", ", ids := ['b']")
    rewritten = pushdown(query)
    assert [text for text in inserted if rewritten.count(text) != 1] == []
    for text in inserted:
        rewritten = rewritten.replace(text, "")
    assert rewritten == query


def test_values_of_parameters_take_their_place() -> None:
    query = "FROM stac_search('pc') WHERE gsd < ? AND platform = ?"
    assert pushdown(query, [3, "it's"]).startswith(
        "FROM stac_search('pc', filter := 'gsd < 3 AND platform = ''it''''s''')"
    )
    assert pushdown(f"SELECT ?; {query}", [1, 3, "a"]) == f"SELECT ?; {query}", "whose is which is not known"


@pytest.fixture
def told(con: duckdb.DuckDBPyConnection) -> Any:
    def tell(query: str) -> list[dict[str, Any]]:
        found = con.execute("FROM rasteret_explain($1)", [query])
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return tell


def test_explain_tells_the_request_and_sends_nothing(con: duckdb.DuckDBPyConnection, told: Any) -> None:
    con.execute("SET TimeZone = 'Asia/Tokyo'")
    sent = newest()
    query = (
        "SELECT id FROM stac_search('earthsearch/naip', bbox := [1, 2, 3, 4], page_size := 9) WHERE gsd < 1 "
        "AND datetime BETWEEN '2024-01-02' AND '2024-01-03T00:00:00Z' AND updated > now() LIMIT 3"
    )
    (row,) = told(query)
    assert (row["function"], row["catalog"], row["sql"]) == (
        "stac_search",
        "earthsearch/naip",
        pushdown(query),
    )
    assert list(row["arguments"]) == ["datetime", "filter"]
    assert json.loads(row["request"]) == {
        "url": "https://earth-search.aws.element84.com/v1",
        "collections": ["naip"],
        "bbox": [1, 2, 3, 4],
        "datetime": "2024-01-01T15:00:00Z/2024-01-03T00:00:00Z",
        "filter": {"op": "<", "args": [{"property": "gsd"}, 1]},
        "limit": 9,
    }
    assert [local["condition"] for local in row["local"]] == ["updated > NOW()", "LIMIT 3"]
    assert "as text" in row["local"][0]["reason"]
    assert newest() == sent


def test_explain_has_a_row_for_each_search(told: Any) -> None:
    rows = told(
        "FROM t, stac_search(t.url, filter := 'gsd = 1') WHERE cloud_cover < 2; FROM stac_search('pc') "
        "WHERE datetime > now(); FROM cog_index('pc', filter := 'gsd = 1') WHERE cloud_cover < 2; SELECT 1"
    )
    assert [(row["function"], row["catalog"]) for row in rows] == [
        ("stac_search", "t.url"),
        ("stac_search", "pc"),
        ("cog_index", "pc"),
    ]
    assert rows[0]["request"] is None
    assert json.loads(rows[1]["request"])["datetime"]["sql"].startswith("_rasteret_interval(")
    both = json.loads(rows[2]["request"])["filter"]["args"]
    assert [term["args"][0]["property"] for term in both] == ["gsd", "eo:cloud_cover"]
    assert told("SELECT 1") == []
    with pytest.raises(duckdb.Error, match="rasteret_explain: the query cannot be read"):
        told("SELEC nonsense FROM stac_search('pc'")
