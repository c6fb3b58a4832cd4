"""Files of bands that expressions name, and the pixels of one-band chips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from tests.duck.corpus import UTM32


def write(path: Path, pixels: np.ndarray[Any, Any], transform: Any = UTM32, **more: Any) -> None:
    names, scales = more.pop("names", None), more.pop("scales", None)
    profile = {
        "driver": "GTiff", "count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2],
        "dtype": pixels.dtype.name, "crs": "EPSG:32632", "transform": transform, "tiled": True,
        "blockxsize": 64, "blockysize": 64, "compress": "deflate",
    } | more  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(pixels)
        if names:
            dataset.descriptions = names
        if scales:
            dataset.scales, dataset.offsets = scales


def pixels(value: dict[str, Any] | None) -> np.ma.MaskedArray[Any, Any]:
    assert value is not None
    bands, *shape = value["shape"]
    assert bands == 1
    data = np.frombuffer(value["data"], value["dtype"]).reshape(shape)
    valid = (
        np.ones(shape, bool) if value["valid"] is None else np.frombuffer(value["valid"], bool).reshape(shape)
    )
    return np.ma.array(data, mask=~valid)
