"""The kernels in the DuckDB shell: what the loadable extension calls, in the interpreter that it started.

The extension (``shell/loader``) knows five functions of this module. Columns cross as Arrow arrays of the C
data interface, by address; answers are text, empty when all went well, because an exception has no way
through C.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from rasteret_sql import settings
from rasteret_sql.duck.arguments import untouched
from rasteret_sql.duck.register import macro_file
from rasteret_sql.duck.register.allowed import access
from rasteret_sql.duck.register.kernel_table import NUMBER, PREFIX, SHELLS, Kernel, kernels, told, unexpected
from rasteret_sql.duck.sql_files import CATALOG
from rasteret_sql.errors import RasteretError
from rasteret_sql.notices import speak_to_shell
from rasteret_sql.raster.algebra.sql import duckdb_version
from rasteret_sql.store.access import Access

RECORD, FIELD = "\x1e", "\x1f"

_counter = 0
"""Address of the number of times that Ctrl-C was pressed; 0 where signals come to Python itself."""
_said: dict[str, str | None] = {}
"""Settings as SQL set them: what others said since is not overruled by what SQL said before."""


def begin(counter: int, ours: int, version: str) -> str:
    """Called once: the address at which Ctrl-C is counted, whether the extension started this Python, and
    DuckDB's version.
    """
    global _counter
    _counter = counter if ours else 0
    duckdb_version.follow(version)
    if ours:
        speak_to_shell()
    return ""


def declarations() -> str:
    """Kernels with the DuckDB type of their answer, settings with their description, what attaches macros."""
    declared = [(_kind(kernel), kernel.name, kernel.result_type) for kernel in kernels().values()]
    declared.append(("kernel", NUMBER.removeprefix(PREFIX), told(SHELLS)))
    declared += [("setting", name, description) for name, _, _, _, description in settings.describe()]
    if (file := macro_file.ready()) is not None:
        declared.append(("macros", CATALOG, macro_file.attachment(file)))
    return RECORD.join(FIELD.join(fields) for fields in declared)


def _kind(kernel: Kernel) -> str:
    return "kernel" if kernel.volatile else "pure kernel"


def call(
    name: str,
    hardening: str,
    count: int,
    schemas: int,
    schema_size: int,
    arrays: int,
    array_size: int,
    schema: int,
    array: int,
) -> str:
    """Run a kernel on ``count`` columns, whose Arrow schemas and arrays lie one after another.

    ``hardening`` says what DuckDB's settings allow to be opened. The answer is left at ``schema`` and
    ``array``. Nothing is raised, whatever happens.
    """
    kernel = kernels()[name]
    try:
        places = [(arrays + i * array_size, schemas + i * schema_size) for i in range(count)]
        _run(kernel, places, hardening)._export_to_c(array, schema)
    except RasteretError as error:
        untouched.all_failed()
        return kernel.message(error)
    except BaseException as error:  # a fault of ours must not end the user's shell
        untouched.all_failed()
        return kernel.message(RasteretError(unexpected(error)))
    return ""


def _run(kernel: Any, places: Sequence[tuple[int, int]], hardening: str) -> Any:
    import pyarrow as pa

    columns = [pa.Array._import_from_c(array, schema) for array, schema in places]
    if not _counter:
        return kernel.run(columns, partial(_access, hardening))
    presses = _presses()
    before = int(presses[0])
    return kernel.run(columns, partial(_access, hardening), lambda: int(presses[0]) != before)


@lru_cache(maxsize=8)
def _access(hardening: str) -> Access:
    """A record for each of DuckDB's settings, in which every value of a list has a field."""
    external, directories, paths, *disabled = hardening.split(RECORD)
    allowed = directories.split(FIELD)[1:], paths.split(FIELD)[1:]
    return access(external == "true", *allowed, frozenset(filter(None, disabled)))


@lru_cache(maxsize=1)
def _presses() -> Any:
    """The extension's own counter, as an array of one number that changes by itself."""
    import numpy as np
    import pyarrow as pa

    return np.frombuffer(pa.foreign_buffer(_counter, np.dtype(np.int32).itemsize), np.int32)


def ended() -> str:
    """Called when no query is under way any more."""
    untouched.all_ended()
    return ""


def change(name: str, value: str | None) -> str:
    """What ``SET rasteret_<name>`` says now; None where nothing was said."""
    if _said.get(name) == value:
        return ""
    try:
        settings.configure(**{name: value})
    except RasteretError as error:
        return str(error)
    _said[name] = value
    return ""
