"""all_same against the rows as Python values."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasteret_sql.duck.arguments.repeats import all_same

INTEGERS = st.none() | st.integers(0, 1)
TEXTS = st.none() | st.sampled_from(["", "a", "b", "ab"])
KINDS = {
    "numbers": (pa.int32(), INTEGERS),
    "doubles": (pa.float64(), st.sampled_from([0.0, 1.5, None])),
    "booleans": (pa.bool_(), st.none() | st.booleans()),
    "texts": (pa.string(), TEXTS),
    "large texts": (pa.large_string(), TEXTS),
    "blobs": (pa.binary(), st.none() | st.sampled_from([b"", b"x", b"y"])),
    "nulls": (pa.null(), st.none()),
    "dictionaries": (pa.dictionary(pa.int8(), pa.string()), TEXTS),
    "decimals": (pa.decimal128(5, 1), st.none()),
    "lists": (pa.list_(pa.int64()), st.none() | st.lists(INTEGERS, max_size=2)),
    "large lists": (pa.large_list(pa.string()), st.lists(TEXTS, max_size=2)),
    "pairs": (pa.list_(pa.int64(), 2), st.lists(INTEGERS, min_size=2, max_size=2)),
    "maps": (pa.map_(pa.string(), pa.int8()), st.just([]) | st.just([("a", 1)]) | st.just([("a", 2)])),
    "lists of structs": (
        pa.list_(pa.struct({"a": pa.int8(), "b": pa.list_(pa.string())})),
        st.lists(st.fixed_dictionaries({"a": INTEGERS, "b": st.lists(TEXTS, max_size=1)}), max_size=2),
    ),
    "structs": (
        pa.struct({"a": pa.int8(), "b": pa.string()}),
        st.none() | st.fixed_dictionaries({"a": INTEGERS, "b": TEXTS}),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_it_is_what_python_finds(kind: str, data: st.DataObject) -> None:
    """Also of a slice. It may miss equal rows where NULLs hide other values, but finds no others."""
    arrow, element = KINDS[kind]
    rows: list[Any] = data.draw(st.lists(element, min_size=1, max_size=4))
    if data.draw(st.booleans()):
        rows = rows[:1] * len(rows)
    padded = pa.array([*rows, *rows[::-1]], arrow)
    column = padded.slice(data.draw(st.integers(0, 1)), len(rows))
    values = column.to_pylist()
    assert all_same(column) == all(value == values[0] for value in values)


def test_no_rows_are_not_the_same() -> None:
    assert not all_same(pa.array([], pa.int32()))
