"""What can be cut along its index and what cannot, each with the reason."""

from __future__ import annotations

from functools import cache

import duckdb
import pytest

from rasteret_sql.errors import ArgumentError
from rasteret_sql.parts.failures import with_failures_as_rows
from rasteret_sql.parts.separable import require_separable
from rasteret_sql.parts.syntax import parsed


@cache
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def check(sql: str, *, by: str | None = "id", is_reduced: bool = False) -> None:
    aggregates = frozenset({"count", "count_star", "max", "min", "sum", "list", "first", "arg_max"})
    require_separable(parsed(con(), sql), by=by, aggregates=aggregates, is_reduced=is_reduced)


@pytest.mark.parametrize(
    "sql",
    [
        "FROM idx",
        "FROM IDX",
        "SELECT * FROM \"idx\" AS i WHERE i.band = 'red'",
        "SELECT * FROM read_chips('idx', 'fields')",
        "SELECT * FROM read_chips(index := 'idx', areas := 'fields')",
        "WITH latest AS (FROM idx WHERE band = 'red') FROM read_tiles('latest', 'fields')",
        "FROM idx AS i JOIN fields AS f ON i.footprint && f.geom, read_cog(i, f.geom) AS c",
        "FROM idx LEFT JOIN fields USING (k)",
        "FROM fields RIGHT JOIN idx USING (k)",
        "FROM idx SEMI JOIN fields USING (k)",
        "FROM idx ANTI JOIN fields USING (k)",
        "FROM idx ASOF JOIN weather ON idx.t >= weather.t",
        "FROM idx UNION ALL FROM idx",
        "SELECT id, count(*) FROM idx GROUP BY id",
        "SELECT i.id, count(*) FROM idx AS i GROUP BY i.id, i.band",
        "SELECT id AS scene, max(x) FROM idx GROUP BY scene",
        "SELECT id, max(x) FROM idx GROUP BY 1",
        "SELECT id, max(x) FROM idx GROUP BY ALL",
        "SELECT id, max(x) FROM idx GROUP BY GROUPING SETS ((id), (id, band))",
        "SELECT id, count(*) FROM (SELECT id, band FROM idx) AS s GROUP BY id HAVING count(*) > 1",
        "SELECT DISTINCT id, band FROM idx",
        "SELECT DISTINCT * FROM idx",
        "SELECT DISTINCT ON (id) * FROM idx ORDER BY id, cloud",
        "SELECT *, row_number() OVER (PARTITION BY id ORDER BY x) FROM idx",
        "FROM idx QUALIFY row_number() OVER (PARTITION BY id, band ORDER BY x) = 1",
        "SELECT a.href, b.href FROM idx AS a JOIN idx AS b ON a.id = b.id AND a.band < b.band",
        "SELECT a.href, b.href FROM idx AS a JOIN idx AS b ON b.id = a.id",
        "SELECT a.href, b.href FROM idx AS a LEFT JOIN idx AS b USING (id)",
        "FROM idx WHERE k IN (SELECT k FROM fields ORDER BY x LIMIT 3)",
        "FROM idx, (SELECT max(x) AS most FROM fields) AS f",
        "FROM (FROM fields LIMIT 10) AS f JOIN idx AS i ON i.footprint && f.geom",
        "SELECT list_max(list_transform(l, lambda x: x + 1)) FROM idx",
        "SELECT * FROM idx WHERE name = 'idx'",
    ],
)
def test_these_can_be_cut(sql: str) -> None:
    check(sql)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT 1", "does not read its index: it has to name it idx"),
        ("FROM fields", "does not read its index"),
        ("FROM other.idx", "does not read its index"),
        ("WITH idx AS (FROM fields) FROM idx", "does not read its index"),
        ("FROM idx ORDER BY id", "ORDER BY needs rows of all parts; sort what the parts give"),
        ("FROM idx LIMIT 3", "LIMIT counts rows of all parts"),
        ("FROM idx LIMIT 10%", "LIMIT counts rows of all parts"),
        ("FROM idx OFFSET 3", "LIMIT counts rows of all parts"),
        ("FROM (FROM idx ORDER BY x LIMIT 3) AS i, read_cog(i, [1, 2]) AS c", "LIMIT counts"),
        ("WITH few AS (FROM idx LIMIT 3) FROM few", "LIMIT counts"),
        ("FROM idx TABLESAMPLE 10%", "a sample is drawn of all rows"),
        ("FROM idx USING SAMPLE 10", "a sample is drawn of all rows"),
        (
            "SELECT count(*) FROM idx",
            "a group may have rows in several parts; group by id too, or give reduce",
        ),
        ("SELECT band, count(*) FROM idx GROUP BY band", "a group may have rows in several parts"),
        ("SELECT band, count(*) FROM idx GROUP BY ALL", "a group may have rows in several parts"),
        ("SELECT f.id, count(*) FROM idx AS i, fields AS f GROUP BY f.id", "a group may have rows"),
        ("SELECT id, count(*) FROM idx GROUP BY ROLLUP (id)", "a group may have rows in several parts"),
        ("SELECT id, count(*) FROM (SELECT band AS id FROM idx) GROUP BY id", "a group may have rows"),
        (
            "SELECT id, count(*) FROM (SELECT * REPLACE (1 AS id) FROM idx) GROUP BY id",
            "a group may have rows",
        ),
        ("SELECT DISTINCT band FROM idx", "DISTINCT compares rows of all parts; select id too"),
        ("SELECT DISTINCT ON (band) * FROM idx", "DISTINCT compares rows of all parts"),
        ("SELECT row_number() OVER (ORDER BY x) FROM idx", "a window looks at rows of several parts"),
        ("FROM idx QUALIFY x = max(x) OVER (PARTITION BY band)", "a window looks at rows of several parts"),
        ("FROM idx UNION FROM idx", "UNION compares rows of all parts; only UNION ALL does not"),
        ("FROM idx EXCEPT FROM fields", "EXCEPT compares rows of all parts"),
        ("FROM idx UNION ALL FROM fields", "a branch of UNION ALL does not read the index"),
        ("FROM idx UNION ALL FROM idx ORDER BY 1", "ORDER BY needs rows of all parts"),
        ("FROM fields LEFT JOIN idx USING (k)", "the LEFT JOIN gives rows for what matches nothing"),
        ("FROM fields ANTI JOIN idx USING (k)", "the ANTI JOIN gives rows for what matches nothing"),
        ("FROM idx FULL JOIN fields USING (k)", "JOIN gives rows for what matches nothing"),
        ("FROM idx POSITIONAL JOIN fields", "POSITIONAL join goes by the place of rows"),
        ("FROM weather ASOF JOIN idx ON idx.t <= weather.t", "ASOF join goes by the place"),
        ("FROM idx AS a JOIN idx AS b ON a.band = b.band", "the index is joined with itself"),
        ("FROM idx AS a, idx AS b", "the index is joined with itself, and pairs may have rows in two parts"),
        ("FROM fields WHERE k IN (SELECT k FROM idx)", "a subquery in an expression reads the whole index"),
        ("FROM idx WHERE x = (SELECT max(x) FROM idx)", "a subquery in an expression reads the whole index"),
        ("FROM fields AS f JOIN idx ON EXISTS (FROM idx)", "a subquery in an expression"),
        ("FROM read_chips('fields', 'idx')", "read_chips takes the index in a way that is not known"),
        ("FROM my_function('idx')", "my_function takes the index in a way that is not known"),
        ("FROM (PIVOT idx ON band USING first(href))", "not a SELECT that can be cut|of all parts"),
        (
            "WITH RECURSIVE r AS (SELECT id FROM idx UNION ALL SELECT id + 1 FROM r WHERE id < 3) FROM r",
            "a recursive query goes through its rows again",
        ),
        ("CREATE TABLE a AS FROM idx", "not a SELECT that can be cut"),
        ("FROM idx; FROM idx", "one SELECT was expected, found 2 statements"),
        ("SELEC * FROM idx", "not a SELECT that can be cut"),
    ],
)
def test_these_are_refused_with_the_reason(sql: str, reason: str) -> None:
    with pytest.raises(ArgumentError, match=reason.replace("(", r"\(")):
        check(sql)


