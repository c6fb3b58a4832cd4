"""Weak comparison of entity tags, in Python and in DuckDB."""

from __future__ import annotations

import duckdb
import pytest

from rasteret_sql.store.etag import OPAQUE, etag_or_none, opaque, same

OF_X = ['"x"', 'W/"x"', 'w/"x"', "x", ' "x" ', '"x-gzip"', 'W/"x-gzip"', '"x--gzip"', '"x;gzip"', '"x-br"']
OTHERS = ['"y"', 'W/"y"', '"X"', '"x-1"', '"xgzip"', '"x y"', '"W/x"', '"x-gzip-2"']


@pytest.mark.parametrize("tag", OF_X)
def test_forms_of_one_tag_are_the_same(tag: str) -> None:
    assert all(same(tag, other) and same(other, tag) for other in OF_X)


@pytest.mark.parametrize("tag", OTHERS)
def test_other_tags_are_not(tag: str) -> None:
    assert not any(same(tag, other) for other in OF_X)


def test_duckdb_compares_alike() -> None:
    for tag in (*OF_X, *OTHERS):
        found = duckdb.execute("SELECT regexp_extract($1, $2, 1)", [tag, OPAQUE]).fetchall()
        assert found == [(opaque(tag),)]


@pytest.mark.parametrize("tag", [None, "", '""', 'W/""', " "])
def test_an_empty_tag_is_none(tag: str | None) -> None:
    assert etag_or_none(tag) is None


def test_a_tag_is_kept_as_it_came() -> None:
    assert etag_or_none('W/"a"') == 'W/"a"'
