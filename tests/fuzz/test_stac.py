"""STAC documents with anything in place of what should be there: rows and notices, or one named error."""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.checks import within_limits
from tests.fuzz.stac_check import check_stac
from tests.fuzz.stac_mutations import WRONG, mutated_json
from tests.fuzz.stac_seeds import DOCUMENTS, ITEM, NEXT, PAGE, stac_seeds
from tests.stac.serving import Answer, Asked, Server, landing, serving

SEEDS = dict(stac_seeds())
ROWS = {"item": 1, "page": 2, "lines": 2, "lines-gzip": 2, "bom": 1, "utf-16": 1, "nan": 1}
"""The rest are errors, or documents that only lead to others."""
QUERY = "SELECT id, datetime, bbox, assets, properties::VARCHAR, geometry::VARCHAR, proj_code FROM {}"
FORBIDDEN = (
    "Python exception",
    "Traceback",
    "RecursionError",
    "unexpected keyword",
    "object has no attribute",
)


@pytest.mark.parametrize("name", SEEDS)
def test_the_seeds_hold_and_are_read(name: str) -> None:
    within_limits(check_stac, SEEDS[name])
    assert len(check_stac(SEEDS[name])) == ROWS.get(name, 0)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(DOCUMENTS)), st.integers(0, 2**32))
def test_a_changed_document_is_rows_or_a_named_error(name: str, seed: int) -> None:
    changed = mutated_json(DOCUMENTS[name], random.Random(seed))
    within_limits(check_stac, json.dumps(changed).encode())


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(SEEDS)), st.data())
def test_damaged_bytes_are_rows_or_a_named_error(name: str, data: Any) -> None:
    whole = bytearray(SEEDS[name])
    place = data.draw(st.integers(0, len(whole) - 1))
    kind = data.draw(st.sampled_from(("flip", "cut", "insert")))
    if kind == "cut":
        del whole[place:]
    elif kind == "flip":
        whole[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        whole[place:place] = data.draw(st.sampled_from((b"\xff", b"\xef\xbb\xbf", b"\0", b"NaN", b"[" * 300)))
    within_limits(check_stac, bytes(whole))


MEMBERS = [
    *((f"item.{key}", {**PAGE, "features": [{**ITEM, key: ...}, ITEM]}) for key in ITEM),
    *((f"page.{key}", {**PAGE, key: ...}) for key in PAGE),
    *((f"next.{key}", {**PAGE, "links": [{**NEXT, key: ...}]}) for key in NEXT),
    *(
        (f"property.{key}", {**PAGE, "features": [{**ITEM, "properties": {**ITEM["properties"], key: ...}}]})
        for key in ITEM["properties"]
    ),
]
"""Documents with one member to be replaced."""


def replaced(document: Any, value: Any) -> Any:
    if document is ...:
        return value
    if isinstance(document, dict):
        return {key: replaced(member, value) for key, member in document.items()}
    return [replaced(member, value) for member in document] if isinstance(document, list) else document


@pytest.fixture(scope="module")
def answering() -> Iterator[tuple[Server, list[Any]]]:
    """An API whose first page is whatever the list holds, and whose second page is the last."""
    pages: list[Any] = []

    def answer(server: Server, asked: Asked) -> Answer:
        if asked.path == "/":
            return Answer(body=landing(server.url))
        return Answer(body=pages.pop() if pages else {**PAGE, "links": []})

    with serving(answer) as server:
        yield server, pages


@pytest.mark.parametrize(("name", "document"), MEMBERS, ids=[name for name, _ in MEMBERS])
def test_sql_sees_rows_or_one_error_for_every_member(
    name: str,
    document: Any,
    answering: tuple[Server, list[Any]],
    con: duckdb.DuckDBPyConnection,
    tmp_path: Path,
) -> None:
    server, pages = answering
    path = tmp_path / "a.json"
    con.execute("SET TimeZone = 'UTC'")
    for value in WRONG:
        body = replaced(document, value)
        path.write_text(json.dumps({**body, "links": []} if isinstance(body, dict) else body))
        pages[:] = [json.dumps(body).encode()]
        for source in (f"stac_search('{server.url}/')", f"stac_read('{path}')"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    con.execute(QUERY.format(source)).fetchall()
                except duckdb.Error as error:
                    text = str(error)
                    assert text.startswith("Invalid Input Error: stac_"), (name, value, text)
                    assert not any(word in text for word in FORBIDDEN), (name, value, text)
