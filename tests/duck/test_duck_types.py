"""The types of all kernels, taken apart by us and by DuckDB."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from rasteret_sql.duck.duck_types import DuckType, declared
from rasteret_sql.duck.kernels import Kernel, kernels


def by_duckdb(kind: Any) -> tuple[Any, ...]:
    nested = dict(kind.children) if kind.id in ("struct", "list", "array", "map") else {}
    size = nested.pop("size", 0)
    return (kind.id, size, [(name, by_duckdb(child)) for name, child in nested.items()])


def by_us(kind: DuckType) -> tuple[Any, ...]:
    return (kind.id, kind.size, [(name, by_us(child)) for name, child in kind.children.items()])


@pytest.mark.parametrize("kernel", kernels().values(), ids=lambda kernel: kernel.name)
def test_a_declared_type_has_the_parts_that_duckdb_sees(kernel: Kernel) -> None:
    found = declared(kernel.result_type)
    assert by_us(found) == by_duckdb(duckdb.type(kernel.result_type))
    assert str(duckdb.type(found.text)) == str(duckdb.type(kernel.result_type))
