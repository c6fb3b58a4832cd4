"""What the first query would wait for is loaded while its author still types."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import lru_cache
from importlib import import_module

MODULES = ("pyarrow.dataset", "rasteret_sql.duck.chips", "rasteret_sql.duck.headers")
"""DuckDB imports the first when an Arrow function runs for the first time (0.2 s); the others are ours."""


@lru_cache(maxsize=1)
def start() -> threading.Thread:
    """Import ``MODULES`` in the background, once a process."""
    thread = threading.Thread(target=_load, name="duckdb-warmup")
    thread.start()
    return thread


def _load() -> None:
    with suppress(Exception):  # the query that needs it says so
        for name in MODULES:
            import_module(name)
