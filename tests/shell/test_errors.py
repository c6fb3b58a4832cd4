"""What a user of the shell reads when something is wrong, to the letter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rasteret_sql.shell.library import UNSIGNED, init_sql, library
from rasteret_sql.shell.program import duckdb_program
from tests.shell.shells import COMMAND, environment, run
from tests.stac.serving import Answer, api, item, page, serving


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "FROM read_cog('/nowhere/scene.tif')",
            "Invalid Input Error: read_cog: /nowhere/scene.tif: there is no such file.",
        ),
        (
            "FROM '/nowhere/scene.tif'",
            "Invalid Input Error: read_cog_tiles: /nowhere/scene.tif: there is no such file.",
        ),
        (
            "SET rasteret_max_concurrency = 'many'; FROM rasteret_settings()",
            "Invalid Input Error: Setting max_concurrency is 'many'; it must be a whole number of requests.",
        ),
    ],
)
def test_an_error_says_what_we_say(query: str, message: str) -> None:
    found = run(f"{query};\n")
    assert (found.returncode, found.stdout, found.stderr) == (1, "", f"{message}\n")


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        ("fault", "fault: failed unexpectedly (KeyError: 'no such thing')"),
        ("leave", "leave: failed unexpectedly (SystemExit: 3)"),
        ("too_few", "the kernel gave another number of rows than it got"),
        ("other_type", "the kernel's Arrow type is not that of its declared DuckDB type"),
    ],
)
def test_a_fault_of_ours_ends_the_query_and_not_the_shell(kernel: str, message: str) -> None:
    script = f"SELECT _rasteret_{kernel}(i) FROM range(3) AS r(i);\nSELECT 'still here' AS said;\n"
    found = subprocess.run(
        [*COMMAND, "-csv"],
        input=script,
        capture_output=True,
        text=True,
        env=environment(kernels=True),
        check=False,
    )
    assert found.stderr == f"Invalid Input Error: {message}\n"
    assert found.stdout == "said\n'still here'\n".replace("'", "")


def start_duckdb(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The program as its users start it, without rasteret-sql."""
    return subprocess.run(
        [str(duckdb_program()), *options],
        capture_output=True,
        text=True,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        check=False,
    )


@pytest.fixture
def init_file(tmp_path: Path) -> Path:
    file = tmp_path / "init.sql"
    file.write_text(init_sql(), "utf-8")
    return file


def test_an_init_file_and_a_line_in_duckdbrc_do_the_same(init_file: Path, tmp_path: Path) -> None:
    query = ("-csv", "-c", "SELECT count(*) > 5 AS there FROM rasteret_functions()")
    assert start_duckdb("-unsigned", "-init", str(init_file), *query).stdout == "there\ntrue\n"
    (tmp_path / ".duckdbrc").write_text(f".read {init_file}\n")
    assert start_duckdb("-unsigned", *query, HOME=str(tmp_path)).stdout == "there\ntrue\n"


def test_unsigned_extensions_have_to_be_allowed(init_file: Path) -> None:
    found = start_duckdb("-init", str(init_file), "-csv", "-c", "SELECT 1")
    assert (found.returncode, found.stdout) == (1, "")
    assert f"Invalid Input Error: {UNSIGNED}\n" in found.stderr
    assert found.stderr.count("Error: ") == 1
    assert "-unsigned" in UNSIGNED


def test_a_python_without_a_shared_library_is_told_what_to_do(tmp_path: Path) -> None:
    """One whose build names no shared library, and has none beside it: a static program."""
    static = tmp_path / "python3"
    static.write_text(
        f"#!{sys.executable}\n"
        "import sys, sysconfig, runpy\n"
        "sysconfig.get_config_var = {'LDLIBRARY': 'libpython3.11.a', 'LIBDIR': '/usr/none'}.get\n"
        f"sys.base_prefix, sys.executable = {str(tmp_path)!r}, {str(static)!r}\n"
        "runpy.run_path(sys.argv[-1], run_name='__main__')\n"
    )
    static.chmod(0o755)
    found = start_duckdb("-unsigned", "-c", f"LOAD '{library()}'", RASTERET_PYTHON=str(static))
    assert f"rasteret: the Python {static} (" in found.stderr
    for advice in ("has no shared library", "apt install libpython3", "--enable-shared", "uv and conda"):
        assert advice in found.stderr


def test_a_python_without_the_package_is_told_what_to_do(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "empty")], check=True)
    python = tmp_path / "empty" / "bin" / "python3"
    found = start_duckdb("-unsigned", "-c", f"LOAD '{library()}'", RASTERET_PYTHON=str(python), PYTHONPATH="")
    assert "rasteret: the Python package does not start: No module named 'rasteret_sql'" in found.stderr
    assert "Set RASTERET_PYTHON" in found.stderr


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("python3", "RASTERET_PYTHON is python3, where a whole path such as /usr/bin/python3 was expected"),
        ("/nowhere/python3", "/nowhere/python3 could not be run"),
    ],
)
def test_a_wrong_python_is_refused(python: str, message: str) -> None:
    found = start_duckdb("-unsigned", "-c", f"LOAD '{library()}'", RASTERET_PYTHON=python)
    assert message in found.stderr


def test_too_old_a_duckdb_is_refused_before_it_starts(tmp_path: Path) -> None:
    old = tmp_path / "duckdb"
    old.write_text("#!/bin/sh\necho 'v1.4.4 (Andium) 0123456789'\n")
    old.chmod(0o755)
    found = subprocess.run(
        [*COMMAND, "-c", "SELECT 1"],
        capture_output=True,
        text=True,
        env=environment(PATH=str(tmp_path)),
        check=False,
    )
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == (
        f"rasteret-sql: {old} is DuckDB v1.4.4, and 1.5.2 or later is needed; "
        "pip install --upgrade duckdb-cli has it, where no other duckdb comes first on PATH\n"
    )


def test_without_a_duckdb_program_the_command_says_how_to_get_one(tmp_path: Path) -> None:
    hidden = (
        "import sys; sys.modules['duckdb_cli'] = None\n"
        "from rasteret_sql.__main__ import main; sys.exit(main(['shell']))"
    )
    found = subprocess.run(
        [sys.executable, "-c", hidden],
        capture_output=True,
        text=True,
        env=environment(PATH=str(tmp_path)),
        check=False,
    )
    assert found.returncode == 1
    assert "pip install 'rasteret-sql[shell]'" in found.stderr
    assert os.path.basename(sys.executable) in found.stderr


def test_a_notice_is_one_line_beside_the_rows() -> None:
    handler = api(search=lambda server, asked: Answer(body=page(item("a"), item("b"))))
    with serving(handler) as server:
        found = run(f"SELECT id FROM stac_search('{server.url}/', max_items := 1);" * 2, "-csv")
    assert (found.returncode, found.stdout.split()) == (0, ["id", "a", "id", "a"])
    assert found.stderr.splitlines() == ["stac_search: cut to max_items := 1, but more may match"] * 2
