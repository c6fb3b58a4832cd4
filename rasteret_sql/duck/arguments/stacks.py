"""The rasters that read_cog stacks: from the names in ``bands`` and ``mask`` to bands of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from rasteret_sql.duck.arguments.call import Bands
from rasteret_sql.duck.arguments.chip_values import is_chip
from rasteret_sql.duck.arguments.expression_rows import places_of
from rasteret_sql.duck.arguments.named_rasters import WHOLE, NamedRaster, NamedRasters
from rasteret_sql.duck.arguments.pixel_math import require_scale
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geotiff.header import Header
from rasteret_sql.raster.algebra.band_math import BandMath, require
from rasteret_sql.raster.algebra.band_names import bands_told, find, find_band
from rasteret_sql.raster.algebra.bound_math import require_one
from rasteret_sql.raster.read.plan import pick_bands
from rasteret_sql.raster.stack.plan_stack import Layer
from rasteret_sql.store.redact import display_href


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What one row asks of its rasters."""

    layers: Sequence[Layer]
    """The bands of the answer, in order."""
    masking: Mapping[str, Layer]
    """What each name of the mask means."""
    mask: str | None
    scaled: bool
    """Whether the names of the mask stand for physical values."""
    physical: bool
    """Whether the answer has physical values."""


def asked_names(keys: Sequence[str], bands: Bands | None, math: BandMath | None) -> set[str]:
    """The rasters that are requested; what is not there is refused later."""
    if bands is None:
        return set(keys)
    places = {_place(keys, band)[0] for band in bands}
    for name, _ in {} if math is None else math.names.values():
        places.add(find(name.name if name.raster is None else name.raster, keys))
    return {keys[at] for at in places if at is not None}


def stack_of(named: NamedRasters, bands: Bands | None, math: BandMath | None) -> Stack:
    """What a row asks; ArgumentError for what is not there, with what is."""
    if math is not None and math.expression is not None:
        raise ArgumentError(
            f"expression := '{math.expression}' over several rasters: RS_MapAlgebra('{math.expression}', "
            "rasters, aoi) answers it, on the grid of the first; on a grid of its own, pass the chip that "
            "read_cog gives without it: RS_MapAlgebra('…', chip)"
        )
    return layers_of(named, bands, math)


def layers_of(named: NamedRasters, bands: Bands | None, math: BandMath | None) -> Stack:
    """The same where the names of an expression are layers too; of one raster, ``WHOLE``, its bands."""
    keys = list(named)
    if not keys:
        raise ArgumentError(
            "the MAP of rasters is empty; expected at least one name with an href or index row"
        )
    if bands is not None and not bands:
        raise ArgumentError("bands := [] asks for nothing; leave it out to read all rasters")
    if math is not None and math.expression is not None:
        require_one(math, bands)
        layers = []
    elif WHOLE in named:
        layers = _whole(named[WHOLE], bands)
    else:
        layers = [_layer(named, keys, band) for band in (keys if bands is None else bands)]
    masking = {} if math is None or not math.names else _masking(named, keys, math)
    physical = math is not None and bool(math.scale)
    if physical:
        for layer in (*layers, *masking.values()):
            require_scale(named[keys[layer.number - 1]].column.array.type)
    return Stack(
        layers=layers,
        masking=masking,
        mask=None if math is None else math.mask,
        scaled=math is None or math.scale is not False,
        physical=physical and any(layer.header.scaling(layer.band) for layer in layers),
    )


def _whole(raster: NamedRaster, bands: Bands | None) -> list[Layer]:
    """Bands of a raster that was given alone, by their own names."""
    header = _header(raster, "raster")
    names = header.band_names or ()
    return [
        Layer(
            name=(names[band] if band < len(names) else None) or f"b{band + 1}",
            header=header,
            number=1,
            band=band,
        )
        for band in pick_bands(header, bands)
    ]


def _place(keys: Sequence[str], band: int | str) -> tuple[int | None, str | None]:
    """Which raster is requested (None: none of them), and which of its bands (None: its only one)."""
    if isinstance(band, int):
        return band - 1 if 1 <= band <= len(keys) else None, None
    whole = find(band, keys)
    if whole is not None:
        return whole, None
    for at in (i for i, character in enumerate(band) if character == "."):
        raster = find(band[:at], keys)
        if raster is not None:
            return raster, band[at + 1 :]
    return None, None


def _layer(named: NamedRasters, keys: Sequence[str], asked: int | str) -> Layer:
    at, within = _place(keys, asked)
    if at is None:
        raise ArgumentError(f"there is no raster {asked!r}; there are {', '.join(keys)}, or 1 to {len(keys)}")
    key = keys[at]
    header = _header(named[key], key)
    count, names = header.band_count, header.band_names or ()
    name = asked if isinstance(asked, str) else key
    named_file = f"{key} ({display_href(header.href)})"
    if within is None:
        if count != 1:
            raise ArgumentError(
                f"{named_file} has {count} bands, {bands_told(count, names)}: name one in bands, such as "
                f"'{key}.b1'"
            )
        return Layer(name=name, header=header, number=at + 1, band=0)
    band = find_band(within, count, names)
    if band is None:
        raise ArgumentError(f"{named_file} has no band {within!r}; its bands are {bands_told(count, names)}")
    return Layer(name=name, header=header, number=at + 1, band=band)


def _header(raster: NamedRaster, key: str) -> Header:
    if is_chip(raster.column.array.type):
        raise ArgumentError(
            f"{key} is a chip, whose pixels are read already; expected an href or a row of an index"
        )
    header = raster.header
    if header is None:
        raise ArgumentError(f"the raster {key} is NULL; leave it out of bands, or of the rows by a condition")
    return header


def _masking(named: NamedRasters, keys: Sequence[str], math: BandMath) -> dict[str, Layer]:
    for name, _ in math.names.values():
        at = find(name.name if name.raster is None else name.raster, keys)
        if at is not None:
            _header(named[keys[at]], keys[at])
    places = places_of(math, named)
    assert places is not None, "no raster of the mask is NULL"
    layers = {}
    for text, (key, band) in places.items():
        header = _header(named[key], key)
        layers[text] = Layer(name=text, header=header, number=keys.index(key) + 1, band=band)
    scalings = {text: layer.header.scaling(layer.band) for text, layer in layers.items()}
    scaled = {text: scaling for text, scaling in scalings.items() if scaling is not None}
    dtypes = {text: layer.header.dtype for text, layer in layers.items()}
    require(math, dtypes, {} if math.scale is False else scaled)
    return layers


def first_href(named: NamedRasters) -> str | None:
    """The href of the first raster that is there, without opening it."""
    for raster in named.values():
        kind, one = raster.column.array.type, raster.column.array.slice(raster.at, 1)
        hrefs: Any = one.field("href") if pa.types.is_struct(kind) else one
        if one[0].is_valid and hrefs[0].is_valid:
            return str(hrefs[0].as_py())
    return None
