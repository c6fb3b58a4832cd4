"""Where the story takes place: in the archive made on the spot, or at Earth Search; all else is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shapely import Polygon, box

from rasteret_sql.demo.archive import Archive, make_archive
from rasteret_sql.demo.fields import SPLITS, Field, write_fields
from rasteret_sql.demo.landscape import PIXEL_M
from rasteret_sql.demo.scenes import OFFSET, SCALE
from rasteret_sql.demo.server import Server, serve
from rasteret_sql.stac.catalogs.catalogs import register_catalog, unregister_catalog

_running: list[str] = []
"""URLs of the demos of this process, in the order in which they were started."""
BBox = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What the queries of the story need to know."""

    title: str
    catalog: str
    """The catalogue's id, as ``stac_search`` takes it."""
    bbox: BBox
    """Longitudes and latitudes."""
    datetime: str
    max_cloud_cover: int
    """Percent."""
    red: str
    nir: str
    scl: str
    """Asset keys."""
    zero: int
    """Stored number that stands for reflectance 0, in red and nir."""
    resolution: int
    """Metres at which all three bands have pixels of one size."""
    archive: Archive | None = None
    """The truth to compare with; None where there is none."""


@contextmanager
def served_archive(folder: Path) -> Iterator[tuple[Archive, Server]]:
    """The demo archive, made in ``folder``, served while the block lasts as the catalogue ``demo``.

    Of several in one process the latest that still runs is ``demo``; after the last there is none.
    """
    archive = make_archive(folder)
    with serve(folder) as server:
        _register(server.url)
        _running.append(server.url)
        try:
            yield archive, server
        finally:
            _running.remove(server.url)
            if _running:
                _register(_running[-1])
            else:
                unregister_catalog("demo")


def _register(url: str) -> None:
    register_catalog("demo", endpoint=url, title="Demo archive on this machine")


@contextmanager
def local_source(folder: Path) -> Iterator[Source]:
    """The demo archive; see ``served_archive``."""
    with served_archive(folder) as (archive, _):
        yield Source(
            title="a small archive made on this machine",
            catalog="demo",
            bbox=archive.bbox,
            datetime="2024-04-01/2024-09-30",
            max_cloud_cover=50,
            red="red",
            nir="nir",
            scl="scl",
            zero=round(-OFFSET / SCALE),
            resolution=round(PIXEL_M),
            archive=archive,
        )


LIVE_BBOX: BBox = (16.15, 47.75, 16.85, 48.30)
PLACES: tuple[tuple[str, float, float], ...] = (
    ("farmland", 16.745, 48.245),
    ("farmland", 16.790, 48.225),
    ("farmland", 16.690, 48.270),
    ("lake", 16.760, 47.830),
    ("lake", 16.770, 47.790),
    ("forest", 16.215, 48.185),
    ("forest", 16.180, 48.130),
    ("city", 16.372, 48.208),
)
"""Around Vienna: label, longitude, latitude. Too few to train on, enough to see the seasons."""


@contextmanager
def live_source(folder: Path) -> Iterator[Source]:
    """Sentinel-2 at Earth Search, over some squares of 600 m around Vienna."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = [
        Field(field_id=i + 1, label=label, split=SPLITS[i % len(SPLITS)], polygon=_square(lon, lat))
        for i, (label, lon, lat) in enumerate(PLACES)
    ]
    write_fields(folder, fields)
    yield Source(
        title="Sentinel-2 at Earth Search",
        catalog="earthsearch/sentinel-2-l2a",
        bbox=LIVE_BBOX,
        datetime="2024-05-01/2024-08-31",
        max_cloud_cover=10,
        red="red",
        nir="nir",
        scl="scl",
        zero=0,
        resolution=20,
    )


def _square(lon: float, lat: float) -> Polygon:
    return box(lon - 0.0040, lat - 0.0027, lon + 0.0040, lat + 0.0027)
