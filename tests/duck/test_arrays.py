"""Values become Arrow arrays: what is NULL everywhere takes a shorter way to the same array."""

from __future__ import annotations

import pyarrow as pa
import pytest

from rasteret_sql.duck.arrow import types
from rasteret_sql.duck.arrow.arrays import array_of
from rasteret_sql.duck.arrow.duck_types import declared

KINDS = declared(types.HEADER).children


@pytest.mark.parametrize("name", KINDS)
def test_a_field_that_is_null_everywhere_is_as_one_that_is_made_of_its_values(name: str) -> None:
    kind = KINDS[name]
    struct = declared(f'STRUCT("{name}" {kind.text}, n INTEGER)')
    found = array_of([{"n": 1}, {"n": 2, name: None}], struct)
    made = array_of([None, None], kind)
    assert found.field(0).equals(made)
    assert found.type == pa.struct([pa.field(name, made.type), pa.field("n", pa.int32())])
    found.validate(full=True)
    beside_null = array_of([None, {"n": 2}, {}], struct)
    assert beside_null.to_pylist() == [None, {name: None, "n": 2}, {name: None, "n": None}]
