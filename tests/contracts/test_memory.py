"""Memory is bounded by settings: bytes on their way, decoded tiles that are kept, pixels of one batch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest

from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.geotiff.write.cog import write_cog
from rasteret_sql.geotiff.write.options import Description, Storage
from rasteret_sql.settings import configure
from rasteret_sql.store.scheduling import scheduler
from tests.duck.refusals import message
from tests.shell import shells
from tests.store.server import FaultServer

MIB = 1 << 20
TILE = 1024
TILE_BYTES = 2 * TILE * TILE
FILES, TILES = 10, 20
"""Two hundred tiles of 2 MB, not compressed: as long on the wire as in memory."""
BUDGET = 16 * MIB
PIXEL = f"{{'x_off': {TILE - 1} + {TILE} * x.n, 'y_off': {TILE - 1} + {TILE} * y.n, 'width': 1, 'height': 1}}"
"""The last one of a tile: all of it is needed, and nearly nothing is given back."""
LAST_PIXELS = f"""
SELECT sum(octet_length(c.data))
FROM idx AS i, range(5) AS x(n), range(4) AS y(n), read_cog(i, {PIXEL}) AS c
"""


@pytest.fixture(scope="module")
def data() -> bytes:
    pixels = np.random.default_rng(1).integers(0, 4000, (1, 4 * TILE, 5 * TILE)).astype(np.uint16)
    return write_cog(
        pixels,
        Description(transform=(10, 0, 6e5, 0, -10, 5e6), crs=32632),
        Storage(tile_size=TILE, compression="none", overviews=0),
    )


@pytest.fixture
def server(data: bytes) -> Iterator[FaultServer]:
    with FaultServer({f"{n}.tif": data for n in range(FILES)}) as running:
        yield running


@pytest.fixture
def idx(con: duckdb.DuckDBPyConnection, server: FaultServer) -> duckdb.DuckDBPyConnection:
    con.execute("CREATE TABLE hrefs AS SELECT unnest($1) AS href", [[server.url(n) for n in server.files]])
    con.execute("CREATE TABLE idx AS SELECT h.* FROM hrefs, cog_header(href) AS h")
    tiles = con.execute("SELECT count(*), min(byte_count) FROM idx AS i, read_cog_tiles(i)").fetchall()
    assert tiles == [(FILES * TILES, TILE_BYTES)]
    server.clear()
    return con


@pytest.fixture
def held(server: FaultServer) -> list[int]:
    """Bytes on their way or unread, as each request comes."""
    seen: list[int] = []

    def look(target: str, headers: object) -> bool:
        seen.append(scheduler.budget.held)
        return True

    server.allow = look
    return seen


def test_bytes_on_their_way_stay_within_their_budget(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, held: list[int]
) -> None:
    two_tiles = 2 * TILE_BYTES + 64  # and what lies between them
    configure(bytes_in_flight=BUDGET, merge_max_bytes=two_tiles, tile_cache_bytes=0)
    assert idx.execute(LAST_PIXELS).fetchall() == [(2 * FILES * TILES,)]
    assert len(server.requests) == FILES * TILES / 2
    assert BUDGET / 2 < max(held) <= BUDGET
    assert server.most_bytes_at_once <= BUDGET
    assert scheduler.budget.held == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the highest memory of a process is reset on Linux only")
def test_400_mb_pass_through_a_process_that_never_holds_a_third_of_them(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, held: list[int]
) -> None:
    configure(bytes_in_flight=BUDGET, merge_max_bytes=TILE_BYTES, tile_cache_bytes=BUDGET, decode_threads=2)
    idx.execute(LAST_PIXELS.replace("FROM idx", "FROM (FROM idx LIMIT 1)")).fetchall()  # imports and threads
    before = memory_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): the highest so far begins anew
    idx.execute(LAST_PIXELS).fetchall()
    assert max(held) <= BUDGET
    # on their way, waiting for a decoder, being decoded, kept; and what an allocator does not give back
    assert memory_mb("VmHWM") - before < 8 * BUDGET / MIB


def memory_mb(what: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1024


@pytest.mark.parametrize("kept", [0, 3, 50])
def test_the_cache_holds_no_more_than_its_setting(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, kept: int
) -> None:
    configure(tile_cache_bytes=kept * TILE_BYTES)
    in_use = "SELECT in_use, value::UBIGINT FROM rasteret_settings() WHERE name = 'tile_cache_bytes'"
    idx.execute("DELETE FROM idx WHERE href NOT IN (SELECT href FROM idx ORDER BY href LIMIT 3)")
    for files in (1, 3):
        rows = f"FROM (FROM idx ORDER BY href LIMIT {files})"
        idx.execute(LAST_PIXELS.replace("FROM idx", rows)).fetchall()
        used, limit = idx.execute(in_use).fetchall()[0]
        assert used == BLOCKS.byte_count
        assert used <= limit == kept * TILE_BYTES
    server.clear()
    idx.execute(LAST_PIXELS).fetchall()
    assert len(server.requests) > 0


def test_a_chip_that_would_not_fit_is_refused_before_anything_is_asked_for(
    idx: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    configure(max_read_bytes=30 * MIB)
    told = message(idx, "SELECT sum(octet_length(data)) FROM idx AS i, read_cog(i)")
    assert told == (
        "read_cog: 1 chips of one batch hold 40 MiB of pixels, over max_read_bytes (30 MiB); "
        "the largest is 1 x 4,096 x 5,120 uint16. Ask for smaller areas, fewer bands or a coarser level, "
        "read fewer rows at once, or raise max_read_bytes"
    )
    assert server.requests == []
    # and what does fit is read, one chip at a time
    configure(max_read_bytes=100 * MIB)
    assert idx.execute("SELECT count(data) FROM idx AS i, read_cog(i)").fetchall() == [(FILES,)]


CHIPS, CHIP = 1200, 1024
"""Chips of 2 MiB: a vector of them holds 2.3 GiB."""
COPY = """
SET memory_limit = '1GB';
SET enable_progress_bar = false;
CREATE TABLE hrefs AS SELECT '{tif}' AS href;
CREATE TABLE idx AS SELECT h.* FROM hrefs, cog_header(href) AS h;
COPY (
    SELECT n, c.data
    FROM {rasters} AS r, range({chips}) AS place(n), read_cog({raster}, {window}) AS c
) TO '{parquet}' (ROW_GROUP_SIZE 16, COMPRESSION zstd);
"""
PYTHON = """
import sys, rasteret_sql
con = rasteret_sql.connect()
for statement in sys.stdin.read().split(";"):
    con.execute(statement)
