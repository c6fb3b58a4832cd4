"""Parts together give what one process gives, read nothing twice, and refuse an index that changed."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import rasteret_sql
from rasteret_sql.errors import ArgumentError, NotFoundError, StaleError
from rasteret_sql.parts import Part, Parts, Session, cutting
from rasteret_sql.parts.part import Near, cut
from rasteret_sql.pipeline import write_index
from tests.contracts.ledger import bytes_asked_twice, repeated
from tests.parts.archive import CHIPS, SCENES, STATISTICS, Archive, digest
from tests.store.server import FaultServer


def split(archive: Archive, sql: str = CHIPS, **options: Any) -> Parts:
    return rasteret_sql.split(
        sql, **{"index": archive.index, "tables": {"fields": archive.fields}, "parts": 4, **options}
    )


@pytest.mark.parametrize(
    ("sql", "options"),
    [
        (CHIPS, {}),
        (CHIPS, {"near": "fields"}),
        (CHIPS, {"by": None}),
        (CHIPS, {"parts": 100}),
        (CHIPS, {"parts": 1}),
        (CHIPS, {"parts": None, "bytes": "100 KB"}),
        (STATISTICS, {}),
        (STATISTICS, {"near": "fields"}),
        ("SELECT id, count(*) AS n FROM read_chips('idx', 'fields') GROUP BY id", {}),
        ("WITH t AS (SELECT id, list(band) AS bands FROM idx GROUP BY id) SELECT id, len(bands) FROM t", {}),
        ("SELECT a.id, b.href FROM idx AS a JOIN idx AS b USING (id) WHERE a.band = 'red'", {}),
        ("SELECT id, band, row_number() OVER (PARTITION BY id ORDER BY band) AS n FROM idx", {}),
    ],
)  # fmt: skip
def test_parts_give_what_one_process_gives(archive: Archive, sql: str, options: dict[str, Any]) -> None:
    expected = digest(archive.at_once(sql))
    assert expected[0] > SCENES - 1
    answers = [part() for part in split(archive, sql, **options)]
    assert digest(*answers) == expected


def test_batches_are_the_rows_bit_by_bit(archive: Archive) -> None:
    (part,) = split(archive, parts=1)
    batches = list(part.batches(max_bytes=20_000))
    assert digest(pa.Table.from_batches(batches)) == digest(part())
    assert len(batches) > 4
    assert all(batch.num_rows == 1 or batch.nbytes <= 20_000 for batch in batches)


def test_batches_that_nobody_wants_to_the_end_are_let_go(archive: Archive) -> None:
    (part,) = split(archive, parts=1)
    batches = part.batches(max_bytes=1)
    assert next(batches).num_rows == 1
    batches.close()  # type: ignore[attr-defined]
    assert digest(part()) == digest(archive.at_once(CHIPS))


def test_a_batch_is_cut_by_its_bytes() -> None:
    batch = pa.record_batch({"data": pa.array([b"x" * 100] * 10)})
    assert [piece.num_rows for piece in cut(batch, 350)] == [2, 3, 2, 3]
    assert [piece.num_rows for piece in cut(batch, 1)] == [1] * 10
    assert list(cut(batch.slice(0, 0), 1)) == []


def test_no_tile_is_asked_for_twice_and_planning_asks_for_none(archive: Archive) -> None:
    parts = split(archive, near="fields")
    assert archive.server.requests == []
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        answers = pool.map(run, parts, chunksize=1)
    assert len({pid for pid, _ in answers}) == 2
    assert repeated(archive.server) == []
    assert bytes_asked_twice(archive.server) == 0
    asked = {request.target for request in archive.server.requests}
    assert len(asked) == SCENES
    assert digest(*(answer for _, answer in answers)) == digest(archive.at_once(CHIPS))


def run(part: Part) -> tuple[int, pa.Table]:
    return os.getpid(), part()


def test_parts_weigh_alike_by_bytes(archive: Archive) -> None:
    parts = split(archive, parts=3)
    assert parts.weighed == "plan"
    sizes = [part.byte_count for part in parts]
    assert len(sizes) == 3
    assert max(sizes) < 1.2 * min(sizes)
    plan = (
        "SELECT sum(byte_count) FROM (SELECT DISTINCT c.href, c.\"offset\", c.byte_count FROM idx AS i "
        "JOIN fields AS f ON i.footprint && f.geom, read_cog_tiles(i, f.geom) AS c WHERE i.band = 'red')"
    )  # fmt: skip
    assert archive.at_once(plan).to_pylist()[0].popitem()[1] == sum(sizes)


def test_bytes_say_how_many_parts_there_are(archive: Archive) -> None:
    total = sum(part.byte_count for part in split(archive))
    assert len(split(archive, parts=None)) == 1
    assert len(split(archive, parts=None, bytes=total // 3 + 1)) == 3


def test_of_a_larger_index_some_rows_are_planned(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = sum(part.byte_count for part in split(archive))
    monkeypatch.setattr(cutting, "PLANNED_ROWS", 8)
    parts = split(archive)
    assert parts.planned_share == pytest.approx(1 / 3)
    assert sum(part.byte_count for part in parts) == pytest.approx(exact, rel=0.1)
    assert digest(*(part() for part in parts)) == digest(archive.at_once(CHIPS))


def test_a_query_without_a_plan_is_weighed_by_areas_or_files(archive: Archive) -> None:
    sql = (
        "SELECT i.id, RS_ZonalStats(i, f.geom, 1, 'mean') AS m "
        "FROM idx AS i JOIN fields AS f ON i.footprint && f.geom"
    )
    assert split(archive, sql, near="fields").weighed == "areas"
    by_files = split(archive, sql)
    assert by_files.weighed == "files"
    sizes = archive.at_once("SELECT sum(list_sum(tile_byte_counts))::BIGINT AS n FROM idx").to_pylist()
    assert sum(part.byte_count for part in by_files) == sizes[0]["n"]


def test_a_part_is_small(archive: Archive) -> None:
    assert max(len(pickle.dumps(part)) for part in split(archive, near="fields", session=Session())) < 1024


def scanned(part: Part, table: str) -> tuple[int, str]:
    """Rows of a table of a part, and what EXPLAIN ANALYZE says of its row groups (nothing on DuckDB 1.5)."""
    with part.session.connect().cursor() as cursor:
        part.prepare(cursor)
        ((count,),) = cursor.execute(f"SELECT count(*) FROM {table}").fetchall()
        plan = cursor.execute(f"EXPLAIN ANALYZE SELECT id FROM {table}").fetchall()[0][1]
    return count, "".join(line for line in plan.splitlines() if "Row Groups" in line).strip("│ ")


def test_a_part_reads_its_own_row_groups_and_the_areas_in_its_box(tmp_path: Path) -> None:
    rows = "SELECT i AS id, 'x' AS href, ('POINT (' || i / 1000 || ' 5)')::GEOMETRY('OGC:CRS84') AS geom"
    with rasteret_sql.connect() as con:
        for name in ("idx", "fields"):
            con.execute(
                f"COPY ({rows} FROM range(10_240) AS r(i)) TO '{tmp_path / name}.parquet' "
                "(ROW_GROUP_SIZE 2048, GEOPARQUET_VERSION 'NONE')"
            )
    sql = "SELECT idx.id FROM idx JOIN fields ON idx.id = fields.id"
    tables = {"fields": str(tmp_path / "fields.parquet")}
    part = rasteret_sql.split(sql, index=tmp_path / "idx.parquet", tables=tables, parts=5)[2]
    near = Near(table="fields", column="geom", crs="OGC:CRS84", is_geometry=True, box=(6, 5, 6.1, 5))
    found = [scanned(replace(part, near=near), table) for table in ("idx", "fields")]
    assert [count for count, _ in found] == [2048, 101]
    assert {groups for _, groups in found} <= {"Row Groups Scanned: 1 / 5", ""}
    assert ("" in found[0]) == duckdb.__version__.startswith("1.")


def test_scenes_without_a_field_are_left_out(archive: Archive, tmp_path: Path) -> None:
    with rasteret_sql.connect() as con:
        con.execute(
            f"CREATE TABLE moved AS SELECT * REPLACE (CASE WHEN id < 's06' THEN footprint "
            "ELSE 'POINT (0 0)'::GEOMETRY END::GEOMETRY('OGC:CRS84') AS footprint) "
            f"FROM '{archive.index}'"
        )
        write_index(con, "moved", tmp_path / "moved.parquet", ordered=False)
    parts = split(archive, index=tmp_path / "moved.parquet", near="fields", parts=3)
    assert sum(part.row_count for part in parts) == 12
    assert {row["id"] for part in parts for row in part().to_pylist()} == {f"s{n:02}" for n in range(6)}


def test_an_arrow_table_is_sent(archive: Archive) -> None:
    sent = archive.at_once("SELECT field_id FROM fields WHERE field_id < 3")
    sql = f"SELECT * FROM ({CHIPS}) JOIN wanted USING (field_id)"
    tables: dict[str, Any] = {"fields": archive.fields, "wanted": sent}
    parts = split(archive, sql, tables=tables)
    answer = digest(*(pickle.loads(pickle.dumps(part))() for part in parts))
    assert answer == digest(archive.at_once(f"SELECT * FROM ({CHIPS}) WHERE field_id < 3"))
    later = [part.with_tables({**tables, "wanted": lambda: sent}) for part in parts]
    assert digest(*(part() for part in later)) == answer


def test_several_files_are_one_index(archive: Archive, tmp_path: Path) -> None:
    with rasteret_sql.connect() as con:
        for number in range(2):
            rows = f"FROM '{archive.index}' WHERE (id < 's07') = {number == 0}"
            write_index(con, rows, tmp_path / f"part{number}.parquet")
    expected = digest(archive.at_once(CHIPS))
    for index in (str(tmp_path / "*.parquet"), sorted(tmp_path.glob("*.parquet"))):
        assert digest(*(part() for part in split(archive, index=index, parts=3))) == expected


def test_a_failed_asset_is_a_row_that_is_counted(archive: Archive) -> None:
    with FaultServer(archive.server.files) as server:
        del server.files["s03/red.tif"]
        moved = archive.folder / "moved.parquet"
        with rasteret_sql.connect() as con:
            con.execute(
                "COPY (SELECT * REPLACE (replace(href, $old, $new) AS href) "
                f"FROM '{archive.index}') TO '{moved}'",
                {"old": archive.server.origin, "new": server.origin},
            )
        rows = [row for part in split(archive, index=moved) for row in part().to_pylist()]
        failed = [row for row in rows if row["error"] is not None]
        assert {row["id"] for row in failed} == {"s03"}
        assert "404" in failed[0]["error"]
        with pytest.raises(duckdb.Error, match="404"):
            [part() for part in split(archive, index=moved, on_error="fail")]
        silent = CHIPS.replace(", c.error", "")
        with pytest.raises(duckdb.Error, match="404"):  # nobody would see the failure
            [part() for part in split(archive, silent, index=moved)]


def test_an_index_that_changed_is_refused(archive: Archive, tmp_path: Path) -> None:
    index = tmp_path / "idx.parquet"
    shutil.copy(archive.index, index)
    part = split(archive, index=index)[0]
    assert part().num_rows
    with rasteret_sql.connect() as con:
        write_index(con, f"FROM '{archive.index}' WHERE id > 's01'", index)
    with pytest.raises(StaleError, match="changed since the query was cut into parts"):
        part()
    index.unlink()
    with pytest.raises(NotFoundError, match="there is no index"):
        list(part.batches())


def test_an_object_is_known_by_its_etag(archive: Archive) -> None:
    from rasteret_sql.parts.index_files import IndexFile, require_unchanged, states_of

    with FaultServer({"idx.parquet": b"one"}) as server, rasteret_sql.connect() as con:
        url = server.url("idx.parquet")
        file = IndexFile(path=url, state=states_of(con, [url])[url])
        require_unchanged(con, [file])
        server.files["idx.parquet"] = b"two"
        with pytest.raises(StaleError, match=r"the index http://127\.0\.0\.1:\d+/idx\.parquet changed"):
            require_unchanged(con, [file])


def test_no_rows_are_one_part_that_tells_the_columns(archive: Archive, tmp_path: Path) -> None:
    with rasteret_sql.connect() as con:
        write_index(con, f"FROM '{archive.index}' WHERE false", tmp_path / "none.parquet")
    for near in (None, "fields"):
        parts = split(archive, index=tmp_path / "none.parquet", near=near)
        assert [part.row_count for part in parts] == [0]
        assert parts[0]().column_names == ["id", "band", "field_id", "shape", "data", "error"]
        assert parts[0].schema().names == parts[0]().column_names
        assert "1 of 0 B to 0 B" in str(parts.summary())


def test_rows_that_belong_together_and_do_not_lie_together_are_refused(
    archive: Archive, tmp_path: Path
) -> None:
    with rasteret_sql.connect() as con:
        con.execute(f"COPY (FROM '{archive.index}' ORDER BY band, id) TO '{tmp_path / 'apart.parquet'}'")
    with pytest.raises(ArgumentError, match=r"rows of one id are apart in the index.*'s00'.*write_index"):
        split(archive, index=tmp_path / "apart.parquet")
    assert len(split(archive, index=tmp_path / "apart.parquet", by="band", parts=2)) == 2


def test_partial_answers_are_merged_by_sql(archive: Archive) -> None:
    sql = (
        "SELECT field_id, sum(sum) AS total, sum(count) AS pixels FROM read_zonal_stats('idx', 'fields') "
        "GROUP BY field_id"
    )
    with pytest.raises(ArgumentError, match="a group may have rows in several parts"):
        split(archive, sql)
    merged = "SELECT field_id, sum(total) AS total, sum(pixels) AS pixels FROM partial GROUP BY field_id"
    parts = split(archive, sql, reduce=merged)
    assert digest(parts.reduce(part() for part in parts)) == digest(archive.at_once(sql))
    with pytest.raises(ArgumentError, match="was not given the SQL"):
        split(archive).reduce([])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parts": 0}, "parts must be a whole number from 1 on, found 0"),
        ({"parts": 2, "bytes": 5}, "give one of them"),
        ({"parts": None, "bytes": "much"}, "such as '256 MB', found 'much'"),
        ({"near": "farms"}, "near names 'farms', which is not among tables"),
        ({"tables": {"fields": 3}}, "paths of Parquet files or Arrow tables, found a int"),
        ({"tables": {"IDX": "a.parquet"}}, "idx is the name of the index"),
        ({"on_error": "skip"}, "on_error is 'null' or 'fail', found 'skip'"),
        ({"by": "scene"}, "the index has no column scene; give another column as by, or by=None"),
        ({"index": "/nowhere/idx.parquet"}, "there is no index /nowhere/idx.parquet"),
        ({"index": "/nowhere/*.parquet"}, "no file of an index matches"),
        ({"index": 7}, "index must be the path of a Parquet file"),
        ({"index": []}, "index must be the path of a Parquet file"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said(archive: Archive, options: dict[str, Any], message: str) -> None:
    with pytest.raises((ArgumentError, NotFoundError), match=message.replace("*", r"\*")):
        split(archive, **options)


def test_near_needs_a_column_of_areas(archive: Archive, tmp_path: Path) -> None:
    with rasteret_sql.connect() as con:
        con.execute(f"COPY (SELECT 1 AS field_id) TO '{tmp_path / 'bare.parquet'}'")
    with pytest.raises(ArgumentError, match="'bare', which near names, has no column geom or geometry"):
        split(archive, near="bare", tables={"fields": archive.fields, "bare": str(tmp_path / "bare.parquet")})


def test_a_summary_says_what_a_pass_costs(archive: Archive) -> None:
    parts = split(archive, near="fields")
    summary = parts.summary(cores=8, core_bytes_s=50e6)
    assert summary.byte_count == sum(part.byte_count for part in parts)
    assert summary.tile_count == sum(part.tile_count for part in parts)
    assert summary.core_hours == pytest.approx(summary.byte_count / 50e6 / 3600)
    assert summary.seconds == pytest.approx(summary.most_bytes / 50e6)  # four parts keep four cores busy
    text = str(summary)
    assert "4 of " in text
    assert "by the plan of the query" in text
    with pytest.raises(ArgumentError, match="cores must be above 0"):
        parts.summary(cores=0)


def test_parts_are_a_sequence(archive: Archive) -> None:
    parts = split(archive)
    assert [part.number for part in parts] == [0, 1, 2, 3]
    assert [part.number for part in parts[1:3]] == [1, 2]


def test_a_lambda_as_table_is_called_where_the_part_runs(archive: Archive) -> None:
    calls: list[int] = []
    table = archive.at_once("SELECT field_id FROM fields LIMIT 1")

    def give() -> pa.Table:
        calls.append(1)
        return table

    made: Callable[[], pa.Table] = give
    part = split(archive, "SELECT i.id FROM idx AS i, few", tables={"few": made})[0]
    calls.clear()
    assert part().num_rows == 6
    assert calls == [1]
