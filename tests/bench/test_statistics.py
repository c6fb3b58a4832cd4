"""The readers of zonal statistics and samples give the same answers, on a few fields and points."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from tests.bench.bucket import QUICK, make_bucket
from tests.bench.results import Result, agreement, save
from tests.bench.scenarios import STATISTICS, Job, jobs
from tests.bench.worker import Work

FEW = 60


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Readers work in their folder, and tell GDAL by variables where the server is."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("S3_ENDPOINT", "HTTPS", "VIRTUAL_HOSTING", "NO_SIGN_REQUEST", "REGION"):
        monkeypatch.setenv(f"AWS_{name}", "")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(job: Job, module: str, variant: str, folder: Path, scratch: Path) -> Result:
    pytest.importorskip(module)
    work = Work(job=job, url="http://localhost/bucket", folder=folder, scratch=scratch, variant=variant)
    reader = import_module(f"tests.bench.systems.{module}").Reader(work)
    reader.prepare()
    reader.load()
    found: Result = reader.arrays(reader.run())
    return found


# rasterio says so of the masks in memory that rasterstats asks for
@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
@pytest.mark.parametrize(
    ("name", "readers"),
    [
        ("Z1-local", ["rasterstats-2", "sedonadb-", "rasteret_sql-"]),
        ("Z1c-local", ["exactextract-2", "exactextract-32 threads, one call", "rasteret_sql-"]),
        ("P1-local", ["rasterio-2", "sedonadb-", "rasteret_sql-"]),
    ],
)
def test_all_readers_agree(name: str, readers: list[str], elsewhere: Path) -> None:
    folder, scenes = make_bucket(QUICK, 3, lambda message: None)
    job = jobs(scenes)[name]
    # far apart, so that some lie where there is no data
    job = replace(job, scenes=job.scenes[:2], fields=job.fields[::17], points=job.points[:: 20_000 // FEW])
    first, *others = readers
    found = answer(job, *first.split("-", 1), folder, elsewhere)
    save(found, job.kind, elsewhere / "reference")
    assert {lines.shape for lines in found.values()} == {
        (len(job.fields), len(STATISTICS)) if job.fields else (len(job.points),)
    }
    for other in others:
        mine = answer(job, *other.split("-", 1), folder, elsewhere)
        assert agreement(mine, job.kind, elsewhere / "reference") == 1, other


def test_one_other_mean_is_noticed(tmp_path: Path) -> None:
    truth = {"scene": np.arange(20.0).reshape(4, 5), "empty": np.full((4, 5), np.nan)}
    save(truth, "zonal", tmp_path / "reference")
    assert agreement(truth, "zonal", tmp_path / "reference") == 1
    wrong = truth | {"scene": truth["scene"] + np.eye(4, 5) * [[0], [1e-6], [0], [0]]}
    assert agreement(wrong, "zonal", tmp_path / "reference") == 7 / 8
    assert agreement({"scene": truth["scene"]}, "zonal", tmp_path / "reference") == 4 / 8
