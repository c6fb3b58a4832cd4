"""One part of a query: a value that gives its rows when it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pyarrow as pa

from rasteret_sql.duck.quoting import file_pattern, name, quoted
from rasteret_sql.parts.connections import new_cursor
from rasteret_sql.parts.index_files import IndexFile, require_unchanged
from rasteret_sql.parts.session import Session

if TYPE_CHECKING:
    import duckdb

INDEX = "idx"
"""What the SQL calls its index."""
BATCH_ROWS = 256
MAX_BATCH_BYTES = 64 << 20
"""Of a batch that is handed over; one row may have more."""
ERROR = "error"
"""The column in which a failed asset says why."""

Table: TypeAlias = str | pa.Table | Callable[[], pa.Table]
"""A Parquet file that each process reads, rows that were sent, or a function that gives them."""
Box: TypeAlias = tuple[float, float, float, float]


class Rows(NamedTuple):
    """Rows of one file of the index, ``first`` and ``last`` included."""

    file: IndexFile
    first: int
    last: int

    def query(self) -> str:
        """DuckDB skips the row groups that have none of them."""
        source = self.file.rows(", file_row_number := true")
        return (
            f"SELECT * EXCLUDE (file_row_number) FROM {source} "
            f"WHERE file_row_number BETWEEN {self.first} AND {self.last}"
        )


@dataclass(frozen=True, kw_only=True)
class Near:
    """The table of areas of which a part needs those in a box, in the coordinates of the table."""

    table: str
    column: str
    crs: str | None
    is_geometry: bool
    box: Box | None = None
    """None: all of them are needed, or their column is not a GEOMETRY."""

    def around(self, boxes: Sequence[Sequence[float | None]]) -> Near:
        """Those in one box around ``boxes``."""
        known = [box for box in boxes if None not in box]
        if not known:
            return self
        xmin, ymin, xmax, ymax = zip(*known, strict=True)
        return replace(self, box=(min(xmin), min(ymin), max(xmax), max(ymax)))

    def condition(self) -> str:
        """DuckDB skips row groups by it."""
        if self.box is None:
            return "true"
        xmin, ymin, xmax, ymax = self.box
        ring = ", ".join(
            f"{x!r} {y!r}" for x, y in ((xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax), (xmin, ymin))
        )
        crs = "" if self.crs is None else f"({quoted(self.crs)})"
        return f"{name(self.column)} && 'POLYGON (({ring}))'::GEOMETRY{crs}"


@dataclass(frozen=True, kw_only=True)
class Part:
    """``part()`` gives the rows of one part of a query, ``part.batches()`` the same bit by bit.

    It can be pickled and run anywhere, any number of times: its rows depend on the index and the assets
    alone. ``StaleError`` where the index has changed since.
    """

    number: int
    """From 0, in the order of the index."""
    sql: str
    rows: tuple[Rows, ...]
    tables: Mapping[str, Table] = field(default_factory=dict, hash=False)
    near: Near | None = None
    session: Session = field(default_factory=Session)
    row_count: int = 0
    """Rows of the index."""
    byte_count: int = 0
    """Bytes of tiles that it is expected to read."""
    tile_count: int = 0

    def __call__(self) -> pa.Table:
        """All rows; no rows have columns, too."""
        with self._bound() as reader:
            return reader.read_all()

    def batches(self, *, max_bytes: int = MAX_BATCH_BYTES) -> Iterator[pa.RecordBatch]:
        """The rows in batches of at most ``max_bytes`` (or one row), as they are read."""
        with self._bound() as reader:
            try:
                for batch in reader:
                    yield from cut(batch, max_bytes)
            finally:
                for _ in reader:  # DuckDB 1.5 waits for ever where a cursor goes before its result is read
                    pass

    def schema(self) -> pa.Schema:
        """Names and types of the columns; nothing is read but the schema of the index and the tables."""
        with closing(new_cursor(self.session)) as cursor:
            self.prepare(cursor)
            return cursor.sql(f"SELECT * FROM ({self.sql}) LIMIT 0").to_arrow_table().schema

    def with_tables(self, tables: Mapping[str, Table]) -> Part:
        """The same with other tables, such as rows that an engine has sent to every node."""
        return replace(self, tables=dict(tables))

    @contextmanager
    def _bound(self) -> Iterator[pa.RecordBatchReader]:
        with closing(new_cursor(self.session)) as cursor:
            require_unchanged(cursor, {rows.file for rows in self.rows})
            self.prepare(cursor)
            yield cursor.sql(self.sql).to_arrow_reader(BATCH_ROWS)

    def prepare(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Give a cursor the tables that the SQL names: views of its own."""
        use_tables(cursor, self.tables, self.near)
        index = " UNION ALL BY NAME ".join(rows.query() for rows in self.rows)
        cursor.execute(f"CREATE OR REPLACE TEMP VIEW {name(INDEX)} AS {index}")
        cursor.execute("SET arrow_large_buffer_size = true")  # a column of chips may pass 2 GiB


def use_tables(
    cursor: duckdb.DuckDBPyConnection, tables: Mapping[str, Table], near: Near | None = None
) -> None:
    """Views of the tables, of which ``near`` says what one part needs."""
    for table, given in tables.items():
        rows = given() if callable(given) else given
        if isinstance(rows, str):
            source = f"read_parquet({file_pattern(rows)})"
        else:
            source = name(f"rasteret_sent_{table}")
            cursor.register(f"rasteret_sent_{table}", rows)
        condition = f" WHERE {near.condition()}" if near is not None and near.table == table else ""
        cursor.execute(f"CREATE OR REPLACE TEMP VIEW {name(table)} AS SELECT * FROM {source}{condition}")


def cut(batch: pa.RecordBatch, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """A batch in pieces of at most ``max_bytes``, or of one row."""
    pieces: list[Any] = [batch]
    while pieces:
        piece = pieces.pop()
        if piece.num_rows > 1 and piece.nbytes > max_bytes:
            half = piece.num_rows // 2
            pieces += [piece.slice(half), piece.slice(0, half)]
        elif piece.num_rows:
            yield piece
