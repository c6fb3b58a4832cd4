"""A query that is interrupted while it does one thing; prints what is raised: ``python … KIND HOW THREADS``.

``HOW`` is ``ctrl-c``, which reaches Python's main thread, or ``interrupt``, from another thread. A fourth
word, ``register``, takes a connection of DuckDB's own.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np

import rasteret_sql
from rasteret_sql.duck.register import threads
from rasteret_sql.geotiff.write.cog import write_cog
from rasteret_sql.geotiff.write.options import Description
from rasteret_sql.pipeline import build_index
from rasteret_sql.settings import configure
from tests.contracts import scenes
from tests.store.server import FaultServer, wait_until

SIDE = 512
LONG = "SELECT sum(sqrt(a.i * b.i)) FROM range(300000) AS a(i), range(300000) AS b(i)"
DEADLINE_S = 30.0
ITEMS = """
SELECT href AS id, 'c' AS collection, NULL::GEOMETRY AS geometry, now() AS datetime, now() AS updated,
    0.0 AS cloud_cover, '' AS platform, '' AS proj_code,
    MAP {'red': {'href': href || '?build', 'type': 'image/tiff', 'common_name': 'red'}} AS assets
FROM hrefs
"""


def raster(path: Path) -> Path:
    """Pixels that take a while to warp."""
    pixels = np.random.default_rng(0).integers(0, 4000, (1, SIDE, SIDE), dtype=np.uint16)
    path.write_bytes(
        write_cog(pixels, Description(crs="EPSG:32632", transform=(10.0, 0.0, 5e5, 0.0, -10.0, 53e5)))
    )
    return path


def queries(con: duckdb.DuckDBPyConnection, origin: str, folder: Path) -> dict[str, Callable[[], object]]:
    """What may be interrupted, by name; ``plain`` is DuckDB's own, without anything of ours."""
    texts = {
        "plain": LONG,
        "requests": "SELECT count(c.data) FROM idx AS i, read_cog(i) AS c",
        "headers": "SELECT h.error FROM hrefs, cog_header(href || '?again') AS h",
        "search": f"SELECT id FROM stac_search('{origin}')",
        "zones": "SELECT RS_ZonalStats(i, i.footprint, 1, 'mean') FROM idx AS i",
        "decoding": f"SELECT RS_AsPNG(c) FROM range(150), read_cog('{folder / 'a.tif'}') AS c",
        "warps": "SELECT octet_length(RS_Transform(c, 'EPSG:3035').data) FROM range(100), "
        f"read_cog('{folder / 'a.tif'}') AS c",
    }
    found = {name: lambda text=text: con.execute(text).fetchall() for name, text in texts.items()}
    found["build"] = lambda: build_index(con, folder / "idx.parquet", items=ITEMS)
    return found


def connected(thread_count: str, made_by: str) -> duckdb.DuckDBPyConnection:
    """A connection of ``connect``, or one of DuckDB's own that was registered."""
    config = {"threads": int(thread_count)}
    if made_by == "connect":
        return rasteret_sql.connect(config=config, settings={"max_concurrency": 4})
    configure(max_concurrency=4)
    return rasteret_sql.register(duckdb.connect(config=config))


def main(kind: str, how: str, thread_count: str, made_by: str = "connect") -> None:
    """One interruption; prints the error, and whether the connection is of use afterwards."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
    warnings.simplefilter("ignore")
    data = scenes.file_of(scenes.scenes()[0], "red")
    with tempfile.TemporaryDirectory() as place, FaultServer({f"{n}.tif": data for n in range(40)}) as server:
        con = connected(thread_count, made_by)
        con.execute("SET enable_progress_bar = false")
        con.execute(
            "CREATE TABLE hrefs AS SELECT unnest($1) AS href", [[server.url(n) for n in server.files]]
        )
        con.execute("CREATE TABLE idx AS SELECT h.* FROM hrefs, cog_header(href) AS h")
        raster(Path(place, "a.tif"))
        server.clear()
        server.gate = threading.Event()

        def press() -> None:
            wait_until(lambda: kind == "plain" or threads.active > 0, DEADLINE_S)
            time.sleep(0.3)
            if how == "ctrl-c":
                os.kill(os.getpid(), signal.SIGINT)
            else:
                con.interrupt()
            time.sleep(0.3)
            server.gate.set()  # who is not told of it goes on to the end of its batch

        pressing = threading.Thread(target=press)
        pressing.start()
        try:
            queries(con, server.origin, Path(place))[kind]()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}")
        pressing.join()
        print(con.execute("SELECT count(*) FROM hrefs").fetchall())
        con.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
