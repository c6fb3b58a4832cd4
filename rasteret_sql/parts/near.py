"""Which rows of an index have an area, and the box of the areas that they have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rasteret_sql.duck.quoting import name, quoted
from rasteret_sql.errors import ArgumentError
from rasteret_sql.parts.part import Near

if TYPE_CHECKING:
    import duckdb

MET = "rasteret_met"
"""Rows of the index that have an area: file, n, and the bounds of their areas."""
KEYS, AREAS = "rasteret_keys", "rasteret_near"
GEOMETRY = re.compile(r"GEOMETRY(?:\('(?P<crs>.*)'\))?", re.DOTALL)
COLUMNS = ("geom", "geometry")
SIDES = ("xmin", "ymin", "xmax", "ymax")


def near_of(cursor: duckdb.DuckDBPyConnection, table: str) -> Near:
    """The areas of a table; its column is found as ``read_pairs`` finds it."""
    types = {row[0].lower(): row for row in cursor.execute(f"DESCRIBE FROM {name(table)}").fetchall()}
    column = next((one for one in COLUMNS if one in types), None)
    if column is None:
        raise ArgumentError(
            f"split: {table!r}, which near names, has no column {' or '.join(COLUMNS)}. Its columns: "
            f"{', '.join(types)}"
        )
    match = GEOMETRY.fullmatch(types[column][1])
    return Near(
        table=table, column=types[column][0], crs=match["crs"] if match else None, is_geometry=bool(match)
    )


def find_met(cursor: duckdb.DuckDBPyConnection, near: Near) -> None:
    """Make the table ``MET``. Bounds are in the areas' own coordinates; NULL where they are not GEOMETRY."""
    box = f"rasteret_bbox({name(near.column)})" if near.is_geometry else "NULL::STRUCT(xmin DOUBLE)"
    sides = ", ".join(
        f"{'min' if side.endswith('min') else 'max'}"
        f"({f'rasteret_box.{side}' if near.is_geometry else 'NULL::DOUBLE'}) AS {side}"
        for side in SIDES
    )
    cursor.execute(
        f"CREATE OR REPLACE TEMP VIEW {KEYS} AS "
        "SELECT rasteret_file, file_row_number, footprint FROM rasteret_all"
    )
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {AREAS} AS SELECT {name(near.column)} AS geom, {box} AS rasteret_box "
        f"FROM {name(near.table)}"
    )
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {MET} AS SELECT rasteret_file AS file, file_row_number AS n, {sides} "
        f"FROM read_pairs({quoted(KEYS)}, {quoted(AREAS)}) GROUP BY ALL"
    )
