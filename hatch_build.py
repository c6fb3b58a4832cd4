"""Builds into the wheel: the macros as a database file, the decoding kernel, and the shell's extension.

The macros need DuckDB, and NumPy, which DuckDB wants when it is given a function. The file is the same for
all platforms. Where it is missing, the first process that connects makes it.

Kernel and extension are compiled with the C compiler of PyPI's ``ziglang``. A wheel with them holds libraries
for its platform and no Python code that was compiled, so it is tagged ``py3-none-PLATFORM``. On other
platforms, or where ``RASTERET_NO_EXTENSION`` is set, the wheel is a pure one: without a shell, and Python
decodes. An editable install gets the libraries too, but does without where they cannot be built.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHELL = Path("rasteret_sql", "shell")
LIBRARY = SHELL / "rasteret.duckdb_extension"
"""DuckDB takes the name of the entry point from the name of the file."""
NATIVE = Path("rasteret_sql", "codec", "native")
KERNEL = NATIVE / "decode.so"
API_VERSION = "v1.2.0"
FOOTER_FIELD, SIGNATURE = 32, 256


class Target(NamedTuple):
    """One platform that DuckDB has a shell for."""

    duckdb: str
    """As DuckDB calls it."""
    zig: str
    """As the compiler calls it: with the oldest C library that the result runs with."""
    wheel: str
    """As wheels call it."""


TARGETS = {
    ("linux", "x86_64"): Target(
        duckdb="linux_amd64", zig="x86_64-linux-gnu.2.17", wheel="manylinux_2_17_x86_64.manylinux2014_x86_64"
    ),
    ("linux", "aarch64"): Target(
        duckdb="linux_arm64",
        zig="aarch64-linux-gnu.2.17",
        wheel="manylinux_2_17_aarch64.manylinux2014_aarch64",
    ),
    ("darwin", "x86_64"): Target(duckdb="osx_amd64", zig="x86_64-macos.11.0", wheel="macosx_11_0_x86_64"),
    ("darwin", "arm64"): Target(duckdb="osx_arm64", zig="aarch64-macos.11.0", wheel="macosx_11_0_arm64"),
}


def target_here() -> Target | None:
    """The platform that this runs on; None where there is no shell for it, or one with another C library."""
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        return None
    return TARGETS.get((sys.platform, platform.machine()))


def footer(target: Target, version: str) -> bytes:
    """What DuckDB reads before it loads a library: eight fields, last to first, and room for a signature."""
    fields = ("4", target.duckdb, API_VERSION, version, "C_STRUCT", "", "", "")
    packed = b"".join(text.encode().ljust(FOOTER_FIELD, b"\0") for text in reversed(fields))
    return packed + bytes(SIGNATURE)


def build(root: Path, target: Target, version: str) -> Path:
    """Compile ``shell/loader`` and write the library beside it."""
    sources = sorted((root / SHELL / "loader").glob("*.c"))
    library = root / LIBRARY
    library.write_bytes(compiled(target, sources, "-O2", "-D_GNU_SOURCE") + footer(target, version))
    return library


def build_kernel(root: Path, target: Target) -> Path:
    """Compile ``codec/native`` and write the library beside it."""
    # comparisons with nodata are NumPy's: nothing is contracted
    arithmetic = ("-O3", "-ffp-contract=off", "-fno-strict-aliasing")
    library = root / KERNEL
    library.write_bytes(compiled(target, sorted((root / NATIVE).glob("*.c")), *arithmetic))
    return library


def compiled(target: Target, sources: Sequence[Path], *options: str) -> bytes:
    """A shared library of these sources."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "library.so")
        command = [
            *(sys.executable, "-m", "ziglang", "cc", "-target", target.zig, "-std=gnu11", *options),
            *("-s", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"),
            *("-o", library, *sources),
        ]
        # the compiler keeps its cache where it can write
        environment = {"ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder, **os.environ}
        found = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if found.returncode:
            raise RuntimeError(f"{sources[0].parent} does not compile:\n{found.stderr}")
        return library.read_bytes()


def build_macros(root: Path) -> Path:
    """Make the database file of the macros, in a process that imports the package from here."""
    code = "from rasteret_sql.duck.register.macro_file import make; print(make(), end='')"
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if found.returncode:
        raise RuntimeError(f"the macros do not become a database:\n{found.stderr}")
    return Path(found.stdout)


class BuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs for wheels, editable ones included."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self._add_macros(version, build_data)
        self._add_libraries(version, build_data)

    def _add_macros(self, version: str, build_data: dict[str, Any]) -> None:
        try:
            file = build_macros(Path(self.root))
        except (OSError, RuntimeError) as error:
            if version != "editable":
                raise
            self.app.display_warning(f"the macros are made by the first process that connects: {error}")
            return
        if version != "editable":
            build_data["artifacts"].append(str(file.relative_to(self.root)))

    def _add_libraries(self, version: str, build_data: dict[str, Any]) -> None:
        target = target_here()
        if target is None or os.environ.get("RASTERET_NO_EXTENSION"):
            self.app.display_warning("without the extension for the DuckDB shell; Python decodes")
            return
        try:
            build(Path(self.root), target, self.metadata.version)
            build_kernel(Path(self.root), target)
        except (OSError, RuntimeError) as error:
            if version != "editable":
                raise
            self.app.display_warning(
                f"without the extension for the DuckDB shell, or Python decodes: {error}"
            )
            return
        if version != "editable":
            build_data["artifacts"] += [str(LIBRARY), str(KERNEL)]
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{target.wheel}"
