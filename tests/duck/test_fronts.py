"""Of a deflate tile only the front is asked for, as far as the chip needs it; more if that was not enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from rasterio.transform import from_origin

from rasteret_sql.blocks.block_cache import BLOCKS
from tests.store.server import FaultServer

SIZE, TILE = 2048, 1024
WINDOW = "STRUCT(x_off INTEGER, y_off INTEGER, width INTEGER, height INTEGER)"


def write(path: Path, pixels: npt.NDArray[Any]) -> bytes:
    profile: dict[str, Any] = {
        "driver": "GTiff", "width": SIZE, "height": SIZE, "count": 1, "dtype": pixels.dtype, "tiled": True,
        "blockxsize": TILE, "blockysize": TILE, "compress": "deflate", "predictor": 2,
        "crs": "EPSG:32632", "transform": from_origin(600_000, 5_300_000, 10, 10),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(pixels, 1)
    return path.read_bytes()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, npt.NDArray[Any]]:
    """Even noise; and noise whose first rows are nearly all that a tile's bytes hold."""
    rng = np.random.default_rng(3)
    even = rng.integers(0, 4000, (SIZE, SIZE)).astype(np.uint16)
    heavy = even.copy()
    heavy[128:TILE] = 7
    heavy[TILE + 128 :] = 7
    return {"even.tif": even, "heavy.tif": heavy}


@pytest.fixture
def server(files: dict[str, npt.NDArray[Any]], tmp_path: Path) -> Iterator[FaultServer]:
    with FaultServer({name: write(tmp_path / name, pixels) for name, pixels in files.items()}) as running:
        yield running


def read(
    con: duckdb.DuckDBPyConnection, server: FaultServer, name: str, window: tuple[int, int, int, int]
) -> npt.NDArray[Any]:
    con.execute("CREATE OR REPLACE TABLE idx AS SELECT h.* FROM cog_header($1) AS h", [server.url(name)])
    server.clear()
    area = dict(zip(("x_off", "y_off", "width", "height"), window, strict=True))
    found = con.execute(f"SELECT data, shape FROM idx AS i, read_cog(i, $1::{WINDOW})", [area])
    data, shape = found.fetchone() or (b"", (0, 0, 0))
    return np.frombuffer(data, np.uint16).reshape(shape)[0]


def test_the_front_of_a_tile_is_enough_for_a_chip_near_its_top(
    con: duckdb.DuckDBPyConnection, server: FaultServer, files: dict[str, npt.NDArray[Any]]
) -> None:
    chip = read(con, server, "even.tif", (100, 50, 200, 150))
    assert np.array_equal(chip, files["even.tif"][50:200, 100:300])
    assert len(server.requests) == 1
    whole_tile = len(server.files["even.tif"]) / 4
    assert server.body_bytes < 0.3 * whole_tile


def test_a_front_that_is_too_short_costs_a_second_request_and_no_byte_twice(
    con: duckdb.DuckDBPyConnection, server: FaultServer, files: dict[str, npt.NDArray[Any]]
) -> None:
    chip = read(con, server, "heavy.tif", (900, 60, 300, 60))
    assert np.array_equal(chip, files["heavy.tif"][60:120, 900:1200])
    first, *more = [request.range for request in server.requests]
    assert first is not None
    assert 1 <= len(more) <= 2
    assert server.body_bytes <= len(server.files["heavy.tif"]) / 2


@pytest.mark.parametrize("name", ["even.tif", "heavy.tif"])
def test_chips_of_every_height_and_place_are_exact(
    con: duckdb.DuckDBPyConnection, server: FaultServer, files: dict[str, npt.NDArray[Any]], name: str
) -> None:
    rng = np.random.default_rng(11)
    con.execute("CREATE TABLE idx AS SELECT h.* FROM cog_header($1) AS h", [server.url(name)])
    con.execute(f"CREATE TABLE areas (n INTEGER, w {WINDOW})")
    windows = []
    for n in range(60):
        x, y = rng.integers(0, SIZE - 4, 2).tolist()
        width, height = rng.integers(1, [SIZE - x, SIZE - y] if n % 3 == 0 else 60, 2).tolist()
        windows.append((x, y, min(width, SIZE - x), min(height, SIZE - y)))
        area = dict(zip(("x_off", "y_off", "width", "height"), windows[-1], strict=True))
        con.execute("INSERT INTO areas VALUES ($1, $2)", [n, area])
    for threads in (1, 4):
        BLOCKS.clear()
        con.execute(f"SET threads = {threads}")
        rows = con.execute("SELECT n, data FROM idx AS i, areas, read_cog(i, areas.w)").fetchall()
        assert len(rows) == len(windows)
        for n, data in rows:
            x, y, width, height = windows[n]
            assert data == files[name][y : y + height, x : x + width].tobytes(), windows[n]


def test_one_area_after_another_uses_what_is_there(
    con: duckdb.DuckDBPyConnection, server: FaultServer, files: dict[str, npt.NDArray[Any]]
) -> None:
    """The cache holds parts of tiles: a chip inside one of them costs nothing."""
    con.execute("CREATE TABLE idx AS SELECT h.* FROM cog_header($1) AS h", [server.url("even.tif")])
    for y, height, requests in (
        (300, 50, 1),
        (100, 50, 1),
        (310, 20, 0),
        (600, 50, 1),
        (100, 50, 0),
        (90, 600, 1),
    ):
        server.clear()
        area = f"{{'x_off': 10, 'y_off': {y}, 'width': 50, 'height': {height}}}"
        data = con.execute(f"SELECT data FROM idx AS i, read_cog(i, {area})").fetchone()
        assert data == (files["even.tif"][y : y + height, 10:60].tobytes(),)
        assert len(server.requests) == requests, y
    assert BLOCKS.byte_count == (690 - 90) * 60 * 2  # the others lie inside the last
