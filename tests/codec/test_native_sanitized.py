"""The compiled kernel under AddressSanitizer and UBSan: its own tests, and broken blocks by the thousand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rasteret_sql.codec.native.library import BUILT
from tests.sanitizers import watched_library

FOLDER = Path(__file__).parent
WATCHED_TESTS = """
import sys
from pathlib import Path

import pytest

from rasteret_sql.codec.native import library
from rasteret_sql.settings import configure

library.BUILT = Path(sys.argv[1])
library._KERNEL = library.load()
configure(native_decoding=True)
assert library.kernel() is not None
sys.exit(pytest.main(["-q", "-s", "-p", "no:cacheprovider", *sys.argv[2:]]))
"""
PAST_THE_END = """
import ctypes
import sys

import numpy as np

from rasteret_sql.codec.native import library

found = ctypes.CDLL(sys.argv[1])
found.rasteret_has.argtypes = (
    *(ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32, ctypes.c_int32), *(ctypes.c_uint64, ctypes.c_double)
)
memory = np.zeros(10_000, np.uint8)
found.rasteret_has(memory.ctypes.data, 10_100, 1, 0, 7, 0.0)
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    library = tmp_path_factory.mktemp("sanitized") / BUILT.name
    environment = watched_library(library, [FOLDER.parents[1] / "rasteret_sql/codec/native/decode.c"])
    preload = {**os.environ, **environment, "LD_PRELOAD": environment["RASTERET_SANITIZERS"]}
    # NumPy's arrays come from malloc, whose ends are watched
    return library, {**preload, "PYTHONMALLOC": "malloc"}


def run(watched: tuple[Path, dict[str, str]], code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    library, environment = watched
    command = [sys.executable, "-c", code, str(library), *arguments]
    return subprocess.run(
        command,
        env=environment,
        cwd=FOLDER.parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_no_report_of_a_sanitizer(watched: tuple[Path, dict[str, str]]) -> None:
    found = run(watched, WATCHED_TESTS, str(FOLDER / "test_native.py"))
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-4000:]
    assert " passed" in found.stdout


def test_a_read_past_the_end_would_be_reported(watched: tuple[Path, dict[str, str]]) -> None:
    found = run(watched, PAST_THE_END)
    assert found.returncode != 0
    assert "AddressSanitizer: heap-buffer-overflow" in found.stderr
