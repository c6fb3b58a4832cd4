"""Which href of an asset is read, and its common name: of the item, the catalogue or the query."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from rasteret_sql.errors import ArgumentError, RasteretWarning
from rasteret_sql.notices import Notices
from rasteret_sql.stac.catalogs.asset_choice import AssetChoice
from rasteret_sql.stac.catalogs.catalogs import register_catalog, resolve, unregister_catalog
from rasteret_sql.stac.items.item import item_row
from rasteret_sql.stac.search.search import SearchRequest, search
from tests.stac.serving import Answer, Asked, Server, api, item, page, serving

PATH = "collection02/level-2/LC08_B4.TIF"
LOGIN, BUCKET = f"https://landsatlook.usgs.gov/data/{PATH}", f"s3://usgs-landsat/{PATH}"
ALTERNATE = {"s3": {"href": BUCKET, "storage:requester_pays": True}}


def asset(
    target: str | None, *, key: str = "red", collection: str = "landsat-c2-l2", **fields: Any
) -> dict[str, Any]:
    """One asset of an item as a search of ``target`` gives it."""
    made = {**item("a"), "collection": collection, "assets": {key: fields}}
    choice = AssetChoice(None if target is None else resolve(target), None)
    row = item_row(made, base_href="https://api.test/search")
    found: dict[str, Any] = choice.of(row)["assets"][key]
    return found


@pytest.mark.parametrize(
    ("target", "collection", "alternate", "fields", "read"),
    [
        ("earthsearch/landsat-c2-l2", "landsat-c2-l2", None, {"href": LOGIN, "alternate": ALTERNATE}, BUCKET),
        ("earthsearch/landsat-c2-l2", "landsat-c2-l2", None, {"href": LOGIN}, BUCKET),
        ("earthsearch/landsat-c2-l2", "landsat-c2-l2", None, {"href": BUCKET}, BUCKET),
        ("earthsearch", "landsat-c2-l2", None, {"href": LOGIN}, BUCKET),
        ("https://earth-search.aws.element84.com/v1/", "landsat-c2-l2", None, {"href": LOGIN}, BUCKET),
        ("earthsearch/landsat-c2-l2", "landsat-c2-l2", "s3", {"href": LOGIN}, BUCKET),
        ("earthsearch", "other", None, {"href": LOGIN, "alternate": ALTERNATE}, LOGIN),
        ("pc/landsat-c2-l2", "landsat-c2-l2", None, {"href": LOGIN, "alternate": ALTERNATE}, LOGIN),
        ("https://other.test/v1", "landsat-c2-l2", "s3", {"href": LOGIN, "alternate": ALTERNATE}, BUCKET),
        ("https://other.test/v1", "landsat-c2-l2", "S3", {"href": LOGIN, "alternate": ALTERNATE}, BUCKET),
        ("earthsearch/landsat-c2-l2", "landsat-c2-l2", "none", {"href": LOGIN, "alternate": ALTERNATE},
         LOGIN),
        ("earthsearch/landsat-c2-l2", "landsat-c2-l2", "https", {"href": LOGIN, "alternate": ALTERNATE},
         LOGIN),
        (None, "x", "s3", {"href": LOGIN, "alternate": {"aws": {"href": BUCKET}}}, BUCKET),
        (None, "x", "amazon",
         {"href": LOGIN, "alternate": {"a": {"href": BUCKET, "alternate:name": "Amazon"}}}, BUCKET),
        (None, "x", "public", {"href": "s3://ours/a.tif", "alternate": {"public": {"href": "pub/a.tif"}}},
         "https://api.test/pub/a.tif"),
        (None, "x", "s3", {"href": LOGIN, "alternate": {"s3": "text"}}, LOGIN),
        (None, "x", "file", {"href": LOGIN, "alternate": {"file": {"href": "file:///etc/passwd"}}}, LOGIN),
        (None, "x", "s3", {"href": LOGIN, "alternate": None}, LOGIN),
    ],
)  # fmt: skip
def test_the_href_that_is_read(
    target: str | None, collection: str, alternate: str | None, fields: dict[str, Any], read: str
) -> None:
    made = {**item("a"), "collection": collection, "assets": {"red": fields}}
    made["links"] = [{"rel": "self", "href": "https://api.test/a"}]
    row = item_row(made, base_href="https://api.test/search")
    choice = AssetChoice(None if target is None else resolve(target), alternate)
    found = choice.of(row)["assets"]["red"]
    assert found["href"] == read
    kept = json.loads(found["extra_fields"] or "{}").get("alternate")
    if read != fields["href"]:  # what was not taken is an alternate itself
        assert kept[fields["href"].partition(":")[0]] == {"href": fields["href"]}
        assert kept.items() >= (fields.get("alternate") or {}).items()
    else:
        assert kept == fields.get("alternate")


def test_an_alternate_that_is_nowhere_is_said_once_with_what_there_is() -> None:
    choice = AssetChoice(None, "s4")
    for _ in range(2):
        choice.of(
            item_row(
                {**item("a"), "assets": {"red": {"href": LOGIN, "alternate": ALTERNATE}}}, base_href=None
            )
        )
    with pytest.warns(
        RasteretWarning, match=r"no asset has the alternate 's4'.*there are: https, s3"
    ) as said:
        choice.notice(Notices("stac_search"))
    assert len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AssetChoice(None, "s4").notice(Notices("stac_search"))  # nothing was found at all


def test_rules_of_ones_own_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = {"https://login.test/": "s3://all/", "https://login.test/data/": "s3://data/"}
    register_catalog("ours", endpoint="https://ours.test/v1", href_rules=rules)
    try:
        assert asset("ours", href="https://login.test/data/a.tif")["href"] == "s3://data/a.tif"
        assert asset("https://ours.test/v1", href="https://login.test/x/a.tif")["href"] == "s3://all/x/a.tif"
        assert asset("ours", href="https://login.test.evil/a.tif")["href"] == "https://login.test.evil/a.tif"
    finally:
        unregister_catalog("ours")
    file = tmp_path / "catalogs.toml"
    file.write_text('["filed"]\nendpoint = "https://filed.test"\nalternate = "s3"\n'
                    'href_rules = { "https://login.test/" = "s3://filed/" }\n')  # fmt: skip
    monkeypatch.setenv("RASTERET_CATALOGS", str(file))
    assert asset("filed", href="https://login.test/a.tif")["href"] == "s3://filed/a.tif"
    assert asset("filed", href=LOGIN, alternate={"s3": {"href": BUCKET}})["href"] == BUCKET
    file.write_text('["filed"]\nendpoint = "https://filed.test"\nhref_rules = { a = 1 }\n')
    with pytest.raises(ArgumentError, match="href_rules: expected URL prefixes by URL prefix"):
        resolve("filed")
    with pytest.raises(ArgumentError, match="a rule for hrefs is two URL prefixes that end in '/'"):
        register_catalog("ours", endpoint="https://h", href_rules={"https://login.test": "s3://x/"})


@pytest.mark.parametrize(
    ("target", "key", "fields", "name"),
    [
        (None, "B04", {"eo:bands": [{"name": "B04", "common_name": "red"}]}, "red"),
        (None, "B04", {"bands": [{"name": "B04", "eo:common_name": "red"}]}, "red"),
        (None, "B04", {"eo:common_name": "red"}, "red"),
        (None, "B04", {"bands": [{"name": "B04"}], "eo:common_name": "red"}, "red"),
        (None, "visual", {"eo:bands": [{"common_name": "red"}, {"common_name": "green"}]}, None),
        (None, "red", {}, None),
        (None, "x", {"eo:bands": [None], "bands": "text"}, None),
        ("pc/sentinel-2-l2a", "B04", {}, "red"),
        ("pc/sentinel-2-l2a", "B05", {"eo:bands": [{"common_name": "rededge"}]}, "rededge"),
        ("pc/sentinel-2-l2a", "SCL", {}, None),
        ("earthsearch/landsat-c2-l2", "nir08", {"eo:bands": [{"common_name": "nir08"}]}, "nir08"),
        ("earthsearch/landsat-c2-l2", "nir08", {}, "nir08"),
        ("earthsearch/sentinel-2-l2a", "red", {}, "red"),
        ("pc/modis-09A1-061", "sur_refl_b02", {}, "nir"),
        ("earthsearch/cop-dem-glo-30", "data", {}, None),
    ],
)  # fmt: skip
def test_common_names(target: str | None, key: str, fields: dict[str, Any], name: str | None) -> None:
    collection = target.partition("/")[2] if target else "x"
    assert asset(target, key=key, collection=collection, href="a.tif", **fields)["common_name"] == name


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (BUCKET, f"'{BUCKET}'"),
        ([{"href": BUCKET}], "[{"),
        (7, "7"),
        ({"s3": BUCKET}, f"'{BUCKET}' among them"),
        ({"s3": {"href": 7}}, "{'href': 7} among them"),
    ],
)
@pytest.mark.parametrize("alternate", [None, "s3", "none"])
def test_an_alternate_that_is_none_is_said_once_and_ends_no_search(
    given: Any, found: str, alternate: str | None
) -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        items = [item(name) for name in "ab"]
        for one in items:
            one["assets"]["red"] = {"href": LOGIN, "alternate": given}
        return Answer(body=page(*items))

    request = {} if alternate is None else {"alternate": alternate}
    with serving(api(search=answer)) as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = list(search(SearchRequest(catalog=server.url + "/", **request)))
    assert [row["assets"]["red"]["href"] for row in rows] == [LOGIN, LOGIN]
    assert json.loads(rows[0]["assets"]["red"]["extra_fields"]) == {"alternate": given}
    said = [str(one.message) for one in caught if "must be objects with an href" in str(one.message)]
    assert len(said) == 1
    assert found in said[0]
    assert "that is not read, as in other items" in said[0]
