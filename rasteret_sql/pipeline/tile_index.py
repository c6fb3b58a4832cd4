"""An index as a GDAL tile index: what GDAL 3.9 and later open as one raster (driver GTI)."""

from __future__ import annotations

import math
import os
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rasteret_sql.duck.quoting import quoted
from rasteret_sql.errors import ArgumentError, TransportError, UnsupportedError
from rasteret_sql.geo.crs_text import require_modest
from rasteret_sql.pipeline.replace import local_path, replacing
from rasteret_sql.pipeline.write import columns_of, query_of
from rasteret_sql.store.address import plain_href
from rasteret_sql.store.redact import display_href

if TYPE_CHECKING:
    import duckdb

Row = tuple[Any, ...]
"""href, crs, xmin, ymin, xmax, ymax, datetime"""
NEEDED = ("href", "crs", "bbox", "error")
PREFIXES = {
    "https://": "/vsicurl/https://",
    "http://": "/vsicurl/http://",
    "s3://": "/vsis3/",
    "gs://": "/vsigs/",
    "az://": "/vsiaz/",
}
"""GDAL's names of what is not on this machine."""
APPLICATION_ID, USER_VERSION = 0x47504B47, 10300
"""``GPKG``, version 1.3 (OGC 12-128r17, requirement 2)."""
SCHEMA = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY,
    organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL,
    description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
    description TEXT DEFAULT '',
    last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
    srs_id INTEGER REFERENCES gpkg_spatial_ref_sys (srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT PRIMARY KEY REFERENCES gpkg_contents (table_name),
    column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
    srs_id INTEGER NOT NULL REFERENCES gpkg_spatial_ref_sys (srs_id), z TINYINT NOT NULL, m TINYINT NOT NULL);
INSERT INTO gpkg_spatial_ref_sys VALUES
    ('undefined cartesian', -1, 'NONE', -1, 'undefined', NULL),
    ('undefined geographic', 0, 'NONE', 0, 'undefined', NULL);
CREATE TABLE tiles (fid INTEGER PRIMARY KEY, geom POLYGON, location TEXT NOT NULL, datetime TEXT);
INSERT INTO gpkg_geometry_columns VALUES ('tiles', 'geom', 'POLYGON', {srs_id}, 0, 0);
"""


def write_tile_index(connection: duckdb.DuckDBPyConnection, query: str, path: str | os.PathLike[str]) -> int:
    """Write the files that ``query`` (or a table) gives as a GeoPackage that GDAL opens as ``GTI:path``.

    Columns ``href, crs, bbox, error`` are needed; rows with an error are left out. ``datetime`` becomes a
    field, in whose order the files lie above each other, the latest on top. Returns the number of files.
    Raises ``UnsupportedError`` for files in several CRSs (select one: ``WHERE crs = 'EPSG:32632'``) or in
    none, and ``ArgumentError`` for rows without these columns.
    """
    rows = query_of(query)
    types = columns_of(connection, rows)
    missing = [column for column in NEEDED if column not in types]
    if missing:
        raise ArgumentError(f"write_tile_index: the rows have no column {', '.join(missing)}")
    for column in ("href", "crs"):
        if types[column] != "VARCHAR":
            raise ArgumentError(
                f"write_tile_index: the column {column} is {types[column]}, where cog_header writes VARCHAR"
            )
    moment = "strftime(make_timestamp(epoch_us(datetime)), '%Y-%m-%dT%H:%M:%SZ')"
    files = connection.execute(
        f"SELECT href, crs, bbox.xmin, bbox.ymin, bbox.xmax, bbox.ymax, "
        f"{moment if 'datetime' in types else 'NULL'} AS moment "
        f"FROM {rows} WHERE error IS NULL ORDER BY moment, href"
    ).fetchall()
    systems = sorted({str(row[1]) for row in files})
    if len(systems) != 1 or systems == ["None"]:
        raise UnsupportedError(
            f"a tile index has one CRS; these files have {', '.join(systems) or 'none (no rows)'}: "
            f"select those of one, such as WHERE crs = {quoted(systems[0] if systems else 'EPSG:32632')}"
        )
    _refuse(files)
    with replacing(local_path(path)) as beside:
        _write(beside, systems[0], files)
    return len(files)


def _refuse(files: list[Row]) -> None:
    """Raise for the first row that a tile index cannot hold."""
    for href, _, *box, _ in files:
        if href is None:
            raise ArgumentError("write_tile_index: a row has href NULL; leave such rows out with WHERE")
        if not all(side is not None and math.isfinite(side) for side in box):
            raise ArgumentError(
                f"write_tile_index: {display_href(href)} has the bbox {box}, where four finite numbers are "
                "needed; "
                "leave such rows out with WHERE bbox IS NOT NULL"
            )


def _write(path: Path, crs: str, files: list[Row]) -> None:
    try:
        with closing(sqlite3.connect(path)) as package:
            # one transaction into a file of its own, which is thrown away where it fails
            package.execute("PRAGMA journal_mode = OFF")
            srs_id = _start(package, crs)
            package.executemany(
                "INSERT INTO tiles (geom, location, datetime) VALUES (?, ?, ?)",
                [(_polygon(srs_id, *row[2:6]), gdal_path(row[0]), row[6]) for row in files],
            )
            package.execute(
                "INSERT INTO gpkg_contents "
                "(table_name, data_type, identifier, min_x, min_y, max_x, max_y, srs_id) "
                "VALUES ('tiles', 'features', 'tiles', ?, ?, ?, ?, ?)",
                (*_around([row[2:6] for row in files]), srs_id),
            )
            package.commit()
    except sqlite3.Error as error:
        raise TransportError(
            f"write_tile_index: {path.parent}: {error}; nothing was written, and what was there before stays"
        ) from error


def _around(boxes: list[tuple[float, float, float, float]]) -> tuple[float, ...]:
    xmin, ymin, xmax, ymax = zip(*boxes, strict=True)
    return min(xmin), min(ymin), max(xmax), max(ymax)


def gdal_path(href: str) -> str:
    """An href as GDAL names it."""
    href = plain_href(href)
    for prefix, virtual in PREFIXES.items():
        if href.startswith(prefix):
            return virtual + href.removeprefix(prefix)
    return os.path.abspath(href.removeprefix("file://"))


def _start(package: sqlite3.Connection, crs: str) -> int:
    """An empty GeoPackage with one layer; the number of its CRS."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    require_modest(crs)
    try:
        system = CRS(crs)
    except CRSError as error:
        raise UnsupportedError(
            f"write_tile_index: PROJ does not know the CRS {crs[:60]!r} of these files"
        ) from error
    authority, _, code = crs.partition(":")
    known = authority == "EPSG" and code.isdigit()
    srs_id = int(code) if known else 100_000
    package.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    package.execute(f"PRAGMA user_version = {USER_VERSION}")
    package.executescript(SCHEMA.format(srs_id=srs_id))
    package.execute(
        "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, NULL)",
        (system.name, srs_id, "EPSG" if known else "NONE", srs_id, system.to_wkt("WKT1_GDAL")),
    )
    return srs_id


def _polygon(srs_id: int, xmin: float, ymin: float, xmax: float, ymax: float) -> bytes:
    """A rectangle as a GeoPackage blob: header with its box (flags: little-endian, box of 4), then WKB."""
    ring = (xmin, ymin, xmax, ymin, xmax, ymax, xmin, ymax, xmin, ymin)
    header = struct.pack("<2sBBi4d", b"GP", 0, 0b00000011, srs_id, xmin, xmax, ymin, ymax)
    return header + struct.pack("<BIII10d", 1, 3, 1, 5, *ring)
