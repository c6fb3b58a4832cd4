"""Expressions mean what they mean in DuckDB: the same text over the same numbers, in DuckDB and here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.expression import compile_expression

TYPES = {
    "u1": ("UTINYINT", "uint8"),
    "u2": ("USMALLINT", "uint16"),
    "u4": ("UINTEGER", "uint32"),
    "u8": ("UBIGINT", "uint64"),
    "i1": ("TINYINT", "int8"),
    "i2": ("SMALLINT", "int16"),
    "i4": ("INTEGER", "int32"),
    "i8": ("BIGINT", "int64"),
    "f4": ("FLOAT", "float32"),
    "f8": ("DOUBLE", "float64"),
}
WHOLE = tuple(name for name in TYPES if name[0] in "ui")
NARROW = ("u1", "u2", "i1", "i2", "i4")
"""Whose products with decimals stay within the 18 digits that are exact here."""
DTYPES = {duck: dtype for duck, dtype in TYPES.values()} | {"BOOLEAN": "uint8"}
Arrays = dict[str, np.ndarray[Any, Any]]
NEWER = duckdb.__version__.startswith("2")


class Table:
    """Pixels of every type, some of them NULL, here and in DuckDB."""

    def __init__(self, con: duckdb.DuckDBPyConnection, data: Arrays, null: Arrays) -> None:
        self.con, self.data, self.null = con, data, null

    def here(self, text: str) -> tuple[str, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        expression = compile_expression(text)
        names = [name.name for name in expression.names]
        program = expression.bind(tuple(self.data[name].dtype.name for name in names))
        rows = len(self.data["u1"])
        data, null = program.run([self.data[n] for n in names], [self.null[n] for n in names], (rows,))
        return program.type, data, np.zeros(rows, bool) if null is None else null

    def there(self, text: str) -> tuple[str, list[Any]]:
        kind = self.con.execute(f"SELECT typeof({text}) FROM t").fetchone()
        rows = self.con.execute(f"SELECT {text} FROM t ORDER BY n").fetchall()
        return str(kind[0]) if kind else "", [value for (value,) in rows]

    def same(self, text: str, oracle: str | None = None, *, types: bool = True, rtol: float = 0) -> None:
        """The same NULLs and values, and the same type."""
        kind, values = self.there(text if oracle is None else oracle)
        own, data, null = self.here(text)
        assert [value is None for value in values] == null.tolist(), text
        if types:
            assert own == kind.partition("(")[0], text
        if own in DTYPES:
            assert data.dtype == DTYPES[own]
        for value, found in zip(values, data, strict=True):
            if value is not None:
                close(found.item(), value, rtol, text)


def close(found: Any, value: Any, rtol: float, text: str) -> None:
    if isinstance(found, float):
        np.testing.assert_allclose(found, float(value), rtol=max(rtol, 1e-15), err_msg=text)
    else:
        assert found == value, text


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    """The ends of every type, small numbers that meet often, and what is special of floating point."""
    rng = np.random.default_rng(6)
    rows = 60
    data, null = {}, {}
    for name, (_, dtype) in TYPES.items():
        if dtype.startswith("f"):
            special = [0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1e30, np.nan, np.inf, -np.inf, 0.1, 3.0]
            values = np.concatenate([special, rng.normal(0, 50, rows - len(special)).round(2)]).astype(dtype)
        else:
            limits = np.iinfo(dtype)
            ends = [limits.min, limits.max, limits.max - 1, 0, 1, 2, 3, 8]
            small = rng.integers(max(limits.min, -20), 100, rows - len(ends)).astype(dtype)
            values = np.concatenate([np.array(ends, dtype), small])
        data[name] = rng.permutation(values)
        null[name] = rng.random(rows) < 0.2
    with duckdb.connect() as con:
        columns = ", ".join(f"{name} {duck}" for name, (duck, _) in TYPES.items())
        con.execute("SET threads = 1")
        con.execute(f"CREATE TABLE t (n INTEGER, {columns})")
        for n in range(rows):
            row = [None if null[name][n] else data[name][n].item() for name in TYPES]
            con.execute(f"INSERT INTO t VALUES (?{', ?' * len(TYPES)})", [n, *row])
        yield Table(con, data, null)


# --- any expression ----------------------------------------------------------------------------------

Pair = tuple[str, str]
"""An expression, and what DuckDB is given for it."""


def alike(text: str) -> Pair:
    return text, text


def joined(template: str, *parts: Pair) -> Pair:
    """The template filled in for both sides."""
    return template.format(*(p[0] for p in parts)), template.format(*(p[1] for p in parts))


def unless_zero(sign: str, one: Pair, other: Pair) -> Pair:
    """DuckDB 2.0 raises where 1.5 and pixels are NULL."""
    return f"({one[0]} {sign} {other[0]})", f"({one[1]} {sign} nullif({other[1]}, 0))"


def wholes(columns: Sequence[str], depth: int) -> st.SearchStrategy[Pair]:
    leaf = st.one_of(
        st.sampled_from(columns).map(alike),
        st.integers(-300, 300).map(lambda n: alike(f"({n})" if n < 0 else str(n))),
    )
    if depth == 0:
        return leaf
    inner = wholes(columns, depth - 1)
    return st.one_of(
        leaf,
        st.tuples(st.sampled_from("+-*&|"), inner, inner).map(
            lambda t: joined(f"({{}} {t[0]} {{}})", *t[1:])
        ),
        st.tuples(st.sampled_from(["//", "%"]), inner, inner).map(lambda t: unless_zero(*t)),
        st.tuples(st.sampled_from(["least", "greatest", "coalesce", "nullif", "xor"]), inner, inner).map(
            lambda t: joined(f"{t[0]}({{}}, {{}})", *t[1:])
        ),
        st.tuples(st.sampled_from(["abs({})", "round({})", "trunc({})"]), inner).map(lambda t: joined(*t)),
        inner.map(negated),
        st.sampled_from(columns).map(lambda name: alike(f"(~{name})")),
        st.tuples(inner, st.integers(0, 9)).map(lambda t: joined(f"({{}} >> {t[1]})", t[0])),
        st.tuples(bools(depth - 1), inner, inner).map(
            lambda t: joined("CASE WHEN {} THEN {} ELSE {} END", *t)
        ),
    )


def reals(columns: Sequence[str], depth: int) -> st.SearchStrategy[Pair]:
    """Floating point; what it is made of is exact in both."""
    leaf = st.sampled_from([*columns, "0.5", "1e-4", "2", "3.25", "u2", "i4"]).map(alike)
    if depth == 0:
        return leaf
    inner = reals(columns, depth - 1)
    return st.one_of(
        leaf,
        st.tuples(st.sampled_from("+-*/"), inner, inner).map(lambda t: joined(f"({{}} {t[0]} {{}})", *t[1:])),
        st.tuples(st.sampled_from(["least", "greatest", "coalesce", "nullif"]), inner, inner).map(
            lambda t: joined(f"{t[0]}({{}}, {{}})", *t[1:])
        ),
        st.tuples(st.sampled_from(["abs", "floor", "ceil", "round", "sign"]), inner).map(
            lambda t: joined(f"{t[0]}({{}})", t[1])
        ),
        st.tuples(bools(depth - 1), inner, inner).map(lambda t: joined("if({}, {}, {})", *t)),
    )


def decimals(depth: int) -> st.SearchStrategy[Pair]:
    """Exact numbers with digits after the point."""
    leaf = st.sampled_from([*NARROW, "0.1", "2.5", "1.25", "7", "0.0001"]).map(alike)
    if depth == 0:
        return leaf
    inner = decimals(depth - 1)
    return st.one_of(
        leaf,
        st.tuples(st.sampled_from("+-*"), inner, inner).map(lambda t: joined(f"({{}} {t[0]} {{}})", *t[1:])),
        st.tuples(st.just("%"), inner, inner).map(lambda t: unless_zero(*t)),
        st.tuples(
            st.sampled_from(
                ["round({}, 1)", "round({})", "floor({} + 0.0)", "ceil({} + 0.0)", "abs({})", "sign({})"]
            ),
            inner,
        ).map(lambda t: joined(*t)),
        inner.map(negated),
        st.tuples(bools(depth - 1), inner, inner).map(
            lambda t: joined("CASE WHEN {} THEN {} ELSE {} END", *t)
        ),
    )


def bools(depth: int) -> st.SearchStrategy[Pair]:
    number = st.one_of(
        wholes(WHOLE, min(depth, 1)), reals(("f4", "f8"), min(depth, 1)), decimals(min(depth, 1))
    )
    leaf = st.one_of(
        st.tuples(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), number, number).map(
            lambda t: joined(f"({{}} {t[0]} {{}})", *t[1:])
        ),
        st.tuples(st.sampled_from(["IS NULL", "IS NOT NULL"]), number).map(
            lambda t: joined(f"({{}} {t[0]})", t[1])
        ),
        st.tuples(number, number, number).map(lambda t: joined("({} BETWEEN {} AND {})", *t)),
        st.tuples(st.sampled_from(["IN", "NOT IN"]), number, number, number).map(
            lambda t: joined(f"({{}} {t[0]} ({{}}, {{}}, NULL))", *t[1:])
        ),
        st.tuples(number, number).map(lambda t: joined("({} IS DISTINCT FROM {})", *t)),
        st.sampled_from(["TRUE", "FALSE", "NULL", "u1", "f8"]).map(alike),
    )
    if depth == 0:
        return leaf
    inner = bools(depth - 1)
    return st.one_of(
        leaf,
        st.tuples(st.sampled_from(["AND", "OR"]), inner, inner).map(
            lambda t: joined(f"({{}} {t[0]} {{}})", *t[1:])
        ),
        inner.map(lambda p: joined("(NOT {})", p)),
        st.tuples(st.sampled_from(["IS TRUE", "IS NOT FALSE", "IS NOT TRUE"]), inner).map(
            lambda t: joined(f"({{}} {t[0]})", t[1])
        ),
    )


def negated(pair: Pair) -> Pair:
    """DuckDB 1.5 lets the negation of an unsigned number wrap."""
    return f"(-{pair[0]})", f"(0 - {pair[1]})"


def check(table: Table, pair: Pair, wide: str = "HUGEINT") -> None:
    """``wide``: what whole numbers are to DuckDB where their own types overflow."""
    text, oracle = pair
    try:
        table.there(oracle)
    except duckdb.OutOfRangeException:
        assume(not any(sign in text for sign in ("~", ">>", "::")))
        for name in WHOLE if wide == "HUGEINT" else NARROW:
            oracle = oracle.replace(name, f"{name}::{wide}")
        try:
            table.there(oracle)
        except (duckdb.OutOfRangeException, duckdb.BinderException):
            assume(False)
    except (duckdb.BinderException, duckdb.ConversionException):
        assume(False)
    try:
        table.same(text, oracle, types=False)
    except ArgumentError as error:
        assert "leaves 64 bits" in str(error) or "does not fit BIGINT" in str(error), text
        assume(False)


RANDOM = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.filter_too_much,
        HealthCheck.too_slow,
    ],
)


@RANDOM
@given(pair=wholes(WHOLE, 2))
def test_whole_numbers(table: Table, pair: Pair) -> None:
    check(table, pair)


@RANDOM
@given(pair=reals(("f4", "f8"), 3))
def test_floating_point(table: Table, pair: Pair) -> None:
    check(table, pair)


@RANDOM
@given(pair=decimals(2))
def test_decimals_are_exact(table: Table, pair: Pair) -> None:
    check(table, pair, "INTEGER")


@RANDOM
@given(pair=bools(3))
def test_conditions(table: Table, pair: Pair) -> None:
    check(table, pair)
