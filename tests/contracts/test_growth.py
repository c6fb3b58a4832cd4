"""How work grows with rows: planned and read rows are counted. Times: ``./dev bench --growth``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pytest
import shapely

from rasteret_sql.duck.kernels import chips
from rasteret_sql.geotiff.write.cog import write_cog
from rasteret_sql.geotiff.write.options import Description, Storage
from tests.contracts.ledger import repeated
from tests.store.server import FaultServer

PAIRS = 150
SIZE, ACROSS = 64, 15
PIXEL = 0.001
"""Degrees."""
VECTOR = 2_048
"""Rows that DuckDB hands over at most."""


@dataclass
class Calls:
    """Rows that a kernel got, one number a call."""

    planned: list[int] = field(default_factory=list)
    read: list[int] = field(default_factory=list)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Every call of the two kernels of read_cog from here on."""
    seen, plan, read = Calls(), chips.plan_chips, chips.read_chips

    def plan_chips(*columns: Any) -> Any:
        seen.planned.append(len(columns[0]))
        return plan(*columns)

    def read_chips(source: Any) -> Any:
        seen.read.append(len(source))
        return read(source)

    monkeypatch.setattr(chips, "plan_chips", plan_chips)
    monkeypatch.setattr(chips, "read_chips", read_chips)
    return seen


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A grid of scenes that do not touch, one tile each, whose pixels are their number."""
    files = {}
    for number in range(PAIRS):
        x, y = corner(number)
        files[f"{number}.tif"] = write_cog(
            np.full((1, SIZE, SIZE), number, np.uint16),
            Description(transform=(PIXEL, 0, x, 0, -PIXEL, y), crs=4326),
            Storage(tile_size=SIZE, overviews=0),
        )
    with FaultServer(files) as running:
        yield running


@pytest.fixture
def idx(con: duckdb.DuckDBPyConnection, server: FaultServer) -> duckdb.DuckDBPyConnection:
    """Tables ``idx`` and ``fields``: 4 x 4 pixels in the middle of every scene, with its number."""
    rows = f"SELECT range AS id, $1 || range || '.tif' AS href FROM range({PAIRS})"
    con.execute(f"CREATE TABLE hrefs AS {rows}", [server.url("")])
    con.execute("CREATE TABLE idx AS SELECT r.id, h.* FROM hrefs AS r, cog_header(r.href) AS h")
    con.execute("CREATE TABLE fields (id BIGINT, geom GEOMETRY('OGC:CRS84'))")
    for number in range(PAIRS):
        x, y = corner(number)
        low, high = (SIZE // 2 - 2 + 0.1) * PIXEL, (SIZE // 2 + 2 - 0.1) * PIXEL
        square = shapely.box(x + low, y - high, x + high, y - low)
        con.execute("INSERT INTO fields SELECT $1, ST_GeomFromWKB($2)", [number, square.wkb])
    server.clear()
    return con


def corner(number: int) -> tuple[float, float]:
    """Longitude and latitude of a scene's upper left corner; twice as far apart as scenes are wide."""
    row, column = divmod(number, ACROSS)
    return 10 + column * 2 * SIZE * PIXEL, 50 - row * 2 * SIZE * PIXEL


JOINS = {
    "by place": "idx AS i JOIN fields AS f ON i.footprint && f.geom",
    "by a key": "idx AS i JOIN fields AS f ON i.id = f.id",
}


@pytest.mark.parametrize("rows", JOINS.values(), ids=JOINS)
@pytest.mark.parametrize("threads", [1, 4])
def test_150_areas_and_150_scenes_with_150_pairs_cost_150_reads(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, calls: Calls, rows: str, threads: int
) -> None:
    idx.execute(f"SET threads = {threads}")
    found = idx.execute(
        f"SELECT i.id, f.id, c.width, c.data FROM {rows}, read_cog(i, f.geom) AS c"
    ).fetchall()
    assert len(found) == PAIRS
    for scene, area, width, data in found:
        assert (scene, width) == (area, 4)
        assert data == np.full(16, scene, np.uint16).tobytes()
    assert sum(calls.planned) == PAIRS
    assert calls.read == [PAIRS], "one batch, whatever the number of threads"
    assert len(server.requests) == PAIRS
    assert repeated(server) == []


