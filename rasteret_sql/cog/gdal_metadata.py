"""GDAL's own tag 42112: a little XML with scale, offset and description of each band."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import unescape

from rasteret_sql.errors import MalformedError

QUOTES = {"&quot;": '"', "&apos;": "'"}
NO_MEANING = {"scale": 1.0, "offset": 0.0}


@dataclass(frozen=True, kw_only=True)
class BandMetadata:
    """One value a band; None where no band has one."""

    scales: tuple[float, ...] | None = None
    """``value = pixel * scale + offset``; 1 for a band without one."""
    offsets: tuple[float, ...] | None = None
    band_names: tuple[str | None, ...] | None = None
    """GDAL's band descriptions."""


def read_band_metadata(xml: str | None, band_count: int) -> BandMetadata:
    """The items of ``<GDALMetadata>`` that have the role scale, offset or description.

    Raises ``MalformedError`` for text that is no XML, or that declares a document type or entities: GDAL
    writes none, and they are how a small document becomes a large one.
    """
    if not xml or not xml.strip():
        return BandMetadata()
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        raise MalformedError("GDAL_METADATA (42112) declares a document type; none is expected there")
    try:
        root = ElementTree.fromstring(xml.strip())
    except ElementTree.ParseError as error:
        raise MalformedError(f"GDAL_METADATA (42112) is not XML: {error}") from error
    found: dict[str, dict[int, str]] = {"scale": {}, "offset": {}, "description": {}}
    for item in root.iter("Item"):
        role, sample = item.get("role"), item.get("sample", "")
        if role in found and sample.isdecimal() and len(sample) < 6 and int(sample) < band_count:
            found[role][int(sample)] = unescape(item.text or "", QUOTES)  # GDAL escapes twice
    names = tuple(found["description"].get(band) or None for band in range(band_count))
    return BandMetadata(
        scales=_numbers("scale", found["scale"], band_count),
        offsets=_numbers("offset", found["offset"], band_count),
        band_names=names if any(names) else None,
    )


def _numbers(role: str, texts: dict[int, str], band_count: int) -> tuple[float, ...] | None:
    if not texts:
        return None
    try:
        return tuple(float(texts.get(band, NO_MEANING[role])) for band in range(band_count))
    except ValueError as error:
        raise MalformedError(f"GDAL_METADATA (42112): a band's {role} is no number: {error}") from error
