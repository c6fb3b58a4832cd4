"""Servers that refuse a range that ends after the file, where others give what there is."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from rasteret_sql.errors import RasteretError, TransportError
from rasteret_sql.store import errors as failures
from rasteret_sql.store import request_log
from rasteret_sql.store.errors import RangeRefusedError
from rasteret_sql.store.protocol import ByteRange


class KnownEnds:
    """Lengths of the files of one root whose ranges were refused, each for the next try alone."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}

    def end(self, request: ByteRange) -> int:
        """Where to end the range that is sent for ``request``."""
        size = self._sizes.get(request.href)
        if size is None or not request.start < size < request.end:
            return request.end
        # A file may grow, so its length is not believed for long.
        self._sizes.pop(request.href, None)
        return size

    def learn(
        self, refusal: RangeRefusedError, request: ByteRange, size_of: Callable[[], int]
    ) -> RasteretError:
        """The error for ``refusal``: transient, to be tried again at once, when the end was its cause.

        ``size_of`` asks the server for the length of the file: one request, which is metered here.
        """
        href, started = request.href, perf_counter()
        try:
            size = size_of()
        except Exception as error:  # each transport has exceptions of its own; the refusal stands
            request_log.record(kind="size", href=href, started=started, error=type(error).__name__)
            return refusal
        request_log.record(kind="size", href=href, started=started)
        if size <= request.start:
            return failures.beyond_end(href, request, size)
        if size >= request.end:
            return refusal
        self._sizes[href] = size
        return TransportError(str(refusal), transient=True, retry_after_s=0)
