"""What the read pipeline holds: a block is let go as soon as every read has taken its part."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio

from rasteret_sql.blocks import pipeline
from rasteret_sql.blocks.block_cache import BLOCKS, Piece
from rasteret_sql.blocks.pipeline import read_blocks
from rasteret_sql.blocks.point_read import PixelRead, by_block
from rasteret_sql.blocks.selection import Selection, select_cells
from rasteret_sql.codec.part import Part
from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.read_headers import read_headers
from rasteret_sql.settings import configure

SIZE, TILE = 1024, 64


class Onlooker:
    """A read that takes nothing, and counts the decoded blocks that are alive."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.seen: list[weakref.ref[Any]] = []
        self.most_alive = 0
        self.lock = threading.Lock()

    def places(self, block: int) -> None:
        pass

    def part_of(self, block: int) -> tuple[Part, bool]:
        return Part(0, TILE, TILE), False

    def take(self, block: int, piece: Piece) -> None:
        with self.lock:
            self.seen.append(weakref.ref(piece.pixels))
            self.most_alive = max(self.most_alive, sum(ref() is not None for ref in self.seen))

    def take_fill(self, block: int) -> None:
        raise AssertionError("no block of this file is sparse")


@pytest.fixture
def header(tmp_path: Path) -> Header:
    return _header(tmp_path, np.random.default_rng(0).integers(0, 60_000, (SIZE, SIZE), np.uint16))


def _header(tmp_path: Path, pixels: npt.NDArray[np.uint16]) -> Header:
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", count=1, height=SIZE, width=SIZE, dtype="uint16", tiled=True,
        blockxsize=TILE, blockysize=TILE, compress="deflate", crs="EPSG:3857",
        transform=rasterio.Affine(2, 0, 0, 0, -2, 0),
    ) as out:  # fmt: skip
        out.write(pixels, 1)
    (found,) = read_headers([str(tmp_path / "a.tif")])
    assert isinstance(found, Header)
    return found


def test_blocks_are_not_held_until_the_batch_ends(header: Header) -> None:
    every = np.arange((SIZE // TILE) ** 2)
    read = Onlooker(select_cells(header, header.full, every, 0))
    BLOCKS.clear()
    configure(tile_cache_bytes=0, decode_threads=2)
    try:
        assert read_blocks([read]) == [None]
    finally:
        configure(tile_cache_bytes=None, decode_threads=None)
    assert len(read.seen) == len(every)
    assert read.most_alive < 12


def test_a_first_read_keeps_stored_bytes_and_a_second_one_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = _header(tmp_path, np.random.default_rng(0).integers(0, 9, (SIZE, SIZE), np.uint16))
    every = np.arange((SIZE // TILE) ** 2)
    fetched, decoded = [], []
    fetch, decode = pipeline.fetch, pipeline._decode
    monkeypatch.setattr(
        pipeline, "fetch", lambda ranges, kind: fetched.append(len(ranges)) or fetch(ranges, kind=kind)
    )
    monkeypatch.setattr(pipeline, "_decode", lambda job, data: decoded.append(job) or decode(job, data))
    BLOCKS.clear()
    kept = []
    for _ in range(3):
        assert read_blocks([Onlooker(select_cells(header, header.full, every, 0))]) == [None]
        kept.append(BLOCKS.byte_count)
    assert [count > 0 for count in fetched] == [True, False, False]
    assert len(decoded) == 2 * len(every)
    assert kept[0] < 0.6 * SIZE * SIZE * 2
    assert kept[1:] == [SIZE * SIZE * 2] * 2


@pytest.mark.parametrize("whole", [False, True])
def test_pixels_come_in_the_order_in_which_they_were_asked_for(header: Header, whole: bool) -> None:
    rng = np.random.default_rng(2)
    rows, columns = rng.integers(0, SIZE, (2, 5000))
    pixels = by_block(header.full, rows, columns)
    assert sum(len(part) for part in np.split(pixels.order, pixels.bounds[1:-1])) == 5000
    out = np.empty(5000, np.uint16)
    chosen = select_cells(header, header.full, pixels.cells, 0)
    read = PixelRead(selection=chosen, pixels=pixels, sample=0, out=out, fill=0, whole=whole)
    BLOCKS.clear()
    assert read_blocks([read]) == [None]
    with rasterio.open(header.href) as dataset:
        np.testing.assert_array_equal(out, dataset.read(1)[rows, columns])


def test_a_part_of_a_block_is_the_least_that_holds_its_pixels(header: Header) -> None:
    pixels = by_block(header.full, np.array([70, 65, 3]), np.array([10, 20, 63]))
    assert pixels.cells.tolist() == [0, SIZE // TILE]
    assert pixels.parts == (Part(3, 4, 64), Part(1, 7, 21))
    assert pixels.order.tolist() == [2, 0, 1]
    assert len(by_block(header.full, np.empty(0, int), np.empty(0, int)).cells) == 0
