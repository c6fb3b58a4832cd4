"""SQL expressions over pixels, with DuckDB's meaning: compiled once, evaluated by NumPy.

``compile_expression('(nir - red) / (nir + red)')`` knows its names; ``bind`` gives the program for the dtypes
of their pixels; ``run`` takes arrays of any one shape. NULL is a pixel that is not valid.

What is DuckDB's: operators and their precedence, functions, casts, NULL, NaN (equal to itself and larger than
every number), exact decimals, division (``/`` is floating point, 1 / 0 is infinity and 0 / 0 NaN).
What differs, because pixels are not to end a query: whole numbers become wider instead of overflowing
(``algebra/arithmetic.py``; ``~`` of such a number is that of its wider type); ``//`` and ``%`` by zero are
NULL, as in DuckDB 1.5, where 2.0 raises; ``ln(0)`` and its like are what DuckDB 2.0 gives, where 1.5 raises.
Decimals beyond 18 digits are DOUBLE, and there is no HUGEINT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

import numpy as np
from sqlglot import exp

from rasteret_sql.arrays import Bools
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geotiff.scaling import Scaling
from rasteret_sql.raster.algebra.sql.bind import Binder, known_function
from rasteret_sql.raster.algebra.sql.casts import stored_as
from rasteret_sql.raster.algebra.sql.kinds import DOUBLE, of_pixels
from rasteret_sql.raster.algebra.sql.syntax import fail, name_of, parse, shown
from rasteret_sql.raster.algebra.sql.values import Array, Frame, Node, Value
from rasteret_sql.sql_conditions import Tree, position

COMPILED = 256
"""Expressions, and programs, that stay compiled."""
BLOCK = 1 << 16
"""Pixels evaluated together: what lies between two operators stays in the processor's cache."""


@dataclass(frozen=True, kw_only=True)
class Name:
    """One name of an expression."""

    raster: str | None
    """Before the point of ``s2.red``."""
    name: str

    @property
    def text(self) -> str:
        return self.name if self.raster is None else f"{self.raster}.{self.name}"


@dataclass(frozen=True)
class Expression:
    """A parsed expression."""

    text: str
    tree: Tree
    names: tuple[Name, ...]
    """Every name once, in the order of the text."""

    def __hash__(self) -> int:
        return hash(self.text)

    def refuse(self, name: Name, what: str) -> NoReturn:
        """ArgumentError at the place of a name."""
        places = (position(c) for c in self.tree.find_all(exp.Column) if name_of(c) == name.text)
        fail(self.text, min((at for at in places if at is not None), default=None), what)

    def bind(self, dtypes: tuple[str, ...], scaled: tuple[bool, ...] | None = None) -> Program:
        """The program for names of these NumPy dtypes, in the order of ``names``.

        ``scaled``: which of them stand for physical values of stored numbers of that dtype (None: none).
        """
        return _bind(self.text, dtypes, scaled or (False,) * len(dtypes))


@dataclass(frozen=True, kw_only=True)
class Program:
    """An expression compiled for the dtypes of its names."""

    text: str
    node: Node

    @property
    def type(self) -> str:
        """DuckDB's name of the answer's type."""
        return self.node.kind.name

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Of the answer: DECIMAL is float64, BOOLEAN uint8."""
        if self.type == "BOOLEAN":
            return np.dtype(np.uint8)
        return DOUBLE.dtype if self.type == "DECIMAL" else self.node.kind.dtype

    def run(
        self,
        arrays: Sequence[Array],
        nulls: Sequence[Bools | None],
        shape: tuple[int, ...],
        scalings: Sequence[Scaling | None] | None = None,
    ) -> tuple[Array, Bools | None]:
        """The answer for every pixel, and where it is NULL (None: nowhere).

        ``arrays`` of stored numbers and ``nulls`` (True = NULL) are one for each name, all of ``shape``;
        ``scalings`` those of the names that were bound as scaled. A number that does not fit where the text
        says that it should (CAST, 64 bits) is an ArgumentError, at valid pixels only.
        """
        scalings = scalings or [None] * len(arrays)
        data = np.empty(shape, self.dtype)
        null: Bools | None = None
        rows = shape[0]
        step = max(1, BLOCK * rows // max(1, data.size))
        with np.errstate(all="ignore"):
            for start in range(0, rows, step):
                part = slice(start, start + step)
                given = zip(arrays, nulls, scalings, strict=True)
                frame = Frame([_value(array, null, scaling, part) for array, null, scaling in given])
                value = self._part(frame)
                data[part] = self._as_pixels(value)
                if value.null is not None:
                    null = np.zeros(shape, np.bool_) if null is None else null
                    null[part] = value.null
        return data, null

    def _part(self, frame: Frame) -> Value:
        try:
            return self.node.run(frame)
        except ArgumentError as error:
            raise ArgumentError(f"expression {shown(self.text)}: {error}") from None

    def _as_pixels(self, value: Value) -> Array:
        if self.type == "DECIMAL":
            return stored_as(value.data, self.node.kind, DOUBLE)
        return value.data


def _value(array: Array, null: Bools | None, scaling: Scaling | None, part: slice) -> Value:
    pixels = array[part]
    if scaling is not None:
        pixels = scaling.of(pixels)
    elif pixels.dtype == np.float16:
        pixels = pixels.astype(np.float32)
    return Value(pixels, None if null is None else null[part])


@lru_cache(COMPILED)
def compile_expression(text: str) -> Expression:
    """The expression in a text; ArgumentError with the position where it is not one."""
    tree = parse(text)
    for call in tree.find_all(exp.Anonymous):
        known_function(text, call)
    names: dict[str, Name] = {}
    for column in tree.find_all(exp.Column, bfs=False):
        if column.args.get("db") is not None:
            fail(text, position(column), "a name is that of a band, or raster.band")
        table = column.args.get("table")
        name = Name(raster=None if table is None else table.name, name=column.name)
        names.setdefault(name.text, name)
    return Expression(text, tree, tuple(names.values()))


@lru_cache(COMPILED)
def _bind(text: str, dtypes: tuple[str, ...], scaled: tuple[bool, ...]) -> Program:
    expression = compile_expression(text)
    stored = [of_pixels(dtype) for dtype in dtypes]
    kinds = [DOUBLE if physical else kind for kind, physical in zip(stored, scaled, strict=True)]
    names = {name.text: (i, kind) for i, (name, kind) in enumerate(zip(expression.names, kinds, strict=True))}
    physical = frozenset(name.text for name, own in zip(expression.names, scaled, strict=True) if own)
    try:
        node = Binder(text=text, names=names, scaled=physical).node(expression.tree)
    except RecursionError:
        raise ArgumentError(f"expression {shown(text)} is nested too deeply") from None
    return Program(text=text, node=node)
