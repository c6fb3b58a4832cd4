"""A quarter of a minute of the soak: that it runs, counts and finds what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak.run import Tally
from tests.soak.watch import Sample, Watch

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no /proc on this platform: no soak")


def test_a_short_soak_has_only_right_answers() -> None:
    command = [sys.executable, "-m", "tests.soak.run", "--minutes", "0.25", "--seed", "7"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "soak: all answers right" in found.stdout


def test_an_error_without_a_name_is_a_finding() -> None:
    tally = Tally()
    tally.error("chips", KeyError("offsets"))
    assert len(tally.wrong) == 1
    assert not tally.named


def test_growth_is_a_leak_and_a_level_is_none() -> None:
    watch = Watch()
    level = {"MB of memory": 500.0, "descriptors": 50.0, "threads": 40.0}
    watch.samples = [Sample(at_s=float(n), held={**level, "descriptors": 50.0 + n}) for n in range(300)]
    assert watch.leaks() == ["descriptors grew from 200 to 320"]
    watch.samples = [Sample(at_s=float(n), held=level) for n in range(300)]
    assert watch.leaks() == []
