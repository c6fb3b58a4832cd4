"""What an index holds, and whether it is still true."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rasteret_sql.errors import NotFoundError
from rasteret_sql.pipeline.build import changed
from rasteret_sql.pipeline.replace import local_path
from rasteret_sql.pipeline.target import ParquetTarget, Target, target_of
from rasteret_sql.store.redact import display_href

if TYPE_CHECKING:
    import duckdb

TILES = "ceil(width / tile_width) * ceil(height / tile_height) * if(interleave = 'band', band_count, 1)"
NEEDED = (
    "width",
    "height",
    "dtype",
    "tile_width",
    "tile_height",
    "compression",
    "transform",
    "tile_byte_counts",
)


@dataclass(frozen=True, kw_only=True)
class IndexInfo:
    """What an index holds."""

    rows: int
    items: int
    bands: dict[str, int]
    """Rows by asset key."""
    failed: int
    """Rows with an error."""
    first: str | None
    """Of ``datetime``, RFC 3339."""
    last: str | None
    updated: str | None
    """The newest ``updated``."""
    bbox: tuple[float, float, float, float] | None
    """Longitude and latitude around all items."""
    tiles: int
    """Of all levels, without masks."""
    bytes: int | None
    """Of the Parquet file; None for a table."""
    bytes_per_tile: float | None
    searches: list[dict[str, Any]]
    """What it was built from."""
    asked: list[str]
    """Hosts or documents that a refresh asks."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One kind of thing that is wrong with an index."""

    kind: str
    """``failed``, ``duplicate``, ``incomplete``, ``missing``, ``stale`` or ``unreachable``."""
    rows: int
    example: str
    """What one of them says, with its href."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def index_info(connection: duckdb.DuckDBPyConnection, target: str | os.PathLike[str]) -> IndexInfo:
    """What is in an index, in numbers; nothing but the index is read."""
    index = _existing(connection, target)
    searches = index.searches()
    cursor = connection.execute(
        "SELECT count(*), count(DISTINCT (collection, id)), count(error), "
        "strftime(make_timestamp(epoch_us(min(datetime))), '%Y-%m-%dT%H:%M:%SZ'), "
        "strftime(make_timestamp(epoch_us(max(datetime))), '%Y-%m-%dT%H:%M:%SZ'), "
        "strftime(make_timestamp(epoch_us(max(updated))), '%Y-%m-%dT%H:%M:%SZ'), "
        "min(box.xmin), min(box.ymin), max(box.xmax), max(box.ymax), "
        "coalesce(sum(len(tile_byte_counts)), 0) "
        "+ coalesce(sum(list_sum(list_transform(overviews, lambda o: len(o.tile_byte_counts)))), 0) "
        f"FROM (SELECT *, rasteret_bbox(geometry) AS box FROM {index.rows()})"
    )
    rows, items, failed, first, last, updated, *bounds, tiles = cursor.fetchone() or ()
    bands = connection.execute(
        f"SELECT band::VARCHAR AS name, count(*) FROM {index.rows()} GROUP BY name ORDER BY name"
    )
    size = os.path.getsize(local_path(target)) if isinstance(index, ParquetTarget) else None
    return IndexInfo(
        rows=rows, items=items, failed=failed, bands=dict(bands.fetchall()),
        first=first, last=last, updated=updated,
        bbox=None if None in bounds else tuple(bounds),
        tiles=int(tiles), bytes=size,
        bytes_per_tile=round(size / int(tiles), 2) if size is not None and tiles else None,
        searches=[search.as_dict() for search in searches],
        asked=list(dict.fromkeys(search.asked for search in searches)),
    )  # fmt: skip


def validate_index(
    connection: duckdb.DuckDBPyConnection,
    target: str | os.PathLike[str],
    *,
    check_files: bool = True,
    sample: int | None = None,
) -> list[Problem]:
    """What is wrong with an index; an empty list when nothing is.

    Rows that failed, two rows for one asset, and rows that no read can use are found in the index itself.
    With ``check_files`` every file (or ``sample`` of them, chosen at random) is asked for its ETag and size,
    one byte each: it may be missing, stale (changed since it was indexed), or unreachable.
    """
    index = _existing(connection, target)
    problems = [
        _problem(connection, "failed", "error", f"{index.rows()} WHERE error IS NOT NULL"),
        _problem(
            connection, "duplicate", "'item ' || id || ', asset ' || band || ' is there more than once'",
            f"{index.rows()} GROUP BY ALL HAVING count(*) > 1", columns="collection, id, band",
        ),
        _problem(
            connection, "incomplete", "href || ': a column that reads need is NULL, or a table is cut'",
            f"{index.rows()} WHERE error IS NULL AND NOT coalesce(len(tile_byte_counts) = {TILES} "
            f"AND {' AND '.join(f'{column} IS NOT NULL' for column in NEEDED)}, false)",
        ),
    ]  # fmt: skip
    if check_files:
        problems += _files(connection, index, sample)
    return [problem for problem in problems if problem is not None]


def _files(connection: duckdb.DuckDBPyConnection, index: Target, sample: int | None) -> list[Problem | None]:
    chosen = "" if sample is None else f" USING SAMPLE reservoir({int(sample)} ROWS)"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE rasteret_states AS SELECT t.*, now "
        f"FROM (SELECT href, etag, file_size FROM {index.rows()} WHERE error IS NULL{chosen}) AS t, "
        "(SELECT _rasteret_ok(_rasteret_file_states(t.href)) AS now)"
    )
    states = "temp.rasteret_states"
    is_changed = changed("rasteret_states", etag="etag", size="file_size")
    problems = [
        _problem(connection, "missing", "now.error", f"{states} WHERE now.missing"),
        _problem(
            connection, "stale", "'it changed since it was indexed: ' || href",
            f"{states} WHERE NOT now.missing AND now.error IS NULL AND {is_changed}",
        ),
        _problem(
            connection, "unreachable", "now.error",
            f"{states} WHERE NOT now.missing AND now.error IS NOT NULL",
        ),
    ]  # fmt: skip
    connection.execute("DROP TABLE temp.rasteret_states")
    return problems


def _problem(
    connection: duckdb.DuckDBPyConnection, kind: str, example: str, rows: str, *, columns: str = "*"
) -> Problem | None:
    row = connection.execute(
        f"SELECT count(*), min({example}) FROM (SELECT {columns} FROM {rows})"
    ).fetchone()
    assert row is not None  # an aggregate gives one
    return Problem(kind=kind, rows=row[0], example=display_href(str(row[1]))) if row[0] else None


def _existing(connection: duckdb.DuckDBPyConnection, target: str | os.PathLike[str]) -> Target:
    index = target_of(connection, target)
    if not index.known():
        raise NotFoundError(f"{os.fspath(target)}: there is no such index; build_index makes one")
    return index
