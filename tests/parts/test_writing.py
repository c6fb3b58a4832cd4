"""Parts as files, and the processes of one machine that write them."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.__main__ import main
from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.parts.engines import LocalEngine
from rasteret_sql.parts.writing import Run, write_part
from tests.parts.archive import CHIPS, SCENES, STATISTICS, Archive, digest
from tests.parts.test_split import split


def test_a_part_is_written_whole_and_once(archive: Archive, tmp_path: Path) -> None:
    parts = split(archive, parts=2)
    first = write_part(parts[0], str(tmp_path / "out"))
    assert (first.row_count, first.failed_count, first.was_there) == (SCENES * 25 // 2, 0, False)
    archive.server.clear()
    assert write_part(parts[0], str(tmp_path / "out")) == first._replace(was_there=True)
    assert archive.server.requests == []
    with rasteret_sql.connect() as con:
        assert digest(con.sql(f"FROM '{first.file}'").to_arrow_table()) == digest(parts[0]())


def test_another_query_index_or_table_is_another_file(archive: Archive, tmp_path: Path) -> None:
    part = split(archive, "SELECT id, 1 AS n FROM idx", parts=2)[0]
    others = [
        part,
        replace(part, sql="SELECT id, 2 AS n FROM idx"),
        replace(part, rows=(part.rows[0]._replace(last=1),)),
        replace(part, rows=(part.rows[0]._replace(file=replace(part.rows[0].file)),)),  # the same
        replace(part, tables={"fields": archive.index}),
    ]
    assert len({write_part(one, str(tmp_path)).file for one in others}) == 4


def test_a_part_that_fails_leaves_nothing(archive: Archive, tmp_path: Path) -> None:
    part = split(archive, "SELECT error('no') AS n FROM idx", parts=1)[0]
    with pytest.raises(duckdb.Error, match="no"):
        write_part(part, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_processes_of_this_machine_run_parts(archive: Archive, tmp_path: Path) -> None:
    options: dict[str, Any] = {"index": archive.index, "tables": {"fields": archive.fields}, "parts": 3}
    engine = LocalEngine(2)
    assert digest(*engine.tables(STATISTICS, **options)) == digest(archive.at_once(STATISTICS))
    run = engine.write_parquet(CHIPS, str(tmp_path), **options)
    assert (run.row_count, len(run.files), run.kept_count) == (SCENES * 25, 3, 0)
    again = engine.write_parquet(CHIPS, str(tmp_path), **options)
    assert (again.files, again.kept_count) == (run.files, 3)
    assert str(again) == "300 rows in 3 files (3 of an earlier run); 0 rows failed"
    assert engine.headers() is None


def test_no_parts_are_a_run_of_nothing() -> None:
    assert Run.of([]) == Run(files=(), row_count=0, failed_count=0, kept_count=0)


def query(archive: Archive, sql: str, *options: str) -> int:
    given = ["query", sql, "--index", archive.index, "--table", f"fields={archive.fields}", *options]
    return main(given)


def test_the_command_prints_rows_of_parts(archive: Archive, capfd: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT id, band, field_id FROM read_pairs('idx', 'fields')"
    assert query(archive, sql, "--parts", "2", "--workers", "1", "--near", "fields", "--json") == 0
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    expected = archive.at_once(sql).to_pylist()
    assert sorted(map(repr, rows)) == sorted(map(repr, expected))
    reduced = "SELECT sum(n)::BIGINT AS n FROM partial"
    counted = "SELECT count(*) AS n FROM idx"
    assert query(archive, counted, "--parts", "2", "--workers", "1", "--reduce", reduced) == 0
    assert str(SCENES * 2) in capfd.readouterr().out


def test_the_command_writes_files(
    archive: Archive, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = ("--part-bytes", "100 MB", "--output", str(tmp_path / "chips"), "--json")
    assert query(archive, CHIPS, *given) == 0
    assert json.loads(capfd.readouterr().out) == {"rows": 300, "failed": 0, "files": 1, "kept": 0}
    assert query(archive, CHIPS, *given) == 0
    assert json.loads(capfd.readouterr().out)["kept"] == 1
    held = archive.server.files.pop("s03/red.tif")
    try:
        BLOCKS.clear()
        assert query(archive, CHIPS, *given[:2], "--output", str(tmp_path / "other"), "--json") == 3
    finally:
        archive.server.files["s03/red.tif"] = held
    assert json.loads(capfd.readouterr().out)["failed"] == 25


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--index is about a query in parts: give --parts, --part-bytes or --engine"),
        (["--parts", "2", "--output", "x", "--reduce", "FROM partial"], "leave --reduce out"),
        (["--parts", "2", "--near", "farms"], "near names 'farms'"),
    ],
)
def test_a_command_line_that_makes_no_sense(
    archive: Archive, capfd: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert query(archive, "FROM idx", *options) == 1
    assert message in capfd.readouterr().err


def test_a_query_in_parts_needs_its_index(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "FROM idx", "--parts", "2"]) == 1
    assert "needs the Parquet file of its index" in capfd.readouterr().err
    with pytest.raises(SystemExit):
        main(["query", "FROM idx", "--table", "fields"])
    assert "NAME=FILE was expected" in capfd.readouterr().err


def test_a_cluster_needs_its_package(
    archive: Archive, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("rasteret_sql.ray")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert query(archive, "FROM idx", "--engine", "ray") == 1
    assert "--engine ray needs Ray: pip install 'ray[data]'" in capfd.readouterr().err
