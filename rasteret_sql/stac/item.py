"""A STAC item as one typed row: the shape that every search and every static document gives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import shapely
import shapely.geometry

from rasteret_sql.errors import MalformedError
from rasteret_sql.stac.href import is_absolute, resolve_href
from rasteret_sql.stac.scaling import scaling
from rasteret_sql.stac.values import encodable, json_text, number, parse_datetime, short, text
from rasteret_sql.store.redact import place

ASSET_TYPE = (
    "STRUCT(href VARCHAR, type VARCHAR, title VARCHAR, roles VARCHAR[], "
    "file_size UBIGINT, bands VARCHAR[], scales DOUBLE[], offsets DOUBLE[], extra_fields JSON)"
)
"""DuckDB's type of one asset. ``extra_fields`` keeps every member without a column (``alternate``, …)."""

ITEM_TYPE = (
    "STRUCT(id VARCHAR, collection VARCHAR, geometry BLOB, "
    "bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE), "
    "datetime TIMESTAMP WITH TIME ZONE, start_datetime TIMESTAMP WITH TIME ZONE, "
    "end_datetime TIMESTAMP WITH TIME ZONE, created TIMESTAMP WITH TIME ZONE, "
    "updated TIMESTAMP WITH TIME ZONE, cloud_cover DOUBLE, platform VARCHAR, constellation VARCHAR, "
    f"gsd DOUBLE, proj_code VARCHAR, assets MAP(VARCHAR, {ASSET_TYPE}), properties JSON, self_href VARCHAR)"
)
"""DuckDB's type of one row; the fields are the keys of ``item_row``, in order."""

DATETIMES = ("datetime", "start_datetime", "end_datetime", "created", "updated")
ITEM_COLUMNS = (
    "id", "collection", "geometry", "bbox", *DATETIMES, "cloud_cover", "platform", "constellation", "gsd",
    "proj_code", "assets", "properties", "self_href",
)  # fmt: skip

PROPERTY_OF_COLUMN: Mapping[str, str] = {
    **{name: name for name in (*DATETIMES, "platform", "constellation", "gsd")},
    "cloud_cover": "eo:cloud_cover",
}
"""The STAC property behind each column that has exactly one (``proj_code`` has two: see ``filters``)."""

_ASSET_COLUMNS = frozenset({"href", "type", "title", "roles", "file:size"})
_GEOJSON_FAULTS = (
    shapely.errors.ShapelyError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
)


def item_row(item: Mapping[str, Any], *, base_href: str | None) -> dict[str, Any]:
    """The typed row of one STAC item (1.0, 1.1, and answers to ``fields`` that lack parts of it).

    ``base_href`` is where the document was read: relative hrefs are resolved against the item's own ``self``
    link when that is absolute, else against it. ``geometry``, GeoJSON or (from GeoParquet) WKB, becomes WKB
    in OGC:CRS84; ``bbox`` is ``(xmin, ymin, xmax, ymax)``, with ``xmin > xmax`` across the antimeridian, as
    STAC has it; datetimes are aware, in UTC, to the microsecond. A descriptive property of an unexpected
    type is None in its column and untouched in ``properties``, the JSON text of all. Raises
    ``MalformedError`` for what is no item, and for a datetime, bbox or geometry that cannot be read.
    """
    name = _place(item, base_href)
    if not isinstance(item, Mapping):
        raise MalformedError(f"{name}: not a STAC item: found {short(item)}")
    if item.get("type") != "Feature":
        found = short(item.get("type"))
        raise MalformedError(f"{name}: not a STAC item: expected type 'Feature', found {found}")
    properties = item.get("properties") or {}
    if not isinstance(properties, Mapping):
        raise MalformedError(f"{name}: 'properties' must be an object, found {short(properties)}")
    if not isinstance(item.get("id"), str | int):
        raise MalformedError(f"{name}: a STAC item needs an 'id', found {short(item.get('id'))}")
    self_href = _self_href(item, base_href)
    base = self_href if self_href and is_absolute(self_href) else base_href
    return {
        "id": encodable(str(item["id"])),
        "collection": text(item.get("collection")),
        "geometry": _geometry(item.get("geometry"), name),
        "bbox": _bbox(item.get("bbox"), name),
        **{key: _datetime(properties.get(key), name, key) for key in DATETIMES},
        "cloud_cover": number(properties.get("eo:cloud_cover")),
        "platform": text(properties.get("platform")),
        "constellation": text(properties.get("constellation")),
        "gsd": number(properties.get("gsd")),
        "proj_code": _proj_code(item, properties),
        "assets": _assets(item.get("assets"), properties, name, base),
        "properties": json_text(properties),
        "self_href": self_href,
    }


