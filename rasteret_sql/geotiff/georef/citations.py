"""What only a citation says of a CRS, as GDAL heeds it: Web Mercator by its name, units of ERDAS IMAGINE."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from rasteret_sql.errors import UnsupportedError
from rasteret_sql.geotiff.georef.geo_values import text
from rasteret_sql.tiff.image import GeoKey

GT_CITATION: Final = 1026
PROJECTED_CITATION: Final = 3073

WEB_MERCATOR: Final = {
    "google maps global mercator": False,
    "wgs_1984_web_mercator": False,
    "wgs_1984_web_mercator_auxiliary_sphere": True,
    "wgs 84 / pseudo-mercator": True,
}
"""Names of projected CRSs that are EPSG:3857 whatever keys stand beside them; True: but for a linear unit."""
NAME: Final = re.compile(r"(?:PCS Name = )?([^|]*)", re.IGNORECASE)

IMAGINE: Final = "IMAGINE GeoTIFF Support"
PROJECTION_NAME: Final = "Projection Name = "
UNITS: Final = re.compile(r"units ?= ?([^\r\n|]*)", re.IGNORECASE)
METRES: Final = {
    **dict.fromkeys(("meters", "meter", "m"), 1.0),
    **dict.fromkeys(("centimeters", "centimeter", "cm"), 0.01),
    **dict.fromkeys(("millimeters", "millimeter"), 0.001),
    **dict.fromkeys(("kilometers", "kilometer", "km"), 1000.0),
    **dict.fromkeys(("us_survey_feet", "us_survey_foot", "feet", "foot", "ft"), 0.3048006096012192),
    **dict.fromkeys(("international_feet", "international_foot"), 0.3048),
    **dict.fromkeys(("inches", "inch"), 0.0254000508001),
    **dict.fromkeys(("yards", "yard", "yd"), 0.9144),
    **dict.fromkeys(("modified_american_feet", "modified_american_foot"), 0.3048122530),
    **dict.fromkeys(("clarke_feet", "clarke_foot"), 0.3047972651),
    **dict.fromkeys(("indian_feet", "indian_foot"), 0.3047995142),
}
"""GDAL's table (``gt_citation.cpp``); a unit that is not in it is passed over, as there."""
MISREAD: Final = frozenset({"mm", "in", "mi", "mile", "miles"})
"""In GDAL's table, and not as long there as they are."""


def web_mercator(keys: Mapping[int, GeoKey]) -> bool | None:
    """Whether the CRS is Web Mercator by its name: None where it is not, True where a linear unit counts."""
    match = NAME.match(text(keys, PROJECTED_CITATION) or text(keys, GT_CITATION))
    return WEB_MERCATOR.get(match[1].lower()) if match else None


def imagine_metres(keys: Mapping[int, GeoKey]) -> float | None:
    """Metres of the linear unit that ERDAS IMAGINE wrote into GTCitation; it beats a code and its unit.

    Raises ``UnsupportedError`` for units that GDAL takes for others.
    """
    citation = text(keys, GT_CITATION)
    if not citation.startswith(IMAGINE) or PROJECTION_NAME not in citation:
        return None
    match = UNITS.search(citation)
    unit = match[1].lower() if match else ""
    if unit in MISREAD:
        raise UnsupportedError(
            f"the unit {unit!r} in IMAGINE's GTCitation (1026) is not read: GDAL takes it for another one"
        )
    return METRES.get(unit)
