"""The tests of values and errors with a library that AddressSanitizer and UBSan watch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rasteret_sql.shell.library import BUILT
from tests.sanitizers import watched_library

LOADER = BUILT.parent / "loader"
FOOTER = 512
"""Bytes at the end of the library, by which DuckDB recognises an extension."""


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables under which tests/shell/shells.py loads the watched library."""
    library = tmp_path_factory.mktemp("sanitized") / BUILT.name
    environment = watched_library(library, sorted(LOADER.glob("*.c")))
    library.write_bytes(library.read_bytes() + BUILT.read_bytes()[-FOOTER:])
    library.with_name("libpython.py").symlink_to(BUILT.with_name("libpython.py"))
    return {"RASTERET_SANITIZED": str(library), **environment}


def shell_tests(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.mark.parametrize("name", ["test_types.py", "test_errors.py", "test_loading.py"])
def test_no_report_of_a_sanitizer(sanitized: dict[str, str], name: str) -> None:
    found = shell_tests(sanitized, str(Path(__file__).with_name(name)))
    assert found.returncode == 0, found.stdout[-8000:]
    assert " passed" in found.stdout


PAST_THE_END = """
import ctypes
import os

ctypes.CDLL(os.environ["RASTERET_SANITIZED"])
c = ctypes.CDLL(None)
c.malloc.restype = ctypes.c_void_p
c.memcpy.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
memory = c.malloc(8)
c.memcpy(memory + 8, memory, 8)
"""


def test_a_write_past_the_end_would_be_reported(sanitized: dict[str, str]) -> None:
    """The library loads beside the runtime, and the runtime watches its process."""
    environment = {**os.environ, **sanitized, "LD_PRELOAD": sanitized["RASTERET_SANITIZERS"]}
    command = [sys.executable, "-c", PAST_THE_END]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode != 0
    assert "AddressSanitizer: heap-buffer-overflow" in found.stderr
