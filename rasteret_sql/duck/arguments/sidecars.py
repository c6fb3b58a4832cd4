"""Files beside a local raster that GDAL reads with it and this package does not."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final
from unicodedata import normalize

from rasteret_sql.geotiff.header import Header
from rasteret_sql.notices import Notices
from rasteret_sql.store.address import parse_address
from rasteret_sql.store.redact import display_href

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


FEWEST, ENTRIES_A_FILE = 50, 8
"""A folder is listed for so many files at least, and as long as it has no more entries than this for each."""


class Folders:
    """What lies beside the local rasters of one call: for many files of a folder it is listed, once."""

    def __init__(self, hrefs: Sequence[str]) -> None:
        """``hrefs``: all that will be asked about."""
        paths = (parse_address(href) for href in (hrefs if len(hrefs) >= FEWEST else ()))
        self._asked = Counter(os.path.dirname(path.key) for path in paths if path.family == "local")
        self._names: dict[str, frozenset[str] | None] = {}

    def sidecars_of(
        self,
        href: str,
        suffixes: Sequence[str] = (AUX, MASK, OVERVIEWS),
        world_files: Sequence[str] = WORLD_FILES,
    ) -> list[str] | None:
        """Names of the sidecar files of a local raster; None of a remote one, for which nobody looks."""
        address = parse_address(href)
        if address.family != "local":
            return None
        folder, name = os.path.split(address.key)
        stem = os.path.splitext(name)[0]
        beside = (*(name + suffix for suffix in suffixes), *(stem + suffix for suffix in world_files))
        names = self._names_in(folder)
        return [
            one
            for one in beside
            # what is listed is requested all the same: a link may lead nowhere, and case may count or not
            if (names is None or _alike(one) in names) and os.path.exists(os.path.join(folder, one))
        ]

    def _names_in(self, folder: str) -> frozenset[str] | None:
        """Names in a folder in one form; None: it is long, asked about rarely, or cannot be listed."""
        if self._asked[folder] < FEWEST:
            return None
        if folder not in self._names:
            most = ENTRIES_A_FILE * self._asked[folder]
            try:
                with os.scandir(folder or ".") as entries:
                    names = [_alike(entry.name) for entry in islice(entries, most + 1)]
            except OSError:
                names = None
            self._names[folder] = None if names is None or len(names) > most else frozenset(names)
        return self._names[folder]


def _alike(name: str) -> str:
    """A name as file systems compare it that know neither case nor how an accent is written."""
    return normalize("NFC", name).casefold()


def say_what_is_left_alone(speaker: str, headers: Iterable[Header]) -> None:
    """A notice for each folder, once a minute, where a sidecar file would give other numbers in GDAL."""
    notices = Notices(speaker, "sidecars")
    headers = list(headers)
    folders = Folders([header.href for header in headers])
    for header in headers:
        beside = folders.sidecars_of(header.href, *_may_count(header)) or ()
        names = [name for name in beside if _counts(header, name)]
        if names:
            notices.say(
                f"{display_href(header.href)} has {' and '.join(names)} beside it, which GDAL reads and this "
                "package does not: mask, nodata, scale or georeference may differ. Write them into the file "
                "(gdal_translate), or see the column sidecars of cog_header",
                reason=os.path.dirname(parse_address(header.href).key),
            )


def _may_count(header: Header) -> tuple[Sequence[str], Sequence[str]]:
    """Endings of the sidecars that GDAL would go by: an own mask and an own georeference come first."""
    suffixes = (AUX, MASK) if header.full.mask is None else (AUX,)
    return suffixes, WORLD_FILES if header.transform == IDENTITY else ()


def _counts(header: Header, name: str) -> bool:
    """Whether a sidecar that may count has numbers in it: statistics alone have none."""
    if not name.endswith(AUX):
        return True
    folder = os.path.dirname(parse_address(header.href).key)
    try:
        with open(os.path.join(folder, name), "rb") as file:
            text = file.read(MAX_AUX_BYTES)
    except OSError:
        return True
    return any(element in text for element in DECISIVE)
