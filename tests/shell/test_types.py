"""Every type crosses from DuckDB to Python and back: with NULLs, over many vectors, empty and nested."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from tests.shell.injected.shell_kernels import ECHOED
from tests.shell.shells import rows

VALUES = {
    "boolean": "i % 3 = 0",
    "tinyint": "(i % 256 - 128)::TINYINT",
    "smallint": "(i - 2500)::SMALLINT",
    "integer": "(i * 1000 - 5)::INTEGER",
    "bigint": "i::BIGINT << 40",
    "utinyint": "(i % 256)::UTINYINT",
    "usmallint": "i::USMALLINT",
    "uinteger": "(i * 800000)::UINTEGER",
    "ubigint": "18446744073709551615::UBIGINT - i",
    "hugeint": "170141183460469231731687303715884105727::HUGEINT - i",
    "float": "(i / 3)::FLOAT",
    "double": "CASE i % 4 WHEN 0 THEN 'nan'::DOUBLE WHEN 1 THEN '-inf'::DOUBLE ELSE i / 7 END",
    "varchar": "repeat('ä', i::INTEGER % 20) || i",
    "blob": r"repeat('x', i::INTEGER % 20)::BLOB || '\x00\xFF'::BLOB",
    "date": "DATE '1969-12-30' + i::INTEGER",
    "time": "TIME '00:00:00' + to_seconds(i * 17)",
    "timestamp": "TIMESTAMP '1950-01-01 00:00:00.000001' + to_days(i::INTEGER)",
    "timestamp_s": "(TIMESTAMP '1950-01-01' + to_days(i::INTEGER))::TIMESTAMP_S",
    "timestamp_ms": "(TIMESTAMP '1950-01-01 00:00:00.001' + to_days(i::INTEGER))::TIMESTAMP_MS",
    "timestamp_ns": "('1970-01-01 00:00:00.' || lpad(i::VARCHAR, 9, '0'))::TIMESTAMP_NS",
    "timestamptz": "(TIMESTAMP '1950-01-01' + to_days(i::INTEGER))::TIMESTAMPTZ",
    "list": "list_transform(range(i % 5), lambda x: CASE WHEN x = 2 THEN NULL ELSE (x + i)::INTEGER END)",
    "list_of_text": "['short', NULL, 'longer than twelve bytes ' || i, '']",
    "list_of_lists": "[[i, NULL, 0.5], [], NULL, range(i % 3)]::DOUBLE[][]",
    "array": "[i, NULL, 2, 3, 4, i * 2]::DOUBLE[6]",
    "array_of_text": "['a' || i, NULL]::VARCHAR[2]",
    "struct": "{'a': CASE WHEN i % 5 = 0 THEN NULL ELSE i END::INTEGER, "
    "'b': 'longer than twelve bytes ' || i}",
    "list_of_structs": "[{'a': i, 'b': ['x', NULL], 'c': i % 2 = 0}, NULL, {'a': NULL, 'b': NULL, "
    "'c': true}]",
    "map": "map(['one', 'longer than twelve bytes', 'k' || i], [1, NULL, i])",
    "map_of_structs": "map(['b' || i], [{'href': 's3://bucket/' || i, 'roles': ['data', NULL]}])",
    "deep": "{'l': [{'m': map(['k'], [[i, 2, NULL]]), 'n': ['a'::BLOB, NULL]}, NULL], 'o': {'p': [i, NULL]}}",
}
"""A value of each echoed type for row i."""

ROWS = 5_000
"""Over two vectors of 2,048 rows."""


def check(name: str, kind: str) -> str:
    """How many rows come back as they went, of all rows: some NULL, all NULL, in any order, none, and one."""
    value = f"({VALUES[name]})::{kind}"
    table = f"""(SELECT i, {value} AS x FROM range({ROWS}) AS r(i) WHERE i % 7 <> 3
        UNION ALL SELECT i, NULL::{kind} FROM range({ROWS}) AS r(i) WHERE i % 7 = 3 ORDER BY i)"""
    same = "count_if(answer.error IS NULL AND answer.value IS NOT DISTINCT FROM x)::INTEGER"
    ask = f"_rasteret_echo_{name}(x) AS answer"
    return f"""SELECT '{name}' AS name,
        (SELECT {same} FROM (SELECT x, {ask} FROM {table})) AS some_null,
        (SELECT {same} FROM (SELECT x, {ask} FROM (SELECT NULL::{kind} AS x FROM range({ROWS})))) AS all_null,
        (SELECT {same} FROM (SELECT x, {ask} FROM {table} AS t JOIN range(0, {ROWS}, 2) AS s(j) ON t.i = s.j))
            AS joined,
        (SELECT count(answer)::INTEGER FROM (SELECT {ask} FROM {table} WHERE i < 0)) AS empty,
        (SELECT {same} FROM (SELECT x, {ask} FROM {table} WHERE i = 1)) AS one,
        (SELECT {same} FROM (SELECT x, {ask} FROM (SELECT {value} AS x FROM (SELECT 5 AS i)))) AS constant,
        (SELECT count(*)::INTEGER FROM (SELECT _rasteret_seen(x).value AS seen FROM {table})
         WHERE seen = 'None') AS nones"""


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, Any]]:
    query = "\nUNION ALL\n".join(check(name, kind) for name, kind in ECHOED.items())
    return {row.pop("name"): row for row in rows(query, kernels=True)}


@pytest.mark.parametrize("name", ECHOED)
def test_a_type_comes_back_as_it_went(answers: dict[str, dict[str, Any]], name: str) -> None:
    nulls = sum(1 for i in range(ROWS) if i % 7 == 3)
    expected = {"some_null": ROWS, "all_null": ROWS, "joined": ROWS // 2, "empty": 0, "one": 1, "constant": 1}
    assert answers[name] == expected | {"nones": nulls}


SEEN = {
    "12.345::DECIMAL(4, 1)": "Decimal('12.3')",
    "-1234567.89::DECIMAL(9, 2)": "Decimal('-1234567.89')",
    "-12345678901.5::DECIMAL(18, 1)": "Decimal('-12345678901.5')",
    "-1::DECIMAL(38, 3)": "Decimal('-1.000')",
    "5::UHUGEINT": "Decimal('5')",
    "'b'::ENUM('a', 'b', 'a longer member')": "'b'",
    "'47183823-2574-4bfd-b411-99ed177d3e43'::UUID": "'47183823-2574-4bfd-b411-99ed177d3e43'",
    "'POINT (1 2)'::GEOMETRY": repr(struct.pack("<BIdd", 1, 1, 1.0, 2.0)),
    "'POINT (1 2)'::GEOMETRY('OGC:CRS84')": repr(struct.pack("<BIdd", 1, 1, 1.0, 2.0)),
    "INTERVAL '2 months 3 days 4 seconds'": "MonthDayNano(months=2, days=3, nanoseconds=4000000000)",
    "TIMETZ '12:00:01+02'": "datetime.time(12, 0, 1)",
    "NULL": "None",
    "'bare text'": "'bare text'",
    "17": "17",
    "{'a': 1, 'odd': '101'::BIT}": "{'a': 1, 'odd': b'\\x00'}",
}
"""Types that kernels take and never give; of some they only need that other columns of a row are not lost."""


@pytest.fixture(scope="module")
def seen() -> dict[str, str]:
    query = "\nUNION ALL\n".join(
        f"SELECT {n} AS n, _rasteret_seen({value}).value AS seen" for n, value in enumerate(SEEN)
    )
    names = list(SEEN)
    return {names[row["n"]]: row["seen"] for row in rows(query, kernels=True)}


@pytest.mark.parametrize("value", SEEN)
def test_what_python_sees(seen: dict[str, str], value: str) -> None:
    assert seen[value] == SEEN[value]


def test_arrow_types_are_those_of_a_python_connection() -> None:
    """Kernels tell types by Arrow's; both hosts hand them the same, but for the width of offsets."""
    query = "SELECT _rasteret_arrow_type({'a': 1, 'b': ['x'], 'c': map(['k'], [1.5::DOUBLE])}).value AS kind"
    (row,) = rows(query, kernels=True)
    assert (
        row["kind"].replace("large_", "") == "struct<a: int32, b: list<item: string>, c: map<string, double>>"
    )


def test_a_batch_is_a_whole_vector() -> None:
    (row,) = rows("SELECT max(_rasteret_row_count(i).value) AS most FROM range(5000) AS r(i)", kernels=True)
    assert row["most"] == 2048


def test_eight_threads_call_at_once() -> None:
    """A table is read by one thread for every 122,880 rows."""
    script = """
        SET threads = 8;
        CREATE TABLE many AS SELECT i FROM range(1_000_000) AS r(i);
        SELECT max(_rasteret_at_once(least(i, 0)).value) AS most, count(*) AS n FROM many WHERE i % 2000 = 0;
    """
    (row,) = rows(script, kernels=True)
    assert row["n"] == 500
    assert row["most"] >= 4
