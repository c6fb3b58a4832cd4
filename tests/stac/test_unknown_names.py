"""Slips in the names of properties, assets and collections are said, with the names that there are."""

from __future__ import annotations

import warnings
from typing import Any

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.errors import RasteretWarning
from rasteret_sql.stac.search.near_names import nearest

from .searching import always, ids_of
from .serving import Answer, Asked, Handler, Server, api, item, landing, page, serving

CLOUDY = [
    item("a", **{"eo:cloud_cover": 5, "gsd": 10}),
    item("b", **{"eo:cloud_cover": 50, "s2:tile": {"row": 1}}),
]
QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"


def told(server: Server, **arguments: Any) -> tuple[list[str], list[str]]:
    """Ids, and the notices about names."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = ids_of(server.url + "/", **arguments)
    texts = [str(warning.message).replace(server.url, "HOST") for warning in said]
    return found, [text for text in texts if "There are: " in text]


def test_a_property_that_no_item_has() -> None:
    with serving(api(search=always(page(*CLOUDY)))) as server:
        assert told(server, filter="clouds < 20") == (
            [],
            ["stac_search: filter names 'clouds', which none of the 2 items that came has; did you mean "
             "'eo:cloud_cover'? There are: datetime, eo:cloud_cover, gsd, s2:tile"],
        )  # fmt: skip


@pytest.mark.parametrize(
    "condition",
    [
        "cloud_cover < 60",
        "gsd = 10",
        "clouds IS NULL",
        "id = 'a'",
        '"s2:tile.row" = 1',
        "proj_code = 'EPSG:1'",
    ],
)
def test_names_that_are_there_or_may_be_lacking_are_not_said(condition: str) -> None:
    with serving(api(search=always(page(*CLOUDY)))) as server:
        assert told(server, filter=condition)[1] == []


def test_a_key_of_an_order_that_no_item_has() -> None:
    with serving(api(search=always(page(*CLOUDY)))) as server:
        assert told(server, sortby="-cloudcover")[1] == [
            "stac_search: sortby names 'cloudcover', which none of the 2 items that came has; did you mean "
            "'eo:cloud_cover'? There are: datetime, eo:cloud_cover, gsd, s2:tile"
        ]


def api_of(*ids: str, linked: bool, queryables: Any = None) -> Handler:
    """An API with collections that finds nothing."""

    def answer(server: Server, asked: Asked) -> Answer:
        if asked.path == "/":
            about = landing(server.url, "filter", "cql2-json")
            children = [{"rel": "child", "href": f"/collections/{name}"} for name in ids] if linked else []
            known = [{"rel": QUERYABLES, "href": "/queryables"}] if queryables is not None else []
            return Answer(body=about | {"links": about["links"] + children + known})
        if asked.path == "/queryables":
            return Answer(body=queryables)
        if asked.path == "/collections":
            return Answer(body={"collections": [{"id": name} for name in ids], "links": []})
        if asked.path.startswith("/collections/"):
            known = asked.path.rpartition("/")[2] in ids
            return Answer(body={"id": "x"}) if known else Answer(status=404)
        return Answer(body=page())

    return answer


@pytest.mark.parametrize("linked", [True, False])
def test_a_collection_that_the_api_does_not_have(linked: bool) -> None:
    with serving(api_of("sentinel-2-l2a", "landsat-c2-l2", linked=linked)) as server:
        for _ in range(2):
            assert told(server, collections=["sentinel-2-l2", "landsat-c2-l2"]) == (
                [],
                ["stac_search: STAC API HOST/ has no collection 'sentinel-2-l2'; did you mean "
                 "'sentinel-2-l2a'? There are: landsat-c2-l2, sentinel-2-l2a"],
            )  # fmt: skip
        others = [asked.path for asked in server.asked if asked.path.startswith("/collections")]
        expected = ["/collections/sentinel-2-l2", "/collections/landsat-c2-l2", "/collections"]
        assert others == (expected[:1] if linked else expected)


@pytest.mark.parametrize("linked", [True, False])
def test_a_search_that_finds_nothing_in_collections_that_are_there(linked: bool) -> None:
    with serving(api_of("scenes", linked=linked)) as server:
        assert ids_of(server.url + "/", collections=["scenes"], filter="cloud_cover < 0") == []


def test_a_property_that_is_not_among_the_queryables() -> None:
    schema = {"properties": {"eo:cloud_cover": {}, "datetime": {}}}
    with serving(api_of(linked=True, queryables=schema)) as server:
        assert told(server, filter="clouds < 20 AND gsd = 10") == (
            [],
            ["stac_search: no item matches, and filter names 'clouds', which is not among the queryables of "
             "STAC API HOST/; did you mean 'eo:cloud_cover'? There are: datetime, eo:cloud_cover"],
        )  # fmt: skip
        assert ids_of(server.url + "/", filter="cloud_cover < 0") == []
        assert [asked.path for asked in server.asked].count("/queryables") == 1


@pytest.mark.parametrize("queryables", [[], {}, {"properties": {}}, {"properties": 7}, b"<html>"])
def test_queryables_that_say_nothing(queryables: Any) -> None:
    with serving(api_of(linked=True, queryables=queryables)) as server:
        assert ids_of(server.url + "/", filter="clouds < 20") == []


@pytest.mark.parametrize(("assets", "unknown"), [(["green"], "green"), (["red"], None), (["rouge"], None)])
def test_assets_that_no_item_has(assets: list[str], unknown: str | None) -> None:
    with serving(api(search=always(page(*CLOUDY)))) as server, rasteret_sql.connect() as con:
        rasteret_sql.register_catalog("ours/here", endpoint=server.url, bands={"rouge": "red"})
        query = f"SELECT count(*) FROM stac_search('ours/here', assets := {assets})"
        if unknown is None:
            assert con.execute(query).fetchall() == [(2,)]
            return
        with pytest.warns(RasteretWarning) as said:
            assert con.execute(query).fetchall() == [(2,)]
        assert [str(warning.message) for warning in said] == [
            "stac_search: assets names 'green', which none of the 2 items that came has; "
            "There are: red, rouge"
        ]


def test_an_index_of_an_asset_that_no_item_has(con: duckdb.DuckDBPyConnection) -> None:
    told = pytest.warns(RasteretWarning, match="assets names 'green'")
    with serving(api(search=always(page(*CLOUDY)))) as server, told:
        assert con.execute(f"FROM cog_index('{server.url}', assets := 'green')").fetchall() == []


@pytest.mark.parametrize(
    ("name", "there", "near"),
    [
        ("clouds", ["eo:cloud_cover", "view:sun_azimuth"], ["eo:cloud_cover"]),
        ("Cloud_Cover", ["eo:cloud_cover"], ["eo:cloud_cover"]),
        ("sentinel-2-l2", ["sentinel-2-l2a", "sentinel-1-grd", "naip"], ["sentinel-2-l2a"]),
        ("nir", ["red", "nir08", "nir09", "scl"], ["nir08", "nir09"]),
        ("x", ["red"], []),
        ("", ["red"], []),
    ],
)
def test_names_that_may_be_meant(name: str, there: list[str], near: list[str]) -> None:
    assert nearest(name, there)[: len(near) or None] == near