def test_without_a_key_nothing_is_grouped() -> None:
    check("FROM idx", by=None)
    with pytest.raises(ArgumentError, match="give by, the column to group by"):
        check("SELECT id, count(*) FROM idx GROUP BY id", by=None)
    with pytest.raises(ArgumentError, match="give by, the column that is equal in each pair"):
        check("FROM idx AS a JOIN idx AS b USING (id)", by=None)


def test_what_is_reduced_may_group_by_anything() -> None:
    check("SELECT band, count(*) FROM idx GROUP BY band", is_reduced=True)
    check("SELECT DISTINCT band FROM idx", is_reduced=True)
    with pytest.raises(ArgumentError, match="LIMIT counts"):
        check("SELECT band, count(*) FROM idx GROUP BY band LIMIT 1", is_reduced=True)
    with pytest.raises(ArgumentError, match="a group may have rows"):
        check("SELECT max(n) FROM (SELECT band, count(*) AS n FROM idx GROUP BY band)", is_reduced=True)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("FROM read_chips('idx', 'f')", "FROM read_chips('idx', 'f', on_error := 'null')"),
        ("FROM i, read_cog(i, f(x)) AS c", "FROM i, read_cog(i, f(x), on_error := 'null') AS c"),
        ("FROM i, Read_COG_Tiles (i, [1, 2])", "FROM i, Read_COG_Tiles (i, [1, 2], on_error := 'null')"),
        ("FROM rasteret.read_cog(i)", "FROM rasteret.read_cog(i, on_error := 'null')"),
        ("FROM read_tiles('i', 'f', on_error := 'fail')", "FROM read_tiles('i', 'f', on_error := 'fail')"),
        ("SELECT 'read_cog(i)', read_cog FROM read_zonal_stats('i', 'f')", None),
    ],
)
def test_failures_become_rows_where_nothing_else_is_said(sql: str, expected: str | None) -> None:
    assert with_failures_as_rows(sql) == (expected or sql)
