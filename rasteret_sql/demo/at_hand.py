"""The demo under the names that all pages use: catalogue ``demo``, ``idx`` and ``fields``, for a shell."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rasteret_sql.demo import Demo, start
from rasteret_sql.stac.catalogs.user_catalogs import VARIABLE

VIEWS = ("CREATE TEMP VIEW idx AS FROM 'idx.parquet'", "CREATE TEMP VIEW fields AS FROM 'fields.parquet'")
"""What a shell in the demo's folder runs first."""
INDEX = """
SELECT s.id, s.datetime, s.cloud_cover, s.geometry, a.key AS band, h.*
FROM stac_search('demo') AS s, unnest(map_entries(s.assets)) AS u(a), cog_header(a.value.href) AS h
ORDER BY s.datetime, s.id, band
"""
"""As in the first of ``sql/examples``."""
FIRST_QUERY = (
    "SELECT f.label, i.datetime, c.shape FROM idx AS i JOIN fields AS f ON i.footprint && f.geom, "
    "read_cog(i, f.geom) AS c WHERE i.band = 'red' LIMIT 5;"
)


@dataclass(frozen=True, kw_only=True)
class AtHand:
    """A running demo, and what another process needs to use it."""

    folder: Path
    """With ``idx.parquet`` and ``fields.parquet``."""
    environment: dict[str, str]
    """Names the file of the catalogue ``demo``."""


@contextmanager
def at_hand() -> Iterator[AtHand]:
    """The demo with its index, served while the block lasts."""
    began = time.perf_counter()
    print("Making a small archive, and its index \u2026", file=sys.stderr, flush=True)
    with start() as demo:
        _index(demo)
        catalogs = demo.folder / "catalogs.toml"
        catalogs.write_text(f'[demo]\nendpoint = "{demo.url}"\ntitle = "Demo archive on this machine"\n')
        took = time.perf_counter() - began
        print(f"Ready in {took:.1f} s: the catalogue demo, idx and fields. Try:", file=sys.stderr)
        print(f"  {FIRST_QUERY}", file=sys.stderr, flush=True)
        yield AtHand(folder=demo.folder, environment={VARIABLE: str(catalogs)})


def _index(demo: Demo) -> None:
    path = demo.path("idx.parquet").replace("'", "''")
    demo.con.execute(f"COPY ({INDEX}) TO '{path}'")


def serve_until_interrupted() -> int:
    """``rasteret-sql demo --serve``: say how to use it, and wait for Ctrl-C."""
    with at_hand() as demo:
        ((name, path),) = demo.environment.items()
        print("In another terminal:", file=sys.stderr)
        print(f"  cd {demo.folder} && {name}={path} rasteret-sql shell", file=sys.stderr)
        print("(there 'idx.parquet' and 'fields.parquet'). Ctrl-C ends it.", file=sys.stderr, flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return 0
