"""What other tools make of an index, and an index of what they keep: asked of the tools themselves."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio

from rasteret_sql.demo import Demo
from rasteret_sql.errors import ArgumentError, UnsupportedError
from rasteret_sql.pipeline import write_index, write_items, write_rasteret, write_tile_index

AOI = (11.98, 48.00, 12.00, 48.02)
PIXELS = """
SELECT i.id, i.band, c.data FROM {} AS i, read_cog(i, {}) AS c
WHERE i.band IN ('red', 'nir') ORDER BY ALL
"""
PEER = os.environ.get("RASTERET_PYTHON_PEER", "")
BUILD = """
import sys, rasteret
rasteret.build_from_table(
    sys.argv[1], name="x", enrich_cog=True, band_codes=["nir", "red"], workspace_dir=sys.argv[2], force=True
)
"""
READ = """
import json, sys, hashlib, rasteret
collection = rasteret.load(sys.argv[1])
pixels = collection.get_numpy(geometries=tuple(json.loads(sys.argv[2])), bands=["nir", "red"])
print(json.dumps([pixels.shape, sorted(hashlib.md5(scene.tobytes()).hexdigest() for scene in pixels)]))
"""


@pytest.fixture(autouse=True)
def index(con: duckdb.DuckDBPyConnection, demo: Demo) -> None:
    """Table ``idx`` of the archive's files."""
    con.execute(
        "CREATE TABLE idx AS SELECT split_part(f.href, '/', -2) AS id, 'demo' AS collection, "
        "strptime(id[-8:], '%Y%m%d') AT TIME ZONE 'UTC' AS datetime, h.footprint AS geometry, "
        "12.5 AS cloud_cover, parse_filename(f.href, true) AS band, h.* "
        f"FROM cog_files('{demo.folder}/**/*.tif') AS f, cog_header(f.href) AS h"
    )


