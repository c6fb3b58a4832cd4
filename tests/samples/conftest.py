"""Scenes, their index as a file, and a query of cubes of places."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

import rasteret_sql
from tests.tensors.scenes import CRS, index_scenes, write_scenes

SQL = f"""
SELECT p.n, p.label, c.time, c.data, c.shape, c.dtype, c.valid
FROM (
    SELECT p.n, any_value(p.label) AS label, any_value(p.geom) AS geom, list(i ORDER BY i.datetime) AS scenes
    FROM places AS p, idx AS i
    GROUP BY p.n
) AS p,
     read_cube(p.scenes, p.geom, aoi_crs := '{CRS}', bands := ['red', 'nir'], size := 8) AS c
"""
COUNT = 23
PLACES = pa.table(
    {
        "n": [100 + n for n in range(COUNT)],
        "label": ["a" if n % 2 else "b" for n in range(COUNT)],
        "geom": [[500_100.0 + 35 * n, 5_299_900.0 - 35 * n] for n in range(COUNT)],
    }
)


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of the index."""
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder)
    with rasteret_sql.connect() as con:
        index_scenes(con, folder)
        con.execute(f"COPY idx TO '{folder}/idx.parquet'").fetchall()
    return folder / "idx.parquet"
