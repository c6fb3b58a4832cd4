"""Inverse affines, in two orders of operations that differ in the last bit.

Windows, points and grids are those of rasterio, masks are those of GDAL's rasterizer. Both are held to the
bit, also where a place lies on a grid line, so each needs the very operations of its example.
"""

from __future__ import annotations

from collections.abc import Sequence

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.window import Affine


def invert(transform: Sequence[float]) -> Affine:
    """World to pixel, with the operations and the order of ``affine.Affine``, which rasterio uses."""
    a, b, c, d, e, f = (float(number) for number in transform[:6])
    scale = 1.0 / _determinant(a, b, c, d, e, f)
    to_a, to_b, to_d, to_e = e * scale, -b * scale, -d * scale, a * scale
    return to_a, to_b, -c * to_a - f * to_b, to_d, to_e, -c * to_d - f * to_e


def invert_as_gdal(transform: Sequence[float]) -> Affine:
    """World to pixel, with the operations and the order of ``GDALInvGeoTransform``."""
    a, b, c, d, e, f = (float(number) for number in transform[:6])
    if b == 0 and d == 0 and a != 0 and e != 0:
        return 1.0 / a, 0.0, -c / a, 0.0, 1.0 / e, -f / e
    scale = 1.0 / _determinant(a, b, c, d, e, f)
    return e * scale, -b * scale, (b * f - c * e) * scale, -d * scale, a * scale, (-a * f + c * d) * scale


def _determinant(a: float, b: float, c: float, d: float, e: float, f: float) -> float:
    determinant = a * e - b * d
    if not determinant:
        raise ArgumentError(
            f"the transform {[a, b, c, d, e, f]} maps all pixels to one line; it has no inverse"
        )
    return determinant
