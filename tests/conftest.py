"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

from rasteret_sql.geotiff.header_cache import HEADERS
from rasteret_sql.store.scheduling.thread_pool import forget_points

SHARED = Path(os.environ.get("RASTERET_SHARED", Path(__file__).resolve().parents[2] / "shared"))

settings.register_profile("untimed", deadline=None)  # seconds are measured by benchmarks, on a quiet machine
settings.load_profile("untimed")

LONG = ("zonal", "shell", "bench", "pipeline", "demo", "contracts")
"""Folders of files that take half a minute: they come first, so that no process is left with one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files stay whole and in order."""
    items.sort(key=lambda item: not set(LONG) & set(Path(item.fspath).parts[-2:-1]))


def pytest_report_header() -> str:
    """Whether real files take part."""
    there = (SHARED / "data").is_dir()
    return (
        "real files: ../shared/data" if there else "real files: none (no ../shared/data beside this checkout)"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line about what was not tried, by reason, most frequent first."""
    reports = terminalreporter.stats.get("skipped", ())
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in reports)
    if reasons:
        listed = "; ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        terminalreporter.write_line(f"{reasons.total()} skipped: {listed}")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real COGs and STAC documents, kept beside the checkout where developers have them."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside this checkout: real files are not tested here")
    return folder


@pytest.fixture(autouse=True)
def no_memory_of_other_tests() -> None:
    """A server that failed in one test does not slow the next, nor are its files known there."""
    forget_points()
    HEADERS.clear()
