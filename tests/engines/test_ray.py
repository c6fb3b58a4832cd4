"""The same SQL on a Ray cluster of three nodes: equal digests, nothing read twice, whoever dies."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import rasteret_sql
from rasteret_sql.__main__ import main
from rasteret_sql.parts import Session
from rasteret_sql.pipeline import build_index as build_here
from rasteret_sql.pipeline import write_index
from tests.contracts.ledger import bytes_asked_twice, repeated
from tests.engines.cluster import Cluster, alive
from tests.parts.archive import CHIPS, SCENES, STATISTICS, Archive, digest

if TYPE_CHECKING:
    import ray

pytestmark = [
    pytest.mark.usefixtures("cluster"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray's own
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SECRET = "hunter2-of-the-cluster"


def query(archive: Archive, sql: str = CHIPS, **options: Any) -> ray.data.Dataset:
    import rasteret_sql.ray

    return rasteret_sql.ray.query(
        sql, **{"index": archive.index, "tables": {"fields": archive.fields}, "parts": 6, **options}
    )


def write(archive: Archive, folder: Path, **options: Any) -> Any:
    import rasteret_sql.ray

    given = {"index": archive.index, "tables": {"fields": archive.fields}, "parts": 6, **options}
    return rasteret_sql.ray.write_parquet(CHIPS, folder, **given)


def tables(data: ray.data.Dataset) -> list[pa.Table]:
    import ray

    return ray.get(data.to_arrow_refs())


def files(folder: Path) -> pa.Table:
    with rasteret_sql.connect() as con:
        return con.sql(f"FROM '{folder}/*.parquet'").to_arrow_table()


@pytest.mark.parametrize(("sql", "near"), [(CHIPS, "fields"), (CHIPS, None), (STATISTICS, None)])
def test_a_dataset_has_the_rows_of_one_process(archive: Archive, sql: str, near: str | None) -> None:
    data = query(archive, sql, near=near)
    assert archive.server.requests == []  # it is lazy
    found = tables(data)
    assert len(archive.server.requests) > 6
    assert repeated(archive.server) == []
    assert bytes_asked_twice(archive.server) == 0
    assert digest(*found) == digest(archive.at_once(sql))
    assert set(data.schema().names) == set(found[0].column_names)


def test_pixels_are_large_binary(archive: Archive) -> None:
    assert tables(query(archive, parts=2))[0].schema.field("data").type == pa.large_binary()


def test_an_arrow_table_is_sent_once(archive: Archive) -> None:
    few = archive.at_once("SELECT field_id FROM fields WHERE field_id % 2 = 0")
    sql = f"SELECT * FROM ({CHIPS}) JOIN few USING (field_id)"
    found = tables(query(archive, sql, tables={"fields": archive.fields, "few": few}))
    assert digest(*found) == digest(archive.at_once(f"SELECT * FROM ({CHIPS}) WHERE field_id % 2 = 0"))


@pytest.mark.parametrize("keys", [None, ["field_id"]])
def test_partial_answers_are_merged(archive: Archive, keys: list[str] | None) -> None:
    sql = (
        "SELECT field_id, sum(sum) AS total, sum(count) AS pixels FROM read_zonal_stats('idx', 'fields') "
        "GROUP BY field_id"
    )
    merge = "SELECT field_id, sum(total) AS total, sum(pixels) AS pixels FROM partial GROUP BY field_id"
    found = tables(query(archive, sql, reduce=merge, keys=keys))
    assert digest(*found) == digest(archive.at_once(sql))


def test_no_rows_are_a_dataset_with_columns(archive: Archive, tmp_path: Path) -> None:
    with rasteret_sql.connect() as con:
        write_index(con, f"FROM '{archive.index}' WHERE false", tmp_path / "none.parquet")
    data = query(archive, index=tmp_path / "none.parquet")
    assert data.count() == 0
    assert data.schema().names == ["id", "band", "field_id", "shape", "data", "error"]


def test_an_index_that_changed_ends_the_run(archive: Archive, tmp_path: Path) -> None:
    with rasteret_sql.connect() as con:
        write_index(con, f"FROM '{archive.index}'", tmp_path / "idx.parquet")
        data = query(archive, index=tmp_path / "idx.parquet")
        write_index(con, f"FROM '{archive.index}' WHERE id > 's01'", tmp_path / "idx.parquet")
    with pytest.raises(Exception, match="changed since the query was cut into parts"):
        data.count()


def test_what_is_written_is_not_written_again(archive: Archive, tmp_path: Path) -> None:
    """A driver that starts again with parts left reads those parts alone."""
    run = write(archive, tmp_path / "chips")
    assert (run.row_count, run.failed_count, run.kept_count, len(run.files)) == (SCENES * 25, 0, 0, 6)
    assert digest(files(tmp_path / "chips")) == digest(archive.at_once(CHIPS))
    for file in run.files[2:4]:
        os.unlink(file)
    archive.server.clear()
    again = write(archive, tmp_path / "chips")
    assert (again.row_count, again.kept_count, again.files) == (SCENES * 25, 4, run.files)
    assert len({request.target for request in archive.server.requests}) == SCENES / 6 * 2
    other = write(archive, tmp_path / "chips", tables={"fields": few_fields(archive, tmp_path)})
    assert (other.row_count, other.kept_count) == (SCENES * 3, 0)


def few_fields(archive: Archive, folder: Path) -> str:
    with rasteret_sql.connect() as con:
        con.execute(f"COPY (FROM '{archive.fields}' WHERE field_id < 3) TO '{folder / 'few.parquet'}'")
    return str(folder / "few.parquet")


def test_failed_assets_are_rows_and_counted(archive: Archive, tmp_path: Path) -> None:
    held = archive.server.files.pop("s03/red.tif")
    try:
        run = write(archive, tmp_path / "chips")
    finally:
        archive.server.files["s03/red.tif"] = held
    assert (run.row_count, run.failed_count) == (SCENES * 25, 25)
    assert "25 rows failed" in str(run)


def items_of(archive: Archive, folder: Path) -> Path:
    """The scenes of the archive as STAC items."""
    items = folder / "items.parquet"
    with rasteret_sql.connect() as con:
        con.execute(
            "COPY (SELECT id, 'ours' AS collection, datetime, datetime AS updated, "
            "NULL::DOUBLE AS cloud_cover, "
            "NULL::VARCHAR AS platform, NULL::VARCHAR AS proj_code, NULL::VARCHAR AS geometry, "
            "map(list(band), list({'href': href, 'type': 'image/tiff; application=geotiff'})) AS assets "
            f"FROM '{archive.index}' GROUP BY ALL) TO '{items}'"
        )
    return items


def test_headers_are_read_by_all_nodes_into_one_index(archive: Archive, tmp_path: Path) -> None:
    """As a build in one process, from items; each header asked for once."""
    import rasteret_sql.ray

    with rasteret_sql.connect() as con:
        query = f"FROM '{items_of(archive, tmp_path)}'"
        there = rasteret_sql.ray.build_index(tmp_path / "there.parquet", items=query, batch_rows=5)
        assert repeated(archive.server) == []
        assert len(archive.server.requests) == SCENES * 2
        here = build_here(con, tmp_path / "here.parquet", items=query)
        assert there == here
        rows = [con.sql(f"FROM '{tmp_path / name}.parquet'").to_arrow_table() for name in ("there", "here")]
        assert there.added == SCENES * 2
        assert digest(rows[0]) == digest(rows[1])


def test_the_command_runs_on_a_cluster(
    archive: Archive, cluster: Cluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    here = ["--engine", "ray", "--address", cluster.address, "--json"]
    given = ["--index", archive.index, "--table", f"fields={archive.fields}", "--parts", "4", *here]
    assert main(["query", STATISTICS, *given]) == 0
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert digest(pa.Table.from_pylist(rows)) == digest(archive.at_once(STATISTICS))
    assert main(["query", CHIPS, *given, "--output", str(tmp_path / "chips")]) == 0
    assert json.loads(capfd.readouterr().out) == {"rows": 300, "failed": 0, "files": 4, "kept": 0}
    items = items_of(archive, tmp_path)
    target = str(tmp_path / "idx.parquet")
    assert main(["index", "build", target, "--items", f"FROM '{items}'", "--batch", "7", *here]) == 0
    assert json.loads(capfd.readouterr().out)["added"] == SCENES * 2


def test_no_secret_is_in_a_log(archive: Archive, cluster: Cluster) -> None:
    with pytest.warns(rasteret_sql.errors.RasteretWarning, match="bearer_token"):
        session = Session(
            settings=Session.here().settings,
            storage_options={archive.server.origin: {"bearer_token": SECRET}},
        )
    archive.server.allow = lambda target, headers: headers.get("authorization") == f"Bearer {SECRET}"
    try:
        assert query(archive, session=session).count() == SCENES * 25
        archive.server.allow = lambda target, headers: False
        with pytest.raises(Exception, match="403"):
            query(archive, session=session, on_error="fail").count()
    finally:
        archive.server.allow = lambda target, headers: True
    logs = [
        path
        for path in cluster.folder.rglob("*")
        if path.is_file() and path.suffix in (".log", ".out", ".err", ".txt")
    ]
    assert len(logs) > 5
    assert [path for path in logs if SECRET.encode() in path.read_bytes()] == []


@pytest.fixture
def held_back(archive: Archive) -> Iterator[threading.Event]:
    """Answers wait until the event is set: reads are under way for as long."""
    gate = archive.server.gate = threading.Event()
    yield gate
    gate.set()
    archive.server.gate = None


def in_thread(call: Any) -> tuple[threading.Thread, list[Any]]:
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(call())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, found


def wait_for(condition: Any, what: str) -> None:
    until = monotonic() + 60
    while not condition():
        assert monotonic() < until, what
        sleep(0.05)


def kill_a_worker(cluster: Cluster, archive: Archive) -> None:
    """One that has asked for tiles and waits for them."""
    wait_for(lambda: archive.server.active, "requests are under way")
    (victim, *_) = cluster.workers("Read")
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: victim not in cluster.workers(""), "the worker is gone")


def test_a_killed_worker_is_replaced_in_reading(
    archive: Archive, cluster: Cluster, held_back: threading.Event
) -> None:
    expected = digest(archive.at_once(CHIPS)) if held_back.set() is None else None
    held_back.clear()
    archive.server.clear()
    thread, found = in_thread(lambda: tables(query(archive)))
    kill_a_worker(cluster, archive)
    held_back.set()
    thread.join(120)
    assert digest(*found[0]) == expected
    per_part = SCENES // 6
    assert 1 <= len({target for target, _ in repeated(archive.server)}) <= per_part  # those of the dead alone


def test_a_killed_worker_leaves_no_file_in_writing(
    archive: Archive, cluster: Cluster, held_back: threading.Event, tmp_path: Path
) -> None:
    thread, found = in_thread(lambda: write(archive, tmp_path / "chips"))
    kill_a_worker(cluster, archive)
    held_back.set()
    thread.join(120)
    assert (found[0].row_count, len(found[0].files)) == (SCENES * 25, 6)
    assert digest(files(tmp_path / "chips")) == digest(archive.at_once(CHIPS))


def test_a_killed_node_is_done_without(
    archive: Archive, cluster: Cluster, held_back: threading.Event, tmp_path: Path
) -> None:
    """Last, as the node does not come back."""
    before = alive()
    thread, found = in_thread(lambda: write(archive, tmp_path / "chips"))
    wait_for(lambda: archive.server.active, "requests are under way")
    cluster.kill_node(len(cluster.nodes) - 1)
    held_back.set()
    thread.join(180)
    assert (found[0].row_count, len(found[0].files)) == (SCENES * 25, 6)
    assert digest(files(tmp_path / "chips")) == digest(archive.at_once(CHIPS))
    wait_for(lambda: alive() == before - 1, "the node is known to be gone")
