"""Every real item at hand becomes a row, and says what the item says."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely
from dateutil.parser import isoparse

from rasteret_sql.stac.items.item import ITEM_COLUMNS, item_row

from .replay import recorded


def lines(*path: str) -> Callable[[Path], Iterator[dict[str, Any]]]:
    def read(folder: Path) -> Iterator[dict[str, Any]]:
        data = folder.joinpath(*path).read_bytes()
        text = gzip.decompress(data) if path[-1].endswith(".gz") else data
        return map(json.loads, text.splitlines())

    return read


def spec_examples(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "stac-spec").glob("*.json")):
        document = json.loads(path.read_text())
        if document["type"] == "Feature":
            yield document


def exchanged(folder: Path) -> Iterator[dict[str, Any]]:
    for exchange in recorded(folder / "pystac-client"):
        answer = exchange["json"]
        if isinstance(answer, dict) and answer.get("type") in ("Feature", "FeatureCollection"):
            yield from answer.get("features", [answer])


def sentinel_2(folder: Path) -> Iterator[dict[str, Any]]:
    yield from json.loads((folder / "rustac/earth-search-s2-c1-item-collection.json").read_text())["features"]


CORPORA: dict[str, tuple[Callable[[Path], Iterator[dict[str, Any]]], int]] = {
    "api": (lines("api", "items.ndjson.gz"), 2694),
    "naip": (lines("pgstac", "pc-naip-1000.ndjson"), 1000),
    "many collections": (lines("pystac-client", "items.ndjson"), 528),
    "landsat": (lines("pystac-client", "landsat-8-c2-l2.ndjson"), 200),
    "specification": (spec_examples, 5),
    "exchanges": (exchanged, 676),
    "sentinel-2": (sentinel_2, 10),
}


@pytest.mark.parametrize("corpus", CORPORA)
def test_every_item(corpus: str, stac_data: Path) -> None:
    items, at_least = CORPORA[corpus]
    count = 0
    for item in items(stac_data):
        check(item, item_row(item, base_href="https://host/items.json"))
        count += 1
    assert count >= at_least


def check(item: dict[str, Any], row: dict[str, Any]) -> None:
    properties = item.get("properties", {})
    assert tuple(row) == ITEM_COLUMNS
    assert (row["id"], row["collection"]) == (item["id"], item.get("collection"))
    assert json.loads(row["properties"]) == properties
    for name in ("datetime", "start_datetime", "end_datetime", "created", "updated"):
        assert row[name] == utc(properties.get(name))
    assert row["cloud_cover"] == properties.get("eo:cloud_cover")
    assert row["platform"] == properties.get("platform")
    epsg = properties.get("proj:epsg")
    code = properties.get("proj:code") or (epsg and f"EPSG:{epsg}")
    assert code is None or row["proj_code"] == code
    bbox = item.get("bbox")
    assert row["bbox"] == (tuple(bbox[:2] + bbox[len(bbox) // 2 :][:2]) if bbox else None)
    if item.get("geometry") is None:
        assert row["geometry"] is None
    else:
        assert shapely.from_wkb(row["geometry"]) == shapely.from_geojson(json.dumps(item["geometry"]))
    columns = ("href", "type", "title", "roles")
    assert {key: tuple(asset[name] for name in columns) for key, asset in row["assets"].items()} == {
        key: (absolute(asset["href"], row), asset.get("type"), asset.get("title"), asset.get("roles", []))
        for key, asset in item.get("assets", {}).items()
    }


def utc(text: str | None) -> datetime | None:
    return None if text is None else isoparse(text).astimezone(UTC)


def absolute(href: str, row: dict[str, Any]) -> str:
    if "://" in href:
        return href
    folder = str(row["self_href"] or "https://host/items.json").rpartition("/")[0]
    return f"{folder}/{href.removeprefix('./')}"
