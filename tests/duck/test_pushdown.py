"""Conditions given to the catalogue: the same rows, and no more of the catalogue than needed."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasteret_sql.stac.catalogs.catalogs import register_catalog, unregister_catalog
from tests.duck.catalogue import Catalogue, served

NUMBERS = st.sampled_from(["0", "12.5", "20", "-1", "2e1", "'20'", "NULL", "10 + 10", "30", "99.9"])
TEXTS = st.sampled_from(["'sentinel-2a'", "'it''s'", "'b'", "NULL", "''"])
NAMES = st.sampled_from(["'i03'", "'i10'", "'i41'", "'nothing'", "''", "lower('I10')"])
MOMENTS = st.sampled_from(
    [
        "'2024-03-31'", "DATE '2024-04-02'", "TIMESTAMP '2024-04-03 04:00:00.000001'",
        "'2024-04-05T12:00:00Z'",
        "TIMESTAMPTZ '2024-04-01 00:00:00+02'", "DATE '2024-04-03' - INTERVAL 1 DAY", "now()", "'infinity'",
        "date_trunc('month', DATE '2024-04-05')", "NULL",
    ]
)  # fmt: skip
AREAS = st.tuples(
    st.sampled_from([10.0, 10.5, 12.5, 13.99, 0.0, -69.5, 179.5]),
    st.sampled_from([45.1, 45.5, 47.5, 48.5, -33.5]),
    st.sampled_from([0.0, 0.4, 3.0]),
).map(
    lambda t: (
        f"'POLYGON(({t[0]} {t[1]}, {t[0] + t[2]} {t[1]}, {t[0]} {t[1] + t[2]}, {t[0]} {t[1]}))'::GEOMETRY"
    )
)
SIGNS = st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "!="])


def comparisons(column: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    name = st.sampled_from([column, f"s.{column}", f'"{column}"'])
    return st.one_of(
        st.builds("{} {} {}".format, name, SIGNS, values),
        st.builds("{1} {0} {2}".format, SIGNS, values, name),
        st.builds("{} BETWEEN {} AND {}".format, name, values, values),
        st.builds("{} {} ({}, {})".format, name, st.sampled_from(["IN", "NOT IN"]), values, values),
    )


LEAVES = st.one_of(
    comparisons("cloud_cover", NUMBERS),
    comparisons("gsd", NUMBERS),
    comparisons("platform", TEXTS),
    comparisons("datetime", MOMENTS),
    comparisons("id", NAMES),
    st.builds("datetime::DATE {} {}".format, SIGNS, st.sampled_from(["'2024-03-31'", "DATE '2024-04-02'"])),
    st.builds("geometry && {}".format, AREAS),
    st.builds("{} && s.geometry".format, AREAS),
    st.sampled_from(
        ["collection = 'odd'", "collection IN ('even', 'none')", "cloud_cover IS NULL",
         "platform LIKE 'sen%'", "start_datetime < '2024-04-20'", "constellation = 'x'", "len(id) = 3"]
    ),
)  # fmt: skip
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("{} AND {}".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=5,
)
ENDS = st.sampled_from(
    ["", "", "LIMIT 3", "LIMIT 0", "ORDER BY cloud_cover LIMIT 4", "ORDER BY s.cloud_cover DESC, gsd LIMIT 2"]
)


@pytest.fixture(scope="module")
def catalogue() -> Iterator[Catalogue]:
    """Under an id of the Planetary Computer, which is asked for areas in filters, too."""
    with served() as running:
        register_catalog("pc/awkward", endpoint=f"{running.server.url}/")
        register_catalog("awkward", endpoint=f"{running.server.url}/")
        yield running
        unregister_catalog("pc/awkward")
        unregister_catalog("awkward")


@pytest.fixture(scope="module")
def con(module_con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> duckdb.DuckDBPyConnection:
    module_con.execute("CREATE TABLE items AS FROM stac_search('awkward')")
    return module_con


@given(
    condition=CONDITIONS,
    end=ENDS,
    catalog=st.sampled_from(["pc/awkward", "awkward"]),
    zone=st.sampled_from(["UTC", "Asia/Tokyo", "Europe/Berlin"]),
)
@settings(max_examples=120, deadline=None)
def test_rows_are_the_same_with_and_without(
    con: duckdb.DuckDBPyConnection, condition: str, end: str, catalog: str, zone: str
) -> None:
    con.execute(f"SET TimeZone = '{zone}'")
    found = con.execute(
        f"SELECT id, cloud_cover, gsd FROM stac_search('{catalog}') AS s WHERE {condition} {end}"
    )
    rows = found.fetchall()
    kept = con.execute(f"SELECT id, cloud_cover, gsd FROM items AS s WHERE {condition}").fetchall()
    if not end:
        assert sorted(rows) == sorted(kept)
        return
    counted = con.execute(f"SELECT cloud_cover, gsd FROM items AS s WHERE {condition} {end}").fetchall()
    assert len(rows) == len(counted)
    assert set(rows) <= set(kept)
    if end.startswith("ORDER"):  # of equal ones, any may come
        assert [row[1] for row in rows] == [row[0] for row in counted]


@pytest.mark.parametrize(
    ("query", "handed_out"),
    {
        "WHERE cloud_cover < 20 AND platform = 'it''s'": 3,
        "WHERE id = 'i07'": 1,
        "WHERE id = 'i07' AND id = 'i08'": 0,
        "WHERE collection = 'odd' AND gsd = 10": 7,
        "WHERE datetime > '2024-04-10T00:00:00Z'": 1 + 3,  # and three whose range meets it
        "WHERE datetime > '2024-04-10T00:00:00Z' AND datetime < '2024-04-01T00:00:00Z'": 0,
        "WHERE geometry && 'POINT(10.5 45.5)'::GEOMETRY": 14 + 7,  # and the seven across the antimeridian
        "WHERE geometry && 'POINT(12.5 47.5)'::GEOMETRY": 7
        + 7,  # the L, whose box has the point, and the slanted
        "WHERE datetime > '2024-04-10T00:00:00Z' LIMIT 1": 1 + 3,  # which come first, and have no datetime
        "LIMIT 5": 5,
        "WHERE cloud_cover <= 20 LIMIT 5": 5,
        "WHERE cloud_cover < 50 ORDER BY cloud_cover DESC LIMIT 3": 3,
        "WHERE cloud_cover < 50 AND len(id) = 3 LIMIT 3": 24,
        "WHERE cloud_cover < 50 OR len(id) = 3": 42,
    }.items(),
)
def test_no_more_items_are_sent_than_needed(
    con: duckdb.DuckDBPyConnection, catalogue: Catalogue, query: str, handed_out: int
) -> None:
    catalogue.since()
    rows = con.execute(f"SELECT id FROM stac_search('pc/awkward') {query}").fetchall()
    assert catalogue.since() == handed_out
    expected = con.execute(f"SELECT id FROM items {query}").fetchall()
    assert len(rows) == len(expected)
    assert "LIMIT" in query or sorted(rows) == sorted(expected)


def test_every_form_of_parameters_is_pushed(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> None:
    catalogue.since()
    query = "SELECT id FROM stac_search('awkward') WHERE cloud_cover = {} AND platform = {}"
    for marks, values in (("$1 $2", [0, "it's"]), ("? ?", [0, "it's"]), ("$a $b", {"a": 0, "b": "it's"})):
        assert con.execute(query.format(*marks.split()), values).fetchall() == [("i21",)]
        assert catalogue.since() == 1, marks
    con.execute("PREPARE clear AS " + query.format("$1", "'it''s'"))
    assert con.execute("EXECUTE clear(0)").fetchall() == [("i21",)]
    assert catalogue.since() == 1
    con.execute("CREATE OR REPLACE TABLE found (id VARCHAR)")
    con.executemany("INSERT INTO found " + query.format("$1", "$2"), [[0, "it's"], [20, "it's"]])
    assert con.execute("FROM found").fetchall() == [("i21",), ("i16",)]
    assert catalogue.since() == 2


def test_joined_searches_keep_their_rows(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE OR REPLACE TABLE wanted AS SELECT id, 'yes' AS label FROM items WHERE gsd = 10")
    for join in ("", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI"):
        query = f"FROM {{}} AS s {join} JOIN wanted w ON w.id = s.id SELECT count(*) WHERE cloud_cover < 50"
        expected = con.execute(query.format("items")).fetchall()
        assert con.execute(query.format("stac_search('awkward')")).fetchall() == expected, join
    lateral = (
        "(SELECT DISTINCT collection AS c FROM items) AS t, stac_search('awkward', collections := t.c) AS s"
    )
    assert con.execute(f"SELECT count(*) FROM {lateral} WHERE s.gsd = 10").fetchone() == (14,)


def test_a_limit_waits_for_what_only_where_can_tell(con: duckdb.DuckDBPyConnection) -> None:
    for condition in (
        "geometry && 'POINT(12.5 45.1)'::GEOMETRY",  # the parallel meets footprints elsewhere, too
        "platform <> 'B'",  # some servers also give items without a platform
        "id IN ('i03', 'i06', 'i07') AND gsd = 10",
    ):
        query = f"SELECT id FROM {{}} WHERE {condition}"
        count = len(con.execute(query.format("items")).fetchall())
        limited = con.execute(query.format("stac_search('awkward')") + f" LIMIT {count}").fetchall()
        assert len(limited) == count > 0, condition
