"""The documents of the demo's STAC API: landing page, collections, items, search (STAC API 1.0)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

from rasteret_sql.demo.search import from_query_string, search
from rasteret_sql.demo.stac import link

Json = dict[str, Any]
CONFORMANCE = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/item-search#sort",
    "https://api.stacspec.org/v1.0.0/item-search#query",
    "https://api.stacspec.org/v1.0.0/item-search#filter",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
]
GEO = "application/geo+json"


class Api:
    """Answers from the static catalogue in a folder, with every href made absolute."""

    def __init__(self, *, folder: Path, url: str, data_url: str) -> None:
        self.url = url
        self.root: Json = json.loads((folder / "catalog.json").read_bytes())
        self.collections: dict[str, Json] = {}
        self.items: list[Json] = []
        for path in sorted(folder.glob("**/collection.json")):
            document = json.loads(path.read_bytes())
            base = f"{data_url}/{path.relative_to(folder).as_posix()}"
            self.collections[document["id"]] = document
            for each in (one for one in document["links"] if one["rel"] == "item"):
                place = urljoin(base, each["href"])
                item = json.loads((path.parent / each["href"]).read_bytes())
                self.items.append(self._served_item(item, place))
            document["links"] = self._links_of(document["id"])

    def answer(self, path: str, query: dict[str, str], posted: Any) -> Json | None:
        """The document at a path; None where there is nothing. ``posted`` is the JSON body of a POST."""
        match [part for part in path.split("/") if part], posted:
            case [], None:
                return self._landing()
            case ["conformance"], None:
                return {"conformsTo": CONFORMANCE}
            case ["queryables"], None:
                return self._queryables()
            case ["search"], None:
                return self._page("/search", query, None)
            case ["search"], dict():
                return self._page("/search", {}, posted)
            case ["collections"], None:
                return {
                    "collections": list(self.collections.values()),
                    "links": [self._link("self", "/collections")],
                }
            case ["collections", name, *rest], None if name in self.collections:
                return self._below_collection(name, rest, query)
        return None

    def _below_collection(self, name: str, rest: list[str], query: dict[str, str]) -> Json | None:
        match rest:
            case []:
                return self.collections[name]
            case ["queryables"]:
                return self._queryables()
            case ["items"]:
                return self._page(f"/collections/{name}/items", query, None, collections=[name])
            case ["items", item_id]:
                return next(
                    (it for it in self.items if (it["collection"], it["id"]) == (name, item_id)), None
                )
        return None

    def _page(self, path: str, query: dict[str, str], posted: Json | None, **fixed: Any) -> Json:
        """One page of a search with the link to the next, which repeats the request with a token."""
        page = search(self.items, (from_query_string(query) if posted is None else posted) | fixed)
        links = [self._link("root", "/")]
        if page.next_token and posted is None:
            links.append(self._link("next", f"{path}?{urlencode(query | {'token': page.next_token})}", GEO))
        elif page.next_token and posted is not None:
            body = posted | {"token": page.next_token}
            links.append(self._link("next", path, GEO, method="POST", body=body))
        return {
            "type": "FeatureCollection",
            "features": page.items,
            "links": links,
            "numberMatched": page.matched,
            "numberReturned": len(page.items),
        }

    def _landing(self) -> Json:
        described = {name: self.root[name] for name in ("type", "stac_version", "id", "title", "description")}
        links = [
            self._link("self", "/"),
            self._link("root", "/"),
            self._link("conformance", "/conformance"),
            self._link("data", "/collections"),
            self._link("search", "/search", GEO, method="GET"),
            self._link("search", "/search", GEO, method="POST"),
            self._link(
                "http://www.opengis.net/def/rel/ogc/1.0/queryables", "/queryables", "application/schema+json"
            ),
            *(self._link("child", f"/collections/{name}") for name in self.collections),
        ]
        return {**described, "conformsTo": CONFORMANCE, "links": links}

    def _queryables(self) -> Json:
        names = sorted(
            {name for item in self.items for name in item["properties"]} | {"id", "collection", "geometry"}
        )
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"{self.url}/queryables",
            "type": "object",
            "title": "Queryables",
            "properties": {name: {"title": name} for name in names},
            "additionalProperties": True,
        }

    def _served_item(self, item: Json, place: str) -> Json:
        assets = {
            name: asset | {"href": urljoin(place, asset["href"])} for name, asset in item["assets"].items()
        }
        collection = f"/collections/{item['collection']}"
        links = [
            self._link("self", f"{collection}/items/{item['id']}", GEO),
            self._link("root", "/"),
            self._link("parent", collection),
            self._link("collection", collection),
        ]
        return item | {"assets": assets, "links": links}

    def _links_of(self, name: str) -> list[Json]:
        path = f"/collections/{name}"
        return [
            self._link("self", path),
            self._link("root", "/"),
            self._link("parent", "/"),
            self._link("items", f"{path}/items", GEO),
        ]

    def _link(self, rel: str, path: str, media_type: str = "application/json", **more: Any) -> Json:
        return link(rel, self.url + path, media_type, **more)
