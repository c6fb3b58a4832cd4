"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rasteret_sql.cog.header_cache import HEADERS
from rasteret_sql.store.pool import forget_points

SHARED = Path(os.environ.get("RASTERET_SHARED", Path(__file__).resolve().parents[2] / "shared"))


LONG = ("zonal", "shell", "bench", "pipeline", "demo", "contracts")
"""Folders of files that take half a minute: they come first, so that no process is left with one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files stay whole and in order."""
    items.sort(key=lambda item: not set(LONG) & set(Path(item.fspath).parts[-2:-1]))


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
