"""GeoKeys: three TIFF tags that together hold a small dictionary (OGC GeoTIFF 1.1, clause 7.1).

``GeoKeyDirectory`` is a table of four SHORTs a row: key, where its value is (0: in the row itself,
else the number of a tag), how many values, and the value or its index in that tag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rasteret_sql.errors import ArgumentError, MalformedError
from rasteret_sql.tiff import tags
from rasteret_sql.tiff.image import GeoKey


@dataclass(frozen=True, kw_only=True)
class GeoKeyTags:
    """The three tags as they are stored."""

    directory: Sequence[int]
    doubles: Sequence[float] = ()
    ascii: bytes = b""

    @property
    def values_bytes(self) -> int:
        """What all keys hold together outside their rows, at 8 bytes a number and 1 a character.

        Any number of keys may point at the same values, so a small directory can claim gigabytes.
        """
        rows = zip(self.directory[5::4], self.directory[6::4], strict=False)
        return sum(length * WIDTHS.get(location, 8) for location, length in rows if location)


WIDTHS: Final = {tags.GEO_ASCII_PARAMS: 1}
"""Bytes of one value, where that is not 8."""
MAX_VALUES: Final = 4 * (1 + 0xFFFF)
"""Of a GeoKeyDirectory: its header and as many rows as the header can count."""


def decode_text(raw: bytes) -> str:
    """An ASCII value up to its first NUL; UTF-8 where that fits, else Latin-1."""
    raw = raw.split(b"\0", 1)[0]
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def resolve_geo_keys(stored: GeoKeyTags) -> tuple[dict[int, GeoKey], int]:
    """Key id to value, and the minor revision (0 for GeoTIFF 1.0, 1 for 1.1).

    Raises ``MalformedError`` where a key points outside its tag.
    """
    head, rows = stored.directory[:4], stored.directory[4:]
    if len(head) < 4:
        raise MalformedError(f"GeoKeyDirectory holds {len(head)} values where its own header needs 4")
    count = head[3]
    if len(rows) < 4 * count:
        raise MalformedError(f"GeoKeyDirectory claims {count} keys and has room for {len(rows) // 4}")
    keys: dict[int, GeoKey] = {}
    for i in range(0, 4 * count, 4):
        key, location, length, value = rows[i : i + 4]
        keys[key] = value if location == 0 else _value_elsewhere(stored, key, location, length, value)
    return keys, head[2]


def _value_elsewhere(stored: GeoKeyTags, key: int, location: int, length: int, start: int) -> GeoKey:
    sources: dict[int, Sequence[int] | Sequence[float] | bytes] = {
        tags.GEO_KEY_DIRECTORY: stored.directory,
        tags.GEO_DOUBLE_PARAMS: stored.doubles,
        tags.GEO_ASCII_PARAMS: stored.ascii,
    }
    if location not in sources:
        raise MalformedError(f"GeoKey {key} points to tag {location}, which holds no GeoKey values")
    source = sources[location]
    # A writer that drops the last "|" may still count it, as the NUL that ends the tag.
    if start + length > len(source) + (location == tags.GEO_ASCII_PARAMS):
        raise MalformedError(
            f"GeoKey {key} wants values {start} to {start + length} of {tags.tag_label(location)}, "
            f"which has {len(source)}"
        )
    values = source[start : start + length]
    if isinstance(values, bytes):
        return decode_text(values).removesuffix("|")
    if not values:
        raise MalformedError(f"GeoKey {key} has no value")
    return values[0] if len(values) == 1 else tuple(values)


def store_geo_keys(keys: Mapping[int, GeoKey], minor_revision: int) -> GeoKeyTags:
    """The inverse of ``resolve_geo_keys``: SHORTs in the directory, the rest in its two companions."""
    rows: list[int] = []
    doubles: list[float] = []
    text = b""
    for key, value in sorted(keys.items()):
        if isinstance(value, str):
            encoded = value.encode() + b"|"
            rows += (key, tags.GEO_ASCII_PARAMS, len(encoded), len(text))
            text += encoded
        elif isinstance(value, int):
            if not 0 <= value <= 0xFFFF:
                raise ArgumentError(f"GeoKey {key} is {value}; a SHORT holds 0 to 65535")
            rows += (key, 0, 1, value)
        else:
            several = value if isinstance(value, tuple) else (value,)
            rows += (key, tags.GEO_DOUBLE_PARAMS, len(several), len(doubles))
            doubles += several
    return GeoKeyTags(directory=(1, 1, minor_revision, len(keys), *rows), doubles=tuple(doubles), ascii=text)
