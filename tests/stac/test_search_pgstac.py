"""A real STAC API: every search gives the items that pystac-client gets for the same search."""

from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path
from typing import Any

import pystac_client
import pytest

from rasteret_sql.errors import ArgumentError, RasteretWarning, TransportError
from rasteret_sql.stac.items.static import read
from rasteret_sql.stac.search.search import SearchRequest, search, search_many
from rasteret_sql.store import request_log

BOX = [-105.2, 39.0, -105.0, 39.2]
FIELD = {
    "type": "Polygon",
    "coordinates": [[[-73.21, 43.99], [-73.12, 43.99], [-73.12, 44.05], [-73.21, 43.99]]],
}
DENVER = {"type": "Point", "coordinates": [-105.0, 40.0]}


def ours(url: str, **arguments: Any) -> list[tuple[str, str]]:
    return [(row["collection"], row["id"]) for row in search(SearchRequest(catalog=url, **arguments))]


def oracle(url: str, **arguments: Any) -> list[tuple[str, str]]:
    """What pystac-client finds on its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it does not know the conformance classes of version 1.1
        found = pystac_client.Client.open(url).search(limit=500, **arguments)
        return [(item["collection"], item["id"]) for item in found.items_as_dicts()]


def less(name: str, value: Any) -> dict[str, Any]:
    return {"op": "<", "args": [{"property": name}, value]}


def equal(name: str, value: Any) -> dict[str, Any]:
    return {"op": "=", "args": [{"property": name}, value]}


LANDSAT = ["landsat-c2-l2"]
CLEAR_OR_TM = {
    "op": "or",
    "args": [
        less("eo:cloud_cover", 5),
        {"op": "and", "args": [equal("gsd", 30), {"op": "not", "args": [equal("platform", "landsat-8")]}]},
    ],
}

SEARCHES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "bbox": ({"bbox": BOX}, {"bbox": BOX}),
    "intersects": ({"intersects": FIELD}, {"intersects": FIELD}),
    "intersects a feature": (
        {"intersects": {"type": "Feature", "properties": {}, "geometry": FIELD}},
        {"intersects": FIELD},
    ),
    "a month": ({"datetime": "2024-06"}, {"datetime": "2024-06"}),
    "days": ({"datetime": "2024-06-01/2024-06-10"}, {"datetime": "2024-06-01/2024-06-10"}),
    "open end": ({"datetime": "2024-12-01/.."}, {"datetime": "2024-12-01/.."}),
    "open start": ({"datetime": "../2011"}, {"datetime": "../2011"}),
    "a timestamp of DuckDB": (
        {"datetime": "2023-10-08 17:37:26.656958+00"},
        {"datetime": "2023-10-08T17:37:26.656958Z"},
    ),
    "collections": (
        {"collections": ["aster-l1t", *LANDSAT]},
        {"collections": ["aster-l1t", *LANDSAT]},
    ),
    "ids": (
        {"ids": ["LC08_L2SP_033032_20231008_02_T1", "no such item"]},
        {"ids": ["LC08_L2SP_033032_20231008_02_T1"]},
    ),
    "one comparison": ({"filter": "cloud_cover < 0.1"}, {"filter": less("eo:cloud_cover", 0.1)}),
    "CQL2 JSON": (
        {"filter": json.dumps(less("cloud_cover", 0.1))},
        {"filter": less("eo:cloud_cover", 0.1)},
    ),
    "CQL2 text": (
        {"filter": "eo:cloud_cover < 5 OR (gsd = 30 AND NOT platform = 'landsat-8')", "collections": LANDSAT},
        {"filter": CLEAR_OR_TM, "collections": LANDSAT},
    ),
    "SQL: IN, BETWEEN, IS NOT NULL": (
        {
            "filter": "platform IN ('landsat-8', 'landsat-9') AND cloud_cover BETWEEN 5 AND 20 "
            "AND created IS NOT NULL",
        },
        {
            "filter": {
                "op": "and",
                "args": [
                    {"op": "in", "args": [{"property": "platform"}, ["landsat-8", "landsat-9"]]},
                    {"op": "between", "args": [{"property": "eo:cloud_cover"}, 5, 20]},
                    {"op": "not", "args": [{"op": "isNull", "args": [{"property": "created"}]}]},
                ],
            }
        },
    ),
    "SQL: LIKE and a part of the earth": (
        {
            "filter": "platform LIKE 'landsat-%' AND "
            "ST_Intersects(geometry, ST_GeomFromText('POINT(-105 40)'))"
        },
        {"filter": {"op": "like", "args": [{"property": "platform"}, "landsat-%"]}, "intersects": DENVER},
    ),
    "SQL: boxes that overlap": (
        {"filter": "geometry && ST_MakeEnvelope(-105.2, 39.0, -105.0, 39.2)"},
        {"bbox": BOX},
    ),
    "either CRS property": (
        {"filter": "proj_code = 'EPSG:32613'", "collections": LANDSAT},
        {"filter": equal("proj:epsg", 32613), "collections": LANDSAT},
    ),
    "a date": (
        {"filter": "datetime < DATE '2012-01-01'"},
        {"filter": less("datetime", {"timestamp": "2012-01-01T00:00:00Z"})},
    ),
    "everything at once": (
        {"intersects": DENVER, "datetime": "2024", "filter": "cloud_cover < 20", "collections": LANDSAT},
        {
            "intersects": DENVER,
            "datetime": "2024",
            "filter": less("eo:cloud_cover", 20),
            "collections": LANDSAT,
        },
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_finds_what_pystac_client_finds(pgstac: str, name: str) -> None:
    arguments, same = SEARCHES[name]
    found = ours(pgstac, **arguments)
    assert found
    assert found == oracle(pgstac, **same)


def test_every_item_of_a_collection_is_found_over_many_pages(pgstac: str, stac_data: Path) -> None:
    with gzip.open(stac_data / "api/items.ndjson.gz", "rt") as lines:
        loaded = {item["id"] for item in map(json.loads, lines) if item["collection"] == "naip"}
    before = request_log.totals().requests
    found = [identity for _, identity in ours(pgstac, collections=["naip"], page_size=150)]
    assert len(found) == len(loaded) == 1437
    assert set(found) == loaded
    assert 10 <= request_log.totals().requests - before <= 40
    assert found == [identity for _, identity in oracle(pgstac, collections=["naip"])]


def test_sortby_is_the_order_of_the_rows_across_pages(pgstac: str) -> None:
    arguments = {"catalog": pgstac, "collections": LANDSAT, "page_size": 40}
    newest_first = [row["datetime"] for row in search(SearchRequest(**arguments, sortby="-datetime"))]
    assert newest_first == sorted(newest_first, reverse=True)
    oldest_first = [row["datetime"] for row in search(SearchRequest(**arguments, sortby=["datetime", "id"]))]
    assert oldest_first == newest_first[::-1]


def test_a_number_is_sorted_as_one_also_where_the_server_takes_it_for_a_text(pgstac: str) -> None:
    by_cloud = [{"field": "properties.eo:cloud_cover", "direction": "desc"}]
    with pytest.warns(RasteretWarning, match=r"sorts otherwise than asked: all items are fetched and sorted"):
        rows = list(search(SearchRequest(catalog=pgstac, collections=LANDSAT, sortby="-cloud_cover")))
    covers = [row["cloud_cover"] for row in rows]
    assert covers == sorted(covers, reverse=True)
    theirs = oracle(pgstac, collections=LANDSAT, sortby=by_cloud)
    found = [(row["collection"], row["id"]) for row in rows]
    assert sorted(found) == sorted(theirs)
    assert found != theirs


def test_max_items_are_the_first_items_and_the_cut_is_said(pgstac: str) -> None:
    everything = ours(pgstac, collections=LANDSAT, sortby="id")
    with pytest.warns(RasteretWarning, match=r"^stac_search: cut to max_items := 70, but 111 items match$"):
        found = ours(pgstac, collections=LANDSAT, sortby="id", page_size=30, max_items=70)
    assert found == everything[:70]


def test_nothing_found_is_no_rows(pgstac: str) -> None:
    assert ours(pgstac, bbox=[10, 10, 11, 11]) == []
    assert ours(pgstac, ids=["no such item"]) == []


def test_many_searches_at_once(pgstac: str) -> None:
    boxes = [[-107 + number, 35, -106 + number, 45] for number in range(4)]
    answers = search_many([SearchRequest(catalog=pgstac, bbox=box, datetime="2024-06") for box in boxes])
    found = [[(row["collection"], row["id"]) for row in rows] for rows in answers if isinstance(rows, list)]
    assert found == [oracle(pgstac, bbox=box, datetime="2024-06") for box in boxes]
    assert any(found)


def test_one_collection_by_its_address(pgstac: str) -> None:
    assert ours(f"{pgstac}/collections/aster-l1t") == oracle(pgstac, collections=["aster-l1t"])


def test_the_servers_own_words(pgstac: str) -> None:
    with pytest.raises(ArgumentError) as error:
        ours(pgstac, filter="T_AFTER(datetime, 'soon')")
    assert str(error.value) == (
        f"STAC API {pgstac}/search answered 400 Bad Request: Datetime parameter None is invalid."
    )


@pytest.mark.parametrize("place", ["collections/aster-l1t", "collections/aster-l1t/items?limit=3"])
def test_items_of_a_collection_are_read_without_searching(pgstac: str, place: str) -> None:
    rows = list(read(f"{pgstac}/{place}"))
    assert sorted((row["collection"], row["id"]) for row in rows) == sorted(
        oracle(pgstac, collections=["aster-l1t"])
    )


def test_one_item_by_its_address(pgstac: str) -> None:
    href = f"{pgstac}/collections/landsat-c2-l2/items/LC08_L2SP_033032_20231008_02_T1"
    [row] = read(href)
    assert (row["id"], row["self_href"]) == ("LC08_L2SP_033032_20231008_02_T1", href)


def test_a_part_of_the_api_that_is_not_there(pgstac: str) -> None:
    with pytest.raises(TransportError, match=r"/nothing answered 404 Not Found"):
        ours(f"{pgstac}/nothing")
