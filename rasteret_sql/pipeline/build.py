"""Builds an index and keeps it up to date: only what is new, changed or failed is read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from rasteret_sql.duck.quoting import file_pattern, quoted
from rasteret_sql.errors import ArgumentError
from rasteret_sql.notices import Notices
from rasteret_sql.pipeline.search import Search, require_repeated, require_select, search_of
from rasteret_sql.pipeline.target import KEYS, SAME, Target, target_of
from rasteret_sql.progress import progress
from rasteret_sql.store.etag import OPAQUE

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS = 2048
"""Headers between two commits: one full vector."""
ITEM_COLUMNS = ("id", "collection", "geometry", "datetime", "updated", "cloud_cover", "platform", "proj_code")
ITEMS, FOUND, TODO, GONE = "rasteret_items", "rasteret_found", "rasteret_todo", "rasteret_gone"
BATCH = "rasteret_batch"
SCALING = ", ".join(
    f"CASE WHEN _rasteret_unscaled(h, w.item) THEN list_resize(w.item.{column}, h.band_count, "
    f"w.item.{column}[1]) ELSE h.{column} END AS {column}"
    for column in ("scales", "offsets")
)
"""What the file does not say, its item may; as in ``cog_index``."""
STATES = ("added", "updated", "retried", "changed")
Headers: TypeAlias = "Callable[[Sequence[bytes]], Iterable[bytes]]"
"""Batches of assets to batches of index rows, in any order: each a Parquet file, made by ``headers_of``."""


@dataclass(frozen=True, kw_only=True)
class IndexRun:
    """What one run found and did; all but ``items`` counts assets."""

    asked: tuple[str, ...]
    """Hosts or documents that were asked for items."""
    items: int
    """Items that the search gave."""
    assets: int
    """Assets of them that belong into the index."""
    added: int
    """Were not in the index."""
    updated: int
    """The item's ``updated`` or the asset's href changed."""
    changed: int
    """The file's ETag or size changed (``check_files``)."""
    retried: int
    """Had failed before."""
    failed: int
    """Have an error after this run, of those that it read."""
    gone: int
    """In the index, but no longer in the catalogue."""
    pruned: int
    """Of those, taken out of the index (``prune``)."""
    notice: str | None = None
    """What was requested and not found: items at all, or one of the assets."""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "asked": list(self.asked)}


def build_index(
    connection: duckdb.DuckDBPyConnection,
    target: str | os.PathLike[str],
    catalog: str | None = None,
    *,
    batch_rows: int = BATCH_ROWS,
    wait: float = 0,
    headers: Headers | None = None,
    **search: Any,
) -> IndexRun:
    """Put what a search finds into the index ``target``: a table of the connection, or a ``.parquet`` path.

    ``catalog`` and ``search`` are the arguments of ``cog_index`` (collections, bbox, datetime, filter, assets
    and so on); in place of a catalogue ``items`` may be a query that gives items, such as
    ``FROM stac_read('items.json')``. Headers are read of assets that the index does not have, whose item has
    another ``updated`` or whose href changed, and of those that failed before; ``batch_rows`` at a time, each
    batch kept when it is done, so that an interrupted build goes on where it was.
    The search is written down in the index, for ``refresh_index``; one with a password, a signature or values
    in an address's query is run, but not kept, and a ``RasteretWarning`` says so. Hrefs that their catalogue
    signed are kept without the signature, and compared without it. A query of items is written down as well,
    but it is not run from there unless the caller repeats it.

    ``headers`` reads the headers of batches elsewhere: on a cluster, see ``rasteret_sql.ray.build_index``.

    One run at a time writes an index: another is refused with ``BusyError``, or waits for ``wait`` seconds.
    A search that finds nothing, or no item with one of the ``assets``, is a ``RasteretWarning`` (``notice``
    of the run), and exit code 3 of the command.
    """
    index = target_of(connection, target)
    new = search_of(catalog, search)
    if new.items is not None:
        require_select(connection, new.items)
    if new.secret:
        Notices("build_index").say(
            "the search is not written down in the index, because an address in it has a password, a "
            "signature or values in its query: refresh_index will not make it again; call build_index again"
        )
    with index.locked(wait):
        kept = index.searches()
        return _run(
            connection, index, (new,), kept if new in kept or new.secret else (*kept, new), batch_rows,
            headers=headers,
        )  # fmt: skip


