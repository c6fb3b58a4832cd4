"""SQL arguments as Python values: the conventions that mean the same in every function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import pyarrow as pa

from rasteret_sql.duck.arguments.kept_areas import KeptAreas
from rasteret_sql.duck.arguments.repeats import all_same
from rasteret_sql.duck.arrow.fits import fields_of
from rasteret_sql.duck.quoting import quoted
from rasteret_sql.errors import ArgumentError, RasteretError, value_or_raise
from rasteret_sql.geo.aoi import Aoi, parse_aois
from rasteret_sql.geo.window import Window

Value = TypeVar("Value")

WINDOW_KEYS = ("x_off", "y_off", "width", "height")
WHOLE_TEXT = "all"
"""The default of areas: whole rasters, or a search anywhere. NULL is not an area, and gives nothing."""


class Whole:
    """All of a raster, or of the globe."""


WHOLE = Whole()
Area = Aoi | Window | Whole | RasteretError | None
AREAS: KeptAreas[Area] = KeptAreas()
LONGEST_VALUE = 80
"""Characters of a value that a message repeats."""


def combined(column: Any) -> pa.Array:
    """The single array of a column of a vector."""
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column


def areas(column: Any, types: Any, crs: Any) -> list[Area]:
    """Every row's area: GEOMETRY, WKT, GeoJSON, WKB, four numbers, a box, a pixel window, 'all', or NULL.

    ``types`` is ``typeof`` of the argument, which carries the CRS of a GEOMETRY, or the column of
    ``_rasteret_asked``; ``crs`` is what the caller said. The geometry's own CRS wins, then ``crs``, then
    OGC:CRS84.
    """
    values = values_of(column)
    kinds = _each(types_of(types), lambda values: [geometry_crs(value) for value in values])
    given = [own or stated for own, stated in zip(kinds, texts(crs, "aoi_crs"), strict=True)]
    return AREAS.of(values, given, lambda: _areas(values, given))


def types_of(asked: Any) -> pa.Array:
    """``typeof`` of an argument, also from the column of ``_rasteret_asked``."""
    column = combined(asked)
    return column.field("type") if pa.types.is_struct(column.type) else column


def _areas(values: Sequence[Any], crs: Sequence[str | None]) -> list[Area]:
    areas_of_rows: list[Area] = [None] * len(values)
    # a join repeats its areas, one for each raster: each is looked at once
    groups: dict[str | None, dict[Any, tuple[Any, list[int]]]] = {}
    for row, value in enumerate(values):
        if value is None:
            continue
        if isinstance(value, str) and value == WHOLE_TEXT:
            areas_of_rows[row] = WHOLE
        elif isinstance(value, dict) and all(key in value for key in WINDOW_KEYS):
            areas_of_rows[row] = _window(value)
        else:
            group = groups.setdefault(crs[row], {})
            group.setdefault(_hashable(value), (value, []))[1].append(row)
    for group_crs, group in groups.items():
        parsed = parse_aois([plain(value) for value, _ in group.values()], crs=group_crs)
        for area, (_, rows) in zip(parsed, group.values(), strict=True):
            for row in rows:
                areas_of_rows[row] = area
    return areas_of_rows


def asked_area(area: Area) -> Aoi | Window | None:
    """An area as requests have it, None for all of a raster; its error is raised."""
    there = value_or_raise(area)
    return None if isinstance(there, Whole) else there


def _hashable(value: Any) -> Any:
    """Something equal for equal areas of one form; ``repr`` tells [1, true] from [1, 1]."""
    return value if isinstance(value, str | bytes) else repr(value)


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
        return [_float(v) for v in value]
    if isinstance(value, dict):
        return {key: _float(v) for key, v in value.items()}
    return value


def _float(value: Any) -> Any:
    return float(value) if _is_number(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and math.isfinite(value) and int(value) == value


def sql(value: Any) -> str:
    """A value about as SQL writes it, short enough for a message."""
    text = _sql(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _sql(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_sql, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_sql(v)}' for key, v in value.items())}}}"
    if isinstance(value, bytes):
        return f"a BLOB of {len(value):,} bytes"
    if isinstance(value, bool | int | Decimal):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    return quoted(value)


def _window(value: dict[str, Any]) -> Window | RasteretError:
    numbers = [value[key] for key in WINDOW_KEYS]
    if not all(map(_is_whole, numbers)):
        return ArgumentError(
            f"a pixel window takes whole numbers x_off, y_off, width, height; got {sql(numbers)}"
        )
    x_off, y_off, width, height = (int(n) for n in numbers)
    if width < 1 or height < 1:
        return ArgumentError(f"a pixel window is at least 1 x 1; got {width} x {height}")
    return Window(x_off=x_off, y_off=y_off, width=width, height=height)


def levels_of(levels: Sequence[int | None], aoi: Any) -> list[int | None]:
    """The level of each row: the one asked for, or the one whose pixels its window counts (cog_windows)."""
    names = fields_of(aoi.type)
    if "level" not in names or not all(key in names for key in WINDOW_KEYS):
        return list(levels)
    own = integers(combined(aoi).field(names.index("level")), "level")
    for asked, counted in zip(levels, own, strict=True):
        if asked is not None and counted is not None and asked != counted:
            raise ArgumentError(
                f"level := {asked}, but the window counts pixels of level {counted}; leave level out, "
                "or cut windows of that level"
            )
    return [counted if asked is None else asked for asked, counted in zip(levels, own, strict=True)]


def geometry_crs(duck_type: str | None) -> str | None:
    """The CRS in ``typeof``: ``GEOMETRY('EPSG:32632')`` gives ``EPSG:32632``."""
    if duck_type is None or not duck_type.startswith("GEOMETRY('"):
        return None
    return duck_type[len("GEOMETRY('") : -len("')")].replace("''", "'")


def _each(column: Any, check: Callable[[list[Any]], list[Value]]) -> list[Value]:
    """What ``check`` makes of the values of a column: of one value where all rows have the same."""
    array = combined(column)
    if len(array) > 1 and all_same(array):
        return check(values_of(array.slice(0, 1))) * len(array)
    return check(values_of(array))


def texts(column: Any, name: str) -> list[str | None]:
    """VARCHAR or NULL."""

    def check(values: list[Any]) -> list[str | None]:
        for value in values:
            if value is not None and not isinstance(value, str):
                raise ArgumentError(f"{name} := {sql(value)}: text was expected")
        return values

    return _each(column, check)


def integers(column: Any, name: str) -> list[int | None]:
    """Any whole number, or NULL."""
    return _each(column, lambda values: [None if v is None else _whole(v, name) for v in values])


def _whole(value: Any, name: str) -> int:
    if not _is_whole(value):
        raise ArgumentError(f"{name} := {sql(value)}: a whole number was expected")
    return int(value)


def numbers(column: Any, name: str) -> list[float | None]:
    """Any number, or NULL."""

    def check(values: list[Any]) -> list[float | None]:
        for value in values:
            if value is not None and not _is_number(value):
                raise ArgumentError(f"{name} := {sql(value)}: a number was expected")
        return [None if v is None else float(v) for v in values]

    return _each(column, check)


def flags(column: Any, name: str) -> list[bool]:
    """BOOLEAN; NULL is false."""
    return [bool(value) for value in optional_flags(column, name)]


def finite(column: Any, name: str) -> list[float | None]:
    """Any number but NaN and infinity, or NULL."""
    values = numbers(column, name)
    for number in values:
        if number is not None and not math.isfinite(number):
            raise ArgumentError(f"{name} := {number:g}: expected a finite number")
    return values


def optional_flags(column: Any, name: str) -> list[bool | None]:
    """BOOLEAN or NULL."""

    def check(values: list[Any]) -> list[bool | None]:
        for value in values:
            if value is not None and not isinstance(value, bool):
                raise ArgumentError(f"{name} := {sql(value)}: true or false was expected")
        return values

    return _each(column, check)


def choices(column: Any, name: str, allowed: Sequence[str]) -> list[str]:
    """One of a few words; the first is the default for NULL."""

    def check(values: list[Any]) -> list[str]:
        for value in values:
            if value is not None and not isinstance(value, str):
                raise ArgumentError(f"{name} := {sql(value)}: text was expected")
            if value is not None and value not in allowed:
                expected = ", ".join(map(sql, allowed))
                raise ArgumentError(f"{name} := {sql(value)}: one of {expected} was expected")
        return [allowed[0] if value is None else value for value in values]

    return _each(column, check)


def band_lists(column: Any, name: str) -> list[tuple[int | str, ...] | None]:
    """A band number or name, or a list of them; NULL asks for all bands."""
    return _each(column, lambda values: [None if v is None else _bands(v, name) for v in values])


def _bands(value: Any, name: str) -> tuple[int | str, ...]:
    items = value if isinstance(value, list | tuple) else [value]
    if any(item is None for item in items):
        raise ArgumentError(f"{name} := {sql(value)}: NULL is not a band; give numbers from 1, or names")
    if not all(isinstance(item, str) or _is_whole(item) for item in items):
        raise ArgumentError(
            f"{name} := {sql(value)}: a band number from 1 or a band name, or a list of them, was expected"
        )
    return tuple(item if isinstance(item, str) else int(item) for item in items)
