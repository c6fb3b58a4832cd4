"""Kernels for tests of the shell: echoes, what Python saw, failures, and how many run at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arrow.arrays import array_of
from rasteret_sql.duck.register.kernel_table import Kernel

ECHOED = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "utinyint": "UTINYINT",
    "usmallint": "USMALLINT",
    "uinteger": "UINTEGER",
    "ubigint": "UBIGINT",
    "hugeint": "HUGEINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "varchar": "VARCHAR",
    "blob": "BLOB",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamp_s": "TIMESTAMP_S",
    "timestamp_ms": "TIMESTAMP_MS",
    "timestamp_ns": "TIMESTAMP_NS",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "list": "INTEGER[]",
    "list_of_text": "VARCHAR[]",
    "list_of_lists": "DOUBLE[][]",
    "array": "DOUBLE[6]",
    "array_of_text": "VARCHAR[2]",
    "struct": "STRUCT(a INTEGER, b VARCHAR)",
    "list_of_structs": "STRUCT(a INTEGER, b VARCHAR[], c BOOLEAN)[]",
    "map": "MAP(VARCHAR, INTEGER)",
    "map_of_structs": "MAP(VARCHAR, STRUCT(href VARCHAR, roles VARCHAR[]))",
    "deep": "STRUCT(l STRUCT(m MAP(VARCHAR, DOUBLE[3]), n BLOB[])[], o STRUCT(p UBIGINT[]))",
}
"""Name of the echo, and the type that goes out as it came in."""

_lock = threading.Lock()
_now = 0


def _echo(column: Any) -> Any:
    return column


def seen(column: Any) -> Any:
    """What Python has of every value."""
    in_nanoseconds = pa.types.is_timestamp(column.type) and column.type.unit == "ns"
    # Python's own datetime ends at microseconds; pyarrow would ask for pandas
    values = [value.value for value in column] if in_nanoseconds else column.to_pylist()
    return array_of([repr(value) for value in values], "VARCHAR")


def arrow_type(column: Any) -> Any:
    """The Arrow type as which a column came."""
    return array_of([str(column.type)] * len(column), "VARCHAR")


def row_count(column: Any) -> Any:
    """How many rows the batch of each row has."""
    return array_of([len(column)] * len(column), "BIGINT")


def at_once(column: Any) -> Any:
    """How many calls of this kernel ran when this one did, at most."""
    global _now
    with _lock:
        _now += 1
    most = 0
    for _ in range(20):
        time.sleep(0.005)
        most = max(most, _now)
    with _lock:
        _now -= 1
    return array_of([most] * len(column), "BIGINT")


def fault(column: Any) -> Any:
    """A fault of the package's own."""
    raise KeyError("no such thing")


def leave(column: Any) -> Any:
    """Code that wants to end the process."""
    raise SystemExit(3)


def too_few(column: Any) -> Any:
    """Fewer values than rows."""
    return array_of([1], "BIGINT")


def other_type(column: Any) -> Any:
    """Another type than is declared."""
    return pa.nulls(len(column), pa.int64()).fill_null(0).cast(pa.int8())


def _named(name: str, returns: str) -> Kernel:
    return Kernel(name=name, serves=name, returns=returns, module=__name__)


def __getattr__(name: str) -> Callable[[Any], Any]:
    if name.startswith("echo_"):
        return _echo
    raise AttributeError(name)


KERNELS = [
    *(_named(f"echo_{name}", returns) for name, returns in ECHOED.items()),
    _named("seen", "VARCHAR"),
    _named("arrow_type", "VARCHAR"),
    _named("row_count", "BIGINT"),
    _named("at_once", "BIGINT"),
    _named("fault", "BIGINT"),
    _named("leave", "BIGINT"),
    _named("too_few", "BIGINT"),
    _named("other_type", "BIGINT"),
]
