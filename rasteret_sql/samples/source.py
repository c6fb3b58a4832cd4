"""Where samples come from: a query, the tables that it names, and the keys that it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from rasteret_sql.duck.kernels.extents import hilbert_index
from rasteret_sql.duck.quoting import name as quoted_name
from rasteret_sql.duck.quoting import quoted
from rasteret_sql.duck.register.connection import wrapped
from rasteret_sql.duck.register.geo_frames import arrow_of, is_geo_frame
from rasteret_sql.duck.register.registration import register
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.aoi import Aoi, parse_aois
from rasteret_sql.samples.values import Sample, samples_of

INDEX = "idx"
"""What the query calls the index."""
GEOMETRIES = ("geom", "geometry")
ROWS = 2048
PLANE = "EPSG:3857"
"""Taken for the CRS of areas without one, so that any coordinates are."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A query whose rows are samples. It can be pickled: it holds tables and texts, and opens nothing."""

    sql: str
    key: str | None
    """Column of one of the tables, and of the query's answer, that names a sample."""
    keyed: str | None
    """Name of that table."""
    tables: Mapping[str, pa.Table | str] = field(default_factory=dict)
    """By name: an Arrow table, or the path of a file."""

    def __len__(self) -> int:
        return 1 if self.keyed is None else int(self.samples.num_rows)

    @property
    def samples(self) -> pa.Table:
        """The table with the key."""
        assert self.keyed is not None
        table = self.tables[self.keyed]
        assert isinstance(table, pa.Table)
        return table

    def keys(self) -> list[Any]:
        """Of all samples, in the order of their table."""
        return list(self.samples.column(self.key).to_pylist())

    def digest(self) -> str:
        """Tells this query and these samples from others."""
        state = blake2b(repr((self.sql, self.key)).encode(), digest_size=16)
        if self.keyed is not None:
            state.update(repr(self.keys()).encode())
        return state.hexdigest()

    def places(self) -> npt.NDArray[np.int64] | None:
        """Where samples lie on a Hilbert curve, neighbours close together; None where nothing says it."""
        name = next((name for name in GEOMETRIES if name in self.samples.schema.names), None)
        if name is None:
            return None
        values = self.samples.column(name).to_pylist()
        areas = parse_aois(values, crs=PLANE)
        shapes = [area.geometry if isinstance(area, Aoi) else None for area in areas]
        return along_curve(np.array(shapes, dtype=object))

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of this process and thread, with the tables."""
        plain = duckdb.connect()
        try:
            register(plain, new=True)
            con = wrapped(plain, pushes_down=True)
            for name, table in self.tables.items():
                if isinstance(table, str):
                    con.execute(f"CREATE VIEW {quoted_name(name)} AS FROM {quoted(table)}").fetchall()
                else:
                    con.register(name, table)
            yield con
        finally:
            plain.close()

    def batches(self, con: duckdb.DuckDBPyConnection) -> Iterator[list[Sample]]:
        """All rows of the query, in its order, a batch at a time."""
        for batch in con.sql(self.sql).to_arrow_reader(ROWS):
            yield samples_of(batch)

    def read(self, con: duckdb.DuckDBPyConnection, numbers: npt.NDArray[np.int64]) -> dict[int, Sample]:
        """The samples with these numbers that the query has rows for."""
        assert self.keyed is not None
        part = self.samples.take(pa.array(numbers))
        con.register(self.keyed, part)
        number_of = dict(zip(part.column(self.key).to_pylist(), numbers.tolist(), strict=True))
        found: dict[int, Sample] = {}
        for sample in chain.from_iterable(self.batches(con)):
            if self.key not in sample:
                raise ArgumentError(
                    f"Samples: the query has no column {self.key!r}, which names a sample; it has "
                    f"{', '.join(map(repr, sample))}"
                )
            number = number_of.get(sample[self.key])
            if number is None or number in found:
                wrong = "a row that was not asked for" if number is None else "more than one row"
                raise ArgumentError(
                    f"Samples: the query has {wrong} for {self.key} = {sample[self.key]!r}; a row is a "
                    "sample: aggregate scenes, as read_cube does, or let the key name each pair"
                )
            found[number] = sample
        return found


def along_curve(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.int64]:
    """Distances of the centres of geometries along a Hilbert curve over all of them; of None 0."""
    xmin, ymin, xmax, ymax = shapely.bounds(shapes).T
    cells = []
    for low, high in ((xmin, xmax), (ymin, ymax)):
        centre = np.nan_to_num((low + high) / 2)
        width = float(np.ptp(centre)) or 1.0
        cells.append(((centre - centre.min()) / width * 65535).astype(np.int64))
    return hilbert_index(cells[0], cells[1])


def source_of(sql: str, index: Any, tables: Mapping[str, Any] | None, key: str | None) -> Source:
    """A query with its tables, checked; ArgumentError for a key that names no sample."""
    given = {**({} if index is None else {INDEX: index}), **(tables or {})}
    if index is not None and tables and INDEX in tables:
        raise ArgumentError(f"Samples: index= is the table {INDEX!r} of the query, which tables= has too")
    found: dict[str, pa.Table | str] = {name: _table(name, table) for name, table in given.items()}
    if key is None:
        return Source(sql=sql, key=None, keyed=None, tables=found)
    loaded = {name: _loaded(name, table, key) for name, table in found.items() if name != INDEX}
    keyed = [name for name, table in loaded.items() if table is not None]
    if len(keyed) != 1:
        count = "no table" if not keyed else f"{len(keyed)} tables"
        raise ArgumentError(
            f"Samples: {count} of tables= have the column {key!r}; the one whose rows name the samples was "
            f"expected: tables={{'fields': 'fields.parquet'}}, key='field_id'"
        )
    table = loaded[keyed[0]]
    assert table is not None
    _check_key(table, key)
    return Source(sql=sql, key=key, keyed=keyed[0], tables={**found, keyed[0]: table})


def _table(name: str, given: Any) -> pa.Table | str:
    if isinstance(given, str | Path):
        return str(given)
    if isinstance(given, duckdb.DuckDBPyRelation):
        return given.to_arrow_table()
    if is_geo_frame(given):
        return arrow_of(given)
    if hasattr(given, "__arrow_c_stream__"):
        return pa.table(given)
    raise ArgumentError(
        f"Samples: the table {name!r} is a {type(given).__name__}; a path, con.sql('FROM …'), an Arrow table "
        "or a frame was expected"
    )


def _loaded(name: str, table: pa.Table | str, key: str) -> pa.Table | None:
    """The table in memory, if it has the key."""
    if isinstance(table, str):
        with Source(sql="", key=None, keyed=None, tables={name: table}).connection() as con:
            relation = con.sql(f"FROM {quoted_name(name)}")
            return relation.to_arrow_table() if key in relation.columns else None
    return table if key in table.schema.names else None


def _check_key(table: pa.Table, key: str) -> None:
    column = table.column(key)
    distinct = pc.count_distinct(column, mode="all").as_py()
    if table.num_rows == 0:
        raise ArgumentError("Samples: there are no samples: the table with the key has no rows")
    if column.null_count or distinct != table.num_rows:
        raise ArgumentError(
            f"Samples: {key!r} is not a key: {table.num_rows:,} rows have {distinct:,} different values"
            + (f", and {column.null_count:,} have none" if column.null_count else "")
        )
