"""A chip as a Cloud-Optimized GeoTIFF that readers take for the same chip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rasteret_sql.geotiff.nodata import applies, is_nodata
from rasteret_sql.geotiff.write.cog import write_cog
from rasteret_sql.geotiff.write.colours import painting_of
from rasteret_sql.geotiff.write.options import Description, Storage
from rasteret_sql.raster.chip import Chip


def geotiff(chip: Chip, storage: Storage) -> bytes:
    """The file, with what is known of the bands: names, scales, offsets, units, colours.

    An internal mask is written where nodata and alpha alone would not tell which pixels are valid.
    """
    nodata = _nodata(chip)
    facts = chip.facts
    description = Description(
        transform=chip.transform,
        crs=chip.crs,
        nodata=nodata,
        band_names=facts.band_names,
        scales=facts.scales,
        offsets=facts.offsets,
        units=facts.units,
        colours=facts.colorinterp,
        colormap=facts.colormap,
    )
    return write_cog(chip.pixels, description, storage, mask=_mask(chip, nodata))


def _nodata(chip: Chip) -> float | None:
    """Nodata as the file can state it: none that no pixel can have.

    A fraction of integers stays in the text, which readers truncate, as they did in the file it comes from.
    """
    return chip.nodata if applies(chip.pixels.dtype.name, chip.nodata) else None


def _mask(chip: Chip, nodata: float | None) -> npt.NDArray[np.bool_] | None:
    """What is valid, where readers would not find it: from nodata in every band, else from alpha."""
    valid = np.ones(chip.pixels.shape[1:], np.bool_) if chip.valid is None else chip.valid
    nothing = is_nodata(chip.pixels, nodata)
    if nothing is not None:
        implied = ~nothing.all(axis=0)
    else:
        alpha = _alpha_band(chip.facts.colorinterp or ())
        implied = np.ones_like(valid) if alpha is None else chip.pixels[alpha] != 0
    return None if (valid == implied).all() else valid


def _alpha_band(colours: Sequence[str]) -> int | None:
    """The first band of opacity that a file has as an extra sample."""
    painting = painting_of(colours, None) if colours else None
    extra = () if painting is None else painting.extra_samples
    for at, kind in enumerate(extra, start=len(colours) - len(extra)):
        if kind.endswith("alpha"):
            return at
    return None
