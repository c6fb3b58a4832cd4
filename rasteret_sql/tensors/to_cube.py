"""A relation as one cube."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from rasteret_sql.errors import ArgumentError
from rasteret_sql.tensors.cube import Cube
from rasteret_sql.tensors.from_chips import cube_of_chips
from rasteret_sql.tensors.from_cubes import cube_rows
from rasteret_sql.tensors.rows import batches, chip_rows, is_cube


def to_cube(relation: Any, bands: Sequence[str] | None, function: str) -> Cube:
    """See ``rasteret_sql.to_numpy``."""
    if isinstance(bands, str):
        raise ArgumentError(
            f"{function}: bands is {bands!r}; a list of names was expected, such as [{bands!r}]"
        )
    parts = batches(relation, function)
    first = next(parts, None)
    if first is None:  # no rows
        return cube_of_chips((), bands, function)
    together = chain([first], parts)
    if not is_cube(first.schema):
        return cube_of_chips((row for part in together for row in chip_rows(part, function)), bands, function)
    cubes = [cube for part in together for cube in cube_rows(part, function)]
    if len(cubes) != 1:
        raise ArgumentError(
            f"{function}: the relation has {len(cubes)} rows of cubes, where one was expected: take one area "
            "at a time, as in WHERE field_id = 1"
        )
    return cubes[0] if bands is None else cubes[0].of(bands, function)
