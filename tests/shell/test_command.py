"""The ``rasteret-sql`` command."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from rasteret_sql import __version__
from rasteret_sql.__main__ import main
from rasteret_sql.shell import libpython, program
from rasteret_sql.shell.library import library
from tests.shell.shells import COMMAND, environment, run

SQL = "SELECT name FROM rasteret_functions() WHERE name = 'read_cog'"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("-csv", "-c", SQL), "name\nread_cog\n"),
        (("-json", "-c", SQL), '[{"name":"read_cog"}]\n'),
        (("-list", "-noheader", "-s", SQL), "read_cog\n"),
        ((":memory:", "-csv", SQL), "name\nread_cog\n"),
    ],
)  # fmt: skip
def test_duckdbs_options_are_duckdbs(options: tuple[str, ...], expected: str) -> None:
    found = subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, env=environment(), check=True
    )
    assert (found.stdout, found.stderr) == (expected, "")


def test_a_file_and_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "query.sql").write_text(SQL + ";\n")
    from_file = run("", "-json", "-f", str(tmp_path / "query.sql"))
    from_pipe = run(SQL + ";\n", "-json")
    assert json.loads(from_file.stdout) == json.loads(from_pipe.stdout) == [{"name": "read_cog"}]


def test_the_exit_code_is_duckdbs() -> None:
    assert run("SELECT no_such_column;\n").returncode == 1


def test_extension_path_prints_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["extension", "path"]) == 0
    assert capsys.readouterr().out == f"{library()}\n"
    assert library().name == "rasteret.duckdb_extension"


def test_the_library_lies_where_its_python_is() -> None:
    """Or where a link to it does, below the environment's own folder: so that LOAD finds the way back."""
    assert library().is_relative_to(sys.prefix)
    found = subprocess.run(
        [
            *(str(program.duckdb_program()), "-unsigned", "-csv", "-c", f"LOAD '{library()}'"),
            *("-c", "SELECT len(_rasteret_functions(0).value) > 5 AS there"),
        ],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert (found.stdout, found.stderr) == ("there\ntrue\n", "")


def test_the_library_is_small_and_runs_in_old_systems_with_any_python() -> None:
    library_bytes = library().read_bytes()
    assert len(library_bytes) < 100_000
    assert b"libpython3" not in library_bytes
    fields = [field.strip(b"\0") for field in struct.unpack("32s" * 8, library_bytes[-512:-256])]
    assert fields[3:6] == [b"C_STRUCT", __version__.encode(), b"v1.2.0"]
    versions = {int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", library_bytes)}
    assert max(versions, default=0) <= 17


def test_the_program_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "duckdb"
    mine.write_text('#!/bin/sh\necho "$@"\n')
    mine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert program.duckdb_program() == mine


def test_the_script_of_duckdb_cli_is_not_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end at Ctrl-C, and leave the shell alone at the terminal."""
    packaged = program._packaged()
    assert packaged is not None
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert program.duckdb_program() == packaged


def test_libpython_is_found_for_this_python() -> None:
    found = subprocess.run(
        [sys.executable, "-I", "-S", libpython.__file__], capture_output=True, text=True, check=True
    ).stdout
    assert found == libpython.libpython() or "has no shared library" in found
    assert "libpython3" in found
