"""Lists of items as Arrow, a block at a time: ten thousand items as Python's values would fill the memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from rasteret_sql.duck.arrow.arrays import array_of
from rasteret_sql.duck.arrow.rows import box
from rasteret_sql.stac.items.item_type import ITEM_TYPE

BLOCK = 256
"""Items that are Python's values at a time."""
Blocks = list[pa.Array]
"""The items of one list, in order."""


def blocks_of(rows: Iterable[dict[str, Any]]) -> Blocks:
    """The rows of ``item.item_row`` as structs of Arrow."""
    return [
        array_of([{**row, "bbox": box(row["bbox"])} for row in block], ITEM_TYPE)
        for block in _blocks(iter(rows))
    ]


def _blocks(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while block := list(islice(rows, BLOCK)):
        yield block


def lists_of(answers: Sequence[Blocks | None]) -> pa.Array:
    """One list of items a row; None is NULL."""
    lengths = [0 if blocks is None else sum(map(len, blocks)) for blocks in answers]
    offsets = np.zeros(len(answers) + 1, "<i4")
    np.cumsum(lengths, out=offsets[1:])
    there = np.fromiter((blocks is not None for blocks in answers), np.bool_, len(answers))
    valid = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    blocks = [block for answer in answers if answer is not None for block in answer]
    items = pa.concat_arrays(blocks) if blocks else array_of([], ITEM_TYPE)
    buffers = [valid, pa.py_buffer(offsets)]
    return pa.Array.from_buffers(pa.list_(items.type), len(answers), buffers, children=[items])
