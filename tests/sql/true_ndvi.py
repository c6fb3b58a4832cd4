"""NDVI of fields as rasterio and NumPy make it of the demo's files, whose tags say scale and offset."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.features import geometry_mask


@dataclass(frozen=True)
class Seen:
    """The clear pixels of one field in one scene."""

    pixels: int
    ndvi: float
    """Mean; NaN where there is none."""
    stored: float
    """What it would be of stored numbers, and is not."""
    share: float
    """Of the field's pixels."""


def true_ndvi(folder: Path, scene: str, field: Mapping[str, Any], classes: Sequence[int]) -> Seen | None:
    """Of a GeoJSON feature; None where the scene has no pixel of it."""
    bands, crs, transform = _scene(folder, scene)
    zone = rasterio.warp.transform_geom("OGC:CRS84", crs, field["geometry"])
    inside = geometry_mask([zone], bands["scl"][0].shape, transform, invert=True)
    if not inside.any():
        return None
    clear = inside & np.isin(bands["scl"][0], classes)
    red, nir = (bands[name][0][clear].astype(float) for name in ("red", "nir"))
    physical = [bands[name][0][clear] * bands[name][1] + bands[name][2] for name in ("red", "nir")]
    return Seen(
        pixels=int(clear.sum()),
        ndvi=_mean(*physical),
        stored=_mean(red, nir),
        share=float(clear.sum() / inside.sum()),
    )


def _mean(red: np.ndarray[Any, Any], nir: np.ndarray[Any, Any]) -> float:
    return float(((nir - red) / (nir + red)).mean()) if red.size else float("nan")


@cache
def _scene(folder: Path, scene: str) -> tuple[dict[str, tuple[np.ndarray[Any, Any], float, float]], Any, Any]:
    bands = {}
    for name in ("scl", "red", "nir"):
        with rasterio.open(folder / scene / f"{name}.tif") as file:
            bands[name] = file.read(1), file.scales[0], file.offsets[0]
            crs, transform = file.crs, file.transform
    return bands, crs, transform


def fields(folder: Path) -> dict[int, Mapping[str, Any]]:
    """The demo's fields by number."""
    return {
        field["id"]: field for field in json.loads((folder / "fields.geojson").read_text("utf-8"))["features"]
    }
