"""What the dbt plugin says of a profile, or a source, that makes no sense."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rasteret_sql.errors import ArgumentError

pytest.importorskip("dbt.adapters.duckdb", reason="the dbt group is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # dbt's own


def make(config: dict[str, Any]) -> Any:
    """As dbt-duckdb makes it, of a profile that also sets something of DuckDB's own."""
    from dbt.adapters.duckdb.credentials import DuckDBCredentials
    from dbt.adapters.duckdb.plugins import BasePlugin

    settings = {"memory_limit": "1GB"}
    return BasePlugin.create(
        "rasteret_sql.dbt",
        config=settings | config,
        alias="rasteret",
        credentials=DuckDBCredentials(settings=settings),
    )


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"storage_option": {}}, "no config key 'storage_option'; the keys are settings, storage_options"),
        ({"settings": [1]}, "config key 'settings' of plugin 'rasteret' is a list; a mapping was expected"),
        ({"settings": {"max_concurency": 1}}, "There is no setting 'max_concurency'"),
        ({"storage_options": {"s3://b/": {"anonym": True}}}, "s3://b/.*anonym|anonym.*s3://b/"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(config: dict[str, Any], message: str) -> None:
    with duckdb.connect() as con, pytest.raises(ArgumentError, match=f"(?s)^profiles.yml: .*({message})"):
        make(config).configure_connection(con)


def test_every_cursor_has_the_functions_and_a_source_is_not_read_before_its_time() -> None:
    from dbt.adapters.duckdb.utils import SourceConfig

    meta = {"plugin": "rasteret", "catalog": "http://127.0.0.1:1", "materialization": "view"}
    source = SourceConfig(name="items", identifier="items", schema="main", database="eo", meta=meta, tags=[])
    plugin = make({"settings": None})
    with duckdb.connect() as con:
        plugin.configure_connection(con)
        with con.cursor() as cursor:
            plugin.configure_cursor(cursor)
            assert cursor.execute("SELECT count(*) > 30 FROM rasteret_functions()").fetchall() == [(True,)]
            cursor.register("eo_main_items_df", plugin.load(source))
            cursor.execute("CREATE VIEW items AS FROM eo_main_items_df")
            with pytest.raises(duckdb.Error, match=r"http://127\.0\.0\.1:1.*cannot be reached"):
                cursor.execute("SELECT id FROM items")
    source.meta["bbx"] = [1, 2, 3, 4]
    with pytest.raises(ArgumentError, match=r"^dbt source 'eo\.main\.items', meta: .*'bbx'.*'bbox'"):
        plugin.load(source)


def test_the_project_that_comes_with_the_package_is_found() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rasteret_sql.dbt"], check=True, capture_output=True, text=True
    )
    assert Path(done.stdout.strip(), "dbt_project.yml").is_file()
