"""The vertical part of a CRS: compound CRSs, and geographic ones of three dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import pyproj
from pyproj.crs import CRS, CompoundCRS
from pyproj.enums import PJType
from pyproj.exceptions import CRSError

from rasteret_sql.geotiff.georef.geo_values import code, text
from rasteret_sql.tiff.image import GeoKey

VERTICAL_CRS, VERTICAL_CITATION, GT_CITATION = 4096, 4097, 1026


def with_vertical(crs: CRS, keys: Mapping[int, GeoKey]) -> CRS:
    """``crs`` with the heights that VerticalGeoKey names; as it is where it names none that EPSG knows.

    A code of a vertical CRS makes a compound CRS; the code of a geographic CRS with heights is taken for
    the whole. A user-defined vertical CRS is EPSG's of that very name (GDAL takes the first whose name
    starts like it, in metres, which turns NAVD88 in feet into a datum of California in metres).
    For GeoTIFF 1.1: the codes of 1.0 were of another table, and GDAL passes them over.
    """
    horizontal = crs.sub_crs_list[0] if crs.is_compound else crs
    known = code(keys, VERTICAL_CRS)
    if known is None and VERTICAL_CRS in keys:
        known = _vertical_codes().get(text(keys, VERTICAL_CITATION))
    if known is None:
        return crs
    try:
        vertical = CRS.from_epsg(known)
    except CRSError:
        return crs
    if vertical.is_geographic and len(vertical.axis_info) == 3:
        return vertical if horizontal.equals(vertical.to_2d(), ignore_axis_order=True) else crs
    if not vertical.is_vertical or vertical.is_compound:
        return crs
    name = text(keys, GT_CITATION) or f"{horizontal.name} + {vertical.name}"
    return CompoundCRS(name=name, components=[horizontal, vertical])


@lru_cache(maxsize=1)
def _vertical_codes() -> Mapping[str, int]:
    """EPSG's vertical CRSs by name; names are unique there."""
    infos = pyproj.database.query_crs_info("EPSG", PJType.VERTICAL_CRS, allow_deprecated=False)
    return {info.name: int(info.code) for info in infos}
