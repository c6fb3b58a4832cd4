"""A fault at the n-th read of a build, a refresh and the exports, for every n: the old file or the new."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPILER = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or COMPILER is None,
    reason="reads are made to fail by a preloaded C library (Linux)",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faults") / "read_faults.so"
    source = Path(__file__).with_name("read_faults.c")
    subprocess.run([str(COMPILER), "-shared", "-fPIC", "-o", str(path), str(source), "-ldl"], check=True)
    return path


@pytest.mark.parametrize(
    ("kind", "least"),
    [("build", 10), ("refresh", 10), ("index", 2), ("tiles", 2), ("items", 2), ("rasteret", 2)],
)
def test_a_fault_at_any_read_leaves_the_old_or_the_new(
    library: Path, tmp_path: Path, kind: str, least: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipeline.read_faults", kind, str(tmp_path)],
        cwd=ROOT, env={**os.environ, "LD_PRELOAD": str(library)},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    faults, errors = map(int, done.stdout.split())
    assert faults >= errors >= least