"""
HOSTS = {"python": [sys.executable, "-c", PYTHON], "shell": [*shells.COMMAND, "-bail"]}
PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], check=False)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""
"""Between a host and the tests: a new process begins with the peak of the one that it is forked from."""


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """Pixels that compress well, and differ from window to window."""
    rows, columns = np.indices((2 * CHIP, 2 * CHIP), np.uint16)
    pixels = (rows // 8 * 251 + columns // 8)[None].astype(np.uint16)
    path = tmp_path_factory.mktemp("mosaic") / "mosaic.tif"
    placed = {"transform": (10, 0, 6e5, 0, -10, 5e6), "crs": 32632}
    path.write_bytes(write_cog(pixels, Description(**placed), Storage(tile_size=CHIP, overviews=0)))
    return path, pixels[0]


@pytest.mark.skipif(sys.platform != "linux", reason="the highest memory of a process is told on Linux only")
@pytest.mark.parametrize(("host", "rasters"), [("python", "idx"), ("python", "hrefs"), ("shell", "idx")])
def test_chips_pass_through_a_copy_in_batches_by_their_bytes(
    host: str, rasters: str, mosaic: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    """1,200 chips of 2 MiB: a quarter of 1 GB in flight, what DuckDB holds of it, and the process itself."""
    tif, pixels = mosaic
    parquet = tmp_path / "chips.parquet"
    statements = COPY.format(
        tif=tif,
        parquet=parquet,
        rasters=rasters,
        raster="r" if rasters == "idx" else "r.href",
        chips=CHIPS,
        window=f"{{'x_off': n % 1000, 'y_off': n * 7 % 1000, 'width': {CHIP}, 'height': {CHIP}}}",
    )
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *HOSTS[host]],
        input=statements,
        capture_output=True,
        text=True,
        check=False,
        env=shells.environment(),
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert int(done.stdout) / 1024 < 1400
    found = duckdb.sql(f"SELECT n, data FROM '{parquet}' WHERE n % 50 = 0 ORDER BY n").fetchall()
    assert len(found) == CHIPS / 50
    for n, data in found:
        x, y = n % 1000, n * 7 % 1000
        assert data == pixels[y : y + CHIP, x : x + CHIP].tobytes()
