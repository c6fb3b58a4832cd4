"""The readers that are compared, each through its own public interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.bench.scenarios import Job

PIXELS = ("chips", "warp", "points", "index", "full")
STATISTICS = ("zonal", "coverage", "samples")


@dataclass(frozen=True, kw_only=True)
class System:
    """One reader: module of its adapter here, how it is asked for, and what it cannot do."""

    module: str
    distribution: str
    """On PyPI; the reader takes part where this is installed."""
    variants: tuple[str, ...] = ("",)
    kinds: tuple[str, ...] = PIXELS
    """The work that it is compared at."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """Of these what it does not do, and what the table says instead."""
    local: bool = False
    """It reads local files alone."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Set before its process starts."""

    def does(self, job: Job) -> bool:
        """Whether it takes part in the job."""
        return job.kind in self.kinds and job.kind not in self.lacks and (job.local or not self.local)


GDAL = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "GDAL_CACHEMAX": "512",
    "GDAL_NUM_THREADS": "1",
    "CPL_VSIL_CURL_CACHE_SIZE": "200000000",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "5000000",
}
"""What GDAL's documentation advises for COGs behind HTTP; threads are the adapter's."""

SYSTEMS: Mapping[str, System] = {
    "rasteret-sql": System(module="rasteret_sql", distribution="rasteret-sql", kinds=(*PIXELS, *STATISTICS)),
    "rasterio": System(
        module="rasterio",
        distribution="rasterio",
        variants=("sequential", "8", "32"),
        kinds=(*PIXELS, "samples"),
        environ=GDAL,
    ),
    "rasteret": System(module="rasteret", distribution="rasteret"),
    "async-geotiff": System(
        module="async_geotiff", distribution="async-geotiff", lacks={"warp": "does not warp"}
    ),
    "rasterstats": System(
        module="rasterstats", distribution="rasterstats", variants=("32",), kinds=("zonal",), environ=GDAL
    ),
    "exactextract": System(
        module="exactextract",
        distribution="exactextract",
        variants=("32", "32 threads, one call"),
        kinds=("coverage",),
        environ=GDAL,
    ),
    "SedonaDB": System(
        module="sedonadb", distribution="sedonadb", kinds=("zonal", "samples"), local=True, environ=GDAL
    ),
}
REFERENCES = {"zonal": "rasterstats", "coverage": "exactextract"}
"""Whose answers are the right ones; of all other work rasterio's."""
OURS = "rasteret-sql"
