"""Which Arrow types may stand where a DuckDB type is declared, and what SQL calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arrow.arrays import NUMBERS
from rasteret_sql.duck.arrow.duck_types import DuckType

# One DuckDB type comes as several Arrow types, as SET arrow_large_buffer_size and arrow_output_version say.
TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
BLOBS = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
LISTS = (
    pa.types.is_list, pa.types.is_large_list, pa.types.is_list_view, pa.types.is_large_list_view,
    pa.types.is_fixed_size_list,
)  # fmt: skip
TYPE_NAMES = {arrow_type: name.upper() for name, (arrow_type, _) in NUMBERS.items()} | {
    pa.null(): "NULL",
    pa.bool_(): "BOOLEAN",
    pa.string(): "VARCHAR",
    pa.large_string(): "VARCHAR",
    pa.string_view(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.large_binary(): "BLOB",
    pa.binary_view(): "BLOB",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
}


def duck_type(kind: Any) -> str:
    """What SQL calls a type that arrived as Arrow."""
    if kind in TYPE_NAMES:
        return TYPE_NAMES[kind]
    if pa.types.is_fixed_size_list(kind):
        return f"{duck_type(kind.value_type)}[{kind.list_size}]"
    if list_like(kind):
        return f"{duck_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{field.name} {duck_type(field.type)}' for field in kind)})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    return str(kind).upper()


def fields_of(kind: Any) -> list[str]:
    """Names of the columns of a row; none for other types."""
    return [field.name for field in kind] if pa.types.is_struct(kind) else []


def list_like(kind: Any) -> bool:
    """LIST and ARRAY."""
    return any(is_kind(kind) for is_kind in LISTS)


def text_like(kind: Any) -> bool:
    """VARCHAR, and ENUM, whose values are texts."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return any(is_kind(kind) for is_kind in TEXTS)


def arrow_type_matches(kind: Any, expected: DuckType) -> bool:
    """Whether an Arrow type can stand where a DuckDB type is declared; a STRUCT by its being one.

    Whole numbers of any width stand for each other, and any number for DOUBLE.
    """
    if isinstance(kind, pa.BaseExtensionType):  # SET arrow_lossless_conversion
        return expected.id == "boolean" or arrow_type_matches(kind.storage_type, expected)
    if pa.types.is_null(kind):
        return True
    if expected.id in ("list", "array"):
        return list_like(kind) and arrow_type_matches(kind.value_type, expected.children["child"])
    if expected.id in NUMBERS:
        real = pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        return bool(pa.types.is_integer(kind) or (real and expected.id in ("double", "float")))
    return bool(HOLDERS[expected.id](kind))


HOLDERS: dict[str, Callable[[Any], bool]] = {
    "varchar": text_like,
    "boolean": pa.types.is_boolean,
    "blob": lambda kind: any(is_kind(kind) for is_kind in BLOBS),
    "struct": pa.types.is_struct,
}
