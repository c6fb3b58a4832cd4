"""The official ``duckdb`` program: found, and started with everything loaded."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from rasteret_sql import __version__
from rasteret_sql.errors import NotFoundError, UnsupportedError
from rasteret_sql.shell.libpython import advice, libpython
from rasteret_sql.shell.library import init_statements

WRAPPER = b"duckdb_cli"
"""PyPI's ``duckdb-cli`` puts a Python script on PATH, which a Ctrl-C ends; the program is in its package."""
OLDEST = (1, 5, 2)
"""Before, DuckDB's API does not tell what a GEOMETRY is."""
RUNS_AND_ENDS = frozenset({"-c", "-s", "-f", "-no-stdin", "-version", "-help"})
GREETING = f"rasteret {__version__}: FROM rasteret_functions() lists the functions, with examples."


def run(arguments: Sequence[str]) -> NoReturn:
    """Become the DuckDB shell with these arguments of its own.

    The functions are there before anything that the arguments ask for, and after the user's ``~/.duckdbrc``.
    """
    program, command = _command(arguments, ())
    os.execve(program, command, {**os.environ, "RASTERET_PYTHON": sys.executable})


def run_beside(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], statements: Sequence[str]
) -> int:
    """Run the shell in ``folder`` while this process goes on, and give its exit code.

    ``statements`` come before anything that the arguments ask for. Ctrl-C is the shell's alone.
    """
    _, command = _command(arguments, statements)
    environ = {**os.environ, "RASTERET_PYTHON": sys.executable, **environment}
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        shell = subprocess.Popen(
            command, cwd=folder, env=environ, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        )
        return shell.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def _command(arguments: Sequence[str], statements: Sequence[str]) -> tuple[str, list[str]]:
    """The program, and it with its arguments."""
    program = str(duckdb_program())
    _check(program)
    command = [program, "-unsigned"]
    for statement in (*init_statements(), *statements):
        command += ["-cmd", statement]
    if _talks(arguments):
        command += ["-cmd", f".print {GREETING}"]
    return program, [*command, *arguments]


def _check(program: str) -> None:
    """Report in advance, once and in full, what would make LOAD fail."""
    output = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)\.(\d+)", output)
    if version is not None and tuple(map(int, version.groups())) < OLDEST:
        raise UnsupportedError(
            f"{program} is DuckDB {version[0]}, and {'.'.join(map(str, OLDEST))} or later is needed; "
            "pip install --upgrade duckdb-cli has it, where no other duckdb comes first on PATH"
        )
    if libpython() is None:
        raise UnsupportedError(advice())


def _talks(arguments: Sequence[str]) -> bool:
    """Whether somebody sits before the shell."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return terminal and not RUNS_AND_ENDS & {argument.replace("--", "-", 1) for argument in arguments}


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
    completed = subprocess.run([python, "-c", tell], capture_output=True, text=True, check=False)
    inside = Path(completed.stdout) if completed.returncode == 0 else program
    return inside if inside.is_file() else program
