"""The ``datetime`` argument, in the texts that people and DuckDB write."""

from __future__ import annotations

import duckdb
import pytest

from rasteret_sql.errors import ArgumentError
from rasteret_sql.stac.interval import parse_interval


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-31T10:15:00Z", "2024-05-31T10:15:00Z"),
        ("2024-05-31T10:15:00.5+02:00", "2024-05-31T08:15:00.500000Z"),
        ("2024-05-31T10:15", "2024-05-31T10:15:00Z"),
        ("2024", "2024-01-01T00:00:00Z/2024-12-31T23:59:59.999999Z"),
        ("2024-02", "2024-02-01T00:00:00Z/2024-02-29T23:59:59.999999Z"),
        ("2024-12", "2024-12-01T00:00:00Z/2024-12-31T23:59:59.999999Z"),
        ("2024-05-31", "2024-05-31T00:00:00Z/2024-05-31T23:59:59.999999Z"),
        ("2024-01-01/2024-06-30", "2024-01-01T00:00:00Z/2024-06-30T23:59:59.999999Z"),
        ("2023/2024-01", "2023-01-01T00:00:00Z/2024-01-31T23:59:59.999999Z"),
        ("2024-01-01/..", "2024-01-01T00:00:00Z/.."),
        ("/2024-01-01", "../2024-01-01T23:59:59.999999Z"),
        (" 2024-01-01T00:00:00Z / 2024-01-01T00:00:00Z ", "2024-01-01T00:00:00Z/2024-01-01T00:00:00Z"),
    ],
)
def test_read(text: str, expected: str) -> None:
    assert parse_interval(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("DATE '2024-05-31'", "2024-05-31T00:00:00Z/2024-05-31T23:59:59.999999Z"),
        ("TIMESTAMP '2024-05-31 10:15:00.25'", "2024-05-31T10:15:00.250000Z"),
        ("TIMESTAMPTZ '2024-05-31 10:15:00+02'", "2024-05-31T08:15:00Z"),
    ],
)
def test_what_duckdb_makes_of_its_own_types(value: str, expected: str) -> None:
    con = duckdb.connect()
    con.sql("SET TimeZone = 'Asia/Kolkata'")
    row = con.execute(f"SELECT ({value})::VARCHAR").fetchone()
    assert row is not None
    assert parse_interval(row[0]) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("soon", "found 'soon'"),
        ("2024-13", "'2024-13': month must be in 1..12"),
        ("2024-02-30/..", "'2024-02-30': day is out of range for month"),
        ("../..", "no start and no end"),
        ("", "no moment"),
        ("2024/2025/2026", "more than one '/'"),
    ],
)
def test_unreadable(text: str, why: str) -> None:
    with pytest.raises(ArgumentError) as error:
        parse_interval(text)
    assert str(error.value) == (
        f"datetime {text!r}: expected a moment such as 2024-05-31T10:15:00Z, a day, month or year, or an "
        f"interval such as 2024-01-01/2024-06-30 or 2024-01-01/..; {why}"
    )


def test_backwards() -> None:
    with pytest.raises(ArgumentError) as error:
        parse_interval("2024-06-30/2024-01-01")
    assert str(error.value) == "datetime '2024-06-30/2024-01-01' ends before it starts"
