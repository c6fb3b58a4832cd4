"""Headers as rows: the one place that knows both the values and their columns."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.reprojection.reproject import footprint
from rasteret_sql.geotiff.header import Header, Level


def box(bounds: tuple[float, float, float, float] | None) -> dict[str, float] | None:
    """Bounds as the STRUCT(xmin, ymin, xmax, ymax) of the SQL surface."""
    return None if bounds is None else dict(zip(("xmin", "ymin", "xmax", "ymax"), bounds, strict=True))


def header_row(header: Header) -> dict[str, Any]:
    """A header as one row of an index, and whatever else it holds, which no column takes."""
    return {
        **vars(header),
        **_level_row(header.full),
        "overviews": [{**_level_row(level), "mask": _mask_row(level)} for level in header.overviews],
        "mask": _mask_row(header.full),
        "mask_bands": None if all(level.mask is None for level in header.levels) else header.mask_bands,
        "gcps": None if header.gcps is None else [asdict(point) for point in header.gcps],
        "bbox": box(header.bounds),
        "footprint": _outline(header),
    }


def _outline(header: Header) -> bytes | None:
    try:
        return footprint(header.transform, header.full.width, header.full.height, header.crs)
    except ArgumentError:  # local, geocentric and other planets' CRSs have no longitude and latitude here
        return None


def _mask_row(level: Level) -> dict[str, Any] | None:
    return None if level.mask is None else _level_row(level.mask)


def _level_row(level: Level) -> dict[str, Any]:
    block = level.image.block
    return {
        **vars(block),
        **vars(level.image),  # its width and height, not those of a block
        "tile_width": block.width,
        "tile_height": block.height,
        "tile_offsets": level.tile_offsets,
        "tile_byte_counts": level.tile_byte_counts,
    }
