"""Columns of Arrow as JSON has them: types are looked at once a column."""

from __future__ import annotations

import json
from collections.abc import Callable, Set
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import shapely
import shapely.geometry

from rasteret_sql.errors import MalformedError
from rasteret_sql.geo.guard import from_wkb
from rasteret_sql.stac.values import short

Turn = Callable[[Any], Any]


def columns_of(batch: pa.RecordBatch, geometries: Set[str], name: str) -> dict[str, list[Any]]:
    """The values of each column as JSON has them: members of structs that are null are left out.

    Times and dates become RFC 3339 text, decimals numbers, maps and structs objects, JSON text what it says;
    WKB in a column of ``geometries`` becomes GeoJSON, other binary hexadecimal digits. Only ``geometry``
    stays as it is. Raises ``MalformedError`` with ``name`` and the column for text that is not JSON and
    binary that is not WKB.
    """
    columns = {}
    for field, column in zip(batch.schema.names, batch.columns, strict=True):
        values = _in_microseconds(column).to_pylist()
        if field != "geometry":
            turn = _geojson if field in geometries and _is_binary(column.type) else turn_of(column.type)
            try:
                values = [None if value is None else turn(value) for value in values]
            except (ValueError, RecursionError, shapely.errors.ShapelyError) as error:
                raise MalformedError(f"{name}: column {field}: {error}") from error
        columns[field] = values
    return columns


def turn_of(kind: pa.DataType) -> Turn:
    """What makes JSON's value of a value that is not null."""
    if isinstance(kind, pa.JsonType):
        return _parsed
    if isinstance(kind, pa.UuidType):
        return str
    if pa.types.is_dictionary(kind):
        return turn_of(kind.value_type)
    if pa.types.is_map(kind):
        item = turn_of(kind.item_type)
        return lambda pairs: {str(key): item(value) for key, value in pairs if value is not None}
    if pa.types.is_struct(kind):
        members = {field.name: turn_of(field.type) for field in kind}
        return lambda value: {
            key: turn(value[key]) for key, turn in members.items() if value[key] is not None
        }
    if _is_list(kind):
        member = turn_of(kind.value_type)
        return lambda values: [None if value is None else member(value) for value in values]
    return _hexadecimal if _is_binary(kind) else _scalar


def _scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"text that is not JSON: {short(text)}") from error


def _geojson(wkb: bytes) -> Any:
    return shapely.geometry.mapping(from_wkb(wkb))


def _hexadecimal(value: bytes) -> str:
    return value.hex()


def _in_microseconds(column: pa.Array) -> pa.Array:
    """Python's times end there."""
    kind = _cut(column.type)
    return column if kind == column.type else column.cast(kind, safe=False)


def _cut(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if pa.types.is_time64(kind) and kind.unit == "ns":
        return pa.time64("us")
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_cut(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_cut(kind.value_type)))
    if pa.types.is_map(kind):
        return pa.map_(kind.key_type, kind.item_field.with_type(_cut(kind.item_type)))
    return kind


def _is_list(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            pa.types.is_list,
            pa.types.is_large_list,
            pa.types.is_fixed_size_list,
            pa.types.is_list_view,
            pa.types.is_large_list_view,
        )
    )


def _is_binary(kind: pa.DataType) -> bool:
    kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    tests = (
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_fixed_size_binary,
        pa.types.is_binary_view,
    )
    return any(test(kind) for test in tests)
