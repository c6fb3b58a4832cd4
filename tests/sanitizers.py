"""Libraries that AddressSanitizer and UBSan watch."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

WATCHED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
COMMAND = ("-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", *WATCHED, "-shared", "-fPIC", "-fvisibility=hidden")


def watched_library(library: Path, sources: Sequence[Path]) -> dict[str, str]:
    """Compile ``sources``, and give the environment of a process that loads the library; else skip."""
    if sys.platform != "linux" or not shutil.which("gcc") or not sources:
        pytest.skip("no gcc on Linux: nothing is tried under AddressSanitizer")
    runtimes = [_runtime("libasan.so"), _runtime("libubsan.so")]
    if not all(path.is_absolute() for path in runtimes):
        pytest.skip("no libasan and libubsan beside gcc: nothing is tried under AddressSanitizer")
    subprocess.run(["gcc", *COMMAND, "-o", library, *sources], check=True)
    return {
        "RASTERET_SANITIZERS": " ".join(map(str, runtimes)),
        "ASAN_OPTIONS": "detect_leaks=0",  # of a Python that is never taken down
    }


def _runtime(name: str) -> Path:
    """The compiler's own copy of a sanitizer's runtime."""
    found = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip())
