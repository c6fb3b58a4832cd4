"""Any text as an href: an address or a named error, and nothing that it may not lead to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.checks import within_limits
from tests.fuzz.href_check import SEEDS, WORDS, check_href, href_seeds


@pytest.mark.parametrize("data", [data for _, data in href_seeds()], ids=lambda data: data.decode()[:40])
def test_the_seeds_hold(data: bytes) -> None:
    within_limits(check_href, data)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([*SEEDS, *WORDS, "/", "a", "host", "safe", "open", "[", "]", ":"])
        | st.text(max_size=3),
        max_size=8,
    )
)
def test_any_mixture_of_parts_holds(parts: list[str]) -> None:
    within_limits(check_href, "".join(parts).encode("utf-8", "replace"))
