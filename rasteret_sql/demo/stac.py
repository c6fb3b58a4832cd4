"""The demo archive as a static STAC catalogue: items, one collection, and the root (STAC 1.1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import Transformer
from shapely import Polygon, box, orient_polygons, transform
from shapely.geometry import mapping

from rasteret_sql.demo.landscape import PIXEL_M
from rasteret_sql.demo.scenes import BANDS, NODATA, OFFSET, SCALE, SCL_NAMES, SIZE, Scene

COLLECTION = "demo-sentinel-2"
COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
EXTENSIONS = [
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("eo/v2.0.0", "projection/v2.0.0", "raster/v2.0.0", "classification/v2.0.0", "grid/v1.1.0")
]
Json = dict[str, Any]

TITLES = {"red": "Red, 10 m", "nir": "Near infrared, 10 m", "scl": "Scene classification, 10 m"}
ROLES = {"red": ["data", "reflectance"], "nir": ["data", "reflectance"], "scl": ["data", "classification"]}
SPECTRAL: dict[str, Json] = {
    "red": {"eo:common_name": "red", "eo:center_wavelength": 0.665},
    "nir": {"eo:common_name": "nir", "eo:center_wavelength": 0.842},
}


def band_object(band: str) -> Json:
    """What STAC says of one band's numbers."""
    if band == "scl":
        classes = [{"value": value, "name": name.replace(" ", "_")} for value, name in SCL_NAMES.items()]
        return {"name": band, "data_type": "uint8", "nodata": NODATA, "classification:classes": classes}
    scale = {"raster:scale": SCALE, "raster:offset": OFFSET, "raster:spatial_resolution": PIXEL_M}
    return {"name": band, "data_type": "uint16", "nodata": NODATA, "unit": "1", **scale, **SPECTRAL[band]}


def lonlat_footprint(scene: Scene) -> Polygon:
    """Where the scene has data, in longitude and latitude."""
    to_lonlat = Transformer.from_crs(scene.grid.epsg, "OGC:CRS84", always_xy=True).transform
    outline = transform(scene.data_footprint, to_lonlat, interleaved=False)
    return orient_polygons(Polygon(np.round(outline.exterior.coords, 6)))


def item(scene: Scene, scl: npt.NDArray[np.uint8]) -> Json:
    """One scene's STAC item; ``scl`` gives its cloud cover and share of missing pixels."""
    outline = lonlat_footprint(scene)
    counts = np.bincount(scl.ravel(), minlength=12)
    seen = max(1, int(counts[1:].sum()))
    when = scene.datetime.isoformat().replace("+00:00", "Z")
    properties: Json = {
        "datetime": when,
        "created": when,
        "updated": when,
        "title": f"Invented farmland, tile {scene.grid.name}, {scene.datetime:%d %B %Y}",
        "platform": ("sentinel-2a", "sentinel-2b")[scene.date % 2],
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "gsd": PIXEL_M,
        "eo:cloud_cover": round(100.0 * float(counts[[8, 9, 10]].sum()) / seen, 2),
        "s2:nodata_pixel_percentage": round(100.0 * float(counts[0]) / scl.size, 2),
        "sat:relative_orbit": scene.relative_orbit,
        "grid:code": f"MGRS-{scene.grid.name}",
        "proj:code": scene.grid.crs,
        "proj:shape": [SIZE, SIZE],
        "proj:transform": list(scene.grid.transform),
        "proj:bbox": list(scene.grid.bounds),
    }
    assets = {
        band: {
            "href": f"./{band}.tif",
            "type": COG_TYPE,
            "title": TITLES[band],
            "roles": ROLES[band],
            "bands": [band_object(band)],
        }
        for band in BANDS
    }
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": EXTENSIONS,
        "id": scene.id,
        "collection": COLLECTION,
        "geometry": mapping(outline),
        "bbox": list(outline.bounds),
        "properties": properties,
        "assets": assets,
        "links": [
            link("root", "../catalog.json"),
            link("parent", "../collection.json"),
            link("collection", "../collection.json"),
        ],
    }


def collection(items: list[Json]) -> Json:
    """The collection of these items, with links to them."""
    area = box(*items[0]["bbox"])
    for each in items[1:]:
        area = area.union(box(*each["bbox"]))
    times = sorted(each["properties"]["datetime"] for each in items)
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": COLLECTION,
        "title": "Invented Sentinel-2-like farmland",
        "description": "Two UTM zones on both sides of 12° E, six dates: red, near infrared, scene classes.",
        "license": "CC0-1.0",
        "keywords": ["demo", "reflectance"],
        "extent": {
            "spatial": {"bbox": [list(area.bounds)]},
            "temporal": {"interval": [[times[0], times[-1]]]},
        },
        "summaries": {"constellation": ["sentinel-2"], "gsd": [PIXEL_M]},
        "links": [
            link("root", "./catalog.json"),
            link("parent", "./catalog.json"),
            *(link("item", f"./{each['id']}/{each['id']}.json", "application/geo+json") for each in items),
        ],
    }


def item_collection(items: list[Json]) -> Json:
    """All items in one document, as a search would answer, with hrefs relative to the archive's folder."""
    features = []
    for each in items:
        place = each["id"]
        assets = {k: asset | {"href": f"./{place}/{k}.tif"} for k, asset in each["assets"].items()}
        features.append(each | {"assets": assets, "links": [link("root", "./catalog.json")]})
    return {"type": "FeatureCollection", "features": features}


def root() -> Json:
    """The catalogue above the collection."""
    return {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": "rasteret-sql-demo",
        "title": "rasteret-sql demo archive",
        "description": "A small archive made on the spot: every query can be tried without the internet.",
        "links": [link("root", "./catalog.json"), link("child", "./collection.json")],
    }


def link(rel: str, href: str, media_type: str = "application/json", **more: Any) -> Json:
    """A STAC link object."""
    return {"rel": rel, "href": href, "type": media_type, **more}
