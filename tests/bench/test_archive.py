"""The index of an archive that is not there is planned as a real one is."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.bench.archive import areas_query, write_archive


def test_areas_meet_the_footprints_that_they_were_put_on(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    index = tmp_path / "archive.parquet"
    assert write_archive(con, index, footprints=12, dates=3, bands=("red", "nir")) == 12 * 3 * 2
    assert con.execute(
        f"SELECT count(*), count(DISTINCT id), count(DISTINCT href), count(DISTINCT tile_offsets) > 60 "
        f"FROM '{index}'"
    ).fetchone() == (72, 36, 72, True)
    areas = areas_query(con, 24)
    planned = con.execute(
        f"SELECT i.band, count(DISTINCT f.id), max(t.width) FROM '{index}' AS i "
        f"JOIN ({areas}) AS f ON i.footprint && f.geom, read_cog(i, f.geom) AS t GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert [row[:2] for row in planned] == [("nir", 24), ("red", 24)]
    assert all(48 <= width <= 60 for _, _, width in planned)
    overviews = con.execute(f"SELECT count(c.x_off) FROM '{index}' AS i, read_cog(i, level := 1) AS c")
    assert overviews.fetchone() == (72,)