def refresh_index(
    connection: duckdb.DuckDBPyConnection,
    target: str | os.PathLike[str],
    *,
    prune: bool = False,
    check_files: bool = False,
    updated_only: bool = False,
    batch_rows: int = BATCH_ROWS,
    items: str | Sequence[str] = (),
    wait: float = 0,
) -> IndexRun:
    """Make the searches again that the index was built from, and take over what is new or changed.

    Rows that no search finds any more are counted as ``gone``, and deleted with ``prune``. With
    ``check_files`` every known file is asked for its ETag and size (one byte each), and read again where they
    changed. ``updated_only`` asks the catalogue for items changed since the newest ``updated`` in the index:
    less to page through, but items that are gone, and items without ``updated``, are not noticed.
    An index that was built from a query of items is refreshed when ``items`` repeats that query: SQL that is
    stored in an index is not run. ``wait`` is that of ``build_index``.
    Raises ``ArgumentError`` for an index that has no searches written down, for ``prune`` with
    ``updated_only``, and for ``prune`` where a search is limited by ``max_items``.
    """
    index = target_of(connection, target)
    with index.locked(wait):
        searches = index.searches()
        _require_searches(target, searches, prune=prune, updated_only=updated_only)
        given = [items] if isinstance(items, str) else list(items)
        require_repeated(searches, given)
        for query in given:
            require_select(connection, query)
        return _run(
            connection, index, searches, searches, batch_rows,
            prune=prune, check_files=check_files, updated_only=updated_only, refreshing=True,
        )  # fmt: skip


def _require_searches(
    target: str | os.PathLike[str], searches: tuple[Search, ...], *, prune: bool, updated_only: bool
) -> None:
    if not searches:
        raise ArgumentError(
            f"{os.fspath(target)} does not say what it was built from: build it with build_index "
            "(rasteret-sql index build), which keeps the search, or call that again"
        )
    if prune and (updated_only or not all(search.complete for search in searches)):
        limit = "updated_only" if updated_only else "a search with max_items"
        raise ArgumentError(
            f"prune with {limit}: what is not found may still be there, so nothing can be pruned"
        )


def _run(
    connection: duckdb.DuckDBPyConnection,
    index: Target,
    searches: tuple[Search, ...],
    kept: tuple[Search, ...],
    batch_rows: int,
    *,
    prune: bool = False,
    check_files: bool = False,
    updated_only: bool = False,
    refreshing: bool = False,
    headers: Headers | None = None,
) -> IndexRun:
    try:
        return _carried_out(
            connection, index, searches, kept, batch_rows, prune=prune, check_files=check_files,
            updated_only=updated_only, refreshing=refreshing, headers=headers,
        )  # fmt: skip
    finally:  # signed hrefs are in them
        for table in (ITEMS, FOUND, TODO, GONE, BATCH):
            connection.execute(f"DROP TABLE IF EXISTS temp.{table}")


def _carried_out(
    connection: duckdb.DuckDBPyConnection,
    index: Target,
    searches: tuple[Search, ...],
    kept: tuple[Search, ...],
    batch_rows: int,
    *,
    prune: bool,
    check_files: bool,
    updated_only: bool,
    refreshing: bool,
    headers: Headers | None,
) -> IndexRun:
    known = index.known()
    _find(connection, searches, known if updated_only else "")
    counts = _plan(connection, known, check_files)
    total = sum(counts.values())
    if headers is None:
        failed = _read(connection, index, total, batch_rows, first=not known)
    else:
        failed = _read_elsewhere(connection, index, total, batch_rows, headers, first=not known)
    index.finish(kept)
    complete = refreshing and not updated_only and all(search.complete for search in searches)
    gone = _gone(connection, index) if complete else 0
    if prune and gone:
        _prune(connection, index, gone)
    (items,) = _one(connection, f"SELECT count(DISTINCT (collection, id)) FROM {ITEMS}")
    (assets,) = _one(connection, f"SELECT count(*) FROM {FOUND}")
    notice = None if updated_only else _notice(connection, searches, items, assets)
    if notice is not None:
        Notices("refresh_index" if refreshing else "build_index").say(notice)
    return IndexRun(
        asked=tuple(dict.fromkeys(search.asked for search in searches)),
        items=items, assets=assets, failed=failed, gone=gone, pruned=gone if prune else 0, notice=notice,
        **counts,
    )  # fmt: skip


