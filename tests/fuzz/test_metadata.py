"""Any text in place of the searches that an index keeps: arguments of a search, or nothing."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasteret_sql.pipeline.search import KEY, searches_in
from tests.fuzz.checks import within_limits
from tests.fuzz.metadata_input import SEEDS, check_metadata, metadata_seeds
from tests.fuzz.stac_mutations import mutated_json


@pytest.mark.parametrize("data", [data for _, data in metadata_seeds()])
def test_the_seeds_hold_and_are_searches(data: bytes) -> None:
    within_limits(check_metadata, data)
    assert len(searches_in(data.decode())) == len(json.loads(data)[KEY])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SEEDS), st.integers(0, 2**32))
def test_a_changed_search_is_arguments_or_nothing(search: dict[str, object], seed: int) -> None:
    changed = mutated_json({KEY: [search]}, random.Random(seed))
    within_limits(check_metadata, json.dumps(changed).encode())


@pytest.mark.parametrize("wrong", ["Infinity", "NaN", "1e999", "[" * 5000, "9" * 5000])
def test_numbers_that_are_none_and_deep_lists_are_no_search(wrong: str) -> None:
    kept = f'{{"{KEY}": [{{"catalog": "demo", "max_items": {wrong}}}]}}'
    assert searches_in(kept) == ()
