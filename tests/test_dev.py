"""The developer's command, as far as it can be tried without installing anything."""

from __future__ import annotations

import importlib.machinery
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

DEV = Path(__file__).resolve().parents[1] / "dev"


@pytest.fixture(scope="module")
def dev() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("dev", str(DEV))
    module = ModuleType(loader.name)
    module.__file__ = str(DEV)
    loader.exec_module(module)
    return module


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(DEV), *arguments], capture_output=True, text=True, check=False)


def test_help_names_every_command(dev: ModuleType) -> None:
    shown = run("--help")
    assert shown.returncode == 0
    for command in dev.COMMANDS:
        assert f"./dev {command}" in shown.stdout


def test_no_command_shows_the_help_and_fails() -> None:
    shown = run()
    assert shown.returncode == 2
    assert "./dev test" in shown.stdout


def test_an_unknown_command_is_named_with_those_there_are() -> None:
    shown = run("deploy")
    assert shown.returncode == 2
    commands = "demo, test, data, check, docs, fuzz, differential, soak, bench, package, lock"
    assert f"no command 'deploy'; there are {commands}" in shown.stderr


def test_duckdb_needs_a_version() -> None:
    shown = run("test", "--duckdb")
    assert shown.returncode == 2
    assert "--duckdb needs a version, such as 1.5" in shown.stderr


@pytest.mark.parametrize(
    ("asked", "folder", "requirement"),
    [
        (None, ".venv", []),
        ("1.5", ".venv-duckdb-1.5", ["duckdb==1.5.*"]),
        ("==1.5.*", ".venv-duckdb-1.5", ["duckdb==1.5.*"]),
        ("~=2.0", ".venv-duckdb-2.0", ["duckdb~=2.0"]),
    ],
)
def test_each_duckdb_has_an_environment_of_its_own(
    dev: ModuleType, asked: str | None, folder: str, requirement: list[str]
) -> None:
    assert dev.pinned(asked) == (folder, requirement)


def test_an_environment_is_installed_once_for_its_groups_and_project_file(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("numpy==2.4.6\n")
    installs: list[tuple[str, ...]] = []

    def installed(*command: object, cwd: Path = tmp_path) -> None:
        installs.append(tuple(str(part) for part in command))

    def made(venv: Path) -> None:
        venv.mkdir()

    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "LOCK", tmp_path / "constraints.txt")
    monkeypatch.setattr(dev, "must", installed)
    monkeypatch.setattr(dev, "make_venv", made)
    monkeypatch.setattr(dev, "works", lambda *command: (tmp_path / ".venv").exists())

    python = dev.environment({"test"})
    assert python == dev.python_in(tmp_path / ".venv")
    assert len(installs) == 2
    assert installs[-1][-4:] == ("--editable", ".", "--group", "test")
    dev.environment({"test"})
    dev.environment(set())
    assert len(installs) == 2
    dev.environment({"check"})
    assert installs[-1][-4:] == ("--group", "check", "--group", "test")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    dev.environment(set())
    assert len(installs) == 6
    (tmp_path / "constraints.txt").write_text("numpy==2.5.5\n")
    dev.environment(set())
    assert len(installs) == 8
    for command in installs:
        assert command[command.index("--constraint") + 1] == str(tmp_path / "constraints.txt")


def test_another_duckdb_lies_above_the_same_environment(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / ".venv" / "bin" / "python"
    installs: list[tuple[str, ...]] = []

    def must(*command: object, cwd: Path = tmp_path) -> None:
        installs.append(tuple(str(part) for part in command))

    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "environment", lambda groups: base)
    monkeypatch.setattr(dev, "must", must)
    monkeypatch.setattr(dev, "make_venv", lambda venv, this: venv.mkdir())
    monkeypatch.setattr(dev, "works", lambda *command: True)
    sites = {"above": tmp_path / ".venv-duckdb-1.5", "base": tmp_path / ".venv" / "site"}
    monkeypatch.setattr(
        dev.subprocess, "check_output",
        lambda command, text: f"{sites['base' if command[0] == base else 'above']}\n",
    )  # fmt: skip
    python = dev.above(base, tmp_path / ".venv-duckdb-1.5", "duckdb==1.5.*")
    assert python == dev.python_in(tmp_path / ".venv-duckdb-1.5")
    assert [command[-1] for command in installs] == ["duckdb==1.5.*"]
    assert repr(str(sites["base"])) in (tmp_path / ".venv-duckdb-1.5" / "base.pth").read_text()
    dev.above(base, tmp_path / ".venv-duckdb-1.5", "duckdb==1.5.*")
    assert len(installs) == 1


def test_a_failed_installation_is_not_taken_for_a_good_one(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "installed.txt").write_text("old\n")
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "LOCK", tmp_path / "constraints.txt")
    monkeypatch.setattr(dev, "works", lambda *command: True)
    monkeypatch.setattr(dev, "run", lambda *command, cwd=None: 7)
    with pytest.raises(dev.SetupError, match="exit code 7"):
        dev.environment({"test"})
    assert not (tmp_path / ".venv" / "installed.txt").exists()


def test_checks_all_run_and_any_failure_counts(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []

    def outcome(*command: object, cwd: Path | None = None) -> int:
        ran.append(" ".join(str(part) for part in command))
        return 1 if "mypy" in ran[-1] else 0

    monkeypatch.setattr(dev, "environment", lambda groups, duckdb: Path("bin/python"))
    monkeypatch.setattr(dev, "run", outcome)
    assert dev.check([], None) == 1
    assert len(ran) == 4
    assert "failed: types" in capsys.readouterr().err


def test_every_dependency_is_locked(dev: ModuleType) -> None:
    """What pyproject.toml names has a version in constraints.txt that the oldest Python can have."""
    project = tomllib.loads((DEV.parent / "pyproject.toml").read_text())
    named = [*project["project"]["dependencies"], *project["build-system"]["requires"], "pip"]
    for group in (
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ):
        named += group
    locked = re.findall(r"^([^\s=#]+)==[^\s;]+", dev.LOCK.read_text(), re.MULTILINE)
    assert {dev.canonical(re.split(r"[\s<>=!~\[;]", name)[0]) for name in named} <= set(locked)


def test_newer_versions_are_named(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"Foo_Bar": "2.0", "same": "1.1", "new": "3", "rasteret-sql": "0.1.0"}
    listed = json.dumps([{"name": name, "version": version} for name, version in installed.items()])
    monkeypatch.setattr(dev.subprocess, "check_output", lambda *_, **__: listed)
    lock = tmp_path / "constraints.txt"
    lock.write_text(LOCKED)
    monkeypatch.setattr(dev, "LOCK", lock)
    assert dev.differences(Path("python")) == ["foo-bar 1.0 -> 2.0", "new (new) -> 3"]


LOCKED = """\
# a comment
foo-bar==1.0
same==1.0 ; python_full_version < '3.12'
same==1.1 ; python_full_version >= '3.12'
"""
