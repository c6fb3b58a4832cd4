"""Conditions put below a lateral read: the same rows, and they reach the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rasteret_sql
from rasteret_sql.duck.pushdown.laterals import below_laterals
from rasteret_sql.duck.pushdown.tokens import tokens_of
from rasteret_sql.geotiff.write.cog import write_cog
from rasteret_sql.geotiff.write.options import Description, Storage
from tests.sql.plans import conditions

AREA = "[0.01, 0.01, 0.03, 0.03]"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            "SELECT * FROM 'idx.parquet' AS i, read_cog(i, [1, 2]) AS c WHERE i.band = 'red' AND c.width > 3",
            "SELECT * FROM (SELECT * FROM 'idx.parquet' AS i WHERE (i.band = 'red')) AS i, read_cog(i, [1, "
            "2]) AS c "
            "WHERE i.band = 'red' AND c.width > 3",
        ),
        (
            "FROM idx, read_cog(idx) c WHERE idx.n BETWEEN 1 AND 2 AND (idx.b = 'x' OR idx.c.d IS NULL) "
            "LIMIT 3",
            "FROM (SELECT * FROM idx WHERE (idx.n BETWEEN 1 AND 2) AND (idx.b = 'x' OR idx.c.d IS NULL)) "
            "AS idx, "
            "read_cog(idx) c WHERE idx.n BETWEEN 1 AND 2 AND (idx.b = 'x' OR idx.c.d IS NULL) LIMIT 3",
        ),
        (
            "FROM idx i JOIN (FROM f) AS f ON left(i.k, 1) = f.k, read_cog(i) c WHERE i.a = 1",
            "FROM (SELECT * FROM idx i WHERE (i.a = 1)) AS i JOIN (FROM f) AS f ON left(i.k, 1) = f.k, "
            "read_cog(i) c WHERE i.a = 1",
        ),
        (
            "SELECT 1 FROM idx i JOIN f ON i.k = f.k AND f.x > 1 CROSS JOIN LATERAL (FROM read_cog(i, "
            "f.g)) c",
            "SELECT 1 FROM idx i JOIN (SELECT * FROM f WHERE (f.x > 1)) AS f ON i.k = f.k AND f.x > 1 "
            "CROSS JOIN LATERAL (FROM read_cog(i, f.g)) c",
        ),
        (
            'EXPLAIN FROM db.main.idx AS "I", read_cog("I") c WHERE "I".a = $a UNION ALL FROM j, '
            "read_cog(j) WHERE j.a",
            'EXPLAIN FROM (SELECT * FROM db.main.idx AS "I" WHERE ("I".a = $a)) AS "I", read_cog("I") c '
            'WHERE "I".a = $a UNION ALL FROM (SELECT * FROM j WHERE (j.a)) AS j, read_cog(j) WHERE j.a',
        ),
        (
            "WITH x AS (SELECT i.a, c.data FROM idx i LEFT JOIN read_cog(i) c ON true WHERE i.a = 1) FROM "
            "x WHERE x.a > 0",
            "WITH x AS (SELECT i.a, c.data FROM (SELECT * FROM idx i WHERE (i.a = 1)) AS i LEFT JOIN "
            "read_cog(i) c "
            "ON true WHERE i.a = 1) FROM x WHERE x.a > 0",
        ),
    ],
)
def test_what_is_added(given: str, expected: str) -> None:
    assert below_laterals(given) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "FROM idx i, read_cog(i) c WHERE random() < i.x",
        "FROM idx i, read_cog(i) c WHERE band = 'red'",
        "FROM idx i, read_cog(i) c WHERE i.a = c.level",
        "FROM idx i, read_cog(i) c WHERE i.a IN (SELECT 1)",
        "FROM idx i, read_cog(i) c WHERE i.a.mine() = 1",
        "FROM idx i, read_cog(i) c WHERE mine(i.a) = 1",
        "FROM idx i, read_cog(i) c WHERE i IS NOT NULL",
        "FROM idx i, read_cog(i) c WHERE i.a = ?",
        "FROM f RIGHT JOIN idx i ON f.k = i.k, read_cog(i) c WHERE i.a = 1",
        "FROM f LEFT JOIN idx i ON f.k = i.k, read_cog(i) c WHERE i.a = 1",
        "FROM f ASOF JOIN idx i ON f.k >= i.k, read_cog(i) c WHERE f.a = 1",
        "FROM idx i POSITIONAL JOIN f, read_cog(i) c WHERE i.a = 1",
        "FROM idx i NATURAL JOIN f, read_cog(i) c WHERE i.a = 1",
        "FROM idx i TABLESAMPLE 10%, read_cog(i) c WHERE i.a = 1",
        "FROM idx i, read_cog(i) c WHERE i.a = 1 USING SAMPLE 3",
        "SELECT i.rowid FROM idx i, read_cog(i) c WHERE i.a = 1",
        "FROM idx AS i(a, b), read_cog(i) c WHERE i.a = 1",
        "FROM range(3) AS i(a), read_cog(i) c WHERE i.a = 1",
        "FROM idx i, f WHERE i.a = 1",
        "FROM idx i WHERE i.a = 1 AND EXISTS (FROM read_cog(i))",
        "DELETE FROM idx USING f, read_cog(f.r) c WHERE idx.a = 1",
        "CREATE MACRO m(x) AS TABLE FROM idx i, read_cog(i) c WHERE i.a = 1",
        "FROM idx i, read_cog(i) c WHERE i.a = 1; FROM idx",
        "FROM idx i, read_cog(i) c WHERE i.a = 'C:\\'",
        "FROM idx i, read_cog(i) c WHERE i.a = 'open",
        "FROM idx i, read_cog(i) c WHERE (i.a = 1",
        "FROM idx i, read_cog(i) c -- WHERE i.a = 1",
    ],
)
def test_what_is_left_alone(sql: str) -> None:
    assert below_laterals(sql) == sql


def test_a_parameter_without_a_name_is_its_value() -> None:
    sql = "FROM idx i, read_cog(i, ?) c WHERE i.a = ? AND i.b = ?"
    found = below_laterals(sql, ["ignored", "it's", 3])
    assert found.startswith(
        "FROM (SELECT * FROM idx i WHERE (i.a = 'it''s') AND (i.b = 3)) AS i, read_cog(i, ?)"
    )
    assert below_laterals(sql, ["ignored", object(), 3]).count("i.b = 3") == 1
    assert below_laterals(sql, ["ignored", object(), object()]) == sql


@given(st.text(alphabet="FROM iWHEread_cog(),.;'\"$?[]{}-*/\\ \n=andi1", max_size=60))
def test_any_text_is_taken_apart_or_left(text: str) -> None:
    tokens = tokens_of(text)
    assert tokens is None or all(text[t.start : t.end] == t.text for t in tokens)
    below_laterals(f"FROM idx i, read_cog(i) c WHERE i.a = {text}")


# --- the same rows ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[duckdb.DuckDBPyConnection, ...]]:
    """Connections with and without, over the same file of 24 rows, half of them nulls."""
    folder = tmp_path_factory.mktemp("laterals")
    href = folder / "one.tif"
    href.write_bytes(
        write_cog(
            np.ones((1, 64, 64), np.uint8),
            Description(transform=(0.001, 0, 0, 0, -0.001, 0.064), crs=4326, nodata=None),
            Storage(tile_size=64),
        )
    )
    with rasteret_sql.connect() as on, rasteret_sql.connect(pushdown=False) as off:
        off.execute(
            "COPY (SELECT n, ['red', 'nir', NULL][1 + n % 3] AS band, CASE WHEN n % 5 > 0 THEN n % 4 END "
            "AS k, "
            f"{{'a': n % 7}} AS s, h.* FROM range(24) AS r(n), cog_header('{href}') AS h) TO "
            f"'{folder}/idx.parquet'"
        )
        for con in (on, off):
            con.execute(f"CREATE VIEW idx AS FROM '{folder}/idx.parquet'")
            con.execute("CREATE TABLE f AS SELECT n AS k, n % 2 AS parity FROM range(4) AS r(n)")
            con.execute(f"SET VARIABLE file = '{folder}/idx.parquet'")
        yield on, off


def file_of(con: duckdb.DuckDBPyConnection) -> str:
    ((path,),) = con.execute("SELECT getvariable('file')").fetchall()
    return str(path)


TERMS = st.sampled_from(
    [
        "i.band = 'red'", "i.band IS NULL", "NOT i.band = 'nir'", "i.n BETWEEN 3 AND 17",
        "i.k IN (1, 2, NULL)",
        "(i.k = 1 OR i.band = 'nir')", "i.s.a >= 3", "lower(i.band) LIKE 'r%'", "c.width > 5",
        "c.level = 0 OR i.n < 4",
        "i.n % 2 = 1 AND i.k IS NOT NULL", "CASE WHEN i.k IS NULL THEN i.n < 9 ELSE i.n > 5 END",
        "coalesce(i.k, 3) = 3",
        "f.parity = 1", "f.k < 3", "i.k = f.k", "i.band IS DISTINCT FROM 'red'", "i.n > $n",
    ]
)  # fmt: skip
JOINS = st.sampled_from(
    [
        "{idx} AS i, f, {read}", "{idx} i JOIN f ON i.k = f.k, {read}",
        "f CROSS JOIN {idx} AS i CROSS JOIN {read}",
        "{idx} AS i LEFT JOIN f ON i.k = f.k AND i.n > 3 JOIN {read} ON true",
        "f LEFT JOIN {idx} i ON i.k = f.k, {read}",
        "{idx} i RIGHT JOIN f ON i.k = f.k, {read}", "{idx} i JOIN f USING (k), {read}",
        "{idx} i JOIN (SELECT * FROM f WHERE f.k > 0) AS f ON i.k = f.k, {read}",
        "{idx} i JOIN f ON i.k = f.k AND f.parity = 0 AND i.band = 'red' LEFT JOIN {read} ON c.width > 0",
    ]
)  # fmt: skip
READS = st.sampled_from(
    [
        f"read_cog(i, {AREA}) AS c",
        f"LATERAL (SELECT * FROM read_cog(i, {AREA})) AS c",
        f"read_cog_tiles(i, {AREA}) c",
    ]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JOINS, READS, st.lists(TERMS, min_size=1, max_size=4), st.booleans(), st.integers(-1, 20))
def test_rows_are_the_same(
    pair: tuple[duckdb.DuckDBPyConnection, ...],
    join: str, read: str, terms: list[str], is_file: bool, least: int,
) -> None:  # fmt: skip
    place = f"'{file_of(pair[0])}'" if is_file else "idx"
    where = " AND ".join(f"({term})" if " OR " in term else term for term in terms)
    sql = (
        f"SELECT i.n, f.parity, c.width, i.band FROM {join.format(idx=place, read=read)} "
        f"WHERE {where} ORDER BY ALL"
    )
    values = {"n": least} if "$n" in sql else None
    with_it, without = (con.execute(sql, values).fetchall() for con in pair)
    assert with_it == without


def test_conditions_reach_the_file(pair: tuple[duckdb.DuckDBPyConnection, ...]) -> None:
    on, off = pair
    sql = (
        f"EXPLAIN (FORMAT json) SELECT i.n, c.width FROM '{file_of(on)}' AS i JOIN f ON i.k = f.k, "
        f"read_cog(i, {AREA}) AS c WHERE i.band = 'red' AND i.n < 9"
    )
    ((_, plan),) = on.execute(sql).fetchall()
    assert "band" in conditions(plan)[0], plan
    ((_, plan),) = off.execute(sql).fetchall()
    assert "band" not in conditions(plan)[0], "else it need not be done"


def test_statements_of_every_kind(pair: tuple[duckdb.DuckDBPyConnection, ...], tmp_path: Path) -> None:
    """Prepared ones, views, COPY, and relations over a variable of the caller."""
    on, off = pair
    table = off.sql("SELECT * FROM idx WHERE n < 12").to_arrow_table()
    assert table.num_rows == 12
    read = f"SELECT i.n FROM {{}} AS i, read_cog(i, {AREA}) AS c WHERE i.band = {{}} ORDER BY i.n"
    for place in ("idx", "table"):
        name = place if place == "idx" else '"table"'
        expected = off.execute(read.format(name, "'red'")).fetchall()
        assert len(expected) > 3
        assert on.execute(read.format(name, "?"), ["red"]).fetchall() == expected
        assert on.sql(read.format(name, "$band"), params={"band": "red"}).fetchall() == expected
    expected = off.execute(read.format("idx", "'nir'")).fetchall()
    on.execute(f"CREATE OR REPLACE VIEW seen AS {read.format('idx', repr('nir'))}")
    assert on.execute("FROM seen").fetchall() == expected
    on.execute(f"PREPARE p AS {read.format('idx', '$1')}")
    assert on.execute("EXECUTE p('nir')").fetchall() == expected
    on.execute(f"COPY ({read.format('idx', repr('nir'))}) TO '{tmp_path}/out.parquet'")
    assert on.execute(f"FROM '{tmp_path}/out.parquet'").fetchall() == expected
