"""Fixtures of the STAC tests."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rasteret_sql.settings import configure

from . import pgstac as pgstac_server
from .serving import Answer, Asked, Handler, Server, item, page

CACHE = Path(os.environ.get("RASTERET_TEST_CACHE", Path(tempfile.gettempdir()) / "rasteret-tests"))


@pytest.fixture(scope="session")
def pgstac(shared_data: Path, stac_data: Path) -> Iterator[str]:
    """Address of a real STAC API with 2,694 items of 7 collections; skips where it cannot run."""
    try:
        with pgstac_server.running(shared_data.parent / "tools", CACHE / "pgstac") as url:
            yield url
    except pgstac_server.UnavailableError as reason:
        pytest.skip(f"no local STAC API: {reason}")


@pytest.fixture
def no_retries() -> Iterator[None]:
    """Faults are not waited out."""
    configure(max_retries=0)
    yield
    configure(max_retries=None)


@pytest.fixture
def concurrent() -> Callable[[int], tuple[Handler, list[int]]]:
    """A search that answers when so many are waiting at once, and how many were waiting at each answer."""

    def make(count: int) -> tuple[Handler, list[int]]:
        together, lock, waiting, peak = threading.Barrier(count, timeout=10), threading.Lock(), [0], [0]

        def answer(server: Server, asked: Asked) -> Answer:
            with lock:
                waiting[0] += 1
                peak.append(waiting[0])
            together.wait()
            with lock:
                waiting[0] -= 1
            return Answer(body=page(item(asked.body["ids"][0])))

        return answer, peak

    return make
