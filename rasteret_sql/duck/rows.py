"""Headers and plans as rows, and back: the one place that knows both the values and their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa

from rasteret_sql.cog.header import Header, Level
from rasteret_sql.cog.selection import Selection
from rasteret_sql.cog.window import Window
from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.chip import ChipPlan
from rasteret_sql.raster.reproject import footprint

LEVEL_FIELDS = tuple(f.name for f in fields(Level) if f.name != "mask")
PLAIN_FIELDS = tuple(
    f.name for f in fields(Header) if f.name not in {"full", "overviews", "footprint", "ghost", "band_count"}
)
TABLES = ("tile_offsets", "tile_byte_counts")
REQUIRED = ("href", "width", "height", "band_count", "dtype", "tile_width", "tile_height", "tiled", *TABLES,
            "compression", "predictor", "interleave", "byte_order", "bits_per_sample", "transform")  # fmt: skip


def box(bounds: tuple[float, float, float, float] | None) -> dict[str, float] | None:
    """Bounds as the STRUCT(xmin, ymin, xmax, ymax) of the SQL surface."""
    return None if bounds is None else dict(zip(("xmin", "ymin", "xmax", "ymax"), bounds, strict=True))


def header_row(header: Header) -> dict[str, Any]:
    """A header as one row of an index."""
    row = {name: getattr(header, name) for name in PLAIN_FIELDS}
    row |= _level_row(header.full)
    row["band_count"] = header.band_count
    row["overviews"] = [_level_row(level) | {"mask": _mask_row(level)} for level in header.overviews]
    row["mask"] = _mask_row(header.full)
    row["ghost"] = dict(header.ghost)
    row["bbox"] = box(header.bounds)
    row["footprint"] = footprint(header.transform, header.full.width, header.full.height, header.crs)
    return row


def _level_row(level: Level) -> dict[str, Any]:
    return {name: getattr(level, name) for name in LEVEL_FIELDS}


def _mask_row(level: Level) -> dict[str, Any] | None:
    return None if level.mask is None else _level_row(level.mask)


class HeaderColumn:
    """The rasters of one vector: index rows (or anything with their columns) as ``Header`` values.

    Columns are matched by name; others are ignored. ArgumentError names a column that is missing or has
    a type that does not hold what it should.
    """

    def __init__(self, rows: pa.StructArray) -> None:
        self._columns = {field.name: rows.field(i) for i, field in enumerate(rows.type)}
        missing = [name for name in REQUIRED if name not in self._columns]
        if missing:
            found = ", ".join(self._columns) or "none"
            raise ArgumentError(
                f"the raster is a row without the column{'s' * (len(missing) > 1)} {', '.join(missing)}: pass a row "
                "of an index built with cog_header (SELECT h.* FROM …, cog_header(href) AS h), or an href; "
                f"its columns are: {found}"
            )
        self._offset = rows.offset

    def header(self, row: int, *, overviews: bool) -> Header:
        """The header in one row; overviews are left out unless a read needs them."""
        error = self._get("error", row)
        href = self._get("href", row)
        if error is not None:
            raise ArgumentError(f"this index row has no header, because reading it failed: {error}")
        if href is None:
            raise ArgumentError("the href of this index row is NULL")
        full = _level(self._columns, row, href, mask=_nested(self._columns, "mask", row, href))
        plain = {name: self._get(name, row) for name in PLAIN_FIELDS if name != "transform"}
        for name in ("scales", "offsets", "band_names", "colormap"):
            plain[name] = None if plain[name] is None else tuple(plain[name])
        plain["extra_samples"] = tuple(plain["extra_samples"] or ())
        return Header(
            full=full,
            overviews=self._overviews(row, href) if overviews else (),
            band_count=self._get("band_count", row),
            transform=_affine(self._get("transform", row), href),
            **plain,
        )

    def _get(self, name: str, row: int) -> Any:
        column = self._columns.get(name)
        return None if column is None else column[row].as_py()

    def _overviews(self, row: int, href: str) -> tuple[Level, ...]:
        column = self._columns.get("overviews")
        if column is None or not column[row].is_valid:
            return ()
        rows = column[row].values
        columns = {field.name: rows.field(i) for i, field in enumerate(rows.type)}
        return tuple(
            _level(columns, i, href, mask=_nested(columns, "mask", i, href)) for i in range(len(rows))
        )


def _nested(columns: Mapping[str, pa.Array], name: str, row: int, href: str) -> Level | None:
    column = columns.get(name)
    if column is None or not column[row].is_valid:
        return None
    if not pa.types.is_struct(column.type):
        raise ArgumentError(
            f"{href}: the index column {name} is {column.type}, not a STRUCT made by cog_header"
        )
    inner = {field.name: column.field(i) for i, field in enumerate(column.type)}
    return _level(inner, row, href, mask=None)


def _level(columns: Mapping[str, pa.Array], row: int, href: str, *, mask: Level | None) -> Level:
    values: dict[str, Any] = {}
    for name in LEVEL_FIELDS:
        column = columns.get(name)
        if column is None:
            values[name] = None
        elif name in TABLES:
            values[name] = _table(column, row, name, href)
        else:
            values[name] = column[row].as_py()
    for name, kind in (
        ("width", int),
        ("height", int),
        ("tile_width", int),
        ("tile_height", int),
        ("compression", str),
    ):
        if not isinstance(values[name], kind):
            raise ArgumentError(
                f"{href}: the index column {name} holds {values[name]!r}, where cog_header writes "
                f"{'a number' if kind is int else 'text'}; build the index again"
            )
    parameters = values["lerc_parameters"]
    values["lerc_parameters"] = None if parameters is None else tuple(parameters)
    level = Level(mask=mask, **values)
    _check_grid(level, href)
    return level


def _check_grid(level: Level, href: str) -> None:
    """Tables of the wrong length would read the wrong tiles."""
    if min(level.width, level.height, level.tile_width, level.tile_height) < 1:
        raise ArgumentError(f"{href}: an index row has sizes below 1; build the index again with cog_header")
    grid = level.tiles_across * level.tiles_down
    count = len(level.tile_offsets)
    if count != len(level.tile_byte_counts) or count < grid or count % grid:
        raise ArgumentError(
            f"{href}: an index row says {level.tiles_across} x {level.tiles_down} tiles, but has {count} tile_offsets "
            f"and {len(level.tile_byte_counts)} tile_byte_counts; build the index again with cog_header"
        )


def _table(column: pa.Array, row: int, name: str, href: str) -> np.ndarray[Any, Any]:
    kind = column.type
    if pa.types.is_list(kind) and pa.types.is_integer(kind.value_type):
        value = column[row]
        if value.is_valid:
            numbers = value.values.to_numpy(zero_copy_only=False)
            if numbers.dtype != np.uint64 and len(numbers) and numbers.min() < 0:
                raise ArgumentError(f"{href}: the index column {name} holds negative numbers")
            return numbers.astype(np.uint64, copy=False)  # type: ignore[no-any-return]
        raise ArgumentError(
            f"{href}: this index row has no tile tables ({name} is NULL); build it with cog_header"
        )
    raise ArgumentError(f"{href}: the index column {name} is {kind}, where cog_header writes UBIGINT[]")


def _affine(values: Sequence[float] | None, href: str) -> tuple[float, float, float, float, float, float]:
    if values is None or len(values) != 6:
        raise ArgumentError(
            f"{href}: the index column transform holds {values!r}, not the six numbers of an affine"
        )
    a, b, c, d, e, f = (float(v) for v in values)
    return a, b, c, d, e, f


def source_row(plan: ChipPlan, on_error: str) -> dict[str, Any]:
    """A chip plan as the hidden column that the reading kernel gets."""
    window = plan.window
    return {
        "selection": _selection_row(plan.selection),
        "window": {name: getattr(window, name) for name in ("x_off", "y_off", "width", "height")},
        "bands": plan.bands,
        "transform": plan.transform,
        "nodata": plan.nodata,
        "alpha_band": plan.alpha_band,
        "mask": None if plan.mask is None else _selection_row(plan.mask),
        "aoi": plan.aoi,
        "all_touched": plan.all_touched,
        "on_error": on_error,
        "error": None,
    }


def _selection_row(chosen: Selection) -> dict[str, Any]:
    return {f.name: getattr(chosen, f.name) for f in fields(Selection)}


def plan_of(row: Mapping[str, Any]) -> ChipPlan:
    """The chip plan in one hidden column value."""
    return ChipPlan(
        selection=_selection(row["selection"]),
        window=Window(**row["window"]),
        bands=tuple(row["bands"]),
        transform=tuple(row["transform"]),
        nodata=row["nodata"],
        alpha_band=row["alpha_band"],
        mask=None if row["mask"] is None else _selection(row["mask"]),
        aoi=row["aoi"],
        all_touched=row["all_touched"],
    )


def _selection(row: Mapping[str, Any]) -> Selection:
    values = dict(row)
    for name, dtype in (("blocks", np.uint32), ("offsets", np.uint64), ("byte_counts", np.uint64)):
        values[name] = np.array(values[name], dtype)
    parameters = values["lerc_parameters"]
    values["lerc_parameters"] = None if parameters is None else tuple(parameters)
    return Selection(**values)
