"""Types are read as DuckDB reads them, without DuckDB."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from rasteret_sql.duck.arrow.duck_types import DuckType, declared
from rasteret_sql.duck.register.kernel_table import kernels


def same(found: DuckType, oracle: Any) -> bool:
    """Name, nesting, names of fields and sizes."""
    nested = oracle.children if oracle.id in ("struct", "list", "array", "map") else []
    size = dict(nested).get("size", 0) if oracle.id == "array" else 0
    children = {name: child for name, child in nested if oracle.id != "array" or name != "size"}
    return (
        found.id == oracle.id
        and list(found.children) == list(children)
        and found.size == size
        and all(same(found.children[name], child) for name, child in children.items())
    )


@pytest.mark.parametrize("kernel", kernels().values(), ids=lambda kernel: kernel.name)
def test_the_types_of_kernels(kernel: Any) -> None:
    found = declared(kernel.result_type)
    assert same(found, duckdb.type(kernel.result_type))
    assert same(declared(found.text), duckdb.type(kernel.result_type)), "its text says the same"


@pytest.mark.parametrize(
    "text",
    [
        "integer",
        "TIMESTAMPTZ",
        "TIMESTAMP WITH TIME ZONE[]",
        'STRUCT("a b" INTEGER, "say ""x""" DOUBLE[6][])',
        "MAP(VARCHAR, STRUCT(a MAP(INTEGER, BLOB)[]))",
    ],
)
def test_other_types(text: str) -> None:
    assert same(declared(text), duckdb.type(text))


@pytest.mark.parametrize(
    "text", ["", "STRUCT(a", "INTEGER]", "MAP(VARCHAR)", "INTEGER;", "STRUCT(a INTEGER) b )"]
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(SyntaxError, match="not a type"):
        declared(text)
