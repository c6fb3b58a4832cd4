"""SedonaDB on local files, in SQL: one query a file, for all fields or points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tests.bench.results import Result
from tests.bench.scenarios import STATISTICS, ZONE

if TYPE_CHECKING:
    from tests.bench.worker import Work

# A raster is made once for all its rows: inside RS_Value, RS_FromPath would open the file for each of them.
QUERY = """
SELECT id, number, {wanted} AS found
FROM (SELECT id, RS_FromPath(path) AS raster FROM files WHERE id = '{scene}'),
     (SELECT number, ST_SetCRS(ST_GeomFromWKB(wkb), 'EPSG:{zone}') AS geom FROM places)
"""
WANTED = {
    "zonal": "RS_ZonalStatsAll(raster, geom, 1, false)",
    "samples": "RS_Value(raster, geom, 1)",
}


class Reader:
    """Paths and shapes are tables of Arrow."""

    def __init__(self, work: Work) -> None:
        self.work, self.job = work, work.job

    def prepare(self) -> None:
        """Nothing is kept."""

    def load(self) -> None:
        import numpy
        import pyarrow
        import sedonadb
        import shapely

        if self.job.fields:
            shapes = shapely.polygons([shapely.linearrings(ring) for ring in self.job.fields])
        else:
            shapes = shapely.points(self.job.points)
        paths = [f"{self.work.folder}/{scene.path}/{band}.tif" for scene, band in self.job.assets()]
        files = {"id": [scene.id for scene, _ in self.job.assets()], "path": paths}
        places = {"number": range(len(shapes)), "wkb": shapely.to_wkb(shapes)}
        self.np, self.sedona = numpy, sedonadb.connect()
        self.sedona.create_data_frame(pyarrow.table(files)).to_view("files")
        self.sedona.create_data_frame(pyarrow.table(places)).to_view("places")

    def run(self) -> Any:
        """File by file: one query for all would hold them in memory together."""
        wanted = WANTED[self.job.kind]
        queries = [QUERY.format(wanted=wanted, scene=scene.id, zone=ZONE) for scene in self.job.scenes]
        return [self.sedona.sql(query).to_arrow_table() for query in queries]

    def arrays(self, answer: Any) -> Result:
        """Of every scene a line for each field or point, in their order; 0, which is nodata, for NULL."""
        shape = (len(self.job.fields), len(STATISTICS)) if self.job.fields else (len(self.job.points),)
        lines = {scene.id: self.np.zeros(shape) for scene in self.job.scenes}
        for row in (row for table in answer for row in table.to_pylist()):
            found = row["found"]
            if self.job.fields:
                found = [math.nan if found[name] is None else found[name] for name in STATISTICS]
            lines[row["id"]][row["number"]] = found or 0
        return lines
