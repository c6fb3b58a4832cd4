"""A server of headers, and a connection that counts what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rasteret_sql.demo import Demo, start
from tests.store.server import FaultServer


@pytest.fixture
def connect_with() -> dict[str, Any]:
    return {"config": {"threads": 2}}


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """The demo archive, served as the catalogue ``demo``."""
    with start() as running:
        yield running


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def requests(server: FaultServer) -> Callable[[], list[str]]:
    """What was asked for since the last call, sorted."""

    def taken() -> list[str]:
        paths = sorted(request.target.removeprefix("/") for request in server.requests)
        server.clear()
        return paths

    return taken
