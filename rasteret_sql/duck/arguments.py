"""SQL arguments as Python values: the conventions that mean the same in every function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from rasteret_sql.cog.window import Window
from rasteret_sql.errors import ArgumentError, RasteretError
from rasteret_sql.raster.aoi import Aoi, parse_aois

WINDOW_KEYS = ("x_off", "y_off", "width", "height")


def combined(column: Any) -> pa.Array:
    """The single array of a column of a vector."""
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column


def areas(column: Any, types: Any, crs: Any) -> list[Aoi | Window | RasteretError | None]:
    """Every row's area: GEOMETRY, WKT, GeoJSON, WKB, four numbers, a box, a pixel window, or NULL.

    ``types`` is ``typeof`` of the argument, which carries the CRS of a GEOMETRY; ``crs`` is what the caller
    said. The geometry's own CRS wins, then ``crs``, then OGC:CRS84.
    """
    values = values_of(column)
    given = texts(crs, "aoi_crs")
    kinds = values_of(types)
    found: list[Aoi | Window | RasteretError | None] = [None] * len(values)
    groups: dict[str | None, list[int]] = {}
    for row, value in enumerate(values):
        if value is None:
            continue
        if isinstance(value, dict) and all(key in value for key in WINDOW_KEYS):
            found[row] = _window(value)
        else:
            groups.setdefault(geometry_crs(kinds[row]) or given[row], []).append(row)
    for group_crs, rows in groups.items():
        for row, area in zip(rows, parse_aois([plain(values[r]) for r in rows], crs=group_crs), strict=True):
            found[row] = area
    return found


def values_of(column: Any) -> list[Any]:
    """A column as Python values."""
    array = combined(column)
    if pa.types.is_null(array.type):
        return [None] * len(array)
    values: list[Any] = array.to_pylist()
    return values


def plain(value: Any) -> Any:
    """DECIMAL literals such as [77.5, 12.9, …] arrive as Decimal."""
    if isinstance(value, list | tuple):
        return [None if v is None else float(v) for v in value]
    if isinstance(value, dict):
        return {key: None if v is None else _number(v) for key, v in value.items()}
    return value


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _window(value: dict[str, Any]) -> Window | RasteretError:
    numbers = [value[key] for key in WINDOW_KEYS]
    if any(n is None or int(n) != n for n in numbers):
        return ArgumentError(f"a pixel window takes whole numbers x_off, y_off, width, height; got {numbers}")
    x_off, y_off, width, height = (int(n) for n in numbers)
    if width < 1 or height < 1:
        return ArgumentError(f"a pixel window is at least 1 x 1; got {width} x {height}")
    return Window(x_off=x_off, y_off=y_off, width=width, height=height)


def geometry_crs(duck_type: str | None) -> str | None:
    """The CRS in ``typeof``: ``GEOMETRY('EPSG:32632')`` gives ``EPSG:32632``."""
    if duck_type is None or not duck_type.startswith("GEOMETRY('"):
        return None
    return duck_type[len("GEOMETRY('") : -len("')")].replace("''", "'")


def texts(column: Any, name: str) -> list[str | None]:
    """VARCHAR or NULL."""
    values = values_of(column)
    for value in values:
        if value is not None and not isinstance(value, str):
            raise ArgumentError(f"{name} := {value!r}: text was expected")
    return values


def integers(column: Any, name: str) -> list[int | None]:
    """Any whole number, or NULL."""
    return [None if v is None else _whole(v, name) for v in values_of(column)]


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or isinstance(value, str) or int(value) != value:
        raise ArgumentError(f"{name} := {value!r}: a whole number was expected")
    return int(value)


def numbers(column: Any, name: str) -> list[float | None]:
    """Any number, or NULL."""
    values = values_of(column)
    if any(isinstance(v, bool | str | list | dict) for v in values):
        raise ArgumentError(f"{name} := {next(v for v in values if v is not None)!r}: a number was expected")
    return [None if v is None else float(v) for v in values]


def flags(column: Any, name: str) -> list[bool]:
    """BOOLEAN; NULL is false."""
    values = values_of(column)
    for value in values:
        if value is not None and not isinstance(value, bool):
            raise ArgumentError(f"{name} := {value!r}: true or false was expected")
    return [bool(value) for value in values]


def choices(column: Any, name: str, allowed: Sequence[str]) -> list[str]:
    """One of a few words; the first is the default for NULL."""
    values = texts(column, name)
    for value in values:
        if value is not None and value not in allowed:
            raise ArgumentError(f"{name} := {value!r}: one of {', '.join(map(repr, allowed))} was expected")
    return [allowed[0] if value is None else value for value in values]


def band_lists(column: Any) -> list[tuple[int | str, ...] | None]:
    """A band number or name, or a list of them; NULL asks for all bands."""
    return [None if v is None else _bands(v) for v in values_of(column)]


def _bands(value: Any) -> tuple[int | str, ...]:
    items = value if isinstance(value, list | tuple) else [value]
    if any(item is None for item in items):
        raise ArgumentError(f"bands := {value!r}: NULL is no band; give numbers from 1, or names")
    return tuple(item if isinstance(item, str) else _whole(item, "bands") for item in items)
