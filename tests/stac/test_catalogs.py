"""Datasets by short id, and what a search request refuses before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rasteret_sql
from rasteret_sql.errors import ArgumentError
from rasteret_sql.stac.catalogs.catalogs import Catalog, asset_keys, catalogs, register_catalog, resolve
from rasteret_sql.stac.items.item import item_row
from rasteret_sql.stac.search.request import SearchRequest


def test_every_id_resolves_to_itself() -> None:
    assert all(resolve(catalog.id) is catalog for catalog in catalogs())
    assert {"earthsearch", "earthsearch/sentinel-2-l2a", "pc/naip"} <= {catalog.id for catalog in catalogs()}


def test_asset_keys_are_those_of_the_catalogues_own_items(stac_data: Path) -> None:
    known = {(catalog.endpoint, catalog.collection): catalog for catalog in catalogs()}
    checked = set()
    for line in (stac_data / "pystac-client/items.ndjson").read_text().splitlines():
        item = item_row(json.loads(line), base_href=None)
        endpoint = str(item["self_href"]).partition("/collections/")[0]
        catalog = known.get((endpoint, item["collection"]))
        if catalog is None or item["collection"] == "sentinel-1-grd":  # each has only some polarisations
            continue
        assert set(catalog.bands.values()) <= set(item["assets"]), (catalog.id, item["id"])
        assert (catalog.auth == "requester-pays") == any(
            json.loads(asset["extra_fields"] or "{}").get("storage:requester_pays")
            for asset in item["assets"].values()
        )
        checked.add(catalog.id)
    assert checked >= {
        "earthsearch/sentinel-2-l2a",
        "earthsearch/landsat-c2-l2",
        "pc/sentinel-2-l2a",
        "pc/naip",
    }


def test_bands_are_those_of_the_catalogues_own_collections(stac_data: Path) -> None:
    known = {(catalog.endpoint, catalog.collection): catalog for catalog in catalogs() if catalog.collection}
    for line in (stac_data / "pystac-client/collections.ndjson").read_text().splitlines():
        collection = json.loads(line)
        own = next(link["href"] for link in collection["links"] if link["rel"] == "self")
        catalog = known.pop((own.partition("/collections/")[0], collection["id"]), None)
        if catalog is not None:
            assert set(catalog.bands.values()) <= set(collection["item_assets"]), catalog.id
            stored = "msft:storage_account" in collection
            assert (catalog.auth == "planetary-computer") == stored, catalog.id
            assert catalog.licence is not None
            assert is_licence(catalog.licence, collection), catalog.id
            assert collection["title"].strip() == catalog.title, catalog.id
    assert known == {}


def is_licence(licence: str, collection: dict[str, Any]) -> bool:
    """Whether the collection says so: by an SPDX id, or by the title or the address of its terms."""
    links = [link for link in collection["links"] if link["rel"] == "license"]
    said = [collection["license"], *(str(link.get("title")) for link in links)]
    addresses = {
        "Copernicus Sentinel data terms": "sentinel",
        "NSIDC use and copyright": "nsidc.org",
        "LP DAAC data policy": "lpdaac.usgs.gov",
        "USDA NASS redistribution terms": "nass.usda.gov",
        "Copernicus DEM licence": "spacedata.copernicus.eu",
    }
    is_linked = any(addresses.get(licence, "nowhere") in link["href"].lower() for link in links)
    return is_linked or licence.lower() in [one.lower() for one in said]


def test_datasets_built_in_are_these() -> None:
    ids = [catalog.id for catalog in catalogs() if not catalog.id.startswith("pc/modis-")]
    earth_search = (
        "cop-dem-glo-30 cop-dem-glo-90 landsat-c2-l2 naip sentinel-1-grd sentinel-2-c1-l2a sentinel-2-l2a"
    )
    planetary_computer = (
        "alos-dem esa-worldcover io-lulc-annual-v02 landsat-c2-l2 naip nasadem sentinel-2-l2a usda-cdl"
    )
    assert {id for id in ids if "/" in id and id.split("/")[0] in ("earthsearch", "pc")} == {
        *(f"earthsearch/{name}" for name in earth_search.split()),
        *(f"pc/{name}" for name in planetary_computer.split()),
    }
    assert sum(catalog.id.startswith("pc/modis-") for catalog in catalogs()) == 19


def test_a_band_is_named_by_its_key_or_by_the_catalogues_other_name() -> None:
    catalog = resolve("pc/sentinel-2-l2a")
    there = ["B02", "B03", "B04", "B08", "SCL", "visual"]
    assert asset_keys(catalog, ["red", "B08", "scl", "visual", "none"], there) == [
        "B04",
        "B08",
        "SCL",
        "visual",
    ]
    assert asset_keys(catalog, ["red"], ["red", "B04"]) == ["red"]
    assert asset_keys(resolve("https://host"), ["red", "B04"], there) == ["B04"]


# The user's own file


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes the file that RASTERET_CATALOGS names."""
    path = tmp_path / "catalogs.toml"
    monkeypatch.setenv("RASTERET_CATALOGS", str(path))

    def write(text: str) -> Path:
        path.write_text(text)
        return path

    return write


