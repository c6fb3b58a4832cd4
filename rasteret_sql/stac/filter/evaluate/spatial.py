"""CQL2's spatial comparisons, in degrees on a plane, as servers do them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import shapely
import shapely.geometry

from rasteret_sql.geo.guard import from_mapping
from rasteret_sql.stac.geometry import FAULTS, quiet


def shape_of(value: Any) -> shapely.Geometry | None:
    """A geometry in GeoJSON, or CQL2's ``{"bbox": […]}``, as shapely's; None for what is neither."""
    try:
        if isinstance(value, Mapping) and "bbox" in value:
            return box_shape(tuple(value["bbox"]))
        with quiet():
            return from_mapping(value)
    except FAULTS:
        return None


@lru_cache(maxsize=256)
def box_shape(box: tuple[float, ...]) -> shapely.Geometry:
    """Four numbers, or six with heights; west greater than east reaches over the antimeridian."""
    half = len(box) // 2
    xmin, ymin, xmax, ymax = box[0], box[1], box[half], box[half + 1]
    if xmin <= xmax:
        return shapely.box(xmin, ymin, xmax, ymax)
    return shapely.union_all([shapely.box(xmin, ymin, 180, ymax), shapely.box(-180, ymin, xmax, ymax)])


def _said_by(predicate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool | None]:
    def compare(left: Any, right: Any) -> bool | None:
        if not isinstance(left, shapely.Geometry) or not isinstance(right, shapely.Geometry):
            return None
        try:
            with quiet():
                return bool(predicate(left, right))
        except shapely.errors.ShapelyError:
            return None

    return compare


SPATIAL: Mapping[str, Callable[[Any, Any], bool | None]] = {
    f"s_{name}": _said_by(getattr(shapely, name))
    for name in (
        "intersects", "within", "contains", "disjoint", "touches", "crosses", "overlaps", "equals",
    )
}  # fmt: skip
