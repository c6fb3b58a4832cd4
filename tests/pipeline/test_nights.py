"""Pipelines, night after night: the dbt project in ``sql/models``, and the function of docs/pipelines.md.

On dbt's first night the newest scenes are not in the catalogue yet, and one file is missing. On the second
all is there, and one known item was updated. dbt runs in a process of its own each time, so nothing is
remembered but what is in the database.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from affine import Affine
from rasterio.features import geometry_mask
from rasterio.warp import transform_geom

import rasteret_sql
from rasteret_sql.demo.archive import Archive, make_archive
from rasteret_sql.demo.scenes import CLEAR_SCL, OFFSET, SCALE
from rasteret_sql.demo.server import Served, serve

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "sql/models"
BANDS = ("red", "nir", "scl")
LATE = ("S2_32632_20240827", "S2_32633_20240827")
MISSING = "S2_32632_20240414/red.tif"
UPDATED = "S2_32633_20240514"


@dataclass(frozen=True, kw_only=True)
class Night:
    """What one run of dbt did."""

    served: list[Served]
    """As the server saw it."""
    results: dict[str, tuple[str, int | None]]
    """Status and failures of every model and test, by name."""

    def asked(self, suffix: str) -> Counter[str]:
        """Successful requests by file."""
        paths = (each.path.removeprefix("/data/") for each in self.served if each.status < 400)
        return Counter(path for path in paths if path.endswith(suffix))


@dataclass(frozen=True, kw_only=True)
class Nights:
    archive: Archive
    first: Night
    second: Night
    database: Path
    port: int
    """Where the files of the index lie, as long as they are served."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return make_archive(tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="module")
