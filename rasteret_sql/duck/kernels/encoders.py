"""RS_AsPNG, RS_AsGeoTiff, RS_AsNPY: chips as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rasteret_sql.duck.arguments.arguments import sql
from rasteret_sql.duck.arguments.call import Call, by_name
from rasteret_sql.duck.arguments.chip_values import each_chip
from rasteret_sql.duck.arrow.arrays import blobs_of
from rasteret_sql.duck.kernels.answers import collect_within_limit, room
from rasteret_sql.duck.kernels.cubes.cube_values import cubes_of, is_cube
from rasteret_sql.errors import ArgumentError
from rasteret_sql.geotiff.write.options import Storage
from rasteret_sql.geotiff.write.overviews import RESAMPLINGS
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.export.colours import Table, parse_colours, tiff_table
from rasteret_sql.raster.export.geotiff import geotiff
from rasteret_sql.raster.export.picture import png
from rasteret_sql.raster.export.stretch import parse_stretch
from rasteret_sql.raster.read.plan import ReadRequest

Parsed = TypeVar("Parsed")
Blobs = list[bytes | None]


@by_name
def as_png(call: Call) -> pa.Array:
    """A picture of each chip, in its own colour table where it is of a palette."""
    asked = call.bands()
    stretches = _each_once(call.values("stretch"), lambda value: parse_stretch(_floats(value)))
    colours = _each_once(call.values("colormap"), parse_colours)

    def draw(row: int, chip: Chip) -> bytes:
        chosen = colours[row] or _own_colours(chip)
        return png(chip, stretch=stretches[row], colours=chosen, bands=asked[row] is not None)

    requests = [ReadRequest(bands=numbers) for numbers in asked]
    return _files(call, requests, draw, placed=False)


def _own_colours(chip: Chip) -> Table | None:
    """The colour table of a chip of one band."""
    colormap = chip.facts.colormap
    is_of_one = len(chip.pixels) == 1 and chip.pixels.dtype.kind in "iu"
    return tiff_table(colormap) if colormap and is_of_one else None


@by_name
def as_geotiff(call: Call) -> pa.Array:
    """A Cloud-Optimized GeoTIFF of each chip."""
    names, levels = call.texts("compression"), call.integers("compression_level")
    sizes, counts = call.integers("tile_size"), [_overviews(value) for value in call.values("overviews")]
    resamplings = call.choices("resampling", tuple(RESAMPLINGS))

    def write(row: int, chip: Chip) -> bytes:
        storage = Storage(
            compression=(names[row] or "none").lower(),
            level=levels[row],
            tile_size=sizes[row],
            overviews=counts[row],
            resampling=resamplings[row],
        )
        return geotiff(chip, storage)

    return _files(call, [ReadRequest()] * len(call), write, placed=True)


@by_name
def as_npy(call: Call) -> pa.Array:
    """What numpy.save writes of each chip's pixels."""

    def save(row: int, chip: Chip) -> bytes:
        file = BytesIO()
        np.save(file, chip.pixels, allow_pickle=False)
        return file.getvalue()

    if is_cube(call.raster.type):
        return _npy_of_cubes(call)
    return _files(call, [ReadRequest()] * len(call), save, placed=False)


def _npy_of_cubes(call: Call) -> pa.Array:
    def files() -> Iterator[tuple[int, bytes]]:
        for row, cube in enumerate(cubes_of(call.raster, call.scales())):
            if cube is not None:
                file = BytesIO()
                np.save(file, cube.pixels, allow_pickle=False)
                yield row, file.getvalue()

    return blobs_of(_taken(collect_within_limit(files(), len, room(call))))


def _files(
    call: Call,
    requests: Sequence[ReadRequest],
    encode: Callable[[int, Chip], bytes],
    *,
    placed: bool,
) -> pa.Array:
    raster, scaled = call.raster, call.scales()

    def files() -> Iterator[tuple[int, bytes]]:
        for row, chip in each_chip(raster, requests, scaled, placed=placed):
            yield row, encode(row, chip)

    blobs = collect_within_limit(files(), len, room(call))
    return blobs_of(_taken(blobs))


def _taken(files: Blobs) -> Iterator[npt.NDArray[np.uint8] | None]:
    """Each file, which nothing else holds from then on."""
    for place, file in enumerate(files):
        files[place] = None
        yield None if file is None else np.frombuffer(file, np.uint8)


def _each_once(values: Sequence[Any], parse: Callable[[Any], Parsed]) -> list[Parsed]:
    """Every value parsed; one that repeats, as a constant does, once."""
    parsed: list[Parsed] = []
    for row, value in enumerate(values):
        parsed.append(parsed[-1] if row and value == values[row - 1] else parse(value))
    return parsed


def _floats(value: Any) -> Any:
    """DECIMAL literals as floats, in lists of lists too."""
    if isinstance(value, list):
        return [_floats(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def _overviews(value: Any) -> int | str:
    if value is None or value == "auto":
        return "auto"
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ArgumentError(f"overviews := {sql(value)}: 'auto' or their number was expected")
