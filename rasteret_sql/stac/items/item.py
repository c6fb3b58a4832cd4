"""A STAC item as one typed row: the shape that every search and every static document gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import shapely
import shapely.geometry

from rasteret_sql.errors import MalformedError
from rasteret_sql.geo.guard import from_mapping, from_wkb
from rasteret_sql.stac.geometry import FAULTS, quiet
from rasteret_sql.stac.href import is_absolute, resolve_href, without_mark
from rasteret_sql.stac.items.projection import proj_code
from rasteret_sql.stac.items.scaling import scaling
from rasteret_sql.stac.links import has_href, has_rel, is_remote, leads_away, links_of
from rasteret_sql.stac.values import encodable, json_text, number, parse_datetime, roles_of, short, text
from rasteret_sql.store.redact import display_href

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

Say = Callable[[str, str], None]
Wrong = Callable[..., None]
"""A kind, a sentence, and what becomes of it."""
"""Takes what is wrong with an item: its kind, by which it is reported once, and a sentence."""

_ASSET_COLUMNS = frozenset({"href", "type", "title", "roles", "file:size"})


def item_row(
    item: Mapping[str, Any],
    *,
    base_href: str | None,
    self_href: str | None = None,
    say: Say = lambda kind, message: None,
) -> dict[str, Any]:
    """The typed row of one STAC item (1.0, 1.1, and answers to ``fields`` that lack parts of it).

    ``base_href`` is where the document was read, and ``self_href`` where the item itself was, which goes
    before its own ``self`` link. Relative hrefs are resolved against an absolute ``self``, else against
    ``base_href``. ``geometry``, GeoJSON or (from GeoParquet) WKB, becomes WKB in OGC:CRS84; ``bbox`` is
    ``(xmin, ymin, xmax, ymax)``, with ``xmin > xmax`` across the antimeridian, as STAC has it; datetimes are
    aware, in UTC, to the microsecond. A descriptive property of an unexpected type is None in its column and
    untouched in ``properties``, the JSON text of all; any other member that cannot be read is None, and
    ``say`` is called with its kind and a sentence. Raises ``MalformedError`` for what is not an item.
    """
    name = _place(item, base_href)
    reason = why_not_item(item)
    if reason is not None:
        raise MalformedError(f"{name}: {reason}")

    def wrong(kind: str, message: str, outcome: str = "it is NULL here") -> None:
        say(kind, f"{name}: {message}; {outcome}, as in other items like this one")

    properties = item.get("properties")
    if not isinstance(properties, Mapping):
        if properties is not None:
            wrong("properties", f"'properties' must be an object, found {short(properties)}")
        properties = {}
    if self_href is None:
        self_href = _self_href(item, base_href, wrong)
    base = self_href if self_href and is_absolute(self_href) else base_href
    return {
        "id": encodable(str(item["id"])),
        "collection": text(item.get("collection")),
        "geometry": _geometry(item.get("geometry"), wrong),
        "bbox": _bbox(item.get("bbox"), wrong),
        **{key: _datetime(properties.get(key), wrong, key) for key in DATETIMES},
        "cloud_cover": number(properties.get("eo:cloud_cover")),
        "platform": text(properties.get("platform")),
        "constellation": text(properties.get("constellation")),
        "gsd": number(properties.get("gsd")),
        "proj_code": proj_code(item, properties),
        "assets": _assets(item.get("assets"), properties, wrong, base),
        "properties": json_text(properties),
        "self_href": self_href,
    }


def why_not_item(item: Any) -> str | None:
    """What keeps a value from being an item at all; None for an item, whatever is wrong inside of it."""
    if not isinstance(item, Mapping):
        return f"not a STAC item: found {short(item)}"
    kind = item.get("type")
    if kind is not None and not (isinstance(kind, str) and kind.strip().lower() == "feature"):
        return f"not a STAC item: expected type 'Feature', found {short(kind)}"
    identity = item.get("id")
    if not isinstance(identity, str | int | float) or isinstance(identity, bool):
        return f"a STAC item needs an 'id', found {short(identity)}"
    return None


def _datetime(value: Any, wrong: Say, key: str) -> Any:
    if value is None:
        return None
    try:
        if not isinstance(value, str):
            raise ValueError("expected RFC 3339 text")
        return parse_datetime(value)
    except ValueError as error:
        wrong(f"property {key}", f"property '{key}' is {short(value)}: {error}")
        return None


def _geometry(value: Any, wrong: Say) -> bytes | None:
    if value is None:
        return None
    try:
        with quiet():
            geometry = from_wkb(value) if isinstance(value, bytes) else from_mapping(value)
        # Readers of GeoJSON let not-a-number through, and no later error would name the item.
        if not np.isfinite(shapely.get_coordinates(geometry)).all():
            raise ValueError("a coordinate is not a finite number")
        wkb: bytes = shapely.to_wkb(geometry, flavor="iso")
    except FAULTS as error:
        kind = "WKB" if isinstance(value, bytes) else "GeoJSON"
        wrong("geometry", f"'geometry' is not {kind}: {short(value)} ({short(str(error))[1:-1]})")
        return None
    return wkb


def _bbox(value: Any, wrong: Say) -> tuple[float, float, float, float] | None:
    """West, south, east, north; heights between them may be anything, because no column has them."""
    if value is None:
        return None
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and len(value) in (4, 6):
        half = len(value) // 2
        sides = [_finite(value[i]) for i in (0, 1, half, half + 1)]
        if None not in sides:
            xmin, ymin, xmax, ymax = (side for side in sides if side is not None)
            return xmin, ymin, xmax, ymax
    wrong("bbox", f"'bbox' must be 4 or 6 numbers, found {short(value)}")
    return None


def _finite(value: Any) -> float | None:
    return None if isinstance(value, str) else number(value)


def _assets(
    value: Any, properties: Mapping[str, Any], wrong: Wrong, base: str | None
) -> dict[str, dict[str, Any]] | None:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        wrong("assets", f"'assets' must be an object, found {short(value)}")
        return None
    rows = {}
    for name, asset in value.items():
        key = encodable(str(name))
        if not isinstance(asset, Mapping):
            wrong("asset", f"asset {short(key)} must be an object, found {short(asset)}")
            asset = {}
        href, size = asset.get("href"), number(asset.get("file:size"))
        if href is not None and not (isinstance(href, str) and href.strip()):
            wrong("asset href", f"'href' of asset {short(key)} must be text, found {short(href)}")
            href = None
        _check_alternate(key, asset.get("alternate"), wrong)
        scales, offsets = scaling(key, asset, properties) or (None, None)
        extra = {field: member for field, member in asset.items() if field not in _ASSET_COLUMNS}
        rows[key] = {
            "href": None if href is None else encodable(resolve_href(href, base)),
            "type": text(asset.get("type")),
            "title": text(asset.get("title")),
            "roles": roles_of(asset),
            "file_size": int(size) if size is not None and 0 <= size < 2**63 else None,
            "bands": _band_names(asset),
            "common_name": _common_name(asset),
            "scales": scales,
            "offsets": offsets,
            "extra_fields": json_text(extra) if extra else None,
        }
    return rows


def _check_alternate(key: str, alternate: Any, wrong: Wrong) -> None:
    """Alternate Assets extension: objects with an href, by name."""
    if alternate is None:
        return
    if not isinstance(alternate, Mapping):
        shown = short(alternate)
    else:
        places = alternate.values()
        unread = [p for p in places if not (isinstance(p, Mapping) and isinstance(p.get("href"), str))]
        if not unread:
            return
        shown = f"{short(unread[0])} among them"
    wrong(
        "alternate",
        f"'alternate' of asset {short(key)} must be objects with an href by name, found {shown}",
        "that is not read",
    )


def _band_names(asset: Mapping[str, Any]) -> list[str | None] | None:
    """Names in order, from ``bands`` (STAC 1.1) or ``eo:bands``, ``raster:bands`` (1.0); None without any."""
    for field in ("bands", "eo:bands", "raster:bands"):
        bands = asset.get(field)
        if isinstance(bands, list):
            names = [text(band.get("name")) if isinstance(band, Mapping) else None for band in bands]
            if any(names):
                return names
    return None


def _common_name(asset: Mapping[str, Any]) -> str | None:
    """The common name (electro-optical extension) of an asset that is one band; None of one with several."""
    for field, member in (("bands", "eo:common_name"), ("eo:bands", "common_name")):
        bands = asset.get(field)
        if isinstance(bands, list) and bands:
            names = {text(band.get(member)) if isinstance(band, Mapping) else None for band in bands}
            if len(bands) > 1 or names != {None}:
                return names.pop() if len(names) == 1 else None
    return text(asset.get("eo:common_name"))


def _self_href(item: Mapping[str, Any], base_href: str | None, wrong: Say) -> str | None:
    """The item's own address; one that lies nearer than the document that names it is none."""
    for link in links_of(item):
        if not (has_rel(link, "self") and has_href(link)):
            continue
        href = resolve_href(link["href"], base_href)
        if base_href is None or not is_remote(base_href) or leads_away(href, base_href):
            return encodable(href)
        named = short(display_href(without_mark(href)))
        wrong("self link", f"its self link leads to {named}, which a document from the network cannot name")
    return None


def _place(item: Any, base_href: str | None) -> str:
    name = "item"
    if isinstance(item, Mapping):
        name += f" {short(item['id'])}" if "id" in item else ""
        name += f" of collection {short(item['collection'])}" if item.get("collection") else ""
    return f"{name} in {display_href(base_href)}" if base_href else name