def peer(script: str, *arguments: object) -> str:
    if not PEER:
        pytest.skip("RASTERET_PYTHON_PEER names no Python with rasteret 0.4")
    command = [PEER, "-c", script, *map(str, arguments)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def test_rasteret_reads_what_is_written_as_what_it_builds(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    con.execute(
        "COPY (SELECT id, datetime AT TIME ZONE 'UTC' AS datetime, "
        "ST_AsWKB(any_value(geometry)) AS geometry, "
        "{'red': {'href': any_value(href) FILTER (band = 'red')}, "
        "'nir': {'href': any_value(href) FILTER (band = 'nir')}} AS assets, any_value(crs) AS \"proj:code\" "
        f"FROM idx GROUP BY id, datetime) TO '{tmp_path}/table.parquet'"
    )
    peer(BUILD, tmp_path / "table.parquet", tmp_path / "built")
    built = tmp_path / "built" / "x_records"
    write_index(con, "idx", tmp_path / "idx.parquet")
    own = "FROM {} WHERE band <> 'scl'"
    assert write_rasteret(con, own.format("idx"), tmp_path / "written") == 12
    assert write_rasteret(con, own.format(f"'{tmp_path}/idx.parquet'"), tmp_path / "from_packed") == 12
    answers = [
        json.loads(peer(READ, folder, json.dumps(AOI)))
        for folder in (built, tmp_path / "written", tmp_path / "from_packed")
    ]
    assert answers[0][0][:2] == [12, 2]
    assert answers[1] == answers[0] == answers[2]

    theirs = con.execute(PIXELS.format(f"read_rasteret('{built}')", list(AOI))).fetchall()
    assert theirs == con.execute(PIXELS.format("idx", list(AOI))).fetchall()
    assert len(theirs) == 24


def test_a_collection_comes_back_as_an_index(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    write_rasteret(con, "idx", tmp_path / "c", collection_name="fields", data_source="demo")
    back = f"read_rasteret('{tmp_path}/c')"
    assert con.execute(PIXELS.format(back, list(AOI))).fetchall() == (
        con.execute(PIXELS.format("idx", list(AOI))).fetchall()
    )
    kept = "id, collection, datetime, cloud_cover, band, href, crs, transform, bbox, nodata, tile_offsets"
    order = "ORDER BY id, band"
    assert con.execute(f"SELECT {kept} FROM {back} {order}").fetchall() == (
        con.execute(f"SELECT {kept} FROM idx {order}").fetchall()
    )
    con.execute("UPDATE idx SET transform = [10, 1, 0, 1, -10, 0] WHERE id = (SELECT min(id) FROM idx)")
    with pytest.raises(
        UnsupportedError, match="its grid is rotated, which a Rasteret collection cannot hold"
    ):
        write_rasteret(con, "idx", tmp_path / "d")
    with pytest.raises(ArgumentError, match="the rows have no column datetime, geometry, band"):
        write_rasteret(con, "SELECT * EXCLUDE (datetime, geometry, band) FROM idx", tmp_path / "d")


def test_gdal_opens_a_tile_index(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "red.gti.gpkg"
    red = "FROM idx WHERE band = 'red' AND crs = 'EPSG:32632'"
    assert write_tile_index(con, f"{red} ORDER BY id DESC LIMIT 2", path) == 2
    newest = con.execute(f"SELECT href {red} ORDER BY datetime DESC LIMIT 1").fetchone()
    assert newest is not None
    with rasterio.open(f"GTI:{path}") as index, rasterio.open(newest[0]) as scene:
        assert (index.driver, index.crs, index.transform) == ("GTI", scene.crs, scene.transform)
        shown, top = index.read(1), scene.read(1)
        assert (shown[top != 0] == top[top != 0]).all()  # the latest lies on top
    with pytest.raises(
        UnsupportedError, match="these files have EPSG:32632, EPSG:32633: select those of one"
    ):
        write_tile_index(con, "idx", path)


def real_items(stac_data: Path) -> list[Path]:
    folder = stac_data / "rustac"
    return [folder / "100-sentinel-2-items.parquet", folder / "earth-search-s2-c1-item-collection.json"]


def test_items_go_through_rustac_and_stac_geoparquet(
    con: duckdb.DuckDBPyConnection, stac_data: Path, tmp_path: Path
) -> None:
    rustac = pytest.importorskip("rustac")
    arrow = pytest.importorskip("stac_geoparquet.arrow")
    pq = pytest.importorskip("pyarrow.parquet")
    for source in real_items(stac_data):
        path = tmp_path / "items.parquet"
        count = write_items(con, f"FROM stac_read('{source}')", path)
        first = as_items(con, source)
        assert len(first) == count
        assert as_items(con, path) == first

        theirs = asyncio.run(there_and_back(rustac, path, tmp_path / "rustac.parquet"))
        (tmp_path / "rustac.json").write_text(json.dumps(theirs))
        assert as_items(con, tmp_path / "rustac.json") == first
        assert as_items(con, tmp_path / "rustac.parquet") == first

        items = list(arrow.stac_table_to_items(pq.read_table(path)))
        (tmp_path / "stac.json").write_text(
            json.dumps({"type": "FeatureCollection", "features": items}, default=str)
        )
        assert as_items(con, tmp_path / "stac.json") == first
    with pytest.raises(
        ArgumentError, match="write_items: the rows have no column assets, properties, self_href"
    ):
        write_items(con, "idx", tmp_path / "x.parquet")


async def there_and_back(rustac: Any, path: Path, copy: Path) -> Any:
    """What rustac reads, and writes again."""
    collection = await rustac.read(str(path))
    await rustac.write(str(copy), collection["features"])
    return collection


def as_items(con: duckdb.DuckDBPyConnection, source: Path) -> dict[str, object]:
    """By id what stac_read makes of a document, with JSON parsed: 10 is 10.0, and members have no order."""
    rows = con.execute(
        "SELECT id, collection, ST_AsText(geometry), bbox, datetime, updated, cloud_cover, properties, "
        "to_json(map_from_entries(list_transform(map_entries(assets), "
        "lambda e: {'k': e.key, 'v': e.value}))) "
        f"FROM stac_read('{source}')"
    ).fetchall()
    return {
        row[0]: (
            *row[1:3],
            {k: round(v, 9) for k, v in row[3].items()},
            *row[4:7],
            plain(row[7]),
            plain(row[8]),
        )
        for row in rows
    }


def plain(text: str) -> object:
    """Parsed, with times in one spelling and without members that are null."""

    def same(value: object) -> object:
        if isinstance(value, dict):
            return {k: same(v) for k, v in value.items() if v is not None}
        if isinstance(value, list):
            return [same(v) for v in value]
        if isinstance(value, str) and value[10:11] == "T" and value.endswith(("Z", "+00:00")):
            return str(np.datetime64(value.removesuffix("Z").removesuffix("+00:00"), "us"))
        return value

    return same(json.loads(text))
