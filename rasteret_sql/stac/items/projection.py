"""The CRS that an item declares, by STAC's projection extension (1 or 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rasteret_sql.stac.values import encodable, number

_ROOT_ID = re.compile(r'\b(?:ID|AUTHORITY)\s*\[\s*"([^"\[\]]+)"\s*,\s*"?([^"\[\],]+?)"?\s*\]\s*\]\s*$')
"""The identifier of a whole CRS in WKT is its last member; those of its parts stand further in."""
_MAX_EPSG = 10**9


def proj_code(item: Mapping[str, Any], properties: Mapping[str, Any]) -> str | None:
    """The item's own code, else the one that all of its assets agree on; None where they differ.

    A code is ``proj:code``, ``proj:epsg``, or the identifier of ``proj:wkt2`` or ``proj:projjson``, of the
    item, of an asset, or of an asset's bands.
    """
    own = _code_of(properties)
    if own is not None:
        return own
    assets = item.get("assets")
    members = assets.values() if isinstance(assets, Mapping) else ()
    codes = {code for asset in members if isinstance(asset, Mapping) for code in _codes_of_asset(asset)}
    return codes.pop() if len(codes) == 1 else None


def _codes_of_asset(asset: Mapping[str, Any]) -> Iterator[str]:
    code = _code_of(asset)
    if code is not None:
        yield code
        return
    for field in ("bands", "raster:bands", "eo:bands"):
        bands = asset.get(field)
        for band in bands if isinstance(bands, list) else ():
            if isinstance(band, Mapping) and (code := _code_of(band)) is not None:
                yield code


def _code_of(fields: Mapping[str, Any]) -> str | None:
    code = fields.get("proj:code")
    if isinstance(code, str) and code.strip():
        return encodable(code)
    epsg = number(fields.get("proj:epsg"))
    if epsg is not None and epsg.is_integer() and 0 < epsg < _MAX_EPSG:
        return f"EPSG:{int(epsg)}"
    wkt = fields.get("proj:wkt2")
    if isinstance(wkt, str) and (match := _ROOT_ID.search(wkt[-300:])) is not None:
        return encodable(f"{match[1]}:{match[2]}")
    return _code_of_projjson(fields.get("proj:projjson"))


def _code_of_projjson(crs: Any) -> str | None:
    identifier = crs.get("id") if isinstance(crs, Mapping) else None
    if not isinstance(identifier, Mapping):
        return None
    authority, code = identifier.get("authority"), identifier.get("code")
    named = isinstance(authority, str) and authority and isinstance(code, str | int) and code != ""
    return encodable(f"{authority}:{code}") if named else None
