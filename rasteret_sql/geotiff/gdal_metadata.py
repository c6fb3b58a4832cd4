"""GDAL's own tag 42112: a little XML with scale, offset, unit, description and colour of each band."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Final

from rasteret_sql.geotiff.colorinterp import of_gdal
from rasteret_sql.geotiff.gdal_nodata import leading_float

ROLES: Final = ("scale", "offset", "unittype", "description", "colorinterp")
NO_MEANING: Final = {"scale": 1.0, "offset": 0.0}
ENTITY: Final = re.compile(r"&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});")
ATTRIBUTE: Final = re.compile(r"(?<![^\s=])([^\s=]++)\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']+))")
WHOLE: Final = re.compile(r"\s*([+-]?[0-9]{1,9})")
SPECIALS: Final = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("<!", ">"))
DEEPEST: Final = 64
"""Elements inside each other; GDAL writes two."""
LONGEST: Final = 4096
"""Characters of an element's attributes that are looked at."""


@dataclass(frozen=True, kw_only=True)
class BandMetadata:
    """One value per band; None where no band has one."""

    scales: tuple[float, ...] | None = None
    """``value = pixel * scale + offset``; 1 for a band without one."""
    offsets: tuple[float, ...] | None = None
    units: tuple[str | None, ...] | None = None
    """Of the values after scale and offset."""
    band_names: tuple[str | None, ...] | None = None
    """GDAL's band descriptions."""
    colours: tuple[str | None, ...] | None = None
    """Where they are not what PhotometricInterpretation and ExtraSamples tell."""


@dataclass
class _Element:
    """An element that has begun."""

    name: str
    attributes: str = ""
    parts: list[str] = field(default_factory=list)
    """Of its text."""
    plain: bool = True
    """Holds text alone."""


def read_band_metadata(xml: str | None, band_count: int) -> BandMetadata:
    """The items of ``<GDALMetadata>`` whose role is one of ``ROLES``.

    As tolerant as GDAL: names of elements and roles in any case, text around the root, a stray ``&``, numbers
    followed by more, no number at all (0); entities of the document's own are not expanded. XML whose
    elements do not end where they should is passed over, because no pixel depends on it.
    """
    texts: dict[str, dict[int, str]] = {role: {} for role in ROLES}
    for item in _items(xml or ""):
        _take(item, band_count, texts)
    return BandMetadata(
        scales=_numbers("scale", texts["scale"], band_count),
        offsets=_numbers("offset", texts["offset"], band_count),
        units=_names(texts["unittype"], band_count),
        band_names=_names(texts["description"], band_count),
        colours=_names({at: of_gdal(name) for at, name in texts["colorinterp"].items()}, band_count),
    )


def _take(item: _Element, band_count: int, texts: dict[str, dict[int, str]]) -> None:
    attributes = {
        m[1].lower(): unescape(m[2] or m[3] or m[4] or "") for m in ATTRIBUTE.finditer(item.attributes)
    }
    role, number = attributes.get("role", "").lower(), WHOLE.match(attributes.get("sample", "-1"))
    band = int(number[1]) if number else 0  # as C's atoi
    if role in texts and "name" in attributes and 0 <= band < band_count:
        texts[role][band] = _unescaped("".join(item.parts))  # GDAL escapes twice


def _items(xml: str) -> list[_Element]:
    """The ``Item`` elements right below ``GDALMetadata`` that hold text alone; none if the XML is broken."""
    items: list[_Element] = []
    stack: list[_Element] = []
    at = 0
    while (begin := xml.find("<", at)) >= 0:
        _add_text(stack, xml, at, begin)
        opening, closing = next((pair for pair in SPECIALS if xml.startswith(pair[0], begin)), ("<", ">"))
        end = xml.find(closing, begin + len(opening))
        if end < 0 or len(stack) == DEEPEST:
            return []
        inside, at = xml[begin + len(opening) : end], end + len(closing)
        if opening == "<![CDATA[":
            _add_text(stack, inside, 0, len(inside), literal=True)
        elif opening == "<!":
            if "[" in inside:  # entities of the document's own, which are not expanded
                at = xml.find("]>", begin) + 2
                if at < 2:
                    return []
        elif inside.startswith("/") and opening == "<":
            if not stack or stack[-1].name != inside[1:].strip().lower():
                return []
            ended = stack.pop()
            if ended.name == "item" and ended.plain and any(ended.parts) and _below_root(stack):
                items.append(ended)
        elif opening == "<":
            if stack:
                stack[-1].plain = False
            name = inside.rstrip("/").split(maxsplit=1)
            if not inside.endswith("/"):
                stack.append(_Element(name[0].lower() if name else "", "".join(name[1:])[:LONGEST]))
    return [] if stack else items


def _below_root(stack: list[_Element]) -> bool:
    return len(stack) == 1 and stack[0].name == "gdalmetadata"


def _add_text(stack: list[_Element], xml: str, begin: int, end: int, *, literal: bool = False) -> None:
    """Text of the innermost element, where it may be an item; white space before it does not count."""
    if len(stack) == 2 and stack[1].plain and end > begin:
        text = xml[begin:end]
        stack[1].parts.append(text if literal else _unescaped(text if stack[1].parts else text.lstrip()))


def _unescaped(text: str) -> str:
    """XML's own entities and character references; everything else stays as it is."""
    return ENTITY.sub(lambda found: unescape(found[0]), text) if "&" in text else text


def _numbers(role: str, texts: dict[int, str], band_count: int) -> tuple[float, ...] | None:
    if not texts:
        return None
    fallback = NO_MEANING[role]
    return tuple(leading_float(texts[band]) if band in texts else fallback for band in range(band_count))


def _names(texts: dict[int, str], band_count: int) -> tuple[str | None, ...] | None:
    names = tuple(texts.get(band) or None for band in range(band_count))
    return names if any(names) else None
