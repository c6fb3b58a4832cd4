"""The tests of values and errors with a library that AddressSanitizer and UBSan watch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rasteret_sql.shell.library import BUILT

LOADER = BUILT.parent / "loader"
FOOTER = 512
"""Bytes at the end of the library, by which DuckDB recognises an extension."""
WATCHED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
COMMAND = ("-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", *WATCHED, "-shared", "-fPIC", "-fvisibility=hidden")


def runtime(name: str) -> Path:
    """The compiler's own copy of a sanitizer's runtime."""
    found = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip())


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables under which tests/shell/shells.py loads the watched library."""
    if sys.platform != "linux" or not shutil.which("gcc") or not LOADER.is_dir():
        pytest.skip("no gcc on Linux: the extension is not tried under AddressSanitizer")
    runtimes = [runtime("libasan.so"), runtime("libubsan.so")]
    if not all(path.is_absolute() for path in runtimes):
        pytest.skip("no libasan and libubsan beside gcc: the extension is not tried under AddressSanitizer")
    library = tmp_path_factory.mktemp("sanitized") / BUILT.name
    subprocess.run(["gcc", *COMMAND, "-o", library, *sorted(LOADER.glob("*.c"))], check=True)
    library.write_bytes(library.read_bytes() + BUILT.read_bytes()[-FOOTER:])
    library.with_name("libpython.py").symlink_to(BUILT.with_name("libpython.py"))
    return {
        "RASTERET_SANITIZED": str(library),
        "RASTERET_SANITIZERS": " ".join(map(str, runtimes)),
        "ASAN_OPTIONS": "detect_leaks=0",  # of a Python that is never taken down
    }


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
