"""One piece of work on an index: ``python -m tests.bench.indexes_worker WORK INDEX AREAS COUNT FOLDER``."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import rasteret_sql
from rasteret_sql.pipeline import write_index
from tests.bench.worker import memory_mb

SEASON = "i.band = 'red' AND i.datetime >= '2022-01-01' AND i.datetime < '2022-02-18'"
MONTH = "band = 'red' AND datetime >= '2022-01-01' AND datetime < '2022-02-01'"
LATERAL = f"""
SELECT count(c.x_off)
FROM '{{index}}' AS i JOIN (SELECT * FROM areas WHERE id = 0) AS f ON i.footprint && f.geom,
     read_cog(i, f.geom) AS c
WHERE {SEASON}
"""
QUERIES = {
    "chips": "SELECT count(x_off) FROM read_chips('{index}', 'areas') "
    f"WHERE {SEASON.replace('i.', '')} AND id_1 = 0",
    "lateral": LATERAL,
    "written": LATERAL,
    "cold": "SELECT count(x_off) FROM read_chips('{index}', 'areas') "
    "WHERE band = 'red' AND datetime < '2022-01-02' AND id_1 = 0",
    "month": f"SELECT count(x_off) FROM read_chips('{{index}}', 'areas') WHERE {MONTH}",
    "pairs": "SELECT count(*) FROM read_pairs('{index}', 'areas')",
    "boxes": """
        SELECT count(*)
        FROM (SELECT unnest(geometry_bbox) FROM '{index}') AS i
        JOIN (SELECT unnest(box) FROM areas) AS f
            ON i.xmin <= f.xmax AND i.xmax >= f.xmin AND i.ymin <= f.ymax AND i.ymax >= f.ymin
    """,
    "overlaps": "SELECT count(*) FROM '{index}' AS i JOIN areas AS f ON i.footprint && f.geom",
}


def main(work: str, index: str, areas: str, count: int, folder: str) -> dict[str, float]:
    """CPU seconds of the second run (of a cold process the whole of it), and the peak of its memory."""
    con = rasteret_sql.connect(pushdown=work != "written")
    con.execute(f"CREATE VIEW areas AS FROM '{areas}' WHERE id < {count}")
    if work == "write":
        raw = index.replace(".parquet", "-raw.parquet")
        with tempfile.TemporaryDirectory(dir=folder) as place:
            start = time.process_time()
            write_index(con, f"FROM '{raw}'", Path(place) / "index.parquet")
            cpu = time.process_time() - start
    else:
        query = QUERIES[work].format(index=index)
        start = time.process_time()
        (found,) = con.execute(query).fetchall()
        cpu = time.process_time() if work == "cold" else time.process_time() - start
        if not found[0]:
            raise SystemExit(f"{work} found nothing in {index}")
        if work != "cold" and cpu < 10:
            start = time.process_time()
            con.execute(query).fetchall()
            cpu = time.process_time() - start
    return {"cpu_s": cpu, "peak_mb": memory_mb("VmHWM")}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:4], int(sys.argv[4]), sys.argv[5])))
