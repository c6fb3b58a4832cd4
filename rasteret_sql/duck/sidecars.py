"""Files beside a local raster that GDAL reads with it and this package does not."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from rasteret_sql.cog.header import Header
from rasteret_sql.notices import Notices
from rasteret_sql.store.address import parse_address
from rasteret_sql.store.redact import place

AUX, MASK, OVERVIEWS = ".aux.xml", ".msk", ".ovr"
WORLD_FILES: Final = (".tfw", ".TFW", ".wld", ".tifw")
"""In place of the suffix of the raster."""
DECISIVE: Final = (
    b"<SRS",
    b"<GeoTransform",
    b"<NoDataValue",
    b"<Scale>",
    b"<Offset>",
    b"<MaskBand",
    b"<GCPList",
)
"""Elements of an .aux.xml that change pixels' places, values or validity; statistics do not."""
MAX_AUX_BYTES: Final = 1 << 20
IDENTITY: Final = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def sidecars_of(href: str) -> list[str] | None:
    """Names of the sidecar files of a local raster; None of a remote one, for which nobody looks."""
    address = parse_address(href)
    if address.family != "local":
        return None
    path = address.key
    stem = os.path.splitext(path)[0]
    beside = (
        *(path + suffix for suffix in (AUX, MASK, OVERVIEWS)),
        *(stem + suffix for suffix in WORLD_FILES),
    )
    return [os.path.basename(one) for one in beside if os.path.exists(one)]


def say_what_is_left_alone(speaker: str, headers: Iterable[Header]) -> None:
    """A notice for each folder, once a minute, where a sidecar file would give other numbers in GDAL."""
    notices = Notices(speaker, "sidecars")
    for header in headers:
        names = [name for name in sidecars_of(header.href) or () if _counts(header, name)]
        if names:
            notices.say(
                f"{place(header.href)} has {' and '.join(names)} beside it, which GDAL reads and this "
                "package does not: mask, nodata, scale or georeference may differ. Write them into the file "
                "(gdal_translate), or see the column sidecars of cog_header",
                reason=os.path.dirname(parse_address(header.href).key),
            )


def _counts(header: Header, name: str) -> bool:
    if name.endswith(MASK):
        return header.full.mask is None
    if name.endswith(AUX):
        folder = os.path.dirname(parse_address(header.href).key)
        try:
            with open(os.path.join(folder, name), "rb") as file:
                text = file.read(MAX_AUX_BYTES)
        except OSError:
            return True
        return any(element in text for element in DECISIVE)
    return not name.endswith(OVERVIEWS) and header.transform == IDENTITY
