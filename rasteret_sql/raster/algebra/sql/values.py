"""What the parts of a compiled expression give, and what they are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import Bools
from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.algebra.sql.kinds import Kind

Array = npt.NDArray[Any]


class Value(NamedTuple):
    """Numbers of one kind, and where they are NULL."""

    data: Array
    """Of the pixels' shape, or of none for a constant; anything where NULL."""
    null: Bools | None
    """True where NULL; None where nothing is."""


class Frame(NamedTuple):
    """What an expression is evaluated on."""

    columns: Sequence[Value]
    """One for each name, in the order of the names."""
    active: Bools | None = None
    """Where the answer matters: a branch that is not taken raises no error. None: everywhere."""

    def within(self, chosen: Bools) -> Frame:
        """The frame of a branch."""
        return Frame(self.columns, chosen if self.active is None else self.active & chosen)


@dataclass(frozen=True, kw_only=True)
class Node:
    """A compiled part of an expression."""

    kind: Kind
    run: Callable[[Frame], Value]


def constant(kind: Kind, stored: Any) -> Node:
    """The same number for every pixel."""
    value = Value(np.array(stored, kind.dtype), None)
    return Node(kind=kind, run=lambda frame: value)


def null_of(kind: Kind) -> Node:
    """NULL for every pixel."""
    value = Value(np.zeros((), kind.dtype), np.array(True))
    return Node(kind=kind, run=lambda frame: value)


def either(*nulls: Bools | None) -> Bools | None:
    """NULL where one of them is."""
    joined = None
    for null in nulls:
        if null is not None:
            joined = null if joined is None else joined | null
    return joined


def where(condition: Bools, one: Bools | None, other: Bools | None) -> Bools | None:
    """The NULLs of a choice between two."""
    if one is None and other is None:
        return None
    return np.where(condition, False if one is None else one, False if other is None else other)


def refuse(bad: Bools, frame: Frame, null: Bools | None, what: str, *operands: Array) -> None:
    """ArgumentError when something is wrong at a pixel that matters; it shows the numbers of the first."""
    if null is not None:
        bad = bad & ~null
    if frame.active is not None:
        bad = bad & frame.active
    if not bad.any():
        return
    shown = [np.broadcast_to(operand, bad.shape)[bad].flat[0].item() for operand in operands]
    raise ArgumentError(what.format(*shown))
