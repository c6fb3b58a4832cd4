"""The STAC API as pystac-client finds it, and the files as HTTP clients do."""

from __future__ import annotations

import http.client
import json
import urllib.request
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import numpy as np
import pystac_client
import pytest
import rasterio
from rasterio.windows import Window

from rasteret_sql.demo.archive import Archive, Pixels
from rasteret_sql.demo.server import Server, serve
from rasteret_sql.demo.stac import COLLECTION


@pytest.fixture(scope="module")
def client(server: Server) -> pystac_client.Client:
    return pystac_client.Client.open(server.url)


@pytest.fixture(params=["GET", "POST"])
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def found(client: pystac_client.Client, method: str, **arguments: Any) -> list[str]:
    return [item.id for item in client.search(method=method, **arguments).items()]


def test_collection_has_its_items(client: pystac_client.Client, archive: Archive) -> None:
    (collection,) = client.get_collections()
    assert collection.id == COLLECTION
    assert {item.id for item in collection.get_items()} == set(archive.scenes)


def test_an_item_has_absolute_links(client: pystac_client.Client, server: Server) -> None:
    item = client.get_collection(COLLECTION).get_item("S2_32633_20240514")
    assert item is not None
    assert item.self_href == f"{server.url}/collections/{COLLECTION}/items/S2_32633_20240514"
    assert item.assets["red"].href == f"{server.data_url}/S2_32633_20240514/red.tif"


def test_search_finds_all_newest_first(client: pystac_client.Client, method: str) -> None:
    ids = found(client, method)
    assert len(ids) == 12
    assert ids[0].endswith("20240827")
    assert ids[-1].endswith("20240414")


@pytest.mark.parametrize("limit", [1, 5, 12, 100])
def test_paging_gives_every_item_once(client: pystac_client.Client, method: str, limit: int) -> None:
    ids = found(client, method, limit=limit)
    assert len(ids) == len(set(ids)) == 12


SEARCHES: dict[str, tuple[dict[str, Any], int]] = {
    "bbox in one zone": ({"bbox": [11.92, 47.97, 11.95, 48.0]}, 6),
    "bbox in both zones": ({"bbox": [12.0, 47.97, 12.01, 48.0]}, 12),
    "bbox with heights": ({"bbox": [11.92, 47.97, 0, 11.95, 48.0, 9000]}, 6),
    "bbox elsewhere": ({"bbox": [77, 12, 78, 13]}, 0),
    "intersects": ({"intersects": {"type": "Point", "coordinates": [12.0, 47.99]}}, 12),
    "a month": ({"datetime": "2024-06"}, 4),
    "a range": ({"datetime": "2024-05-01/2024-06-15"}, 4),
    "an open range": ({"datetime": "../2024-04-30"}, 2),
    "ids": ({"ids": ["S2_32632_20240414", "S2_32633_20240414", "none"]}, 2),
    "collection": ({"collections": [COLLECTION]}, 12),
    "another collection": ({"collections": ["landsat"]}, 0),
    "query": ({"query": {"eo:cloud_cover": {"lt": 50}, "proj:code": {"eq": "EPSG:32632"}}}, 5),
    "query in short": ({"query": ["eo:cloud_cover<50"]}, 10),
    "filter": ({"filter": "eo:cloud_cover < 50 AND proj:code = 'EPSG:32632'"}, 5),
    "filter with all of them": (
        {
            "filter": "(gsd BETWEEN 5 AND 15 OR gsd IS NULL) AND NOT platform IN ('sentinel-2b') "
            "AND id LIKE 'S2_32633%' AND datetime >= TIMESTAMP('2024-06-01T00:00:00Z')"
        },
        2,
    ),
    "filter in JSON": (
        {"filter": {"op": ">", "args": [{"property": "properties.eo:cloud_cover"}, 50]}},
        2,
    ),
    "filter by place": (
        {
            "filter": {
                "op": "s_intersects",
                "args": [{"property": "geometry"}, {"type": "Point", "coordinates": [11.93, 47.98]}],
            }
        },
        6,
    ),
    "filter by an unknown property": ({"filter": "snow_cover > 1"}, 0),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", SEARCHES)
def test_searches(client: pystac_client.Client, method: str, name: str) -> None:
    arguments, count = SEARCHES[name]
    language = {}
    if "filter" in arguments:
        language = {"filter_lang": "cql2-text" if isinstance(arguments["filter"], str) else "cql2-json"}
    assert len(found(client, method, **arguments, **language)) == count


def test_sorting(client: pystac_client.Client, method: str) -> None:
    items = list(client.search(method=method, sortby="properties.eo:cloud_cover").items())
    covers = [item.properties["eo:cloud_cover"] for item in items]
    assert covers == sorted(covers)
    falling = list(client.search(method=method, sortby="-id").items())
    assert [item.id for item in falling] == sorted((item.id for item in items), reverse=True)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"bbox": [1, 2]}, "bbox must have 4 or 6 numbers, not 2"),
        ({"bbox": ["a", 0, 0, 0]}, "bbox must be numbers"),
        ({"datetime": "yesterday"}, "datetime must be RFC 3339"),
        ({"datetime": "2024-02-01T00:00:00Z/2024-01-01T00:00:00Z"}, "datetime must be RFC 3339"),
        ({"limit": 0.5}, "limit must be 1 to"),
        ({"intersects": {"type": "Blob"}}, "intersects is not a GeoJSON geometry"),
        (
            {"bbox": [0, 0, 1, 1], "intersects": {"type": "Point", "coordinates": [0, 0]}},
            "exclude each other",
        ),
        ({"query": {"gsd": {"near": 10}}}, "query has no operator near"),
        ({"filter": "gsd ~ 10"}, "no token starts at '~ 10'"),
        ({"filter": "gsd <"}, "expected a value, found 'the end'"),
        ({"filter": "gsd < 'ten'"}, "cannot compare"),
        ({"filter": {"op": "t_after", "args": []}}, "no CQL2 operator 't_after'"),
    ],
)
def test_bad_searches_are_told_so(server: Server, body: dict[str, Any], message: str) -> None:
    request = urllib.request.Request(f"{server.url}/search", json.dumps(body).encode(), method="POST")
    with pytest.raises(HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        assert answer.code == 400
        assert message in json.loads(answer.read())["description"]


# --- files


def fetch(
    server: Server, headers: dict[str, str], method: str = "GET", band: str = "red"
) -> tuple[Any, bytes]:
    with _connection(server) as connection:
        connection.request(method, f"/data/S2_32632_20240414/{band}.tif", headers=headers)
        answer = connection.getresponse()
        return answer, answer.read()


class _connection(http.client.HTTPConnection):  # noqa: N801 - reads as a call
    def __init__(self, server: Server) -> None:
        super().__init__(urlsplit(server.url).netloc)

    def __enter__(self) -> _connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.fixture(scope="module")
def content(archive: Archive) -> bytes:
    return archive.cog("S2_32632_20240414", "red").read_bytes()


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("0-9", 0, 10), ("100-", 100, None), ("-7", -7, None), ("5-99999999", 5, None), ("0-0", 0, 1)],
)
def test_byte_ranges(server: Server, content: bytes, asked: str, start: int, end: int | None) -> None:
    answer, body = fetch(server, {"Range": f"bytes={asked}"})
    assert answer.status == 206
    assert body == content[start:end]
    first = start % len(content)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(content)}"
    assert answer.headers["ETag"]
    assert answer.headers["Last-Modified"]


