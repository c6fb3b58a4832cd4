"""An API that signs its hrefs anew at every search: what is kept, what is read again, how pixels come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from rasteret_sql.pipeline import build_index, refresh_index, write_items
from tests.stac.serving import Answer, Server, item, page, serving
from tests.store.server import FaultServer

Requests = Callable[[], list[str]]
SIGNATURES = {
    "amazon": "X-Amz-Algorithm=A&X-Amz-Date=20990501T000000Z&X-Amz-Expires=3600&X-Amz-Signature=HUSH{}",
    "azure": "sv=2022-11-02&se=2099-05-01T00:00:00Z&sr=b&sig=HUSH{}",
    "google": "X-Goog-Algorithm=G&X-Goog-Date=20990501T000000Z&X-Goog-Expires=3600&X-Goog-Signature=HUSH{}",
    "cloudfront": "Expires=4000000000&Signature=HUSH{}&Key-Pair-Id=K",
}


@pytest.fixture(params=["table", "parquet"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "idx" if request.param == "table" else str(tmp_path / "idx.parquet")


@pytest.fixture(params=SIGNATURES.values(), ids=SIGNATURES)
def catalogue(request: pytest.FixtureRequest, server: FaultServer) -> Iterator[Server]:
    about = {"driver": "GTiff", "width": 64, "height": 64, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    for n in range(3):
        with MemoryFile() as file:
            with file.open(transform=from_origin(500000, 5300000, 10, 10), **about) as tif:
                tif.write(np.full((1, 64, 64), n, np.uint8))
            server.files[f"scene-{n}/red.tif"] = file.read()
    numbers = count()

    def answer(api: Server, asked: Any) -> Answer:
        if asked.path == "/":
            search = {"rel": "search", "href": f"{api.url}/search", "type": "application/geo+json"}
            landing = {"type": "Catalog", "id": "t", "stac_version": "1.0.0", "description": ""}
            return Answer(body={**landing, "conformsTo": [], "links": [search]})
        query = request.param.format(next(numbers))
        found = []
        for n in range(3):
            href = f"{server.url(f'scene-{n}/red.tif')}?{query}"
            asset = {"href": href, "alternate": {"copy": {"href": href}}}
            found.append({**item(f"i{n}", preview=href), "assets": {"red": asset}})
        return Answer(body=page(*found))

    with serving(answer) as api:
        yield api


def test_a_signature_is_neither_kept_nor_a_change(
    con: duckdb.DuckDBPyConnection, server: FaultServer, requests: Requests, target: str, catalogue: Server
) -> None:
    run = build_index(con, target, catalogue.url)
    assert (run.added, run.failed) == (3, 0)
    first = requests()
    assert len(first) == 3
    assert all("HUSH" in path for path in first)
    rows = f"'{target}'" if target.endswith(".parquet") else target
    hrefs = [href for (href,) in con.execute(f"SELECT href FROM {rows} ORDER BY id").fetchall()]
    assert hrefs == [server.url(f"scene-{n}/red.tif") for n in range(3)]
    signed = f"SELECT count(*) FROM {rows} AS r WHERE to_json(r)::VARCHAR LIKE '%HUSH%'"
    assert con.execute(signed).fetchone() == (0,)
    assert (
        con.execute("FROM duckdb_tables() WHERE table_name IN ('rasteret_found', 'rasteret_todo')").fetchall()
        == []
    )

    run = refresh_index(con, target, check_files=True)
    assert (run.added, run.updated, run.changed, run.failed) == (0, 0, 0, 0)
    assert all("HUSH" in path for path in requests())  # one byte of each file

    sums = f"SELECT RS_ZonalStats(i, i.bbox, 1, 'mean', aoi_crs := i.crs) FROM {rows} AS i ORDER BY id"
    assert con.execute(sums).fetchall() == [(0.0,), (1.0,), (2.0,)]
    newest = {path.partition("HUSH")[2].partition("&")[0] for path in requests()}
    assert len(newest) == 1  # the signature of the last search
    assert newest != {first[0].partition("HUSH")[2].partition("&")[0]}


def test_the_same_in_one_call_and_in_items(
    con: duckdb.DuckDBPyConnection, server: FaultServer, catalogue: Server, tmp_path: Path
) -> None:
    con.execute(f"CREATE TABLE own AS FROM cog_index('{catalogue.url}')")
    assert con.execute("SELECT count(*), count(error) FROM own WHERE href NOT LIKE '%?%'").fetchone() == (
        3,
        0,
    )
    assert con.execute("SELECT count(c.data) FROM own AS i, read_cog(i) AS c").fetchone() == (3,)
    path = tmp_path / "items.parquet"
    write_items(con, f"FROM stac_search('{catalogue.url}')", path)
    assert b"HUSH" not in path.read_bytes()
    query = f"SELECT assets['red'].href FROM stac_read('{path}') ORDER BY id"
    bare = [(server.url(f"scene-{n}/red.tif"),) for n in range(3)]
    assert con.execute(query).fetchall() == bare


def test_an_index_from_before_is_cleaned(
    con: duckdb.DuckDBPyConnection, server: FaultServer, catalogue: Server
) -> None:
    """Rows with a signature in them are read once more; a table gets the columns that it lacks."""
    build_index(con, "idx", catalogue.url)
    con.execute("UPDATE idx SET href = href || '?sv=1&sig=HUSH'")
    con.execute("ALTER TABLE idx DROP COLUMN common_name")
    assert refresh_index(con, "idx").updated == 3
    query = "SELECT count(*), count(common_name) FROM idx WHERE href LIKE '%HUSH%'"
    assert con.execute(query).fetchone() == (0, 0)
    assert refresh_index(con, "idx").updated == 0
