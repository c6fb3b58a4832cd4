"""Items whose hrefs are a page to sign in at: the same files elsewhere, in a query, an index, a catalogue."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

import rasteret_sql
from rasteret_sql.errors import RasteretWarning
from rasteret_sql.pipeline import build_index, index_info, refresh_index
from rasteret_sql.stac.catalogs.catalogs import unregister_catalog
from tests.stac.serving import Answer, Server, api, item, page, serving

LOGIN = b"<!DOCTYPE html><html>sign in</html>"


@pytest.fixture
def connect_with() -> dict[str, Any]:
    return {"settings": {"progress": "off"}}


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Server]:
    """One item: its href is a login, its alternate ``copy`` is the file."""
    about = {"driver": "GTiff", "width": 16, "height": 16, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(
        tmp_path / "a.tif", "w", transform=from_origin(500000, 5300000, 10, 10), **about
    ) as tif:
        tif.write(np.full((1, 16, 16), 7, np.uint8))

    def search(server: Server, asked: Any) -> Answer:
        red = {
            "href": f"{server.url}/login/a.tif", "type": "image/tiff; application=geotiff",
            "alternate": {"copy": {"href": f"{server.url}/files/a.tif"}},
            "eo:bands": [{"name": "B4", "common_name": "red"}],
        }  # fmt: skip
        return Answer(body=page({**item("a"), "assets": {"B4": red}}))

    landing: Callable[[Server, Any], Answer] = api(search=search)

    def answer(server: Server, asked: Any) -> Answer:
        if asked.path.startswith("/files/"):
            return Answer(body=(tmp_path / "a.tif").read_bytes(), headers={"ETag": '"1"'})
        if asked.path.startswith("/login/"):
            return Answer(body=LOGIN, headers={"Content-Type": "text/html"})
        return landing(server, asked)

    with serving(answer) as server:
        yield server


def test_a_login_page_says_what_to_do(con: duckdb.DuckDBPyConnection, catalogue: Server) -> None:
    rows = con.execute(f"SELECT band, common_name, href, error FROM cog_index('{catalogue.url}/')").fetchall()
    [(band, name, href, error)] = rows
    assert (band, name, href) == ("B4", "red", f"{catalogue.url}/login/a.tif")
    assert "the server sent a web page (text/html), perhaps to sign in" in error
    assert "cog_index and stac_search take alternate := 's3'" in error


def test_the_alternate_is_read(con: duckdb.DuckDBPyConnection, catalogue: Server) -> None:
    con.execute(f"CREATE TABLE idx AS FROM cog_index('{catalogue.url}/', alternate := 'copy')")
    query = "SELECT href, common_name, error FROM idx"
    assert con.execute(query).fetchall() == [(f"{catalogue.url}/files/a.tif", "red", None)]
    pixels = con.execute(
        "SELECT RS_ZonalStats(i, i.bbox, 1, 'mean', aoi_crs := i.crs) FROM idx AS i"
    ).fetchall()
    assert pixels == [(7.0,)]
    extra = con.execute(
        f"SELECT assets['B4'].extra_fields FROM stac_search('{catalogue.url}/', alternate := 'copy')"
    ).fetchone()
    assert extra is not None
    assert json.loads(extra[0])["alternate"] == {
        "http": {"href": f"{catalogue.url}/login/a.tif"},
        "copy": {"href": f"{catalogue.url}/files/a.tif"},
    }


def test_an_unknown_alternate_is_said(con: duckdb.DuckDBPyConnection, catalogue: Server) -> None:
    with pytest.warns(RasteretWarning, match="no asset has the alternate 'kopy'.*there are: copy, http"):
        rows = con.execute(f"FROM stac_search('{catalogue.url}/', alternate := 'kopy')").fetchall()
    assert len(rows) == 1


def test_an_index_keeps_the_choice(con: duckdb.DuckDBPyConnection, catalogue: Server, tmp_path: Path) -> None:
    target = tmp_path / "idx.parquet"
    run = build_index(con, target, f"{catalogue.url}/", alternate="copy")
    assert (run.added, run.failed) == (1, 0)
    assert index_info(con, target).searches[0]["alternate"] == "copy"
    assert con.execute(f"SELECT common_name FROM '{target}'").fetchall() == [("red",)]
    run = refresh_index(con, target)
    assert (run.updated, run.failed) == (0, 0)


@pytest.mark.parametrize("rule", ["alternate", "href_rules"])
def test_a_catalogue_of_ones_own_knows(con: duckdb.DuckDBPyConnection, catalogue: Server, rule: str) -> None:
    rules: dict[str, Any] = {
        "alternate": {"alternate": "copy"},
        "href_rules": {"href_rules": {f"{catalogue.url}/login/": f"{catalogue.url}/files/"}},
    }[rule]
    rasteret_sql.register_catalog("ours", endpoint=f"{catalogue.url}/", **rules)
    try:
        query = "SELECT href, error FROM cog_index('ours')"
        assert con.execute(query).fetchall() == [(f"{catalogue.url}/files/a.tif", None)]
        rows = con.execute("SELECT alternate, href_rules FROM stac_catalogs() WHERE id = 'ours'").fetchall()
        assert rows == [(rules.get("alternate"), rules.get("href_rules", {}))]
        assert con.execute("SELECT href FROM cog_index('ours', alternate := 'none')").fetchall() == [
            (f"{catalogue.url}/login/a.tif",)
        ]
    finally:
        unregister_catalog("ours")