def test_a_range_beyond_the_end_is_416(server: Server, content: bytes) -> None:
    answer, body = fetch(server, {"Range": f"bytes={len(content)}-"})
    assert (answer.status, body) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{len(content)}"


def test_head_tells_the_size_and_sends_nothing(server: Server, content: bytes) -> None:
    answer, body = fetch(server, {}, method="HEAD")
    assert (answer.status, body) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_conditions_on_the_etag(server: Server) -> None:
    etag = fetch(server, {}, method="HEAD")[0].headers["ETag"]
    assert fetch(server, {"If-Match": '"other"'})[0].status == 412
    assert fetch(server, {"If-Match": etag, "Range": "bytes=0-3"})[0].status == 206
    assert fetch(server, {"If-None-Match": etag})[0].status == 304


def test_what_is_not_there_or_outside_is_404(server: Server) -> None:
    assert fetch(server, {}, band="blue")[0].status == 404
    assert fetch(server, {}, band="../../../etc/hosts")[0].status == 404


def test_one_connection_serves_many_requests(server: Server, content: bytes) -> None:
    with _connection(server) as connection:
        for i in range(50):
            connection.request(
                "GET", "/data/S2_32632_20240414/red.tif", headers={"Range": f"bytes={i}-{i + 9}"}
            )
            assert connection.getresponse().read() == content[i : i + 10]


def test_gdal_reads_a_window_over_http(server: Server, archive: Archive, truth: dict[str, Pixels]) -> None:
    window = Window(300, 400, 50, 60)
    with (
        rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
        rasterio.open(f"/vsicurl/{server.data_url}/S2_32632_20240414/nir.tif") as cog,
    ):
        pixels = cog.read(1, window=window)
    assert np.array_equal(pixels, truth["S2_32632_20240414"]["nir"][400:460, 300:350])


def test_requests_are_counted_and_the_server_stops_while_a_client_stays(archive: Archive) -> None:
    with serve(archive.folder) as server:
        connection = _connection(server)
        connection.request("GET", "/data/catalog.json", headers={"Range": "bytes=0-4"})
        assert connection.getresponse().read() == (archive.folder / "catalog.json").read_bytes()[:5]
        (request,) = server.requests
        assert (request.method, request.path, request.status) == ("GET", "/data/catalog.json", 206)
        assert (request.byte_range, request.byte_count) == ("bytes=0-4", 5)
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        fetch(server, {})
