"""The argument ``scenes`` of cubes: a list of index rows, or of rasters with their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from rasteret_sql.duck.arguments.call import Bands
from rasteret_sql.duck.arguments.named_rasters import WHOLE, Column, NamedRaster, NamedRasters, is_row
from rasteret_sql.duck.arguments.named_rasters import named_rasters as named_rasters_of
from rasteret_sql.duck.arguments.repeats import all_same
from rasteret_sql.duck.arguments.stacks import asked_names
from rasteret_sql.duck.arrow.arrays import present
from rasteret_sql.duck.arrow.fits import duck_type, fields_of
from rasteret_sql.duck.arrow.lists import list_parts
from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.algebra.band_math import BandMath
from rasteret_sql.store.redact import display_href

TIME = "datetime"
MICROS = {"s": 1_000_000, "ms": 1_000, "us": 1}
DAY = 86_400 * 1_000_000
START = datetime(1970, 1, 1, tzinfo=UTC)
EXPECTED = (
    "expected a list of index rows, such as list(i ORDER BY i.datetime), or of "
    "{'datetime': …, 'rasters': {'red': …, 'nir': …}} or {'datetime': …, 'raster': …}"
)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The rasters of one moment."""

    moment: int
    """Microseconds since 1970, UTC."""
    rasters: NamedRasters
    name: str
    """For messages."""
    ordered: bool
    """Whether its rasters have an order of their own; index rows come in any."""

    @property
    def keys(self) -> list[str]:
        """The names of its rasters."""
        return list(self.rasters) if self.ordered else sorted(self.rasters)


def time_of(moment: int) -> datetime:
    """As a datetime."""
    return START + timedelta(microseconds=moment)


def scene_lists(
    column: pa.Array, bands: Sequence[Bands | None], maths: Sequence[BandMath | None]
) -> list[list[Scene] | None]:
    """The scenes of every row, in the order of its list; None for NULL and for an empty list.

    Headers of rasters that neither ``bands`` nor ``maths`` ask for are not read.
    """
    if pa.types.is_null(column.type):
        return [None] * len(column)
    if not is_list(column.type):
        raise ArgumentError(f"scenes is a value of type {duck_type(column.type)}; {EXPECTED}")
    if len(column) > 1 and all_same(column) and len(set(bands)) == len({id(math) for math in maths}) == 1:
        return _lists(column.slice(0, 1), bands[:1], maths[:1]) * len(column)
    return _lists(column, bands, maths)


def is_list(kind: Any) -> bool:
    """Whether values of this type are lists."""
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    views = (pa.types.is_list_view, pa.types.is_large_list_view)
    return any(is_kind(kind) for is_kind in (*kinds, *views))


def _lists(
    column: pa.Array, bands: Sequence[Bands | None], maths: Sequence[BandMath | None]
) -> list[list[Scene] | None]:
    values, starts, lengths = list_parts(column)
    if not lengths.any():
        return [None] * len(column)
    spans = [
        range(start, start + length) for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
    ]
    names = fields_of(values.type)
    if not names:
        raise ArgumentError(f"scenes is a list of {duck_type(values.type)}; {EXPECTED}")
    if TIME not in names:
        raise ArgumentError(f"the scenes have no column {TIME}, only {', '.join(names)}; {EXPECTED}")
    moments = _moments(values.field(TIME), names, values)
    if is_row(values.type):
        return _of_rows(values, spans, moments, bands, maths)
    if "rasters" in names or "raster" in names:
        return _of_rasters(values, spans, moments, bands, maths)
    raise ArgumentError(
        f"the scenes have neither tile_offsets nor rasters, only {', '.join(names)}; {EXPECTED}"
    )


def _moments(column: pa.Array, names: Sequence[str], values: pa.Array) -> list[int | None]:
    """Microseconds since 1970; where there is none, ``start_datetime`` of a STAC item that has it."""
    moments = micros_of(column)
    if None in moments and "start_datetime" in names:
        starts = micros_of(values.field("start_datetime"))
        moments = [start if moment is None else moment for moment, start in zip(moments, starts, strict=True)]
    return moments


def micros_of(column: pa.Array) -> list[int | None]:
    """Microseconds since 1970, UTC, of a column of times; a TIMESTAMP without a zone is taken for UTC."""
    kind, count = column.type, len(column)
    if pa.types.is_null(kind):
        return [None] * count
    if pa.types.is_timestamp(kind):
        numbers = _numbers(column, "<i8")
        scaled = numbers // 1_000 if kind.unit == "ns" else numbers * MICROS[kind.unit]
    elif pa.types.is_date32(kind):
        scaled = _numbers(column, "<i4").astype(np.int64) * DAY
    else:
        raise ArgumentError(
            f"{TIME} is a value of type {duck_type(kind)}; "
            f"expected TIMESTAMP WITH TIME ZONE, TIMESTAMP (taken for UTC) or DATE: {TIME}::TIMESTAMPTZ"
        )
    there = present(column).tolist()
    return [moment if known else None for moment, known in zip(scaled.tolist(), there, strict=True)]


