"""Writes one case: by GDAL through rasterio, by GDAL's COG driver, or by tifffile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import tifffile
from rasterio.enums import ColorInterp, Resampling
from rasterio.shutil import copy as gdal_copy
from rasterio.windows import Window

from tests.matrix import content, edits
from tests.matrix.case import LAYOUTS, Case

Pixels = np.ndarray[Any, Any]


def write(case: Case, path: Path) -> None:
    """The file of a case."""
    WRITERS[case.writer](case, path)


# --- GDAL --------------------------------------------------------------------------------------------


def _by_gdal(case: Case, path: Path) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, SPARSE_OK_OVERVIEW="sparse" in case.extras):
        with rasterio.open(path, "w", **_profile(case), **_creation_options(case)) as out:
            _fill(case, out)
        if case.overviews:
            with rasterio.open(path, "r+") as out:
                out.build_overviews([2, 4][: case.overviews], Resampling.nearest)


def _by_cog_driver(case: Case, path: Path) -> None:
    plain = path.with_suffix(".plain.tif")
    predictor = {1: "NO", 2: "STANDARD", 3: "FLOATING_POINT"}[case.predictor]
    options = {"PREDICTOR": predictor} if case.predictor > 1 else {}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        extra = {"ALPHA": "YES"} if "alpha" in case.extras else {}
        with rasterio.open(plain, "w", **_profile(case), **extra) as out:
            _fill(case, out)
        gdal_copy(
            plain,
            path,
            driver="COG",
            COMPRESS=case.compression.upper(),
            BLOCKSIZE=128,
            OVERVIEW_RESAMPLING="NEAREST",
            OVERVIEW_COUNT=case.overviews,
            BIGTIFF="YES" if case.big else "NO",
            **options,
            **dict(case.options),
        )
    plain.unlink()


def _profile(case: Case) -> dict[str, Any]:
    width, height = content.size(case)
    profile = {"driver": "GTiff", "count": case.bands, "height": height, "width": width, "dtype": case.dtype}
    if "no-georeference" not in case.extras:
        profile |= {"crs": "EPSG:32632", "transform": content.transform(case)}
    if case.nodata:
        profile["nodata"] = float(case.nodata)
    return profile


def _creation_options(case: Case) -> dict[str, Any]:
    options: dict[str, Any] = {
        "COMPRESS": case.compression.upper(),
        "INTERLEAVE": case.interleave.upper(),
        "ENDIANNESS": case.byte_order.upper(),
        "BIGTIFF": "YES" if case.big else "NO",
    }
    options |= {"NBITS": case.bits} if case.bits else {}
    options |= {"PREDICTOR": case.predictor} if case.predictor > 1 else {}
    layout = LAYOUTS[case.layout]
    if isinstance(layout, tuple):
        options |= {"TILED": True, "BLOCKXSIZE": layout[0], "BLOCKYSIZE": layout[1]}
    else:
        options["BLOCKYSIZE"] = min(layout, content.size(case)[1])
    for extra, option in GDAL_EXTRAS.items():
        options |= option if extra in case.extras else {}
    return options | dict(case.options)


GDAL_EXTRAS: dict[str, dict[str, Any]] = {
    "alpha": {"ALPHA": "YES"},
    "premultiplied": {"ALPHA": "PREMULTIPLIED"},
    "sparse": {"SPARSE_OK": True},
    "miniswhite": {"PHOTOMETRIC": "MINISWHITE"},
}


def _fill(case: Case, out: Any) -> None:
    pixels = content.pixels(case)
    if "colormap" in case.extras:
        top = 1 << (case.bits or 8)
        out.write_colormap(1, {i: (i * 255 // top, 255 - i * 255 // top, i % 7, 255) for i in range(top)})
    if "alpha-first" in case.extras:
        out.colorinterp = [ColorInterp.alpha, *[ColorInterp.undefined] * (case.bands - 1)]
    if "point" in case.extras:
        out.update_tags(AREA_OR_POINT="Point")
    if "empty" not in case.extras:
        rows, columns = (pixels.shape[1], pixels.shape[2])
        window = Window(0, rows // 2, columns // 3, rows - rows // 2)
        if "sparse" in case.extras:
            out.write(pixels[:, rows // 2 :, : columns // 3], window=window)
        else:
            out.write(pixels)
    if "mask" in case.extras:
        out.write_mask(content.mask(case))


# --- tifffile ----------------------------------------------------------------------------------------


def _by_tifffile(case: Case, path: Path) -> None:
    pixels = content.pixels(case)
    pages = [pixels[:, :: 2**level, :: 2**level] for level in range(case.overviews + 1)]
    nested = "subifds" in case.extras
    with tifffile.TiffWriter(path, byteorder=_order(case), bigtiff=case.big) as out:
        for level, page in enumerate(pages):
            where: dict[str, Any] = {"subfiletype": int(level > 0)}
            if nested and level == 0:
                where["subifds"] = case.overviews
            tags = _tags(case) if level == 0 else []
            _write_page(out, case, page, extratags=tags, **where)
            if {"mask", "mask8", "mask-bands"} & set(case.extras):
                _write_mask(out, case, level, page.shape)
    edits.edit(case, path)


def _order(case: Case) -> Any:
    return {"little": "<", "big": ">"}[case.byte_order]


def _write_page(out: Any, case: Case, pixels: Pixels, **options: Any) -> None:
    bands = len(pixels)
    options |= {"photometric": "minisblack", "metadata": None}
    if bands > 1:
        options["planarconfig"] = "contig" if case.interleave == "pixel" else "separate"
        options |= {"photometric": "rgb"} if case.compression in RGB_ONLY and bands in (3, 4) else {}
        options["extrasamples"] = _extra_samples(case, 3 if options["photometric"] == "rgb" else 1)
        if case.interleave == "pixel":
            pixels = np.moveaxis(pixels, 0, 2)
    if case.compression != "none":
        options |= {"compression": case.compression, "compressionargs": _arguments(case)}
    if case.predictor > 1:
        options["predictor"] = case.predictor
    for key, value in case.options:
        if key == "subsampling":
            options |= {"subsampling": tuple(int(n) for n in value.split("x")), "photometric": "rgb"}
    if case.bits and case.compression == "none":
        options["bitspersample"] = case.bits
    layout = LAYOUTS[case.layout]
    if isinstance(layout, tuple):
        options["tile"] = (layout[1], layout[0])
    else:
        options["rowsperstrip"] = min(layout, content.HEIGHT)
    page = pixels[0] if bands == 1 else np.ascontiguousarray(pixels)
    if edits.is_odd(case):
        out.write(iter(edits.odd_tiles(case, pixels)), shape=page.shape, dtype=page.dtype, **options)
    elif "short" in case.extras:
        tiles = edits.short_tiles(
            case, np.moveaxis(pixels, 2, 0) if case.interleave == "pixel" and bands > 1 else pixels
        )
        out.write(tiles, shape=page.shape, dtype=page.dtype, **options)
    elif "sparse" in case.extras:
        tiles = [None if k % 2 else tile for k, tile in enumerate(_tiles(page, layout))]
        out.write(iter(tiles), shape=page.shape, dtype=page.dtype, **options)
    else:
        out.write(page, **options)


RGB_ONLY = ("webp", "jpeg", "jpeg2000", "jpegxl")


def _extra_samples(case: Case, colours: int) -> list[str]:
    kinds = ["unspecified"] * max(0, case.bands - colours)
    for extra, kind in (("alpha", "unassalpha"), ("premultiplied", "assocalpha")):
        if extra in case.extras:
            kinds[-1] = kind
    if case.compression == "webp" and kinds:
        kinds[-1] = "unassalpha"
    return kinds


def _tiles(page: Pixels, layout: Any) -> Iterator[Pixels]:
    width, height = layout
    for y in range(0, page.shape[0], height):
        for x in range(0, page.shape[1], width):
            tile = page[y : y + height, x : x + width]
            yield np.pad(tile, ((0, height - tile.shape[0]), (0, width - tile.shape[1])))


def _arguments(case: Case) -> dict[str, Any]:
    """For imagecodecs; without options no codec loses anything, but JPEG."""
    given: dict[str, Any] = {}
    if case.writer == "tifffile":
        given = {k: int(v) if v.isdigit() else v for k, v in case.options if k != "subsampling"}
    if case.compression in ("webp", "jpegxl"):
        return given | {"lossless": not case.options}
    if case.compression == "jpeg2000":
        return given | {"reversible": not case.options}
    return given


def _write_mask(out: Any, case: Case, level: int, shape: tuple[int, ...]) -> None:
    step = 2**level
    passes = content.mask(case)[::step, ::step][: shape[1], : shape[2]]
    if "mask-bands" in case.extras:  # of as many samples, ``edits`` makes it a mask
        own = np.stack([np.roll(passes, band, 1) & passes for band in range(case.bands)], 2)
        options = {"photometric": "minisblack", "subfiletype": 2, "planarconfig": "contig"}
        passes = own.astype("uint8") * 255
    elif "mask8" in case.extras:  # ``edits`` makes it a mask
        options, passes = {"photometric": "minisblack", "subfiletype": 2}, passes.astype("uint8") * 255
    else:
        options = {"photometric": "mask", "subfiletype": 4 | int(level > 0)}
    out.write(passes, tile=(32, 32), compression="deflate", metadata=None, **options)


def _tags(case: Case) -> list[Any]:
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32632)
    a, _, c, _, e, f = content.transform(case)[:6]
    tags: list[Any] = [
        (33550, "d", 3, (a, -e, 0.0), True),
        (33922, "d", 6, (0.0, 0.0, 0.0, c, f, 0.0), True),
        (34735, "H", len(keys), keys, True),
    ]
    tags += edits.tags(case)
    return [*tags, (42113, "s", 0, case.nodata, True)] if case.nodata else tags


WRITERS: dict[str, Callable[[Case, Path], None]] = {
    "gdal": _by_gdal,
    "cog": _by_cog_driver,
    "tifffile": _by_tifffile,
    "edited": _by_tifffile,
}
