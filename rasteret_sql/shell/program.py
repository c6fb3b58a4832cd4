"""The official ``duckdb`` program: found, and started with everything loaded."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rasteret_sql import __version__
from rasteret_sql.errors import NotFoundError
from rasteret_sql.shell.library import init_sql

WRAPPER = b"duckdb_cli"
"""PyPI's ``duckdb-cli`` puts a Python script on PATH, which a Ctrl-C ends; the program is in its package."""
RUNS_AND_ENDS = frozenset({"-c", "-s", "-f", "-no-stdin", "-version", "-help"})
GREETING = f"rasteret {__version__}: FROM rasteret_functions() lists the functions, with examples."


def run(arguments: Sequence[str]) -> int:
    """The DuckDB shell with these arguments of its own; its exit code.

    The functions are there before anything that the arguments ask for, and after the user's ``~/.duckdbrc``.
    """
    program = duckdb_program()
    with tempfile.TemporaryDirectory(prefix="rasteret-sql-") as folder:
        start = Path(folder, "init.sql")
        start.write_text(init_sql(), "utf-8")
        command = [str(program), "-unsigned", "-cmd", f".read '{start}'"]
        if "-bail" in arguments:
            command += ["-cmd", ".bail on"]
        if _talks(arguments):
            command += ["-cmd", f".print {GREETING}"]
        return _wait([*command, *arguments], {**os.environ, "RASTERET_PYTHON": sys.executable})


def _talks(arguments: Sequence[str]) -> bool:
    """Whether somebody sits before the shell."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return terminal and not RUNS_AND_ENDS & {argument.replace("--", "-", 1) for argument in arguments}


def _wait(command: Sequence[str], environment: dict[str, str]) -> int:
    """Ctrl-C is the shell's: this process only waits."""
    before = signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which the shell would inherit
    try:
        code = subprocess.call(command, env=environment)
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code


def duckdb_program() -> Path:
    """The ``duckdb`` on PATH, else that of PyPI's ``duckdb-cli``. Raises ``NotFoundError`` without either."""
    on_path = shutil.which("duckdb")
    if on_path is not None:
        return _unwrapped(Path(on_path))
    packaged = _packaged()
    if packaged is None:
        raise NotFoundError(
            "there is no duckdb program: it was looked for on PATH, and as the package duckdb-cli of "
            f"{sys.executable}. Install it with: pip install 'rasteret-sql[shell]'"
        )
    return packaged


def _packaged() -> Path | None:
    spec = find_spec("duckdb_cli")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).with_name("duckdb")
    return program if program.is_file() else None


def _unwrapped(program: Path) -> Path:
    """The program behind a script of ``duckdb-cli``, asked of the Python that the script names."""
    with program.open("rb") as file:
        head = file.read(4096)
    if not head.startswith(b"#!") or WRAPPER not in head:
        return program
    python = head[2:].split(b"\n", 1)[0].decode().strip()
    tell = "import duckdb_cli, pathlib; print(pathlib.Path(duckdb_cli.__file__).with_name('duckdb'), end='')"
    found = subprocess.run([python, "-c", tell], capture_output=True, text=True, check=False)
    inside = Path(found.stdout) if found.returncode == 0 else program
    return inside if inside.is_file() else program