def _datetime(value: Any, name: str, key: str) -> Any:
    if value is None:
        return None
    try:
        if not isinstance(value, str):
            raise ValueError("expected RFC 3339 text")
        return parse_datetime(value)
    except ValueError as error:
        raise MalformedError(f"{name}: property '{key}' is {short(value)}: {error}") from error


def _geometry(value: Any, name: str) -> bytes | None:
    if value is None:
        return None
    try:
        geometry = shapely.from_wkb(value) if isinstance(value, bytes) else shapely.geometry.shape(value)
        # Readers of GeoJSON let not-a-number through, and no later error would name the item.
        if not math.isfinite(float(shapely.get_coordinates(geometry).sum())):
            raise ValueError("a coordinate is not a finite number")
        wkb: bytes = shapely.to_wkb(geometry, flavor="iso")
    except _GEOJSON_FAULTS as error:
        kind = "WKB" if isinstance(value, bytes) else "GeoJSON"
        raise MalformedError(f"{name}: 'geometry' is not {kind}: {short(value)} ({error})") from error
    return wkb


def _bbox(value: Any, name: str) -> tuple[float, float, float, float] | None:
    if value is None:
        return None
    sized = isinstance(value, Sequence) and not isinstance(value, str) and len(value) in (4, 6)
    if not sized or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in value):
        raise MalformedError(f"{name}: 'bbox' must be 4 or 6 numbers, found {short(value)}")
    half = len(value) // 2
    xmin, ymin, xmax, ymax = float(value[0]), float(value[1]), float(value[half]), float(value[half + 1])
    if not math.isfinite(xmin + ymin + xmax + ymax):
        raise MalformedError(f"{name}: 'bbox' must be 4 or 6 numbers, found {short(value)}")
    return xmin, ymin, xmax, ymax


def _proj_code(item: Mapping[str, Any], properties: Mapping[str, Any]) -> str | None:
    """The item's CRS: ``proj:code`` (projection 2), ``proj:epsg`` (1), or the one that all assets share."""
    if "proj:code" in properties or "proj:epsg" in properties:
        return _own_code(properties)
    assets = item.get("assets")
    fields = assets.values() if isinstance(assets, Mapping) else ()
    codes = {code for asset in fields if isinstance(asset, Mapping) and (code := _own_code(asset))}
    return codes.pop() if len(codes) == 1 else None


def _own_code(fields: Mapping[str, Any]) -> str | None:
    code = fields.get("proj:code")
    if isinstance(code, str) and code:
        return encodable(code)
    epsg = number(fields.get("proj:epsg"))
    return f"EPSG:{int(epsg)}" if epsg is not None and epsg.is_integer() else None


def _assets(
    value: Any, properties: Mapping[str, Any], name: str, base: str | None
) -> dict[str, dict[str, Any]]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise MalformedError(f"{name}: 'assets' must be an object, found {short(value)}")
    rows = {}
    for key, asset in value.items():
        if not isinstance(asset, Mapping):
            raise MalformedError(f"{name}: asset '{key}' must be an object, found {short(asset)}")
        href, roles, size = asset.get("href"), asset.get("roles"), number(asset.get("file:size"))
        scales, offsets = scaling(key, asset, properties) or (None, None)
        extra = {field: member for field, member in asset.items() if field not in _ASSET_COLUMNS}
        rows[encodable(key)] = {
            "href": encodable(resolve_href(href, base)) if isinstance(href, str) else None,
            "type": text(asset.get("type")),
            "title": text(asset.get("title")),
            "roles": [encodable(str(role)) for role in roles] if isinstance(roles, list) else [],
            "file_size": int(size) if size is not None and 0 <= size < 2**63 else None,
            "bands": _band_names(asset),
            "scales": scales,
            "offsets": offsets,
            "extra_fields": json_text(extra) if extra else None,
        }
    return rows


def _band_names(asset: Mapping[str, Any]) -> list[str | None] | None:
    """Names in order, from ``bands`` (STAC 1.1) or ``eo:bands``, ``raster:bands`` (1.0); None without any."""
    for field in ("bands", "eo:bands", "raster:bands"):
        bands = asset.get(field)
        if isinstance(bands, list):
            names = [text(band.get("name")) if isinstance(band, Mapping) else None for band in bands]
            if any(names):
                return names
    return None


def _self_href(item: Mapping[str, Any], base_href: str | None) -> str | None:
    links = item.get("links")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, Mapping) and link.get("rel") == "self" and isinstance(link.get("href"), str):
            return encodable(resolve_href(link["href"], base_href))
    return None


def _place(item: Any, base_href: str | None) -> str:
    name = "item"
    if isinstance(item, Mapping):
        name += f" {short(item['id'])}" if "id" in item else ""
        name += f" of collection {short(item['collection'])}" if item.get("collection") else ""
    return f"{name} in {place(base_href)}" if base_href else name