def nights(archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    pytest.importorskip("dbt.adapters.duckdb", reason="the dbt group is not installed")
    folder = tmp_path_factory.mktemp("nights")
    collection = archive.folder / "collection.json"
    whole = collection.read_text("utf-8")
    document = json.loads(whole)
    document["links"] = [each for each in document["links"] if not any(name in each["href"] for name in LATE)]
    collection.write_text(json.dumps(document), "utf-8")
    hidden = archive.folder / "hidden.tif"
    (archive.folder / MISSING).rename(hidden)
    first, port = _night(archive, folder, port=0)
    collection.write_text(whole, "utf-8")
    item = archive.folder / UPDATED / f"{UPDATED}.json"
    document = json.loads(item.read_bytes())
    document["properties"]["updated"] = "2024-08-28T00:00:00Z"
    item.write_text(json.dumps(document), "utf-8")
    hidden.rename(archive.folder / MISSING)
    second, _ = _night(archive, folder, port=port)
    return Nights(archive=archive, first=first, second=second, database=folder / "pipeline.duckdb", port=port)


def _night(archive: Archive, folder: Path, *, port: int) -> tuple[Night, int]:
    with serve(archive.folder, port) as server:
        variables = {
            "catalog": server.url,
            "bbox": archive.bbox,
            "datetime": "2024-04-01/2024-09-30",
            "fields": str(archive.folder / "fields.parquet"),
            "tonight": "2024-08-28",
            "scenes_at_least": 3,
        }
        dbt = "import sys; from dbt.cli.main import cli; sys.exit(cli())"
        command = ("build", "--quiet", "--threads", "4", "--vars", json.dumps(variables))
        places = ("--project-dir", PROJECT, "--profiles-dir", PROJECT, "--target-path", folder / "target")
        environment = os.environ | {
            "RASTERET_DATABASE": str(folder / "pipeline.duckdb"),
            "DBT_LOG_PATH": str(folder / "logs"),
            "PYTHONPATH": str(PROJECT.parents[1]),
        }
        done = subprocess.run(
            [sys.executable, "-c", dbt, *command, *places],
            check=False, capture_output=True, text=True, env=environment, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        report = json.loads((folder / "target/run_results.json").read_bytes())
        results = {
            each["unique_id"].split(".")[2]: (each["status"], each["failures"]) for each in report["results"]
        }
        return Night(served=list(server.requests), results=results), int(server.url.rpartition(":")[2])


@pytest.fixture
def connect_with(nights: Nights) -> dict[str, Any]:
    return {"database": nights.database, "read_only": True}


def test_the_first_night_indexes_all_that_is_there_and_says_what_failed(nights: Nights) -> None:
    headers = {f"{name}/{band}.tif" for name in nights.archive.scenes for band in BANDS}
    expected = {path for path in headers - {MISSING} if not path.startswith(LATE) and "20240603" not in path}
    assert set(nights.first.asked(".tif")) == expected
    assert nights.first.results["rasteret_no_errors_scene_index_href"] == ("warn", 1)
    assert nights.first.results["rasteret_no_errors_chips_href"] == ("pass", 0)


def test_the_second_night_asks_for_new_and_updated_files_and_for_those_that_failed(nights: Nights) -> None:
    """Of known items not a byte; of the item whose red band came late its red band alone."""
    new = {f"{name}/{band}.tif" for name in (*LATE, UPDATED) for band in BANDS}
    assert set(nights.second.asked(".tif")) == new | {MISSING}
    assert nights.second.results["rasteret_no_errors_scene_index_href"] == ("pass", 0)


def test_the_requests_of_every_night_are_in_the_database(
    nights: Nights, con: duckdb.DuckDBPyConnection
) -> None:
    rows = con.execute("""
        SELECT count(*) FILTER (kind = 'header' AND error IS NULL), count(*) FILTER (kind = 'header'),
               count(*) FILTER (error IS NULL)
        FROM rasteret_log WHERE attempt > 0
        GROUP BY invocation_id ORDER BY min(started_at)
    """).fetchall()
    assert [row[:2] for row in rows] == [(23, 24), (10, 10)]
    sent = [sum(each.status < 400 for each in night.served) for night in (nights.first, nights.second)]
    assert [row[2] for row in rows] == sent


def test_data_tests_fail_where_scenes_are_old_or_few(nights: Nights) -> None:
    def result(night: Night, word: str) -> tuple[str, int | None]:
        return next(result for name, result in night.results.items() if word in name)

    for word in ("newest_within", "covers"):
        assert result(nights.first, word)[0] == "warn", word
        assert result(nights.second, word) == ("pass", 0), word


def test_models_and_their_own_tests_pass_on_both_nights(nights: Nights) -> None:
    for night in (nights.first, nights.second):
        assert Counter(status for status, _ in night.results.values()).keys() <= {"success", "pass", "warn"}
        assert night.results["field_days"][0] == "success"


def test_statistics_of_a_field_are_those_of_its_clear_pixels(
    nights: Nights, con: duckdb.DuckDBPyConnection
) -> None:
    """Against the numbers that the archive was made of, with GDAL's mask of the field."""
    rows = con.execute("SELECT id, field_id, ndvi.mean, ndvi.count FROM field_scenes").fetchall()
    assert {row[0] for row in rows} == {name for name in nights.archive.scenes if "20240603" not in name}
    for name in (*LATE, MISSING.partition("/")[0]):
        expected = dict(_ndvi(nights.archive, name))
        found = {field_id: (mean, count) for scene, field_id, mean, count in rows if scene == name and count}
        assert found.keys() == expected.keys()
        for field_id, (mean, count) in found.items():
            assert count == expected[field_id][1]
            assert mean == pytest.approx(expected[field_id][0], rel=1e-9)


def test_the_model_of_the_page_reads_by_name(nights: Nights, con: duckdb.DuckDBPyConnection) -> None:
    """Like a lateral read of the same rows, of CTEs that stand for other models."""
    page = (ROOT / "docs/pipelines.md").read_text("utf-8")
    (model,) = re.findall(r"`models/field_nir.sql`:\n\n```sql\n(WITH.*?)```", page, re.DOTALL)
    query = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", model)
    lateral = """
        SELECT f.field_id, f.label, i.id, i.datetime, s.mean, s.stddev, s.count, s.valid_fraction
        FROM scene_index AS i
        JOIN stg_fields AS f ON i.footprint && f.geom,
             LATERAL (SELECT RS_ZonalStatsAll(i, f.geom, scale := true) AS s)
        WHERE i.band = 'nir' AND i.error IS NULL AND s IS NOT NULL
    """
    with serve(nights.archive.folder, nights.port):
        found = con.execute(query).fetchall()
        expected = con.execute(lateral).fetchall()
    assert len(found) > 20
    assert sorted(found) == sorted(expected)


def _ndvi(archive: Archive, name: str) -> Iterator[tuple[int, tuple[float, int]]]:
    """Mean and number of pixels by field, of one scene, where there are any."""
    grid, pixels = archive.scenes[name].grid, archive.truth(name)
    red, nir = (pixels[band] * SCALE + OFFSET for band in ("red", "nir"))
    seen = (pixels["red"] != 0) & (pixels["nir"] != 0)
    clear: Any = (pixels["scl"][..., None] == CLEAR_SCL).any(-1) & seen
    for field in archive.fields:
        shape = transform_geom("OGC:CRS84", grid.crs, field.polygon.__geo_interface__)
        mask = geometry_mask([shape], red.shape, Affine(*grid.transform), invert=True) & clear
        if mask.any():
            yield field.field_id, (float(((nir - red) / (nir + red))[mask].mean()), int(mask.sum()))


def test_the_function_for_schedulers_asks_for_new_headers_only(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/pipelines.md").read_text("utf-8")
    (source,) = re.findall(r"`nightly.py`:\n\n```python\n(.*?)```", page, re.DOTALL)
    nightly: dict[str, Any] = {"__name__": "nightly"}
    exec(source, nightly)
    late = archive.cog("S2_32632_20240723", "nir")
    hidden = late.rename(late.with_suffix(".hidden"))
    with serve(archive.folder) as server, rasteret_sql.connect() as con:

        def headers(during: str) -> tuple[int, int]:
            """How many files failed, and how many headers were asked for."""
            count = "SELECT count(DISTINCT url) FROM rasteret_requests() WHERE kind = 'header' AND id > ?"
            (before,) = con.execute("SELECT coalesce(max(id), 0) FROM rasteret_requests()").fetchone()
            failed = nightly["refresh"]("pipeline.duckdb", server.url, list(archive.bbox), during)
            (asked,) = con.execute(count, [before]).fetchone()
            return failed, asked

        assert headers("2024-07-01/2024-07-31") == (1, 6)
        assert headers("2024-07-01/2024-07-31") == (1, 1)
        hidden.rename(late)
        assert headers("2024-07-01/2024-08-31") == (0, 7)
        assert headers("2024-07-01/2024-08-31") == (0, 0)
    found = duckdb.sql("SELECT count(*), count(DISTINCT (id, band)), count(width) FROM 'scene_index.parquet'")
    assert found.fetchall() == [(12, 12, 12)]
