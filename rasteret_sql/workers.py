"""The threads that compute: decoding, and whatever else is worth more than one core."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from rasteret_sql.forks import in_forked_child
from rasteret_sql.settings import settings


@lru_cache(maxsize=1)
def workers() -> ThreadPoolExecutor:
    """One pool for the process. What runs in it must not wait for other work in it."""
    return ThreadPoolExecutor(settings().decode_threads, thread_name_prefix="rasteret-worker")


in_forked_child(workers.cache_clear)
