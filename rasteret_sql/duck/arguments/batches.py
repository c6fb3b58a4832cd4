"""How many chips are read at once: as many as fit into ``batch_bytes``, whatever DuckDB's vectors hold.

DuckDB calls a kernel with up to 2,048 rows, and releases an answer only after the next one has come. So a
planned chip comes with ``places``, a list as long as its part of a batch; the macros unnest it between the
two kernels, so that a vector has room for one batch, and drop all places but the first. Small chips take one
place each, and their vectors stay as they are.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rasteret_sql.duck.arguments.arguments import combined
from rasteret_sql.notices import Notices
from rasteret_sql.raster.algebra.sql import duckdb_version
from rasteret_sql.settings import GIB, byte_count_of, settings

PLACES = 2048
"""Rows of a full vector."""
MIN_ROWS = 66
"""DuckDB copies vectors of up to 64 rows into longer ones."""
LISTS_STAY = (2, 0, 0)
"""From here on it does not where there is a list beside the pixels (``types.PIXELS``), also above the join of
a lateral read, from which 1.5 takes the list away."""
SHARE_OF_MEMORY = 4
MAX_BATCH_BYTES = GIB
IN_FLIGHT = 2
"""Answers of one thread: the one that DuckDB takes on, and the next one."""
ROWS_OF_A_THREAD = 122_880
"""DuckDB gives a second thread something to do once a sort holds more rows than a row group."""
REMEMBERED = 1000
"""Queries whose chips are counted."""

_planned: OrderedDict[str, int] = OrderedDict()
_lock = Lock()


class Batch(NamedTuple):
    """What may be read at once."""

    byte_count: int
    """Pixels, which of them are valid, and what is read to make them."""
    total: int
    """``batch_bytes``, of all threads together."""
    query: str | None


class LargeChip(NamedTuple):
    """The text ``notice`` of a plan: a JSON array of these."""

    query: str | None
    held: int
    """Bytes that reading it takes."""
    total: int
    """``batch_bytes`` of the query."""


def batch_of(asked: pa.Array, rows: int) -> Batch:
    """The batch of a query that plans ``rows`` more chips; ``asked`` is the column of ``_rasteret_asked``."""
    first = _first(asked)
    memory = memory_of(asked)
    share = MAX_BATCH_BYTES if memory is None else min(MAX_BATCH_BYTES, memory // SHARE_OF_MEMORY)
    total = settings().batch_bytes or share
    query = f"{first['connection']}/{first['query']}" if first else None
    threads = int(first.get("threads") or 1) if _count(query, rows) > ROWS_OF_A_THREAD else 1
    # the last chip of a vector may begin at its last place: half of a limit leaves room for it
    byte_count = min(total // (IN_FLIGHT * threads), settings().max_read_bytes // 2)
    return Batch(byte_count=max(1, byte_count), total=total, query=query)


def _first(asked: pa.Array) -> dict[str, Any]:
    """What ``_rasteret_asked`` says, the same in every row."""
    column = combined(asked)
    return column[0].as_py() if len(column) and pa.types.is_struct(column.type) else {}


def memory_of(told: pa.Array) -> int | None:
    """DuckDB's memory_limit, by ``_rasteret_asked`` or a text such as '12.5 GiB'; petabytes are no limit."""
    if pa.types.is_struct(told.type):
        text = _first(told).get("memory_limit")
    else:
        text = told[0].as_py() if len(told) else None
    limit = None if text is None else _bytes_of(text)
    return None if limit is None else max(SHARE_OF_MEMORY, int(limit))


_bytes_of = lru_cache(maxsize=16)(byte_count_of)


def _count(query: str | None, rows: int) -> int:
    """Chips that the query has planned so far."""
    if query is None:
        return rows
    with _lock:
        total = _planned.pop(query, 0) + rows
        _planned[query] = total
        if len(_planned) > REMEMBERED:
            _planned.popitem(last=False)
    return total


def take_places(sources: Iterable[dict[str, Any]], batch: Batch) -> None:
    """Give every planned chip its places, and a notice to those larger than all batches together."""
    most = PLACES if duckdb_version.at_least(LISTS_STAY) else PLACES // MIN_ROWS
    for source in sources:
        held: int = source.get("held", 0)
        source["places"] = _places(min(most, max(1, -(-held * PLACES // batch.byte_count))))
        if held > batch.total:
            source["notice"] = json.dumps(LargeChip(batch.query, held, batch.total))


@lru_cache(maxsize=PLACES)
def _places(count: int) -> npt.NDArray[np.uint8]:
    """0 and then ones."""
    places = np.ones(count, np.uint8)
    places[0] = 0
    return places


def note_large(speaker: str, notices: Iterable[str]) -> None:
    """Say once a query that a chip or a tile is larger than a batch."""
    for text in dict.fromkeys(notices):
        large = LargeChip(*json.loads(text))
        what, instead = ("tile", "") if speaker == "read_cog_tiles" else ("chip", "read_cog_tiles, ")
        Notices(speaker, large.query).say(
            f"a {what} takes {_mib(large.held)} of memory, more than batch_bytes ({_mib(large.total)}), "
            f"and is read by itself. Take {instead}a smaller area, fewer bands or a coarser resolution, "
            "or raise the setting batch_bytes",
            "larger than a batch",
        )


def _mib(byte_count: int) -> str:
    return f"{byte_count / 2**20:,.1f} MiB"
