"""Planning alone: ``python -m tests.bench.growth_plan HREF ROWS AREAS`` gives figures as JSON."""

from __future__ import annotations

import json
import sys
import time

import rasteret_sql

INDEX = """
CREATE TABLE idx AS
SELECT n, h.* REPLACE (h.href || '?' || n AS href)
FROM cog_header($1) AS h, range($2) AS r(n)
"""
# Each area lies inside the one footprint that all rows have.
AREAS = """
CREATE TABLE fields AS
SELECT [b.xmin + n * 1000, b.ymin + 1000, b.xmin + n * 1000 + 2560, b.ymin + 3560] AS box, i.crs
FROM (SELECT bbox AS b, crs FROM idx LIMIT 1) AS i, range($1) AS r(n)
"""
PLAN = """
SELECT count(c.x_off)
FROM {rows} AS i, fields AS f, read_cog(i, f.box, aoi_crs := f.crs) AS c
"""


def main(href: str, rows: int, areas: int) -> dict[str, float]:
    """Seconds to plan every pair of row and area, and how many there were."""
    con = rasteret_sql.connect()
    con.execute(INDEX, [href, rows])
    con.execute(AREAS, [areas])
    con.execute(PLAN.format(rows="(FROM idx LIMIT 1)")).fetchone()  # imports, and PROJ's first use
    start = time.perf_counter()
    found = con.execute(PLAN.format(rows="idx")).fetchone()
    wall = time.perf_counter() - start
    if found != (rows * areas,):
        raise SystemExit(f"planned {found} chips of {rows} rows and {areas} areas")
    return {"wall_s": wall, "chips": rows * areas}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
