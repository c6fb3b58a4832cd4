"""The real DuckDB shell as tests run it, with kernels of the tests' own where they need some."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "rasteret_sql", "shell"]
INJECTED = Path(__file__).with_name("injected")
"""On the path of the shell's Python: its sitecustomize prepares what the environment asks for."""


def environment(*, kernels: bool = False, **more: str) -> dict[str, str]:
    """What a shell of a test gets: nothing of the user's own, and this checkout."""
    paths = [str(ROOT), str(INJECTED)]
    if kernels:
        more["RASTERET_TEST_KERNELS"] = "1"
    if "RASTERET_SANITIZED" in os.environ:
        more["LD_PRELOAD"] = os.environ["RASTERET_SANITIZERS"]
    dropped = ("RASTERET_PYTHON", "PYTHONHOME")
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "TERM": "xterm", **more}


def run(
    sql: str, *options: str, kernels: bool = False, cwd: Path | None = None, timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """What a shell says to a script on its standard input."""
    return subprocess.run(
        [*COMMAND, "-bail", *options],
        input=sql,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment(kernels=kernels),
        timeout=timeout_s,
    )


def rows(sql: str, *options: str, kernels: bool = False, cwd: Path | None = None) -> list[dict[str, Any]]:
    """The rows of one query, as the shell writes them in JSON."""
    found = run(sql, "-json", *options, kernels=kernels, cwd=cwd)
    assert found.returncode == 0, found.stderr
    answer: list[dict[str, Any]] = json.loads(found.stdout)
    return answer
