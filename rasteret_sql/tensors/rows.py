"""The rows of a relation: chips or cubes with their times and bands, whatever other columns are there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rasteret_sql.duck.arguments.chip_values import NEEDED, USED, chips_of
from rasteret_sql.duck.arrow.fits import fields_of
from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.chip import Chip

ROWS = 2048
"""Rows of one Arrow batch, whose BLOBs may take 2 GiB: DuckDB hands over whole vectors."""
TIMES = ("datetime", "time", "day", "date")
"""Columns that may hold the time of a row, the first that is there and is a time."""
BAND = "band"
CHIP_COLUMNS = (*USED, "error")
CUBE_COLUMNS = (
    "time",
    "bands",
    "shape",
    "data",
    "valid",
    "crs",
    "transform",
    "nodata",
    "dtype",
    "scales",
    "offsets",
    "errors",
)
NO_TIME = np.datetime64("NaT", "us")


@dataclass(frozen=True, kw_only=True)
class ChipRow:
    """One row with a chip, or with the reason why there is none."""

    time: np.datetime64
    """NaT where the relation has no column of times."""
    band: str | None
    chip: Chip | None
    error: str | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        place = "a chip" if self.chip is None else self.chip.name
        return place if np.isnat(self.time) else f"{place} at {self.time}"


def batches(relation: Any, function: str) -> Iterator[pa.RecordBatch]:
    """Arrow batches of a DuckDB relation, or of anything that gives an Arrow stream."""
    if isinstance(relation, duckdb.DuckDBPyRelation):
        yield from relation.to_arrow_reader(ROWS)
    elif hasattr(relation, "__arrow_c_stream__"):
        yield from pa.RecordBatchReader.from_stream(relation)
    else:
        raise ArgumentError(
            f"{function}: {type(relation).__name__} is not a relation: pass con.sql('SELECT …') or an "
            "Arrow table"
        )


def is_cube(schema: pa.Schema) -> bool:
    """Whether rows are those of read_cube: a list of times beside the pixels."""
    return "data" in schema.names and any(
        pa.types.is_list(schema.field(place).type)
        and pa.types.is_timestamp(schema.field(place).type.value_type)
        for place in _places(schema.names, "time")
    )


def chip_rows(batch: pa.RecordBatch, function: str) -> Iterator[ChipRow]:
    """The rows of one batch. ArgumentError where there is no chip in them."""
    times, bands = times_of(batch), bands_of(batch)
    chips, errors = _chips(batch, function)
    for row, chip in enumerate(chips):
        yield ChipRow(time=times[row], band=bands[row], chip=chip, error=None if chip else errors[row])


def nearest_to_data(names: Sequence[str], wanted: Sequence[str], data: int) -> dict[str, int]:
    """Where the columns of the chip or cube stand whose pixels are the column ``data``.

    ``SELECT i.*, c.*`` has ``transform``, ``crs`` and others twice, of the raster and of the chip; DuckDB
    calls the second ``transform_1`` where the query is a subquery.
    """
    found = {}
    for name in wanted:
        places = _places(names, name)
        if places:
            found[name] = min(places, key=lambda place: (abs(place - data), place > data))
    return found


def _places(names: Sequence[str], wanted: str) -> list[int]:
    pattern = re.compile(rf"{re.escape(wanted)}(_\d+)?", re.IGNORECASE)
    return [place for place, name in enumerate(names) if pattern.fullmatch(name)]


def _chips(batch: pa.RecordBatch, function: str) -> tuple[list[Chip | None], list[str | None]]:
    names = batch.schema.names
    data = _places(names, "data")
    if len(data) > 1:
        raise ArgumentError(
            f"{function}: {len(data)} columns are called data: select those of one chip, such as c.*"
        )
    if data:
        places = nearest_to_data(names, CHIP_COLUMNS, data[0])
        columns = {name: batch.column(place) for name, place in places.items()}
    else:
        columns = _one_struct(batch, function)
    errors = columns.pop("error", None)
    missing = [name for name in (*NEEDED, "transform") if name not in columns]
    if missing:
        raise ArgumentError(
            f"{function}: the relation has data, but not {', '.join(missing)}: select all columns of "
            "read_cog or read_chips (c.*), or the chip as one value (c)"
        )
    chips = chips_of(pa.StructArray.from_arrays(list(columns.values()), list(columns)))
    return chips, [None] * len(chips) if errors is None else errors.to_pylist()


def _one_struct(batch: pa.RecordBatch, function: str) -> dict[str, pa.Array]:
    """The fields of the one column that holds chips as values, as RS_Clip and ``SELECT c`` give them."""
    structs = [
        place
        for place, field in enumerate(batch.schema)
        if pa.types.is_struct(field.type) and {"data", "shape", "dtype"} <= set(fields_of(field.type))
    ]
    if len(structs) != 1:
        listed = ", ".join(dict.fromkeys(batch.schema.names))
        found = f"{len(structs)} columns hold" if structs else "no column holds"
        raise ArgumentError(
            f"{function}: {found} chips: one was expected, the columns of read_cog or read_chips, of "
            f"read_cube, or a chip as one value; the columns are {listed}"
        )
    column = batch.column(structs[0])
    return dict(zip(fields_of(column.type), column.flatten(), strict=True))


def times_of(batch: pa.RecordBatch) -> npt.NDArray[np.datetime64]:
    """The time of each row; NaT where no column has one."""
    for wanted in TIMES:
        for place in _places(batch.schema.names, wanted):
            column = batch.column(place)
            if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
                return utc(column)
    return np.full(batch.num_rows, NO_TIME)


def utc(column: pa.Array) -> npt.NDArray[np.datetime64]:
    """Timestamps, with a zone or in UTC, or days, as datetime64 in microseconds; NULL is NaT."""
    plain = pc.cast(column, pa.timestamp("us", tz=getattr(column.type, "tz", None)))
    found: npt.NDArray[np.datetime64] = plain.to_numpy(zero_copy_only=False).astype("datetime64[us]")
    return found


def bands_of(batch: pa.RecordBatch) -> list[str | None]:
    """The band that each row names."""
    for place in _places(batch.schema.names, BAND):
        column = batch.column(place)
        if pa.types.is_string(column.type) or pa.types.is_integer(column.type):
            return [None if value is None else str(value) for value in column.to_pylist()]
    return [None] * batch.num_rows
