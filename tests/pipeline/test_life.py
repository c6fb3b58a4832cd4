"""An index from its first night to its last: what is asked for, and what it then holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from rasteret_sql.errors import ArgumentError, NotFoundError
from rasteret_sql.pipeline import build_index, index_info, refresh_index, validate_index
from rasteret_sql.pipeline.target import ParquetTarget, TableTarget
from tests.pipeline.scenes import SMALL, TILES, serve_items
from tests.store.server import Fault, FaultServer, etag_of

Requests = Callable[[], list[str]]
ITEMS = "FROM scenes WHERE true"


@pytest.fixture(params=["table", "parquet"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "idx" if request.param == "table" else str(tmp_path / "idx.parquet")


@pytest.fixture(autouse=True)
def scenes(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    """Six items with two assets each."""
    serve_items(con, server, SMALL, ("red", "nir"))


def test_only_what_is_new_changed_or_failed_is_read(
    con: duckdb.DuckDBPyConnection, server: FaultServer, requests: Requests, target: str
) -> None:
    server.fail("scene-5/nir.tif", Fault(status=404))
    run = build_index(con, target, items=ITEMS, batch_rows=5)
    assert (run.items, run.assets, run.added, run.failed) == (6, 12, 12, 1)
    assert len(requests()) == 12

    run = build_index(con, target, items=ITEMS)  # a failed row is tried again
    assert (run.added, run.retried, run.failed) == (0, 1, 0)
    assert requests() == ["scene-5/nir.tif"]

    run = build_index(con, target, items=ITEMS)
    assert (run.items, run.assets) == (6, 12)
    nothing = {key for key, count in run.as_dict().items() if count == 0}
    assert nothing == {"added", "updated", "changed", "retried", "failed", "gone", "pruned"}
    assert requests() == []

    con.execute("UPDATE scenes SET updated = '2024-10-01 00:00:00Z' WHERE id = 'scene-2'")
    assert refresh_index(con, target, items=ITEMS).updated == 2
    assert requests() == ["scene-2/nir.tif", "scene-2/red.tif"]

    con.execute("UPDATE scenes SET updated = '2024-10-02 00:00:00Z' WHERE id = 'scene-3'")
    run = refresh_index(con, target, items=ITEMS, updated_only=True)
    assert (run.items, run.updated) == (2, 2)  # scene-2 is as new as the index, and not read
    assert requests() == ["scene-3/nir.tif", "scene-3/red.tif"]

    server.files["scene-1/red.tif"] += b"longer"
    assert refresh_index(con, target, items=ITEMS).changed == 0  # the catalogue does not say
    assert [problem.kind for problem in validate_index(con, target)] == ["stale"]
    requests()
    run = refresh_index(con, target, items=ITEMS, check_files=True)
    assert run.changed == 1
    assert requests().count("scene-1/red.tif") == 2  # one byte, then the header
    assert validate_index(con, target) == []

    weak = f"W/{etag_of(server.files['scene-1/red.tif'])}"
    server.fail("scene-1/red.tif", Fault(headers={"ETag": weak}), times=2)
    assert validate_index(con, target) == []
    assert refresh_index(con, target, items=ITEMS, check_files=True).changed == 0
    requests()

    con.execute("DELETE FROM scenes WHERE id = 'scene-0'")
    run = refresh_index(con, target, items=ITEMS)
    assert (run.gone, run.pruned) == (2, 0)
    assert index_info(con, target).rows == 12
    assert refresh_index(con, target, items=ITEMS, prune=True).pruned == 2
    assert index_info(con, target).bands == {"nir": 5, "red": 5}
    assert refresh_index(con, target, items=ITEMS, prune=True).gone == 0
    con.execute("DELETE FROM scenes")
    with pytest.raises(ArgumentError, match="find none of the 10 assets that the index has, so nothing was"):
        refresh_index(con, target, items=ITEMS, prune=True)


def test_an_interrupted_build_keeps_what_was_done(
    con: duckdb.DuckDBPyConnection, requests: Requests, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_of = TableTarget if target == "idx" else ParquetTarget
    real, calls = class_of.add, []

    def add(self: object, query: str) -> None:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(query)
        real(self, query)  # type: ignore[arg-type]

    monkeypatch.setattr(class_of, "add", add)
    with pytest.raises(KeyboardInterrupt):
        build_index(con, target, items=ITEMS, batch_rows=4)
    monkeypatch.undo()
    assert len(requests()) == 12  # the third batch was read, and lost
    run = build_index(con, target, items=ITEMS, batch_rows=4)
    assert run.added == 4
    assert len(requests()) == 4
    assert index_info(con, target).rows == 12
    assert validate_index(con, target, check_files=False) == []


def test_info_says_what_an_index_holds(con: duckdb.DuckDBPyConnection, target: str) -> None:
    build_index(con, target, items=ITEMS, assets=["red"])
    info = index_info(con, target)
    assert (info.rows, info.items, info.bands, info.failed) == (6, 6, {"red": 6}, 0)
    assert (info.first, info.last) == ("2024-04-28T10:00:00Z", "2024-05-03T10:00:00Z")
    assert info.bbox == (0, 0, 6, 1)
    assert info.tiles == 6 * TILES
    assert info.searches == [{"items": ITEMS, "assets": ["red"]}]


def test_columns_of_the_user_and_their_comment_stay(con: duckdb.DuckDBPyConnection) -> None:
    build_index(con, "idx", items=ITEMS)
    con.execute("ALTER TABLE idx ADD COLUMN split VARCHAR DEFAULT 'train'")
    con.execute("COMMENT ON TABLE idx IS 'ours'")
    con.execute("UPDATE scenes SET updated = '2024-10-01 00:00:00Z'")
    build_index(con, "idx", items=ITEMS)
    assert con.execute("SELECT DISTINCT split, updated::DATE::VARCHAR FROM idx").fetchall() == [
        ("train", "2024-10-01")
    ]
    assert con.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'idx'").fetchone() == ("ours",)


def test_what_is_wrong_with_an_index_is_said(
    con: duckdb.DuckDBPyConnection, server: FaultServer, target: str
) -> None:
    server.fail("scene-4/red.tif", Fault(status=404))
    build_index(con, target, items=ITEMS)
    del server.files["scene-1/nir.tif"]
    found = {problem.kind: problem for problem in validate_index(con, target)}
    assert {kind: problem.rows for kind, problem in found.items()} == {"failed": 1, "missing": 1}
    assert "scene-1/nir.tif" in found["missing"].example


def test_plain_sql_asks_for_no_more(con: duckdb.DuckDBPyConnection, requests: Requests) -> None:
    """As in sql/examples; the second statement serves for the first as well."""
    assets = (
        "(SELECT s.id, s.updated, a.key AS band, a.value.href AS href "
        "FROM scenes AS s, unnest(map_entries(s.assets)) AS u(a))"
    )
    read = "SELECT s.* EXCLUDE (href), h.* FROM {} AS s, cog_header(s.href) AS h"
    con.execute(f"CREATE TABLE idx AS {read.format(f'(FROM {assets} WHERE id <> $$scene-0$$)')}")
    assert len(requests()) == 10

    new = f"(FROM {assets} AS s WHERE NOT EXISTS (FROM idx AS i WHERE i.id = s.id AND i.band = s.band))"
    con.execute(f"INSERT INTO idx {read.format(new)}")
    assert requests() == ["scene-0/nir.tif", "scene-0/red.tif"]

    con.execute("UPDATE scenes SET updated = '2024-10-01 00:00:00Z' WHERE id = 'scene-3'")
    known = "i.id = s.id AND i.band = s.band AND i.error IS NULL AND i.updated IS NOT DISTINCT FROM s.updated"
    changed = f"(FROM {assets} AS s WHERE NOT EXISTS (FROM idx AS i WHERE {known}))"
    con.execute(
        f"MERGE INTO idx USING ({read.format(changed)}) AS new ON idx.id = new.id AND idx.band = new.band "
        "WHEN MATCHED THEN UPDATE BY NAME WHEN NOT MATCHED THEN INSERT BY NAME"
    )
    assert requests() == ["scene-3/nir.tif", "scene-3/red.tif"]
    assert con.execute("SELECT count(*), count(error) FROM idx").fetchone() == (12, 0)


def test_what_cannot_be_done_is_said(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    build_index(con, "part", items=f"{ITEMS} LIMIT 1")
    con.execute("CREATE TABLE other AS SELECT 1 AS x")
    with pytest.raises(ArgumentError, match="give one of the two"):
        build_index(con, "idx")
    with pytest.raises(ArgumentError, match="there is no argument asset; expected"):
        build_index(con, "idx", "demo", asset="red")
    with pytest.raises(ArgumentError, match="no column band, collection, error, href, id, updated"):
        build_index(con, "other", items=ITEMS)
    con.execute(f"COPY other TO '{tmp_path}/other.parquet'")
    with pytest.raises(ArgumentError, match="parquet is not an index that can be kept up to date"):
        index_info(con, tmp_path / "other.parquet")
    with pytest.raises(ArgumentError, match="a table or a local file"):
        build_index(con, "s3://bucket/idx.parquet", items=ITEMS)
    with pytest.raises(ArgumentError, match="does not say what it was built from"):
        refresh_index(con, tmp_path / "new.parquet")
    with pytest.raises(ArgumentError, match="updated_only"):
        refresh_index(con, "part", prune=True, updated_only=True)
    with pytest.raises(NotFoundError, match="there is no such index"):
        index_info(con, "nothing")
