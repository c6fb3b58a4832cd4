"""Fixtures shared by all tests."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import settings

import rasteret_sql
from tests.process_state import reset

SHARED = Path(os.environ.get("RASTERET_SHARED", Path(__file__).resolve().parents[2] / "shared"))

settings.register_profile("untimed", deadline=None)  # seconds are measured by benchmarks, on a quiet machine
settings.load_profile("untimed")

TESTS = Path(__file__).resolve().parent
SERVERS = ("pgstac", "servers", "azurite", "ceph")
"""Fixtures that start a server of another project."""
NOT_FAST = ("server", "slow")
"""What ``--fast`` leaves out besides the long folders."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """What ``./dev test --fast`` hands on."""
    parser.addoption("--fast", action="store_true", help="leave out long tests and those that need servers")


def long_rooms(config: pytest.Config) -> list[str]:
    """The folders that pyproject.toml registers a marker for."""
    names = (line.partition(":")[0] for line in config.getini("markers"))
    return [name for name in names if (TESTS / name).is_dir()]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """``--fast`` does not even import the long ones."""
    is_long = collection_path.parent == TESTS and collection_path.name in long_rooms(config)
    return True if is_long and config.getoption("--fast") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files first, so that no process is left with one; files stay whole and in order."""
    rooms = set(long_rooms(config))
    for item in items:
        for room in rooms.intersection(item.path.relative_to(TESTS).parts):
            item.add_marker(room)
        if set(SERVERS).intersection(getattr(item, "fixturenames", ())):
            item.add_marker("server")
    items.sort(key=lambda item: not any(mark.name in {*rooms, "slow"} for mark in item.iter_markers()))
    if config.getoption("--fast"):
        left_out = [item for item in items if any(map(item.get_closest_marker, NOT_FAST))]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not any(map(item.get_closest_marker, NOT_FAST))]


def pytest_report_header() -> str:
    """Whether real files take part."""
    if (SHARED / "data").is_dir():
        return "real files: ../shared/data"
    return "real files: none (no ../shared/data beside this checkout; ./dev data fetches them)"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line about what ``--fast`` left out, and one about what was skipped, by reason."""
    if config.getoption("--fast"):
        left_out = ", ".join([*long_rooms(config), *NOT_FAST])
        terminalreporter.write_line(
            f"left out by --fast: {left_out}; ./dev test runs them, -m NAME one of them"
        )
    reports = terminalreporter.stats.get("skipped", ())
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in reports)
    if reasons:
        listed = "; ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        terminalreporter.write_line(f"{reasons.total()} skipped: {listed}")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real COGs and STAC documents beside the checkout; ``./dev data`` fetches the COGs."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside this checkout: real files are not tested (./dev data)")
    return folder


@pytest.fixture(scope="session")
def cog_manifest(shared_data: Path) -> list[dict[str, Any]]:
    """What rasterio and tifffile say of each real COG, with digests of its pixels. Not for all to fetch."""
    manifest = shared_data / "cog" / "manifest.json"
    if not manifest.is_file():
        pytest.skip("no manifest.json in ../shared/data/cog: real files are not compared with it")
    files: list[dict[str, Any]] = json.loads(manifest.read_text("utf-8"))["files"]
    return files


@pytest.fixture(scope="session")
def stac_data(shared_data: Path) -> Path:
    """Folder of real STAC documents."""
    folder = shared_data / "stac"
    if not folder.is_dir():
        pytest.skip("no ../shared/data/stac: real STAC documents are not tested here")
    return folder


@pytest.fixture(autouse=True)
def nothing_of_other_tests() -> Iterator[None]:
    """No setting, credential, cache or row of the log goes from one test to another."""
    reset()
    yield
    reset()


@pytest.fixture
def connect_with() -> dict[str, Any]:
    """The arguments of ``rasteret_sql.connect`` for ``con``; files and folders override it."""
    return {}


@pytest.fixture
def con(connect_with: dict[str, Any]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with all functions. A file that needs tables on it has a ``con`` that takes this one."""
    with rasteret_sql.connect(**connect_with) as connection:
        yield connection


@pytest.fixture(scope="module")
def module_con() -> Iterator[duckdb.DuckDBPyConnection]:
    """One connection for all tests of a file, for tables that are made once."""
    with rasteret_sql.connect() as connection:
        yield connection
