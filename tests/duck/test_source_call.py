"""A table function written down as keys and values, as dbt's YAML does."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rasteret_sql.duck.register.source_call import Rows, call_of
from rasteret_sql.errors import ArgumentError

ITEM = """{"type": "Feature", "stac_version": "1.0.0", "id": "%s", "geometry": null, "links": [],
"assets": {}, "properties": {"datetime": "2024-05-14T10:10:31Z", "title": "it's"}}"""


@pytest.mark.parametrize(
    ("values", "arguments"),
    [
        ({"catalog": "it's"}, "'it''s'"),
        ({"catalog": "c", "bbox": [11.9, -47.5, 12, 48]}, "'c', bbox := [11.9, -47.5, 12, 48]"),
        ({"bbox": "[1, 2, 3, 4]", "catalog": "c"}, "'c', bbox := [1, 2, 3, 4]"),
        ({"catalog": "c", "ids": "['a', 'b']"}, "'c', ids := ['a', 'b']"),
        ({"catalog": "c", "datetime": datetime.date(2024, 4, 14)}, "'c', datetime := '2024-04-14'"),
        ({"catalog": "c", "max_items": 5, "filter": None}, "'c', max_items := 5"),
        ({"catalog": "c", "filter": {"op": "isNull"}}, "'c', filter := '{\"op\": \"isNull\"}'"),
        ({"catalog": "c", "filter": "[not a list"}, "'c', filter := '[not a list'"),
    ],
)
def test_keys_and_values_become_a_call(
    con: duckdb.DuckDBPyConnection, values: dict[str, Any], arguments: str
) -> None:
    query = call_of("stac_search", values, place="here")
    assert query == f"FROM stac_search({arguments})"
    con.execute(f"EXPLAIN {query}")


@pytest.mark.parametrize(
    ("function", "values", "message"),
    [
        (
            "stac_search",
            {"catalog": "c", "datetme": ""},
            r"no argument 'datetme'.* Did you mean 'datetime'\?",
        ),
        ("stac_search", {"bbox": [1, 2, 3, 4]}, "needs 'catalog': URL of a STAC API"),
        ("stac_search", {"catalog": "c", "bbox": "[1, 2"}, r"bbox is '\[1, 2'; a list was expected"),
        ("stac_search", {"catalog": b"c"}, "catalog is a bytes"),
        ("drop_all", {}, "function is 'drop_all'; it must be a table function: .*stac_search"),
        ("RS_Value", {}, "it must be a table function"),
    ],
)
def test_what_makes_no_sense_is_said_with_its_place(
    function: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=f"^eo.yml: source 'items': .*{message}"):
        call_of(function, values, place="eo.yml: source 'items'")


def test_rows_are_read_at_every_scan_and_by_several_threads(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """A view of them may be made before there is anything to read."""
    path = tmp_path / "items.ndjson"
    rows = Rows(lambda: con, call_of("stac_read", {"href": str(path)}, place="here"))
    with con.cursor() as cursor:
        cursor.register("items", rows)
        cursor.execute("CREATE VIEW seen AS SELECT id, properties->>'title' AS title FROM items")
        for ids in (["a"], ["a", "b"]):
            path.write_text("\n".join((ITEM % name).replace("\n", "") for name in ids), "utf-8")
            assert cursor.execute("FROM seen ORDER BY id").fetchall() == [(name, "it's") for name in ids]

    def scan(_: int) -> int:
        with con.cursor() as own:
            own.register("items", rows)
            return own.execute("SELECT id FROM items").fetchall().__len__()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(scan, range(8))) == [2] * 8