def _notice(
    connection: duckdb.DuckDBPyConnection, searches: tuple[Search, ...], items: int, assets: int
) -> str | None:
    """What was requested and is not there."""
    asked = ", ".join(dict.fromkeys(search.asked for search in searches))
    if not items:
        return f"the search found no items ({asked}): is its place, time or filter as it was meant?"
    there = {row[0] for row in connection.execute(f"SELECT DISTINCT unnest(keys) FROM {ITEMS}").fetchall()}
    wanted = dict.fromkeys(key for search in searches for key in search.assets or ())
    missing = [key for key in wanted if key not in there]
    if missing:
        return (
            f"none of the {items:,} items found ({asked}) has an asset {', '.join(map(repr, missing))}; "
            f"their assets are {', '.join(sorted(there)) or 'none'}"
        )
    if not assets:
        return (
            f"none of the {items:,} items found ({asked}) has a TIFF among its assets "
            f"({', '.join(sorted(there)) or 'none'}): name them with assets"
        )
    return None


def _find(connection: duckdb.DuckDBPyConnection, searches: tuple[Search, ...], known: str) -> None:
    """The assets that belong into the index, each once, as a temporary table."""
    since = _one(connection, f"SELECT max(updated) FROM ({known})")[0] if known else None
    columns = ", ".join(f"s.{column}" for column in ITEM_COLUMNS)
    parts = [
        f"SELECT {columns}, map_keys(s.assets) AS keys, "
        f"list_filter(map_entries(s.assets), lambda a: coalesce({search.wanted}, false)) AS chosen "
        f"FROM ({search.rows(updated_since=since)}) AS s"
        for search in searches
    ]
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {ITEMS} AS SELECT * EXCLUDE (chosen), "
        "list_transform(chosen, lambda a: {'key': a.key, 'href': a.value.href, "
        "'common_name': json_extract_string(to_json(a.value), '$.common_name'), 'item': "
        'from_json(to_json(a.value), \'{"scales": ["DOUBLE"], "offsets": ["DOUBLE"]}\')}) AS chosen '
        f"FROM ({' UNION ALL '.join(parts)})"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {FOUND} AS "
        f"SELECT i.* EXCLUDE (keys, chosen), a.key AS band, a.common_name AS common_name, "
        "_rasteret_ok(_rasteret_unsigned_href(a.href)) AS href, a.href AS signed_href, a.item AS item "
        f"FROM {ITEMS} AS i, unnest(i.chosen) AS u(a) "
        f"QUALIFY row_number() OVER (PARTITION BY {', '.join(KEYS)} ORDER BY updated DESC NULLS LAST) = 1"
    )


def _plan(connection: duckdb.DuckDBPyConnection, known: str, check_files: bool) -> dict[str, int]:
    """Number what has to be read, each with the reason why."""
    rows = (
        known
        or "SELECT NULL::VARCHAR AS collection, NULL::VARCHAR AS id, NULL::VARCHAR AS band, "
        "NULL::VARCHAR AS href, NULL::TIMESTAMPTZ AS updated, NULL::VARCHAR AS etag, "
        "NULL::UBIGINT AS file_size, NULL::VARCHAR AS error LIMIT 0"
    )
    state = (
        "CASE WHEN s.id IS NULL THEN 'added' "
        "WHEN t.updated IS NOT NULL AND s.updated IS DISTINCT FROM t.updated OR s.href <> t.href "
        "THEN 'updated' "
        "WHEN s.error IS NOT NULL THEN 'retried' ELSE 'known' END"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {TODO} AS "
        f"SELECT t.*, s.etag AS old_etag, s.file_size AS old_size, {state} AS state "
        f"FROM {FOUND} AS t LEFT JOIN ({rows}) AS s ON ({SAME})"
    )
    if check_files:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {GONE} AS SELECT t.id, t.collection, t.band "
            f"FROM (SELECT * FROM {TODO} WHERE state = 'known') AS t, "
            f"(SELECT _rasteret_ok(_rasteret_file_states(t.signed_href)) AS now) WHERE {changed('t')}"
        )
        connection.execute(
            f"UPDATE {TODO} AS t SET state = 'changed' WHERE EXISTS (FROM {GONE} AS s WHERE {SAME})"
        )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {TODO} AS SELECT * EXCLUDE (old_etag, old_size), "
        f"row_number() OVER (ORDER BY datetime, id, band) AS n FROM {TODO} WHERE state <> 'known'"
    )
    counts = dict(connection.execute(f"SELECT state, count(*) FROM {TODO} GROUP BY state").fetchall())
    return {state: counts.get(state, 0) for state in STATES}