def _numbers(column: pa.Array, dtype: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(column.buffers()[1], dtype)[column.offset : column.offset + len(column)]


def _of_rasters(
    values: pa.Array,
    spans: Sequence[range],
    moments: Sequence[int | None],
    bands: Sequence[Bands | None],
    maths: Sequence[BandMath | None],
) -> list[list[Scene] | None]:
    row_of = {at: row for row, span in enumerate(spans) for at in span}
    column = values.field("rasters" if "rasters" in fields_of(values.type) else "raster")

    def needed(at: int, keys: Sequence[str]) -> set[str]:
        row = row_of.get(at)
        return set() if row is None else _asked(keys, bands[row], maths[row])

    given = named_rasters_of(column, overviews=True, needed=needed)
    there = present(values)
    lists: list[list[Scene] | None] = []
    for span in spans:
        scenes = []
        for number, at in enumerate(span, 1):
            rasters = given[at]
            if not there[at] or rasters is None:
                continue
            name = f"scene {number}"
            scenes.append(Scene(moment=_known(moments[at], name), rasters=rasters, name=name, ordered=True))
        lists.append(scenes or None)
    return lists


def _asked(keys: Sequence[str], bands: Bands | None, math: BandMath | None) -> set[str]:
    return asked_names(keys, () if math is not None and math.expression is not None else bands, math)


def _known(moment: int | None, name: str) -> int:
    if moment is None:
        raise ArgumentError(f"{name} has no {TIME}; leave it out with WHERE {TIME} IS NOT NULL")
    return moment


class _Group:
    """The index rows of one scene."""

    def __init__(self, moment: int, name: str) -> None:
        self.moment, self.name = moment, name
        self.rows: dict[str, int] = {}


def _of_rows(
    values: pa.Array,
    spans: Sequence[range],
    moments: Sequence[int | None],
    bands: Sequence[Bands | None],
    maths: Sequence[BandMath | None],
) -> list[list[Scene] | None]:
    rows = _IndexRows(values, moments)
    grouped = [rows.groups(span) for span in spans]
    needed = [
        at
        for groups, asked, math in zip(grouped, bands, maths, strict=True)
        for group in groups
        for at in _needed(group, asked, math)
    ]
    column = Column(values, True, sorted(set(needed)))
    return [
        [
            Scene(
                moment=group.moment,
                rasters={band: NamedRaster(column=column, at=at) for band, at in group.rows.items()},
                name=group.name,
                ordered=False,
            )
            for group in groups
        ]
        or None
        for groups in grouped
    ]


def _needed(group: _Group, bands: Bands | None, math: BandMath | None) -> list[int]:
    if WHOLE in group.rows:
        return list(group.rows.values())
    names = _asked(sorted(group.rows), bands, math)
    return [at for band, at in group.rows.items() if band in names]


class _IndexRows:
    """The columns of index rows that tell which of them are one scene."""

    def __init__(self, values: pa.Array, moments: Sequence[int | None]) -> None:
        self._there, self._moments = present(values), moments
        names, count = fields_of(values.type), len(values)

        def column(name: str) -> list[Any]:
            return values.field(name).to_pylist() if name in names else [None] * count

        self._ids, self._bands, self._hrefs = column("id"), column("band"), column("href")

    def groups(self, span: range) -> list[_Group]:
        """The scenes of one list: rows of one datetime and id, with a band each."""
        found: dict[Any, _Group] = {}
        for at in span:
            if not self._there[at]:
                continue
            href, own, band = display_href(self._hrefs[at] or ""), self._ids[at], self._bands[at]
            name = f"scene {own}" if own is not None else f"the scene of {href}"
            moment = _known(self._moments[at], name)
            key = (moment, own) if band is not None else (moment, own, at)
            group = found.setdefault(key, _Group(moment, name))
            key_of_band = WHOLE if band is None else str(band)
            if key_of_band in group.rows:
                self._refuse_twice(group, key_of_band, at)
            group.rows[key_of_band] = at
        self._refuse_same_file(found.values())
        return list(found.values())

    def _refuse_twice(self, group: _Group, band: str, at: int) -> None:
        first, second = (display_href(self._hrefs[one] or "") for one in (group.rows[band], at))
        if first == second:
            raise ArgumentError(
                f"{group.name} has the band {band} twice, in {first}: list each row once, such as "
                "list(DISTINCT …), or leave the doubles out of the index"
            )
        raise ArgumentError(
            f"{group.name} has the band {band} twice, in {first} and {second}: rows of one datetime and id "
            "are one scene; a column id tells scenes of one moment apart"
        )

    def _refuse_same_file(self, groups: Any) -> None:
        seen: set[str] = set()
        for group in groups:
            for at in group.rows.values():
                href = self._hrefs[at]
                if group.rows.keys() == {WHOLE} and href in seen:
                    raise ArgumentError(
                        f"{display_href(href)} is in the list of scenes twice: list each row once"
                    )
                seen.add(href)
