"""Small files that ask for a lot, through SQL: named errors, at no cost in memory, time or bytes read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.hostile import HOSTILE

ROOT = Path(__file__).resolve().parents[2]
MEMORY_BYTES = 128 << 20
CPU_SECONDS = 2.0
READ_ALL = """
import json, resource, sys, time
import rasteret_sql
con = rasteret_sql.connect()

def error_of(query, href):
    try:
        return con.execute(query, [href]).fetchall() and None
    except Exception as error:
        return str(error)

def spent():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    read = con.execute("SELECT coalesce(sum(byte_count), 0) FROM rasteret_requests()").fetchone()[0]
    return usage.ru_maxrss << 10, usage.ru_utime + usage.ru_stime, int(read)

# what is loaded once does not count
first, *hrefs = sys.argv[1:]
error_of("SELECT width FROM cog_header($1)", first)
error_of("SELECT data FROM read_cog($1)", first)
for href in hrefs:
    before = spent()
    header = con.execute("SELECT error FROM cog_header($1)", [href]).fetchone()[0]
    pixels = error_of("SELECT data FROM read_cog($1)", href)
    spending = [b - a for a, b in zip(before, spent())]
    print(json.dumps({"href": href, "header": header, "pixels": pixels, "spent": spending}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What one process said of each file, and what it spent on it."""
    folder = tmp_path_factory.mktemp("hostile")
    files = {name: folder / f"{name}.tif" for name in HOSTILE}
    for name, path in files.items():
        path.write_bytes(HOSTILE[name].make())
    first = folder / "first.tif"
    first.write_bytes(HOSTILE["sparse-of-66000"].make())
    command = [sys.executable, "-c", READ_ALL, str(first), *map(str, files.values())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # DuckDB draws its progress bar on the same stream when a query takes two seconds
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return {Path(row["href"]).stem: row for row in map(json.loads, lines)}


@pytest.mark.parametrize("name", HOSTILE)
def test_each_is_refused_by_name_and_costs_nothing(name: str, told: dict[str, dict[str, Any]]) -> None:
    expected, found = HOSTILE[name], told[name]
    memory, seconds, byte_count = found["spent"]
    assert memory < MEMORY_BYTES
    assert seconds < CPU_SECONDS
    assert byte_count < 2 << 20
    if expected.header is not None:
        assert expected.header in found["header"]
        assert expected.header in found["pixels"]
    else:
        assert found["header"] is None
        assert expected.pixels is not None
        assert expected.pixels in found["pixels"]
    assert f"{name}.tif" in found["pixels"] or "chips of one batch" in found["pixels"]


def test_a_window_of_a_huge_sparse_raster_is_its_fill_value(con: Any, tmp_path: Path) -> None:
    """The strip of 4 GB is not stored, so nothing is decoded and no tile is asked for."""
    path = tmp_path / "sparse.tif"
    path.write_bytes(HOSTILE["sparse-of-66000"].make())
    assert path.stat().st_size == 306
    window = {"x_off": 65990, "y_off": 65990, "width": 100, "height": 100}
    rows = con.execute("SELECT shape, data FROM read_cog($1, $2)", [str(path), window]).fetchall()
    assert rows == [([1, 10, 10], bytes(100))]


def test_a_limit_can_be_raised(tmp_path: Path) -> None:
    """The settings that messages name are those that let a file pass."""
    import rasteret_sql

    path = tmp_path / "entries.tif"
    path.write_bytes(HOSTILE["entries-of-65535"].make())
    con = rasteret_sql.connect()
    rasteret_sql.register(con, settings={"max_directory_entries": 1 << 16})
    try:
        row = con.execute("SELECT error FROM cog_header($1)", [str(path)]).fetchone()
    finally:
        rasteret_sql.register(con, settings={"max_directory_entries": None})
    assert row is not None
    assert "ImageWidth (256) is missing" in row[0]
