"""The real files: listed, and fetched by address and digest."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parent / "data" / "fetch.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tests.data.fetch", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, spec.name, module)  # where dataclasses look for it
        spec.loader.exec_module(module)
    return module


DATA = b"II*\0 and so on"


def file_of(script: ModuleType, data: bytes) -> Any:
    return script.RealFile(
        name="maker/a.tif",
        url="https://example.org/a.tif",
        byte_count=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def test_a_file_is_fetched_once(script: ModuleType, tmp_path: Path) -> None:
    asked: list[str] = []

    def get(url: str) -> bytes:
        asked.append(url)
        return DATA

    for _ in range(2):
        assert script.fetch(file_of(script, DATA), tmp_path, get) is None
    assert asked == ["https://example.org/a.tif"]
    assert [path.name for path in (tmp_path / "maker").iterdir()] == ["a.tif"]
    assert (tmp_path / "maker/a.tif").read_bytes() == DATA


def test_a_file_that_is_damaged_is_fetched_again(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "maker").mkdir()
    (tmp_path / "maker/a.tif").write_bytes(DATA[::-1])
    assert script.fetch(file_of(script, DATA), tmp_path, lambda url: DATA) is None
    assert (tmp_path / "maker/a.tif").read_bytes() == DATA


def test_other_bytes_are_refused_and_not_written(script: ModuleType, tmp_path: Path) -> None:
    line = script.fetch(file_of(script, DATA), tmp_path, lambda url: DATA[::-1])
    assert line.startswith(f"maker/a.tif: https://example.org/a.tif has {len(DATA)} bytes with SHA-256 ")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_reached_is_named(script: ModuleType, tmp_path: Path) -> None:
    def get(url: str) -> bytes:
        raise ConnectionRefusedError("nobody there")

    line = script.fetch(file_of(script, DATA), tmp_path, get)
    assert line == "maker/a.tif: https://example.org/a.tif could not be read: nobody there"


def test_the_list_is_complete(script: ModuleType) -> None:
    files = list(script.listed())
    assert len({file.name for file in files}) == len(files) == 88
    assert all(len(file.sha256) == 64 and file.byte_count > 0 for file in files)
    assert all(file.url.startswith("https://raw.githubusercontent.com/") for file in files)


def test_the_real_files_are_those_of_the_list(script: ModuleType, shared_data: Path) -> None:
    def nothing(url: str) -> bytes:
        raise AssertionError(f"{url} is not there, or other bytes are")

    assert [script.fetch(file, shared_data / "cog", nothing) for file in script.listed()] == [None] * 88
