"""A small archive behind a server that counts: scenes of two bands, their index, and fields."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

import rasteret_sql
from rasteret_sql.pipeline import write_index
from tests.contracts.scenes import MERGE_GAP, file_of, scenes
from tests.store.server import FaultServer

BANDS = ("red", "nir")
SCENES = 12
SETTINGS = {"merge_gap_bytes": MERGE_GAP, "progress": "off"}
CHIPS = (
    "SELECT i.id, i.band, f.field_id, c.shape, c.data, c.error "
    "FROM idx AS i JOIN fields AS f ON i.footprint && f.geom, read_cog(i, f.geom) AS c WHERE i.band = 'red'"
)
STATISTICS = "SELECT id, band, field_id, mean, count FROM read_zonal_stats('idx', 'fields')"


FIELDS = """
COPY (
    WITH bounds AS (SELECT rasteret_bbox(footprint) AS b FROM built LIMIT 1),
    cells AS (
        SELECT
            r * 5 + c AS field_id, b.xmin + (b.xmax - b.xmin) * (0.2 + c * 0.1) AS x,
            b.ymin + (b.ymax - b.ymin) * (0.2 + r * 0.1) AS y
        FROM bounds, range(5) AS p(r), range(5) AS q(c)
    )
    SELECT
        field_id,
        printf('POLYGON ((%f %f, %f %f, %f %f, %f %f))', x, y, x + 0.003, y, x, y + 0.002, x, y)
        ::GEOMETRY('OGC:CRS84') AS geom
    FROM cells
    ORDER BY field_id
) TO '{path}' (FORMAT parquet, GEOPARQUET_VERSION 'NONE')
"""


@dataclass(frozen=True)
class Archive:
    """Where everything is."""

    server: FaultServer
    folder: Path

    @property
    def index(self) -> str:
        return str(self.folder / "idx.parquet")

    @property
    def fields(self) -> str:
        return str(self.folder / "fields.parquet")

    def at_once(self, sql: str) -> pa.Table:
        """What one process answers."""
        with rasteret_sql.connect(settings=SETTINGS) as con:
            con.execute(f"CREATE VIEW idx AS FROM '{self.index}'")
            con.execute(f"CREATE VIEW fields AS FROM '{self.fields}'")
            return con.sql(sql).to_arrow_table()


@contextmanager
def served_archive(folder: Path) -> Iterator[Archive]:
    """Scenes of one place on several dates, 5 × 5 fields in a part of it, and an index."""
    with FaultServer() as server, rasteret_sql.connect(settings=SETTINGS) as con:
        rows = []
        for number, scene in enumerate(scenes()[:SCENES]):
            for band in BANDS:
                path = f"{scene.path}/{band}.tif"
                server.files[path] = file_of(scene, band)
                day = f"TIMESTAMPTZ '2024-05-{number + 1:02} 10:00:00+00'"
                rows.append(f"('s{scene.id}', {day}, '{band}', '{server.url(path)}')")
        con.execute(
            "CREATE TABLE built AS SELECT w.id, w.datetime, w.band, h.* FROM "
            f"(VALUES {', '.join(rows)}) AS w(id, datetime, band, href), cog_header(w.href) AS h"
        )
        write_index(con, "built", folder / "idx.parquet")
        con.execute(FIELDS.format(path=folder / "fields.parquet"))
        server.clear()
        yield Archive(server, folder)


def digest(*answers: pa.Table) -> tuple[int, str]:
    """How many rows, and what they are, in whatever order; columns by name."""
    rows = [repr(sorted(row.items())) for answer in answers for row in answer.to_pylist()]
    return len(rows), hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()
