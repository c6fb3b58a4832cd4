"""The demo's archive, in which examples run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rasteret_sql.demo import Demo, start


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with start() as running:
        yield running
