"""This package, through SQL alone.

Variant ``keyed`` joins by scene and area id instead of by place, ``crossed`` every scene with every area.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tests.bench.results import Result
from tests.bench.scenarios import PIXEL_M, ZONE

if TYPE_CHECKING:
    from tests.bench.worker import Work

USED = (
    "imagecodecs",
    "pyarrow.dataset",  # by DuckDB
    "pyproj",
    "shapely",
    "rasteret_sql.duck.arguments",
    "rasteret_sql.duck.chips",
    "rasteret_sql.duck.headers",
    "rasteret_sql.duck.points",
    "rasteret_sql.store.obstore_reader",
)
"""Imported at the first query of a process; here before it, as the other readers' imports are."""

INDEX = """
COPY (
    SELECT a.id, a.band, h.* FROM 'assets.parquet' AS a, cog_header(a.href) AS h
) TO 'index.parquet'
"""
FIELDS = """
COPY (
    SELECT area, geom::GEOMETRY('OGC:CRS84') AS geom FROM fields
) TO 'fields.parquet'
"""
POINTS = """
COPY (
    SELECT unnest(range(len($1))) AS number, unnest($1::DOUBLE[]) AS x, unnest($2::DOUBLE[]) AS y
) TO 'points.parquet'
"""
QUERIES = {
    "chips": """
SELECT i.id, i.band, f.area, c.dtype, c.shape, c.data
FROM 'index.parquet' AS i
JOIN 'fields.parquet' AS f ON {condition},
     read_cog(i, f.geom) AS c
""",
    "points": """
SELECT i.id, i.nodata, RS_Values(i, p.points, aoi_crs := 'EPSG:{zone}') AS data
FROM 'index.parquet' AS i,
     (SELECT list({{'x': x, 'y': y}} ORDER BY number) AS points FROM 'points.parquet') AS p
""",
    "warp": """
SELECT i.id, i.band, f.area, c.dtype, c.shape, c.data
FROM 'index.parquet' AS i
JOIN 'fields.parquet' AS f ON {condition},
     read_cog(i, f.geom, crs := 'EPSG:32632', resolution := 10) AS c
""",
    "index": """
CREATE TABLE idx AS
SELECT a.id, a.band, h.*
FROM 'assets.parquet' AS a, cog_header(a.href) AS h
""",
    "full": "SELECT dtype, shape, data FROM read_cog($1)",
}
CONDITIONS = {"": "i.footprint && f.geom", "keyed": "i.id = f.area", "crossed": "true"}


class Reader:
    """Works in its scratch folder, where index and fields are Parquet files."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def prepare(self) -> None:
        import rasteret_sql

        job, con = self.work.job, rasteret_sql.connect()
        os.chdir(self.work.scratch)
        rows = [(s.id, band, f"{self.work.url}/{s.path}/{band}.tif") for s, band in job.assets()]
        con.execute("CREATE TABLE assets (id VARCHAR, band VARCHAR, href VARCHAR)")
        con.executemany("INSERT INTO assets VALUES (?, ?, ?)", rows)
        con.execute("COPY assets TO 'assets.parquet'")
        if job.kind in ("chips", "warp", "points"):
            con.execute(INDEX)
        if job.kind == "points":
            con.execute(POINTS, [list(axis) for axis in zip(*job.points, strict=True)])
        if job.kind in ("chips", "warp"):
            con.execute("CREATE TABLE fields (area VARCHAR, geom GEOMETRY)")
            con.executemany("INSERT INTO fields VALUES (?, ST_GeomFromWKB(?::BLOB))", self._fields())
            con.execute(FIELDS)

    def _fields(self) -> list[tuple[str, bytes]]:
        """Areas in longitude and latitude, a quarter of a pixel smaller on every side: the same windows."""
        from pyproj import Transformer
        from shapely import box, to_wkb, transform

        to_lonlat = Transformer.from_crs(ZONE, "OGC:CRS84", always_xy=True).transform
        fields = []
        for area in self.work.job.areas:
            square = box(*area.bounds).buffer(-PIXEL_M / 4, join_style="mitre")
            fields.append((area.id, to_wkb(transform(square, to_lonlat, interleaved=False))))
        return fields

    def load(self) -> None:
        from importlib import import_module

        for module in USED:
            import_module(module)
        import rasteret_sql

        os.chdir(self.work.scratch)
        self.con = rasteret_sql.connect()

    def run(self) -> list[tuple[Any, ...]]:
        job = self.work.job
        query = QUERIES[job.kind].format(condition=CONDITIONS[self.work.variant], zone=ZONE)
        scene, band = job.assets()[0]
        local = [f"{self.work.folder}/{scene.path}/{band}.tif"] if job.kind == "full" else None
        return self.con.execute(query, local).fetchall()

    def arrays(self, answer: list[tuple[Any, ...]]) -> Result:
        import numpy as np

        if self.work.job.kind == "index":
            return {"all": np.array(answer[0][0])}
        if self.work.job.kind == "points":
            # NULL where the other readers give the pixel, which is nodata there
            return {
                scene: np.array([nodata if value is None else value for value in values])
                for scene, nodata, values in answer
            }
        return {
            "/".join(key) or "all": np.frombuffer(data, dtype).reshape(shape)[0]
            for *key, dtype, shape, data in answer
        }
