"""The layout of the package: small folders, no circles, and a layer for each room. Every import counts, those
inside of functions and for type checkers too."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "rasteret_sql"
MAX_MODULES = 22
"""In one folder, its ``__init__`` not counted."""

Graph = Mapping[str, set[str]]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in PACKAGE.rglob("*.py")}
PACKAGES = sorted(name for name, path in FILES.items() if path.name == "__init__.py")


def imported(tree: ast.AST, modules: Iterable[str]) -> set[str]:
    """Those of ``modules`` that are imported anywhere in a file; of a package, the module that is named."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else node.module or "" for name in names}
    return found & set(modules)


@cache
def imports() -> Graph:
    """The modules that each module imports."""
    trees = {name: ast.parse(path.read_text("utf-8")) for name, path in FILES.items()}
    return {name: imported(tree, FILES) - {name} for name, tree in trees.items()}


def circle(graph: Graph) -> list[str] | None:
    """One circle, in the order of its imports; None where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]
    return None


def rooms(graph: Graph, package: str) -> Graph:
    """What stands directly in a package, and which of it needs which: a package within it is one thing."""

    def room(module: str) -> str:
        return ".".join(module.split(".")[: package.count(".") + 2])

    found: dict[str, set[str]] = {}
    for module, needed in graph.items():
        if module.startswith(f"{package}."):
            mine = found.setdefault(room(module), set())
            mine |= {room(other) for other in needed if other.startswith(f"{package}.")} - {room(module)}
    return found


def test_a_circle_is_found() -> None:
    lazy = ast.parse("def later():\n    from package.b import name\n")
    typed = ast.parse("if TYPE_CHECKING:\n    from package import a\n")
    modules = ["package", "package.a", "package.b"]
    graph = {"package.a": imported(lazy, modules), "package.b": imported(typed, modules)}
    assert graph == {"package.a": {"package.b"}, "package.b": {"package.a"}}
    assert sorted(set(circle(graph) or ())) == ["package.a", "package.b"]
    assert circle({"package.a": {"package.b"}, "package.b": set()}) is None


def test_rooms_in_a_circle_are_found_where_their_modules_are_in_none() -> None:
    graph = {"p.a.one": {"p.b.one"}, "p.b.one": set(), "p.b.two": {"p.a.two"}, "p.a.two": set()}
    assert circle(graph) is None
    assert circle(rooms(graph, "p")) is not None


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(imports()) is None


@pytest.mark.parametrize("package", PACKAGES)
def test_no_rooms_need_each_other_in_a_circle(package: str) -> None:
    """Within one folder a module is a room, and so is a package with all that is in it."""
    modules = {name: needed for name, needed in imports().items() if name not in PACKAGES}
    assert circle(rooms(modules, package)) is None


@pytest.mark.parametrize("package", PACKAGES)
def test_folders_are_small(package: str) -> None:
    modules = [path.name for path in FILES[package].parent.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MAX_MODULES


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_has_a_layer(package: str) -> None:
    """A package in a package is named by the layers of ``lint-imports``."""
    inside = {name for name in PACKAGES if name.rpartition(".")[0] == package}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = {
        f"{container}.{name}".lstrip(".")
        for contract in contracts
        if contract["type"] == "layers"
        for container in contract.get("containers", [""])
        for layer in contract["layers"]
        for name in layer.split(" | ")
    }
    assert inside <= layers
