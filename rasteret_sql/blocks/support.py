"""Whether the pixels of a raster can be read by this version, as its header says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rasteret_sql.codec.block import require_supported
from rasteret_sql.errors import RasteretError
from rasteret_sql.geotiff.header import Header
from rasteret_sql.store.redact import display_href


@contextmanager
def naming(href: str) -> Iterator[None]:
    """Errors that are raised inside name the file."""
    try:
        yield
    except RasteretError as error:
        raise type(error)(f"{display_href(href)}: {error}") from error


def require_readable(header: Header) -> None:
    """Refuse a raster whose full resolution, or the mask of that, is in a way that is not read.

    ``UnsupportedError`` names the file and the feature. Overviews are looked at when they are read: the
    other levels of the raster are usable without them.
    """
    for level in (header.full, header.full.mask):
        if level is not None:
            with naming(header.href):
                require_supported(level.image.block)
