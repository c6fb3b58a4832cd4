"""GDAL's "ghost area": structural metadata as text between the TIFF header and the first directory.

A COG written by GDAL starts so, after the 8 bytes of a classic header or the 16 of a BigTIFF one::

    GDAL_STRUCTURAL_METADATA_SIZE=000140 bytes
    LAYOUT=IFDS_BEFORE_DATA
    BLOCK_ORDER=ROW_MAJOR
    BLOCK_LEADER=SIZE_AS_UINT4
    BLOCK_TRAILER=LAST_4_BYTES_REPEATED
    KNOWN_INCOMPATIBLE_EDITION=NO

The size counts what follows its own line. A space follows the line KNOWN_INCOMPATIBLE_EDITION=NO, so
that a writer that breaks the layout can turn it into ``YES`` in place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

PREFIX = b"GDAL_STRUCTURAL_METADATA_SIZE="
FIRST_LINE_BYTES = len(PREFIX) + len("000140 bytes\n")
MAX_GHOST_BYTES = 4096
EDITION = "KNOWN_INCOMPATIBLE_EDITION"

_FIRST_LINE = re.compile(rb"GDAL_STRUCTURAL_METADATA_SIZE=(\d{6}) bytes\n")


def ghost_length(first_line: bytes) -> int:
    """Bytes of text after the first line; 0 where this is not a ghost area."""
    match = _FIRST_LINE.match(first_line)
    length = int(match.group(1)) if match else 0
    return length if length <= MAX_GHOST_BYTES else 0


def parse_ghost(text: bytes) -> dict[str, str]:
    """Key and value of every line after the first."""
    lines = text.decode("ascii", "replace").strip("\n\0 ").split("\n")
    pairs = (line.partition("=") for line in lines)
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def format_ghost(ghost: Mapping[str, str]) -> bytes:
    """The whole ghost area, padded to an even length; nothing for an empty mapping."""
    if not ghost:
        return b""
    lines = (f"{key}={value}\n" + " " * (key == EDITION) for key, value in ghost.items())
    text = "".join(lines).encode("ascii")
    area = PREFIX + b"%06d bytes\n" % len(text) + text
    return area + b" " * (len(area) % 2)