@pytest.mark.parametrize("threads", [1, 4])
def test_so_do_they_over_names(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, calls: Calls, threads: int
) -> None:
    idx.execute(f"SET threads = {threads}")
    found = idx.execute("SELECT id, id_1, width, data FROM read_chips('idx', 'fields')").fetchall()
    assert sorted(row[:3] for row in found) == [(n, n, 4) for n in range(PAIRS)]
    assert all(data == np.full(16, scene, np.uint16).tobytes() for scene, _, _, data in found)
    assert sum(calls.planned) == PAIRS
    assert calls.read == [PAIRS], "one batch, whatever the number of threads"
    assert len(server.requests) == PAIRS
    assert repeated(server) == []


@pytest.mark.parametrize(
    ("function", "own", "place"),
    [
        ("read_zonal_stats", "mean", "[c.x + n / 10_000, c.y, c.x + n / 10_000 + 0.003, c.y + 0.003]"),
        ("read_samples", "value", "[c.x + n / 10_000, c.y]"),
    ],
)
def test_numbers_over_names_cost_each_file_once(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, function: str, own: str, place: str
) -> None:
    """Ten areas of each file, in an order that mixes the files."""
    idx.execute(f"""
        CREATE TABLE places AS
        SELECT f.id, {place} AS geom
        FROM (SELECT id, rasteret_bbox(geom) AS b FROM fields) AS f,
             (SELECT b.xmin AS x, b.ymin AS y) AS c, range(10) AS r(n)
        ORDER BY n, hash(f.id)
    """)
    found = idx.execute(f"SELECT id, id_1, {own} FROM {function}('idx', 'places')").fetchall()
    assert sorted(found) == [(n, n, float(n)) for n in range(PAIRS) for _ in range(10)]
    assert len(server.requests) == PAIRS
    assert repeated(server) == []


def test_pairs_that_do_not_meet_are_planned_and_never_read(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, calls: Calls
) -> None:
    """Without a condition every area is held against every scene; pixels are asked for where they meet."""
    found = idx.execute(
        "SELECT i.id, f.id, c.data FROM idx AS i, fields AS f, read_cog(i, f.geom) AS c"
    ).fetchall()
    assert sorted((scene, area) for scene, area, _ in found) == [(n, n) for n in range(PAIRS)]
    assert sum(calls.planned) == PAIRS**2
    assert sum(calls.read) == PAIRS
    assert len(server.requests) == PAIRS


@pytest.mark.parametrize("count", [10, 1_000, 10_000])
def test_every_row_is_planned_once_in_full_vectors(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, calls: Calls, count: int
) -> None:
    idx.execute("SET threads = 2")
    idx.execute(f"""
        CREATE TABLE many AS
        SELECT i.* REPLACE (i.href || '?n=' || n AS href), f.geom
        FROM idx AS i JOIN fields AS f USING (id), range({count}) AS r(n) WHERE i.id = 7
    """)
    planned = idx.execute(
        "SELECT count(c.x_off), sum(c.width) FROM many AS m, read_cog(m, m.geom) AS c"
    ).fetchall()
    assert planned == [(count, 4 * count)]
    assert sum(calls.planned) == count
    # a part of a vector for each of the threads, and no more
    assert len(calls.planned) <= count / VECTOR + 2 * 2
    assert calls.read == []
    assert server.requests == []


@pytest.mark.parametrize("size", [1, 16, SIZE])
def test_an_area_costs_the_tiles_that_it_touches(
    idx: duckdb.DuckDBPyConnection, server: FaultServer, size: int
) -> None:
    window = f"{{'x_off': 0, 'y_off': 0, 'width': {size}, 'height': {size}}}"
    found = idx.execute(f"SELECT octet_length(data) FROM (FROM idx WHERE id = 3) AS i, read_cog(i, {window})")
    assert found.fetchall() == [(2 * size * size,)]
    assert len(server.requests) == 1
