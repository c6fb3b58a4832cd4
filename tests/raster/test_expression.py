"""Expressions mean what they mean in DuckDB: the same text over the same numbers, in DuckDB and here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rasteret_sql.errors import ArgumentError, UnsupportedError
from rasteret_sql.raster.algebra.expression import Program, compile_expression
from rasteret_sql.raster.algebra.sql import duckdb_version
from rasteret_sql.raster.algebra.sql.functions import ALIASES, FUNCTIONS

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
DTYPES = dict(TYPES.values()) | {"BOOLEAN": "uint8"}
Arrays = dict[str, np.ndarray[Any, Any]]


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
    with numbers() as made:
        yield made


@contextlib.contextmanager
def numbers() -> Iterator[Table]:
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
    duckdb_version.follow(duckdb.__version__)
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
        assume("leaves 64 bits" not in str(error) and "does not fit BIGINT" not in str(error))
        raise


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


# --- types, functions, precedence --------------------------------------------------------------------

SAME_TYPE = """
u2 / 2 | f4 / u2 | f4 / f8 | f4 * 0.5 | f4 * 1e-4 | f4 + u8 | u2 * 0.5 | 0.1 + 0.2
1 | 3000000000 | 1.5 | 1e3 | TRUE
coalesce(u2, 0) | coalesce(u2, -1) | coalesce(u2, 70000) | coalesce(u2, 0.5)
coalesce(u1, i1) | coalesce(u2, i2)
coalesce(u4, i1) | coalesce(u4, -1) | coalesce(u1, 300, 70000) | coalesce(u2, f4) | coalesce(NULL, u2)
greatest(u2, i2) | least(u2, 5) | greatest(u2, NULL, 7) | least(f4, f8) | nullif(u2, 4.0) | nullif(f4, 1)
CASE WHEN u1 = 1 THEN u2 ELSE -1 END | CASE WHEN u1 > 3 THEN 1 END | CASE u2 WHEN 4 THEN f4 ELSE i8 END
if(u1 > 2, u2, 1) | if(NULL, 1, 2) | ifnull(u2, 0) | CASE WHEN u1 > 3 THEN TRUE ELSE 0 END
u2 & 8 | i4 & u2 | u2 | ~u1 | xor(i2, 3) | u2 >> 1 | i4 // 2 | u2 % 3 | f4 % 2 | f4 // 2 | (u2 * 0.5) % 2
round(i1) | round(u4, 1) | abs(u2) | abs(f4) | sqrt(u2) | round(u2) | round(f4) | round(f8, 1)
round(u2 * 0.15, 1) | floor(f4) | floor(u2)
ceil(u2 * 0.15) | trunc(f8) | trunc(u2) | sign(f4) | u2::DOUBLE | CAST(u2 AS FLOAT) | TRY_CAST(i4 AS UTINYINT)
u2::DECIMAL(9, 2) | f8 IS NULL | u1 AND f8 | NOT u2 | bit_count(u2) | isnan(f4) | pi() | f4 IN (1.5, 2)
"""


@pytest.mark.parametrize("text", [t for line in SAME_TYPE.strip().split("\n") for t in line.split(" | ")])
def test_the_type_is_the_one_of_duckdb(table: Table, text: str) -> None:
    kind = table.con.execute(f"SELECT typeof({text}) FROM (SELECT * FROM t WHERE u1 = 3 LIMIT 1)").fetchone()
    own, data, _ = table.here(text)
    assert kind is not None
    assert own == kind[0].partition("(")[0]
    assert data.dtype == DTYPES.get(own, "float64"), "decimals are DOUBLE in the answer"


NUMBERS = "CASE WHEN abs(f8) < 40 THEN f8 / 8 END"
FINITE = "CASE WHEN abs(f8) < 1e28 THEN f8 END"
WITHIN = "CASE WHEN abs(f8) <= 1 THEN f8 END"
ABOVE = "CASE WHEN f8 > 0 THEN f8 END"
CALLS = [
    *(f"{name}({NUMBERS})" for name in ("atan", "cbrt", "cos", "cosh", "degrees", "exp", "radians", "sin")),
    *(f"{name}({NUMBERS})" for name in ("sinh", "tan", "tanh", "isnan", "isinf", "isfinite")),
    *(f"{name}({WITHIN})" for name in ("acos", "asin")),
    *(f"{name}({ABOVE})" for name in ("ln", "log", "log2", "log10", "sqrt")),
    *(f"{name}({NUMBERS})" for name in ("abs", "ceil", "ceiling", "floor", "round", "sign", "trunc")),
    f"power({ABOVE}, 0.3)",
    f"pow({NUMBERS}, 2)",
    f"{NUMBERS} ** 3",
    f"{ABOVE} ^ 0.5",
    f"atan2({NUMBERS}, u2)",
    f"log(3, {ABOVE})",
    "mod(i4, 7)",
    "bit_count(i2)",
    "bit_count(u8)",
    "xor(u1, u2)",
    "pi() * u1",
    "greatest(u1, i2, f8)",
    "least(u1, NULL, 3)",
    "coalesce(u1, i2, 0)",
    "ifnull(f4, -1)",
    "nullif(u1, 3)",
    "if(u1 > 3, u2, i1)",
]


@pytest.mark.parametrize("text", CALLS)
def test_functions(table: Table, text: str) -> None:
    table.same(text, rtol=1e-13)


def test_every_function_is_tried() -> None:
    assert {name for name in (*FUNCTIONS, *ALIASES) if not any(f"{name}(" in text for text in CALLS)} == set()


@pytest.mark.parametrize(
    "text",
    [
        f"round({v}, {n})"
        for v in (FINITE, FINITE.replace("f8", "f4"), "i2 // 2", "u2", "u2 * 0.15")
        for n in range(-3, 5)
    ],
)
def test_rounding_to_digits(table: Table, text: str) -> None:
    table.same(text, types="i2" not in text)


HALVES = (-17.45, 0.15, 0.25, 0.35, 1.55, 2.675, 8.345, 4.35, 1e15 + 0.25, 0.45, -0.05, 1.005)
"""Written as halves of the last digit; most are stored as a little less or a little more."""


def rounded_halves(digits: int) -> list[float]:
    program = compile_expression(f"round(x, {digits})").bind(("float64",))
    data = np.array(HALVES)
    return list(program.run([data], [np.zeros(len(data), bool)], data.shape)[0].tolist())


@pytest.mark.parametrize("digits", [0, 1, 2, 3, 15, 22, 23, -1])
def test_halves_round_as_in_the_running_duckdb(digits: int) -> None:
    duckdb_version.follow(duckdb.__version__)
    with duckdb.connect() as con:
        rounded = [con.execute("SELECT round(?::DOUBLE, ?)", [x, digits]).fetchone() for x in HALVES]
    assert rounded_halves(digits) == [row[0] for row in rounded if row]


@pytest.mark.parametrize(
    ("release", "rounded", "kind"), [("v2.0.1", 17.4, "SMALLINT"), ("1.5.6", 17.5, "TINYINT")]
)
def test_releases_differ_in_halves_and_in_the_type_of_bit_count(
    release: str, rounded: float, kind: str
) -> None:
    try:
        duckdb_version.follow(release)
        assert rounded_halves(1)[0] == -rounded
        counted = compile_expression(f"bit_count({kind.lower()})")  # a text of its own: programs are cached
        assert counted.bind(("uint64",)).type == kind
        assert counted.bind(("int64",)).type == "TINYINT"
    finally:
        duckdb_version.follow(duckdb.__version__)


CASTS = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT",
         "DOUBLE", "BOOLEAN", "DECIMAL(9, 2)", "DECIMAL(18, 0)", "INT", "REAL", "bool"]  # fmt: skip


@pytest.mark.parametrize("kind", CASTS)
@pytest.mark.parametrize("name", [*TYPES, "u2 * 0.15", "i4 * -2.5", "u1 > 3", "NULL"])
def test_casts(table: Table, name: str, kind: str) -> None:
    """Numbers near the ends of a type are left out: DuckDB 1.5 wraps some of them."""
    if name in ("f4", "f8"):
        name = f"CASE WHEN {name} BETWEEN 1 AND 100 OR {name} > 1e20 THEN {name} END"
    table.same(f"TRY_CAST({name} AS {kind})")


OPERATORS = ["+", "-", "*", "/", "&", "|", "<<", ">>", "**", "^", "%", "=", "<", ">=", "<>", "AND", "OR"]
COMPARED = ("=", "<", ">=", "<>")


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_operators_bind_as_in_duckdb(table: Table, data: st.DataObject) -> None:
    """Without parentheses; comparisons do not chain in DuckDB."""
    parts, compared = [], False
    for n in range(data.draw(st.integers(2, 5))):
        if n:
            sign = data.draw(st.sampled_from([s for s in OPERATORS if not (compared and s in COMPARED)]))
            compared = sign in COMPARED or (compared and sign not in ("AND", "OR"))
            parts.append(sign)
        parts.append(data.draw(st.sampled_from(["", "", "", "-", "NOT ", "~"] if n == 0 else ["", "", "-"])))
        parts.append(data.draw(st.sampled_from(["1", "2", "3", "5", "i1", "(7)", "1::INTEGER"])))
        suffix = ["", "", "", " IS NULL", " BETWEEN 1 AND 3", " IN (1, 2)", " IS NOT TRUE"]
        parts.append("" if compared else data.draw(st.sampled_from(suffix)))
    text = " ".join(parts)
    assume(
        not ("%" in text and ("*" in text or "^" in text))
    )  # the remainder of 3 ** 200 is a rounding error
    try:
        table.there(text)
    except duckdb.Error as error:
        assume("Parser" not in str(error))
        assume(False)
    try:
        table.same(text, types=False, rtol=1e-13)
    except ArgumentError as error:
        assume("not BOOLEAN" not in str(error) and "<<" not in str(error))
        raise


# --- what differs, and what is refused ---------------------------------------------------------------


def run(text: str, **bands: Any) -> tuple[str, list[Any]]:
    """The type and the values, None for NULL, over arrays named as the text does."""
    expression = compile_expression(text)
    arrays = [np.asarray(bands[name.text]) for name in expression.names]
    program = expression.bind(tuple(array.dtype.name for array in arrays))
    shape = arrays[0].shape if arrays else (1,)
    data, null = program.run(arrays, [None] * len(arrays), shape)
    gone = np.zeros(shape, bool) if null is None else null
    return program.type, [None if n else v for v, n in zip(data.tolist(), gone.tolist(), strict=True)]


U2 = np.array([0, 1, 65_535], np.uint16)
I8 = np.array([-(2**63), 5, 2**63 - 1], np.int64)


@pytest.mark.parametrize(
    ("text", "bands", "kind", "values"),
    [
        ("a - b", {"a": U2, "b": U2[::-1]}, "INTEGER", [-65_535, 0, 65_535]),
        ("-a", {"a": U2}, "INTEGER", [0, -1, -65_535]),
        ("a * a", {"a": U2}, "BIGINT", [0, 1, 65_535**2]),
        ("a << 20", {"a": U2}, "BIGINT", [0, 1 << 20, 65_535 << 20]),
        ("a - 1", {"a": np.array([-128, 127], np.int8)}, "INTEGER", [-129, 126]),
        ("abs(a)", {"a": np.array([-128, 127], np.int8)}, "INTEGER", [128, 127]),
        ("a // -1", {"a": np.array([-128, 7], np.int8)}, "INTEGER", [128, -7]),
        ("a + b", {"a": I8, "b": -(I8 + 1)}, "BIGINT", [-1, -1, -1]),
        ("a // b", {"a": U2, "b": U2[::-1]}, "USMALLINT", [0, 1, None]),
        ("a % (b * 0)", {"a": U2, "b": U2}, "INTEGER", [None] * 3),
        ("1 / a", {"a": U2[:2]}, "DOUBLE", [np.inf, 1.0]),
        ("ln(a)", {"a": U2[:2]}, "DOUBLE", [-np.inf, 0.0]),
        ("a * 0.0001 >= 0.0003", {"a": np.array([2, 3], np.uint16)}, "BOOLEAN", [0, 1]),
        ("CASE WHEN a < 4 THEN a * a * a * a END", {"a": I8 // 2**62 + 2}, "BIGINT", [0, 16, 81]),
    ],
)
def test_nothing_wraps(text: str, bands: dict[str, Any], kind: str, values: list[Any]) -> None:
    assert run(text, **bands) == (kind, values)


def test_half_floats_are_floats() -> None:
    assert run("a + 1", a=np.array([0.5], np.float16)) == ("FLOAT", [1.5])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a * 2", r"expression 'a \* 2': -9223372036854775808 \* 2 leaves 64 bits"),
        ("CAST(a AS UTINYINT)", "-9223372036854775808 does not fit UTINYINT; use TRY_CAST for NULL there"),
        ("1 << a", "1 << -9223372036854775808 is not defined"),
    ],
)
def test_what_does_not_fit_is_an_error_where_it_matters(text: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        run(text, a=I8)
    guarded = f"CASE WHEN a BETWEEN 0 AND 9 THEN {text} END"
    assert [v is None for v in run(guarded, a=I8)[1]] == [True, False, True]
    assert run(f"a BETWEEN 0 AND 9 AND {text} > 0", a=I8)[1] == [0, 1, 0]
    program = compile_expression(text).bind(("int64",))
    _, null = program.run([I8], [np.array([True, False, True])], I8.shape)
    assert null is not None
    assert null.tolist() == [True, False, True]


def compiled(text: str) -> Program:
    expression = compile_expression(text)
    return expression.bind(("uint16",) * len(expression.names))


REFUSED = [
    ("", "the expression is empty"),
    ("a +", r"position 3 \(\+\): a value is missing"),
    ("(a", r"position 2 \(a\): expecting \)"),
    ("a b", r"position 3 \(b\): invalid expression"),
    ("a; b", r"position 2 \(;\)"),
    (
        "a +\n foo(a)",
        r"position 6 \(foo\(a\)\): unknown function foo; there are abs, acos, .*xor, CASE, CAST",
    ),
    ("a + sum(a)", r"position 5 .*unknown function sum"),
    ("abs(a, 2)", r"position 1 .*abs takes 1 argument, not 2"),
    ("power(a)", "power takes 2 arguments, not 1"),
    ("coalesce()", "coalesce takes 1 or more arguments, not 0"),
    ("if(a)", "if takes 2 to 3 arguments, not 1"),
    ("round(a, a)", "the second argument of round is a whole number, written out"),
    ("@a", r"position 1 \(@a\): @ has no meaning here; write abs"),
    ("a = 1 = 1", "comparisons do not chain"),
    ("a < 2 < 3", "comparisons do not chain"),
    ("a = 'x'", r"position 1 .*'x' is text|'x' is text"),
    ("a::VARCHAR", "TEXT is not a type of pixels; there are TINYINT"),
    ("a::DECIMAL(30, 2)", "is not a type of pixels"),
    ("CAST('x' AS DOUBLE)", "'x' is not a number"),
    ("TRUE + a", r"\+ takes numbers, not BOOLEAN; CAST it, or use CASE"),
    ("a & 0.5", r"position 5 \(0.5\): & takes whole numbers, not DECIMAL"),
    ("a IS nan", r"IS takes NULL, TRUE, FALSE or DISTINCT FROM; for NaN there is isnan\(x\)"),
    ("a IN ()", "IN takes a list of values"),
    ("a IN (SELECT 1)", "IN takes a list of values|is not an expression of pixels"),
    ("(SELECT 1)", "is not an expression of pixels"),
    ("a[1]", "is not an expression of pixels"),
    ("a || a", "is not an expression of pixels"),
    ("x.y.z", "a name is that of a band, or raster.band"),
    ("a ? 1", "has no meaning here"),
    ("$1", "has no meaning here"),
    ("{:}", "position 1 .*{ has no meaning here; pixels are numbers"),
    ("a /* x", "Error tokenizing"),
    ("(" * 2_000 + "a" + ")" * 2_000, "nested too deeply"),
    ("a + " * 3_000 + "a", "at most 10,000 are taken"),
    ("__import__('os')", "unknown function __import__"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_no_expression_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        compiled(text)


def test_complex_pixels_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="complex64 pixels are not numbers of SQL"):
        compile_expression("a + 1").bind(("complex64",))


@given(text=st.text(alphabet="ab1. +-*/()<>=&|~^%'\"\n,:;[]{}?$@#!_ANDORNT", max_size=25))
@settings(max_examples=500, deadline=None)
def test_any_text_is_an_expression_or_one_error(text: str) -> None:
    with contextlib.suppress(ArgumentError):
        compiled(text)


def test_blocks_do_not_show() -> None:
    """More pixels than are evaluated together, with NULL in one part only."""
    a = np.arange(300_000, dtype=np.uint32).reshape(600, 500)
    null = a == 290_000
    data, found = compile_expression("a * 2 - 1").bind(("uint32",)).run([a], [null], a.shape)
    np.testing.assert_array_equal(data, a.astype(np.int64) * 2 - 1)
    assert found is not None
    np.testing.assert_array_equal(found, null)
