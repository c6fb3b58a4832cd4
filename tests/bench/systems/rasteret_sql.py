"""This package, through SQL alone.

Variant ``keyed`` joins by scene and area id instead of by place, ``crossed`` every scene with every area.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tests.bench.results import Result
from tests.bench.scenarios import PIXEL_M, STATISTICS, ZONE

if TYPE_CHECKING:
    from tests.bench.worker import Work

USED = (
    "imagecodecs",
    "pyarrow.dataset",  # by DuckDB
    "pyproj",
    "shapely",
    "rasteret_sql.geotiff.georef.crs",
    "rasteret_sql.duck.arguments.arguments",
    "rasteret_sql.duck.kernels.chips",
    "rasteret_sql.duck.kernels.headers",
    "rasteret_sql.duck.kernels.points",
    "rasteret_sql.duck.kernels.zonal",
    "rasteret_sql.store.local",
    "rasteret_sql.store.obstore.reader",
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
NUMBERED = """
COPY (
    SELECT number, ST_GeomFromWKB(wkb)::GEOMETRY('OGC:CRS84') AS geom
    FROM (SELECT unnest(range(len($1))) AS number, unnest($1::BLOB[]) AS wkb)
) TO '{file}.parquet'
"""
ZONAL = """
SELECT id, number, s.{statistics}
FROM (
    SELECT i.id, f.number, RS_ZonalStatsAll(i, f.geom, coverage := {{coverage}}) AS s
    FROM 'index.parquet' AS i
    JOIN 'fields.parquet' AS f ON i.footprint && f.geom
)
""".format(statistics=", s.".join(STATISTICS))
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
    "zonal": ZONAL.format(coverage="false"),
    "coverage": ZONAL.format(coverage="true"),
    "samples": """
SELECT i.id, unnest(p.numbers) AS number, unnest(RS_Values(i, p.points)) AS value
FROM 'index.parquet' AS i,
     (SELECT list(number ORDER BY number) AS numbers, list(geom ORDER BY number) AS points
      FROM 'points.parquet') AS p
""",
    "index": """
CREATE TABLE idx AS
SELECT a.id, a.band, h.*
FROM 'assets.parquet' AS a, cog_header(a.href) AS h
""",
    "full": "SELECT dtype, shape, data FROM read_cog($1)",
}
PIXELS = ("chips", "warp", "full")
"""Work whose answer is pixels."""
LONGEST_EDGE_M = 500.0
"""Such an edge strays less than a centimetre when it is reprojected."""
CONDITIONS = {"": "i.footprint && f.geom", "keyed": "i.id = f.area", "crossed": "true"}


class Reader:
    """Works in its scratch folder, where index and fields are Parquet files."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def prepare(self) -> None:
        import rasteret_sql

        job, con = self.work.job, rasteret_sql.connect()
        os.chdir(self.work.scratch)
        where = self.work.folder if job.local else self.work.url
        rows = [(s.id, band, f"{where}/{s.path}/{band}.tif") for s, band in job.assets()]
        con.execute("CREATE TABLE assets (id VARCHAR, band VARCHAR, href VARCHAR)")
        con.executemany("INSERT INTO assets VALUES (?, ?, ?)", rows)
        con.execute("COPY assets TO 'assets.parquet'")
        if job.kind not in ("index", "full"):
            con.execute(INDEX)
        if job.kind == "points":
            con.execute(POINTS, [list(axis) for axis in zip(*job.points, strict=True)])
        if job.kind in ("chips", "warp"):
            con.execute("CREATE TABLE fields (area VARCHAR, geom GEOMETRY)")
            ids = [area.id for area in job.areas]
            rows = zip(ids, self._in_lonlat(self._squares()), strict=True)
            con.executemany("INSERT INTO fields VALUES (?, ST_GeomFromWKB(?::BLOB))", rows)
            con.execute(FIELDS)
        if job.kind in ("zonal", "coverage", "samples"):
            file = "fields" if job.fields else "points"
            con.execute(NUMBERED.format(file=file), [self._in_lonlat(self._shapes())])

    def _squares(self) -> list[Any]:
        """Areas a quarter of a pixel smaller on every side, which asks for the same windows."""
        from shapely import box

        inset = -PIXEL_M / 4
        return [box(*area.bounds).buffer(inset, join_style="mitre") for area in self.work.job.areas]

    def _shapes(self) -> Any:
        """Fields or points."""
        import shapely

        if self.work.job.fields:
            fields = shapely.polygons([shapely.linearrings(ring) for ring in self.work.job.fields])
            # a straight line of kilometres on the files' grid is none in longitude and latitude
            return shapely.segmentize(fields, LONGEST_EDGE_M)
        return shapely.points(self.work.job.points)

    @staticmethod
    def _in_lonlat(shapes: Any) -> list[bytes]:
        """From metres of ``ZONE`` to WKB in longitude and latitude."""
        import shapely
        from pyproj import Transformer

        to_lonlat = Transformer.from_crs(ZONE, "OGC:CRS84", always_xy=True).transform
        wkb: list[bytes] = shapely.to_wkb(shapely.transform(shapes, to_lonlat, interleaved=False)).tolist()
        return wkb

    def load(self) -> None:
        from importlib import import_module

        for module in USED:
            import_module(module)
        import rasteret_sql

        os.chdir(self.work.scratch)
        self.con = rasteret_sql.connect()
        self.con.execute("SELECT 1").fetchall()  # its first use gives it the functions

    def run(self) -> Any:
        """Rows; pixels as Arrow, which hands them over without another copy."""
        job = self.work.job
        query = QUERIES[job.kind].format(condition=CONDITIONS[self.work.variant], zone=ZONE)
        scene, band = job.assets()[0]
        local = [f"{self.work.folder}/{scene.path}/{band}.tif"] if job.kind == "full" else None
        if job.kind in PIXELS:
            return list(self.con.sql(query, params=local).to_arrow_reader())
        return self.con.execute(query, local).fetchall()

    def arrays(self, answer: Any) -> Result:
        import numpy as np

        if self.work.job.kind == "index":
            return {"all": np.array(answer[0][0])}
        if self.work.job.kind == "points":
            # NULL where the other readers give the pixel, which is nodata there
            return {
                scene: np.array([nodata if value is None else value for value in values])
                for scene, nodata, values in answer
            }
        if self.work.job.kind in ("zonal", "coverage", "samples"):
            return self._lines(answer)
        found: dict[str, Any] = {}
        for batch in answer:
            *keys, dtypes, shapes, data = batch.columns
            for row in range(batch.num_rows):
                key = "/".join(column[row].as_py() for column in keys) or "all"
                pixels = np.frombuffer(data[row].as_buffer(), dtypes[row].as_py())
                found[key] = pixels.reshape(shapes[row].as_py())[0]
        return found

    def _lines(self, answer: list[tuple[Any, ...]]) -> Result:
        """Of every scene a line for each field or point, in their order; 0 is nodata, as in ``points``."""
        import numpy as np

        zonal = bool(self.work.job.fields)
        shape = (len(self.work.job.fields), len(STATISTICS)) if zonal else (len(self.work.job.points),)
        lines = {scene.id: np.full(shape, np.nan if zonal else 0.0) for scene in self.work.job.scenes}
        for scene, number, *values in answer:
            if values[0] is not None:
                lines[scene][number] = [np.nan if v is None else v for v in values] if zonal else values[0]
        return lines