def changed(row: str, *, etag: str = "old_etag", size: str = "old_size") -> str:
    """The condition that a file is no longer what the index says; as reads judge it: by ETag and by size.

    One that cannot be asked now, because its server is down, is not changed.
    """
    other_tag = f"{_opaque(f'{row}.{etag}')} <> {_opaque('now.etag')}"
    return (
        f"(coalesce(now.missing, false) OR coalesce({other_tag}, false) "
        f"OR coalesce({row}.{size} <> now.size, false))"
    )


def _opaque(tag: str) -> str:
    """What two ETags are compared by."""
    return f"regexp_extract({tag}, '{OPAQUE}', 1)"


def _read(
    connection: duckdb.DuckDBPyConnection, index: Target, total: int, batch_rows: int, *, first: bool
) -> int:
    """Read the headers and keep them, batch by batch; how many of them failed."""
    starts = range(1, total + 1, batch_rows)
    failed = 0
    with progress(total, unit="header", what="headers") as advance:
        for start in starts or (range(1) if first else ()):
            last = start + batch_rows - 1
            rows = with_headers(f"SELECT * FROM {TODO} WHERE n BETWEEN {start} AND {last}")
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {BATCH} AS {rows}")
            failed += _keep(connection, index)
            advance(min(last, total) - start + 1)
    return failed


def with_headers(assets: str) -> str:
    """The index rows of the assets that a query gives."""
    columns = ", ".join(f"w.{column}" for column in (*ITEM_COLUMNS, "band", "common_name"))
    return (
        f"SELECT {columns}, h.* REPLACE ({SCALING}) FROM ({assets}) AS w, "
        "cog_header(w.signed_href, signed := false) AS h"
    )


def _keep(connection: duckdb.DuckDBPyConnection, index: Target) -> int:
    """Put the rows of ``BATCH`` into the index; how many have an error."""
    index.add(f"SELECT * FROM temp.{BATCH}")
    failed: int = _one(connection, f"SELECT count(error) FROM temp.{BATCH}")[0]
    return failed


def _read_elsewhere(
    connection: duckdb.DuckDBPyConnection,
    index: Target,
    total: int,
    batch_rows: int,
    headers: Headers,
    *,
    first: bool,
) -> int:
    """The same by ``headers``, in files that every DuckDB reads as they were written."""
    with tempfile.TemporaryDirectory(prefix="rasteret-headers-") as folder:
        assets = []
        for start in range(1, total + 1, batch_rows) or (range(1) if first else ()):
            batch = f"SELECT * FROM {TODO} WHERE n BETWEEN {start} AND {start + batch_rows - 1}"
            assets.append(_parquet_of(connection, batch, folder))
        failed = 0
        for rows in headers(assets):
            path = Path(folder, "rows.parquet")
            path.write_bytes(rows)
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {BATCH} AS FROM read_parquet({file_pattern(path)})"
            )
            failed += _keep(connection, index)
    return failed


def _parquet_of(connection: duckdb.DuckDBPyConnection, query: str, folder: str) -> bytes:
    """The rows of a query as the bytes of a Parquet file."""
    path = Path(folder, "batch.parquet")
    connection.execute(
        f"COPY ({query}) TO {quoted(path)} (FORMAT parquet, COMPRESSION zstd, GEOPARQUET_VERSION 'NONE')"
    ).fetchall()
    return path.read_bytes()


def headers_of(connection: duckdb.DuckDBPyConnection, assets: bytes) -> bytes:
    """What ``Headers`` does for one batch, on any machine: Parquet of assets to Parquet of index rows."""
    with tempfile.TemporaryDirectory(prefix="rasteret-headers-") as folder:
        path = Path(folder, "assets.parquet")
        path.write_bytes(assets)
        return _parquet_of(connection, with_headers(f"FROM read_parquet({file_pattern(path)})"), folder)


def _gone(connection: duckdb.DuckDBPyConnection, index: Target) -> int:
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {GONE} AS SELECT {', '.join(KEYS)} FROM ({index.known()}) AS t "
        f"WHERE NOT EXISTS (FROM {FOUND} AS s WHERE {SAME})"
    )
    count: int = _one(connection, f"SELECT count(*) FROM {GONE}")[0]
    return count


def _prune(connection: duckdb.DuckDBPyConnection, index: Target, gone: int) -> None:
    """Delete what is gone; all of it never, because a catalogue that is out of order finds nothing."""
    if gone == _one(connection, f"SELECT count(*) FROM ({index.known()})")[0]:
        raise ArgumentError(
            f"the searches find none of the {gone:,} assets that the index has, so nothing was pruned: "
            "see whether the catalogue answers as it should, or drop the index"
        )
    index.drop(f"FROM {GONE}")


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    return connection.execute(query).fetchone()
