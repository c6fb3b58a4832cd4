"""What is stored in an index is data: searches with typed arguments are made again, SQL is not run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rasteret_sql.__main__ import main
from rasteret_sql.errors import ArgumentError, RasteretWarning
from rasteret_sql.pipeline import build_index, index_info, refresh_index
from rasteret_sql.pipeline.search import KEY
from tests.pipeline.scenes import SMALL, serve_items
from tests.store.server import FaultServer

ITEMS = "FROM scenes WHERE true"


@pytest.fixture(autouse=True)
def scenes(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    serve_items(con, server, SMALL, ("red",))


def kept(con: duckdb.DuckDBPyConnection, path: Path, **search: Any) -> Path:
    """An index whose metadata somebody else wrote."""
    build_index(con, path, items=ITEMS)
    text = json.dumps({KEY: [search]}).replace("'", "''")
    other = path.with_name("other.parquet")
    con.execute(f"COPY (FROM '{path}') TO '{other}' (FORMAT parquet, KV_METADATA {{{KEY}: '{text}'}})")
    return other


HOSTILE = (
    "SELECT * FROM scenes; CREATE TABLE ran AS SELECT 1",
    "SELECT * FROM scenes)) AS s); CREATE TABLE ran AS SELECT 1; --",
    "CREATE TABLE ran AS SELECT 1",
    "PRAGMA database_list; CREATE TABLE ran AS SELECT 1",
    "SELECT nothing FROM scenes",
    "FROM stac_read('http://127.0.0.1:9/asked.json')",
)


@pytest.mark.parametrize("items", HOSTILE)
@pytest.mark.parametrize("kind", ["parquet", "table"])
def test_stored_sql_is_not_run(con: duckdb.DuckDBPyConnection, tmp_path: Path, items: str, kind: str) -> None:
    target = str(kept(con, tmp_path / "idx.parquet", items=items))
    if kind == "table":
        con.execute(f"CREATE TABLE idx AS FROM '{target}'")
        text = json.dumps({KEY: [{"items": items}]}).replace("'", "''")
        con.execute(f"COMMENT ON TABLE idx IS '{text}'")
        target = "idx"
    with pytest.raises(ArgumentError, match="SQL that is stored in an index is not run") as raised:
        refresh_index(con, target)
    assert items[:30] in str(raised.value), "what would have to be repeated is shown"
    assert index_info(con, target).asked == ["items of a query"]
    assert con.execute("FROM duckdb_tables() WHERE table_name = 'ran'").fetchall() == []


@pytest.mark.parametrize("items", HOSTILE[:4])
def test_more_than_one_select_is_not_run_of_the_caller_either(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, items: str
) -> None:
    with pytest.raises(ArgumentError, match="items: "):
        refresh_index(con, kept(con, tmp_path / "idx.parquet", items=items), items=items)
    with pytest.raises(ArgumentError, match="items: "):
        build_index(con, tmp_path / "new.parquet", items=items)
    assert con.execute("FROM duckdb_tables() WHERE table_name = 'ran'").fetchall() == []
    assert not (tmp_path / "new.parquet").exists()


def test_a_query_is_run_when_it_is_repeated(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "idx.parquet"
    build_index(con, path, items=ITEMS)
    build_index(con, path, items="FROM scenes WHERE id = 'scene-1'")
    with pytest.raises(ArgumentError, match="FROM scenes WHERE id = 'scene-1'"):
        refresh_index(con, path, items=ITEMS)
    with pytest.raises(ArgumentError, match="the index was not built from FROM scenes"):
        refresh_index(con, path, items=[ITEMS, "FROM scenes WHERE id = 'scene-1'", "FROM scenes"])
    run = refresh_index(con, path, items=[f" {ITEMS} ", "FROM scenes WHERE id = 'scene-1'"])
    assert (run.items, run.assets, run.added) == (6, 6, 0)


def test_a_document_is_kept_by_its_name(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """``FROM stac_read('…')`` is written down without SQL, so a refresh makes it again by itself."""
    document = tmp_path / "it's.json"
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "a", "collection": "c", "geometry": None,
        "links": [], "properties": {"datetime": "2024-05-01T00:00:00Z"},
        "assets": {"red": {"href": con.execute("SELECT assets['red'].href FROM scenes").fetchone()[0],
                           "type": "image/tiff"}},
    }  # fmt: skip
    document.write_text(json.dumps(item))
    path = tmp_path / "idx.parquet"
    quoted = str(document).replace("'", "''")
    assert build_index(con, path, items=f"select * from STAC_READ('{quoted}') ;").added == 1
    assert index_info(con, path).searches == [{"document": str(document)}]
    run = refresh_index(con, path)
    assert (run.items, run.added, run.asked) == (1, 0, (str(document),))


@pytest.mark.parametrize(
    "search",
    [
        {"catalog": "x", "bbox": [float("nan")] * 4},
        {"catalog": "x", "nothing_known": 1},
        {"catalog": "x", "items": "FROM scenes"},
        {"catalog": None},
        "text",
    ],
)
def test_what_is_no_search_is_none(con: duckdb.DuckDBPyConnection, tmp_path: Path, search: Any) -> None:
    build_index(con, tmp_path / "idx.parquet", items=ITEMS)
    text = json.dumps({KEY: [search]})
    con.execute(
        f"COPY (FROM '{tmp_path}/idx.parquet') TO '{tmp_path}/other.parquet' "
        f"(FORMAT parquet, KV_METADATA {{{KEY}: '{text}'}})"
    )
    with pytest.raises(ArgumentError, match="does not say what it was built from"):
        refresh_index(con, tmp_path / "other.parquet")


def test_nothing_found_is_said(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "idx.parquet"
    with pytest.warns(RasteretWarning, match="the search found no items"):
        run = build_index(con, path, items="FROM scenes WHERE id = 'none'")
    assert (run.items, run.assets, index_info(con, path).rows) == (0, 0, 0)
    with pytest.warns(
        RasteretWarning, match="none of the 6 items found .* has an asset 'green'; their assets are red"
    ):
        run = build_index(con, tmp_path / "green.parquet", items=ITEMS, assets=["red", "green"])
    assert (run.items, run.assets, run.added) == (6, 6, 6)
    assert run.notice is not None


def test_nothing_found_exits_with_3(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "items.json"
    document.write_text('{"type": "FeatureCollection", "features": []}')
    build = ["index", "build", str(tmp_path / "idx.parquet"), "--items", f"FROM stac_read('{document}')"]
    assert main(build) == 3
    out, err = capfd.readouterr()
    assert "added" in out
    assert "the search found no items" in err
    assert main([*build, "--allow-empty"]) == 0
    assert main(["index", "refresh", str(tmp_path / "idx.parquet")]) == 3
    assert main(["index", "refresh", str(tmp_path / "idx.parquet"), "--allow-empty", "--wait", "5"]) == 0
