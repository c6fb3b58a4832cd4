"""Changes to what tifffile writes, for files that no writer makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile

from tests.matrix.case import LAYOUTS, Case

Pixels = np.ndarray[Any, Any]
Tag = tuple[str, str, int, Any, bool]

SAMPLE_FORMATS = {"signed": 2, "float": 3, "void-format": 4, "complex-int": 5}
ODD_TILE = {"TileWidth": 40, "TileLength": 72}
"""Of 75 x 70 pixels as many tiles as of 48 x 80, which tifffile thinks it writes."""


def tags(case: Case) -> list[Tag]:
    """Tags that tifffile writes as told because they are named, not numbered."""
    added: list[Tag] = [
        ("SampleFormat", "H", case.bands, (SAMPLE_FORMATS[extra],) * case.bands, True)
        for extra in case.extras
        if extra in SAMPLE_FORMATS
    ]
    return [*added, ("FillOrder", "H", 1, 2, True)] if "fill-order-2" in case.extras else added


def is_odd(case: Case) -> bool:
    """Whether the tiles are those of ``ODD_TILE``."""
    return ("TileWidth", str(ODD_TILE["TileWidth"])) in case.options


def odd_tiles(case: Case, pixels: Pixels) -> list[bytes]:
    """The compressed tiles of ``ODD_TILE``, of one band."""
    width, height = ODD_TILE["TileWidth"], ODD_TILE["TileLength"]
    encode = {"deflate": imagecodecs.zlib_encode, "lzw": imagecodecs.lzw_encode}[case.compression]
    padded = np.pad(pixels[0], ((0, height - pixels.shape[1]), (0, 2 * width - pixels.shape[2])))
    stored = padded.astype(padded.dtype.newbyteorder({"little": "<", "big": ">"}[case.byte_order]))
    return [encode(stored[:, x : x + width].tobytes()) for x in (0, width)]


def short_tiles(case: Case, pixels: Pixels) -> Iterator[bytes]:
    """The compressed tiles of pages (bands, rows, columns): those at the lower edge end with the image."""
    width, height = LAYOUTS[case.layout]
    encode = {
        "none": bytes,
        "deflate": imagecodecs.zlib_encode,
        "lzw": imagecodecs.lzw_encode,
        "packbits": lambda stored: imagecodecs.packbits_encode(stored, axis=-1),
        "zstd": imagecodecs.zstd_encode,
        "lzma": imagecodecs.lzma_encode,
        "jpeg": lambda stored: imagecodecs.jpeg8_encode(stored, level=90),
    }[case.compression]
    planes = pixels[:, :, :, None] if case.interleave == "band" else pixels.transpose(1, 2, 0)[None]
    for plane in planes:
        for y in range(0, plane.shape[0], height):
            for x in range(0, plane.shape[1], width):
                tile = plane[y : y + height, x : x + width]
                tile = np.pad(tile, ((0, 0), (0, width - tile.shape[1]), (0, 0)))
                if case.predictor == 3:
                    stored = _float_differences(tile)
                elif case.predictor == 2:
                    stored = imagecodecs.delta_encode(tile, axis=-2)
                else:
                    stored = tile
                if case.byte_order == "big" and case.predictor != 3:
                    stored = stored.byteswap()
                whole = case.compression == "jpeg"
                yield encode(stored if whole else stored.reshape(len(tile), -1).view("uint8"))


def _float_differences(tile: Pixels) -> Pixels:
    """Predictor 3 (Adobe's TIFF Technical Note 3): planes of bytes, each less the one a pixel before."""
    rows, width, samples = tile.shape
    most_significant_first = tile.astype(tile.dtype.newbyteorder(">")).view("uint8")
    planes = most_significant_first.reshape(rows, width * samples, -1).transpose(0, 2, 1).reshape(rows, -1)
    return np.hstack([planes[:, :samples], planes[:, samples:] - planes[:, :-samples]])


def reverse_bits(path: Path) -> None:
    """Reverse the bits of every stored byte (TIFF 6.0, FillOrder 2)."""
    data = np.fromfile(path, np.uint8)
    with tifffile.TiffFile(path) as file:
        for page in file.pages:
            for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
                block = np.unpackbits(data[offset : offset + count]).reshape(-1, 8)
                data[offset : offset + count] = np.packbits(block[:, ::-1])
    data.tofile(path)


def make_masks(path: Path) -> None:
    """Every second page is the mask of the one before."""
    with tifffile.TiffFile(path, mode="r+") as file:
        for number, page in enumerate(file.pages):
            if number % 2:
                page.tags["NewSubfileType"].overwrite(4 | int(number > 1))
                page.tags["PhotometricInterpretation"].overwrite(4)


def overwrite(path: Path, tags: Mapping[str, str]) -> None:
    """Other values for tags of the first page, by tifffile's names; several values stand apart by blanks."""
    with tifffile.TiffFile(path, mode="r+") as file:
        for name, value in tags.items():
            numbers = tuple(int(part) for part in value.split())
            file.pages[0].tags[name].overwrite(numbers if len(numbers) > 1 else numbers[0])


def edit(case: Case, path: Path) -> None:
    """Every change that a case asks for."""
    if "fill-order-2" in case.extras:
        reverse_bits(path)
    if "mask8" in case.extras or "mask-bands" in case.extras:
        make_masks(path)
    if case.writer == "edited":
        overwrite(path, dict(case.options))
