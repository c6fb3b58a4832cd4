"""Memory follows the tiles in flight, not the zones: measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.duck import corpus

MEBIBYTE = 1 << 20
ZONES = 100
MOST = 300 * MEBIBYTE
"""Block cache, bytes in flight, one group of pixels and idle memory take 224 MiB of it."""

MEASURE = """
import json, sys, threading
import rasteret_sql

limits = {"tile_cache_bytes": "64 MiB", "bytes_in_flight": "32 MiB", "decode_threads": 2}
con = rasteret_sql.connect(settings=limits)
con.execute("SET threads = 2")
con.execute("CREATE TABLE i AS FROM cog_header($1)", [sys.argv[1]])

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

con.execute("SELECT RS_ZonalStatsAll(i, {'x_off': 0, 'y_off': 0, 'width': 9, 'height': 9}) FROM i").fetchall()
base, peak, done = resident(), [0], threading.Event()

def watch():
    while not done.wait(0.005):
        peak[0] = max(peak[0], resident())

watcher = threading.Thread(target=watch)
watcher.start()
count, pixels = con.execute(
    "SELECT count(s), sum(s.count) FROM ("
    "SELECT RS_ZonalStatsAll(i, 'POLYGON((' || x || ' 5299900,' || x + 20000 || ' 5297000,' || x + 9000 || "
    "' 5275000,' || x || ' 5299900))', coverage := $2, aoi_crs := 'EPSG:32632') AS s "
    "FROM i, (SELECT 700000 + 20 * unnest(range($1)) AS x))",
    [int(sys.argv[2]), sys.argv[3] == "coverage"],
).fetchone()
done.set()
watcher.join()
print(json.dumps({"count": count, "pixels": pixels, "above": peak[0] - base}))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the size of a process from /proc")
@pytest.mark.parametrize("way", ["whole", "coverage"])
def test_many_large_zones_take_no_more_memory_than_a_few(tmp_path: Path, way: str) -> None:
    path = tmp_path / "scene.tif"
    rng = np.random.default_rng(0)
    pixels = rng.integers(1, 5_000, (1, 2_560, 2_560)).astype(np.uint16)
    corpus.write(path, pixels, cog=False, nodata=0, compress="lzw", blockxsize=512, blockysize=512)
    command = [sys.executable, "-c", MEASURE, str(path), str(ZONES), way]
    process = subprocess.run(command, check=False, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout.splitlines()[-1])
    assert found["count"] == ZONES
    assert found["pixels"] * 2 > 1.4 * MOST, "all pixels at once would not fit"
    assert found["above"] < MOST
