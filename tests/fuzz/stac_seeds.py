"""Where the fuzzer of STAC starts: a document of each kind with every member that is looked at."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

ASSET = {
    "href": "./red.tif", "type": "image/tiff; application=geotiff", "title": "Red", "roles": ["data"],
    "file:size": 1024, "proj:code": "EPSG:32633", "alternate": {"s3": {"href": "s3://b/red.tif"}},
    "bands": [{"name": "B04", "eo:common_name": "red"}], "eo:bands": [{"name": "B04"}],
    "raster:bands": [{"scale": 0.0001, "offset": -0.1, "nodata": "nan"}],
}  # fmt: skip
ITEM: dict[str, Any] = {
    "type": "Feature", "stac_version": "1.0.0", "id": "a", "collection": "scenes",
    "geometry": {"type": "Polygon", "coordinates": [[[7, 51], [8, 51], [8, 52], [7, 52], [7, 51]]]},
    "bbox": [7, 51, 8, 52],
    "properties": {
        "datetime": "2024-05-31T10:15:00Z", "start_datetime": "2024-05-31T10:15:00.5+02:00",
        "end_datetime": None, "created": "2024-06-01T00:00:00Z", "updated": "2024-06-01T00:00:00Z",
        "eo:cloud_cover": 12.5, "platform": "sentinel-2a", "constellation": "sentinel-2", "gsd": 10,
        "instruments": ["msi"], "proj:epsg": 32633, "proj:wkt2": 'PROJCRS["x",ID["EPSG",32633]]',
        "proj:projjson": {"id": {"authority": "EPSG", "code": 32633}}, "s2:processing_baseline": "04.00",
    },
    "links": [{"rel": "self", "href": "https://api.test/a.json"},
              {"rel": "collection", "href": "/collections/scenes"}],
    "assets": {"red": ASSET, "B04": {"href": "https://host/b.tif"}},
}  # fmt: skip
NEXT = {
    "rel": "next", "href": "/search?token=2", "method": "POST", "body": {"token": "2"}, "merge": True,
    "headers": {"X-Page": "2"}, "type": "application/geo+json",
}  # fmt: skip
PAGE: dict[str, Any] = {
    "type": "FeatureCollection", "features": [ITEM, {**ITEM, "id": "b"}], "links": [NEXT],
    "numberMatched": 3, "numberReturned": 2, "context": {"matched": 3},
}  # fmt: skip
COLLECTION: dict[str, Any] = {
    "type": "Collection", "stac_version": "1.0.0", "id": "scenes", "title": "Scenes", "license": "CC0-1.0",
    "keywords": ["a"], "summaries": {"gsd": [10]}, "item_assets": {"red": ASSET},
    "extent": {"spatial": {"bbox": [[7, 51, 8, 52]]},
               "temporal": {"interval": [["2024-01-01T00:00:00Z", None]]}},
    "links": [{"rel": "item", "href": "./a.json"}, {"rel": "child", "href": "s3://bucket/c.json"},
              {"rel": "items", "href": "items"}],
}  # fmt: skip
DOCUMENTS = {"item": ITEM, "page": PAGE, "collection": COLLECTION}
WORDS = (
    "Feature", "FeatureCollection", "Catalog", "Collection", "next", "self", "item", "child", "items", "GET",
    "PUT", "file:///etc/passwd", "http://host/", "s3://b/x", "a::b", "EPSG:4326", "Point", "MultiPolygon",
    "GeometryCollection", "geometries", "coordinates", "2024-05-31", "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:60Z", "Host", "\\ud800", "\\u0000",
)  # fmt: skip


def stac_seeds() -> Iterator[tuple[str, bytes]]:
    """Titles and documents."""
    for name, document in DOCUMENTS.items():
        yield name, json.dumps(document).encode()
    lines = b"\n".join(json.dumps({**ITEM, "id": name}).encode() for name in "ab")
    yield "lines", lines
    yield "lines-gzip", gzip.compress(lines, mtime=0)
    yield "bom", b"\xef\xbb\xbf" + json.dumps(ITEM).encode()
    yield "utf-16", json.dumps(ITEM).encode("utf-16")
    yield "deep", b'{"type": "Feature", "id": ' + b"[" * 200 + b"]" * 200 + b"}"
    yield "digits", json.dumps(ITEM).replace("12.5", "9" * 5000).encode()
    yield "nan", json.dumps(ITEM).replace("12.5", "NaN").replace("51", "1e999").encode()


def stac_dictionary() -> str:
    """Names of members, and values that mean something."""
    names = {key for document in DOCUMENTS.values() for key in _keys(document)}
    tokens = sorted({*(f'"{word}"' for word in (*names, *WORDS)), "null", "true", "NaN", "Infinity", "1e999"})
    return "".join('"' + token.replace("\\", "\\\\").replace('"', '\\"') + '"\n' for token in tokens)


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    for member in value if isinstance(value, list) else ():
        yield from _keys(member)
