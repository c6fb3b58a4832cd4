"""Counts that a busy machine does not change."""

from __future__ import annotations

import pytest

from rasteret_sql.store.scheduling import scheduler


@pytest.fixture(autouse=True)
def no_stragglers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine makes stragglers, which are asked for again; counts are without them."""
    monkeypatch.setattr(scheduler, "HEDGE_LEAST_S", 60.0)