def test_catalogues_of_a_file(listed: Callable[[str], Path]) -> None:
    listed(
        """
        ["ours/scenes"]
        endpoint = "https://stac.example.com/v1"
        collection = "scenes"
        licence = "CC-BY-4.0"
        bands = { red = "B04" }

        ["pc/naip"]
        endpoint = "http://127.0.0.1:1/"
        """
    )
    expected = Catalog(
        id="ours/scenes", endpoint="https://stac.example.com/v1", collection="scenes",
        licence="CC-BY-4.0", bands={"red": "B04"},
    )  # fmt: skip
    assert resolve("ours/scenes") == expected
    assert expected in catalogs()
    assert resolve("pc/naip").endpoint == "http://127.0.0.1:1/"
    listed("")
    assert resolve("pc/naip").collection == "naip"
    with pytest.raises(ArgumentError, match="unknown catalogue 'ours/scenes'"):
        resolve("ours/scenes")


def test_the_file_lies_where_xdg_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RASTERET_CATALOGS", raising=False)
    for number, folder in enumerate((tmp_path / "home/.config", tmp_path / "xdg")):
        (folder / "rasteret").mkdir(parents=True)
        (folder / "rasteret/catalogs.toml").write_text(f'[ours]\nendpoint = "http://host/{number}"\n')
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")  # "must be absolute, else ignored"
    assert resolve("ours").endpoint == "http://host/0"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert resolve("ours").endpoint == "http://host/1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[ours", "FILE: not TOML that can be read: "),
        ("ours = 1", 'FILE: ["ours"]: expected a table such as ["ours/scenes"], found 1'),
        ("[ours]\ntitle = 'x'", 'FILE: ["ours"] has no endpoint, the URL of its STAC API'),
        ("[ours]\nendpoint = 5", 'FILE: ["ours"] endpoint: expected text, found 5'),
        ("[ours]\nendpoint = 'x'", "FILE: catalogue 'ours': the endpoint must be an http(s) URL, found 'x'"),
        ("[ours]\nurl = 'x'",
         'FILE: ["ours"] url: expected one of endpoint, collection, title, licence, auth, alternate, bands, '
         "href_rules, "
         "found 'url'"),
        ("[ours]\nendpoint = 'http://h'\nbands = { nir = 8 }",
         'FILE: ["ours"] bands: expected asset keys by name, such as { nir = "B08" }, found '),
        ("[ours]\nendpoint = 'http://h'\nauth = 'magic'",
         "FILE: catalogue 'ours': auth must be one of none, requester-pays, planetary-computer, "
         "found 'magic'"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_named_with_the_key(
    listed: Callable[[str], Path], text: str, message: str
) -> None:
    path = listed(text)
    with pytest.raises(ArgumentError) as error:
        resolve("pc/naip")
    assert str(error.value).replace(str(path), "FILE").startswith(message)


def test_a_file_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RASTERET_CATALOGS", str(tmp_path / "none.toml"))
    with pytest.raises(ArgumentError, match=r"^RASTERET_CATALOGS names .*none\.toml, which cannot be read"):
        resolve("pc/naip")


@pytest.mark.parametrize(
    ("url", "endpoint", "collection"),
    [
        ("https://host/stac/v1", "https://host/stac/v1", None),
        ("https://host/stac/?key=1", "https://host/stac/?key=1", None),
        ("https://host/stac/collections/naip", "https://host/stac", "naip"),
        ("https://host/stac/collections/naip/", "https://host/stac", "naip"),
    ],
)
def test_a_url_is_an_api_or_one_collection_of_it(url: str, endpoint: str, collection: str | None) -> None:
    assert resolve(url) == Catalog(id=url, endpoint=endpoint, collection=collection)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("earthsearch/sentinel-2-l2", "did you mean 'earthsearch/sentinel-2-l2a' or "),
        ("Pc/NAIP", "did you mean 'pc/naip'"),
        ("naip", "did you mean 'earthsearch/naip' or 'pc/naip'"),
        ("zzz", "FROM stac_catalogs() lists"),
    ],
)
def test_an_unknown_id_names_its_neighbours(name: str, hint: str) -> None:
    with pytest.raises(ArgumentError) as error:
        resolve(name)
    assert str(error.value).startswith(f"unknown catalogue {name!r}: {hint}")
    assert str(error.value).endswith("FROM stac_catalogs() lists every id; the URL of a STAC API works too")


