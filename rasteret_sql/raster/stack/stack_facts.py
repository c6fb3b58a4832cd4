"""What a stack says of its bands: put together from what each raster says of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rasteret_sql.geotiff.colorinterp import PALETTE, UNDEFINED
from rasteret_sql.geotiff.nodata import applies
from rasteret_sql.raster.band_facts import BandFacts, facts_of
from rasteret_sql.raster.stack.plan_stack import Layer


def dtype_of(layers: Sequence[Layer]) -> str:
    """NumPy's name of the type that holds the samples of all."""
    return np.result_type(*(np.dtype(layer.header.dtype) for layer in layers)).name


def nodata_of(layers: Sequence[Layer]) -> float | None:
    """The nodata that all have in common; None where they differ, or one has none."""
    values = {_nodata(layer) for layer in layers}
    return next(iter(values)) if len(values) == 1 else None


def _nodata(layer: Layer) -> float | None:
    """As the raster's samples hold it: decimal text is rounded to float32 before it is made wider."""
    nodata, dtype = layer.header.nodata, np.dtype(layer.header.dtype)
    if nodata is None or dtype.kind not in "fc" or not applies(dtype.name, nodata):
        return nodata
    if nodata != nodata:
        return np.nan  # one object, so that all NaN are one value of a set
    with np.errstate(over="ignore"):
        return float(dtype.type(nodata).real)


def facts_of_layers(layers: Sequence[Layer]) -> BandFacts:
    """The names that were requested, and scales, units and colours of each raster."""
    each = [facts_of(layer.header, (layer.band,)) for layer in layers]
    colours = _joined([one.colorinterp for one in each], UNDEFINED)
    tables = {one.colormap for one in each if one.colormap is not None}
    if colours is not None and (len(tables) > 1 or colours[0] != PALETTE):
        # a chip has one table, and a GeoTIFF has it for its first band
        colours, tables = tuple(UNDEFINED if colour == PALETTE else colour for colour in colours), set()
    return BandFacts(
        band_names=tuple(layer.name for layer in layers),
        scales=_joined([one.scales for one in each], 1.0),
        offsets=_joined([one.offsets for one in each], 0.0),
        units=_joined([one.units for one in each], None),
        colorinterp=colours,
        colormap=next(iter(tables)) if len(tables) == 1 else None,
    )


def _joined(known: Sequence[tuple[Any, ...] | None], unknown: Any) -> tuple[Any, ...] | None:
    """The first value of each; None where no raster has one."""
    if all(values is None for values in known):
        return None
    return tuple(unknown if values is None else values[0] for values in known)
