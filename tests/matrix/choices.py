"""Lists of choices, and how they are combined into cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import cycle
from itertools import product as all_of
from typing import Any

from tests.matrix.case import Case

INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
FLOATS = ("float32", "float64")
COMPLEX = ("complex64", "complex128")
ORDERS = ("little", "big")
INTERLEAVES = ("pixel", "band")
TILES = ("tile32", "tile64x16", "tile256", "tile48x80", "tile16")
BLOCKS = (*TILES, "strip1", "strip7", "strip16", "strip")


def with_(writer: str, combinations: Iterable[dict[str, Any]], **fixed: Any) -> Iterator[Case]:
    for one in combinations:
        yield Case(writer=writer, **fixed, **one)


def product(**choices: Iterable[Any]) -> list[dict[str, Any]]:
    return [dict(zip(choices, values, strict=True)) for values in all_of(*choices.values())]


def turning(combinations: Iterable[dict[str, Any]], **choices: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    """Each combination with the next value of every choice: pairs get tried without trying everything.

    Lists of coprime lengths meet in all pairs.
    """
    turning = {name: cycle(values) for name, values in choices.items()}
    for one in combinations:
        yield one | {name: next(values) for name, values in turning.items()}
