"""A run of dbt that is killed at random moments, ``RASTERET_DBT_KILLS`` times.

What is in its database afterwards can be opened, each model is that of the night before or of this night, and
the next run makes it what it is without a kill. Every other run is the first, into an empty database.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.demo.archive import make_archive
from rasteret_sql.demo.server import Served, serve
from tests.store.server import wait_until

pytest.importorskip("dbt.adapters.duckdb", reason="the dbt group is not installed")

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "sql/models"
KILLS = int(os.environ.get("RASTERET_DBT_KILLS", "2"))
LATE = "2024-05-20"
"""Until when the scenes of the first night go; the second knows those that came later."""
MODELS = {
    "scene_index": "SELECT id, band, asset_href, updated::VARCHAR, width, error",
    "chips": "SELECT field_id, id, band, shape, md5(data), error",
    "field_scenes": "SELECT field_id, id, updated::VARCHAR, ndvi.mean, ndvi.count",
    "field_days": "SELECT field_id, day::VARCHAR, ndvi, clear_pixels",
}
DBT = "import sys; from dbt.cli.main import cli; sys.exit(cli())"


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The project, its catalogue, and a folder for its database."""

    url: str
    served: list[Served]
    """What the catalogue and its files were asked for."""
    bbox: list[float]
    fields: Path
    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "pipeline.duckdb"

    def start(self, until: str) -> subprocess.Popen[str]:
        """A run over the scenes up to a day."""
        variables = {
            "catalog": self.url, "bbox": self.bbox, "datetime": f"2024-04-01/{until}",
            "fields": str(self.fields), "tonight": "2024-08-28",
        }  # fmt: skip
        command = ("run", "--quiet", "--threads", "2", "--vars", json.dumps(variables))
        places = (
            "--project-dir",
            PROJECT,
            "--profiles-dir",
            PROJECT,
            "--target-path",
            self.folder / "target",
        )
        environment = os.environ | {
            "RASTERET_DATABASE": str(self.database),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.Popen(
            [sys.executable, "-c", DBT, *command, *places],
            env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def begun(self, until: str) -> subprocess.Popen[str]:
        """A run that has asked for something, as it does once dbt has read its project."""
        before = len(self.served)
        child = self.start(until)
        wait_until(lambda: len(self.served) > before or child.poll() is not None, 300)
        return child

    def run(self, until: str) -> float:
        """A whole run; how many seconds it takes once it has begun."""
        child = self.begun(until)
        start = time.monotonic()
        out, _ = child.communicate(timeout=300)
        assert child.returncode == 0, out
        return time.monotonic() - start

    def state(self) -> dict[str, list[Any]]:
        """The rows of every model that is there."""
        if not self.database.exists():
            return {}
        with rasteret_sql.connect(self.database) as con:
            there = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
            return {
                model: con.execute(f"{select} FROM {model} ORDER BY ALL").fetchall()
                for model, select in MODELS.items()
                if model in there
            }


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    archive = make_archive(tmp_path_factory.mktemp("archive"))
    with serve(archive.folder) as server:
        yield Pipeline(
            url=server.url,
            served=server.requests,
            bbox=list(archive.bbox),
            fields=archive.folder / "fields.parquet",
            folder=tmp_path_factory.mktemp("killed"),
        )


def test_a_killed_run_leaves_the_old_or_the_new_and_the_next_one_is_well(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    pipeline.run(LATE)
    shutil.copy(pipeline.database, tmp_path / "first.duckdb")
    old = pipeline.state()
    within_s = pipeline.run("2024-09-30")
    new = pipeline.state()
    assert set(old) == set(new) == set(MODELS)
    assert all(len(old[model]) < len(new[model]) for model in MODELS)
    luck, killed = random.Random(14), 0
    for number in range(KILLS):
        for left in pipeline.folder.glob("pipeline.duckdb*"):
            left.unlink()
        before = old if number % 2 == 0 else {}
        if before:
            shutil.copy(tmp_path / "first.duckdb", pipeline.database)
        child = pipeline.begun("2024-09-30")
        time.sleep(luck.random() * within_s)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        killed += child.returncode == -signal.SIGKILL
        if child.returncode == 0:  # the machine has less to do than it had
            within_s *= 0.6
        found = pipeline.state()
        for model, rows in found.items():
            assert rows in (before.get(model), new[model]), f"{model} after kill {number}"
        pipeline.run("2024-09-30")
        assert pipeline.state() == new, f"the run after kill {number}"
    assert killed >= KILLS // 3


def test_a_database_that_is_not_one_is_not_taken_for_an_old_state(pipeline: Pipeline) -> None:
    """What the test above relies on: ``state`` opens the file as DuckDB does."""
    for left in pipeline.folder.glob("pipeline.duckdb*"):
        left.unlink()
    pipeline.database.write_bytes(b"half of a database")
    with pytest.raises(duckdb.Error):
        pipeline.state()