def test_a_catalogue_of_ones_own() -> None:
    rasteret_sql.register_catalog(
        "ours/scenes", endpoint="http://127.0.0.1:1/", collection="scenes", bands={"red": "B04"}
    )
    own = resolve("ours/scenes")
    assert (own.endpoint, own.collection, own.bands) == ("http://127.0.0.1:1/", "scenes", {"red": "B04"})
    again = register_catalog("ours/scenes", endpoint="http://127.0.0.1:2/")
    assert resolve("ours/scenes") is again
    assert [catalog for catalog in catalogs() if catalog.id == "ours/scenes"] == [again]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"id": " ", "endpoint": "http://h"},
         "register_catalog: an id such as 'ours/sentinel-2' is expected, found ' '"),
        ({"id": "https://u:p@h/x?k=1", "endpoint": "http://h"},
         "register_catalog: an id such as 'ours/sentinel-2' is expected, found 'https://h/x?k=…'"),
        ({"id": "a", "endpoint": "/data"},
         "catalogue 'a': the endpoint must be an http(s) URL, found '/data'"),
        ({"id": "a", "endpoint": "http://h", "auth": "magic"},
         "catalogue 'a': auth must be one of none, requester-pays, planetary-computer, found 'magic'"),
    ],
)  # fmt: skip
def test_a_catalogue_that_cannot_be(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        register_catalog(**arguments)
    assert str(error.value) == message


TRIANGLE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"catalog": "s3://bucket/catalog.json"},
         "catalogue 's3://bucket/catalog.json': a STAC API has an http(s) URL; "
         "stac_read reads a static catalogue"),
        ({"bbox": [1, 2, 3]},
         "bbox needs 4 numbers (xmin, ymin, xmax, ymax) or 6 with heights, found [1, 2, 3]"),
        ({"bbox": [0, 0, 1, float("inf")]}, "bbox needs finite numbers, found [0, 0, 1, inf]"),
        ({"bbox": [500000, 0, 500100, 100]},
         "bbox is in degrees, longitude -180 to 180 and latitude -90 to 90 (OGC:CRS84), "
         "found [500000, 0, 500100, 100]; transform projected coordinates first"),
        ({"bbox": [0, 10, 5, 5]},
         "bbox is xmin, ymin, xmax, ymax, but its lower side is above its upper side: found [0, 10, 5, 5]"),
        ({"intersects": {"type": "Polygon"}},
         "intersects is not a GeoJSON geometry: {'type': 'Polygon'} ('coordinates')"),
        ({"intersects": {"type": "Polygon", "coordinates": []}},
         "intersects is an empty geometry: {'type': 'Polygon', 'coordinates': []}"),
        ({"intersects": {"type": "Point", "coordinates": [399960, 4390200]}},
         "intersects is in degrees, longitude -180 to 180 and latitude -90 to 90 (OGC:CRS84), but its bounds "
         "are 399960, 4.3902e+06, 399960, 4.3902e+06; transform projected coordinates first"),
        ({"intersects": TRIANGLE, "bbox": [0, 0, 1, 1]},
         "bbox and intersects cannot both be given: a STAC API takes one of them"),
        ({"catalog": "pc/naip", "collections": ["sentinel-2-l2a"]},
         "catalogue 'pc/naip' is collection 'naip', but collections := ['sentinel-2-l2a'] asks for another; "
         "name the API instead, or leave collections out"),
        ({"ids": ["a", ""]}, "ids must be non-empty text, found ['a', '']"),
        ({"max_items": -1}, "max_items must be 0 or more, found -1; leave it out for all items"),
        ({"page_size": 10_001}, "page_size must be between 1 and 10,000, found 10001"),
    ],
)  # fmt: skip
def test_a_request_that_makes_no_sense(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        SearchRequest(**{"catalog": "pc", **arguments})
    assert str(error.value) == message


def test_a_request_is_checked_and_normalised_once() -> None:
    request = SearchRequest(
        catalog="pc/naip",
        ids=["b", "a", "b"],
        bbox=[1, 2, -9, 3, 4, 9],
        datetime="2024",
        filter="gsd < 1",
        sortby="-gsd",
    )
    assert request.collections == ("naip",)
    assert request.ids == ("b", "a")
    assert request.bbox == (1.0, 2.0, -9.0, 3.0, 4.0, 9.0)
    assert request.interval == "2024-01-01T00:00:00Z/2024-12-31T23:59:59.999999Z"
    assert request.expression == {"op": "<", "args": [{"property": "gsd"}, 1]}
    assert not request.is_empty


def test_a_feature_is_searched_by_its_geometry() -> None:
    request = SearchRequest(
        catalog="pc", intersects={"type": "Feature", "properties": {}, "geometry": TRIANGLE}
    )
    assert request.intersects == TRIANGLE


@pytest.mark.parametrize("arguments", [{"ids": []}, {"collections": []}, {"max_items": 0}])
def test_a_request_that_nothing_can_match(arguments: dict[str, Any]) -> None:
    assert SearchRequest(catalog="pc", **arguments).is_empty


def test_equal_requests_have_equal_keys() -> None:
    one = SearchRequest(catalog="pc/naip", filter="gsd<1", datetime="2024-01-01/2024-12-31")
    same = SearchRequest(catalog="pc", collections=["naip"], filter="gsd  < 1", datetime="2024")
    other = SearchRequest(catalog="pc", collections=["naip"], filter="gsd < 2", datetime="2024")
    assert one.key == same.key != other.key
