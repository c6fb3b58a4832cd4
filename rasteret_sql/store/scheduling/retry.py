"""When a request is made again: one rule for byte ranges, documents and STAC APIs."""

from __future__ import annotations

import random

BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.2, 20.0
"""Retry n waits a random time up to ``BACKOFF_FIRST_S * 2**(n-1)``: exponential with full jitter."""
RETRY_AFTER_MAX_S = 120.0
"""Longest ``Retry-After`` that is waited for."""


def wait_s(attempt: int, retry_after_s: float | None) -> float | None:
    """How long to wait after attempt ``attempt`` (from 1); None where the server asks for too long.

    What a server asks for is waited in full, and the jitter added; 0 means at once.
    """
    if retry_after_s is not None and retry_after_s > RETRY_AFTER_MAX_S:
        return None
    if retry_after_s == 0:
        return 0.0
    jitter = random.uniform(0, min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** (attempt - 1)))
    return (retry_after_s or 0.0) + jitter
