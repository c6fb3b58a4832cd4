"""What a process remembers and a test must not: one ``reset()``, run before and after each test."""

from __future__ import annotations

from dataclasses import fields

from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.geotiff.header_cache import HEADERS
from rasteret_sql.parts import connections
from rasteret_sql.raster.zones.footprint_cache import CACHE as FOOTPRINTS
from rasteret_sql.raster.zones.small_zones import SHAPES
from rasteret_sql.settings import Settings, configure
from rasteret_sql.store import options, request_log
from rasteret_sql.store.scheduling import thread_pool
from rasteret_sql.store.scheduling.adaptive_concurrency import OperatingPoint
from rasteret_sql.store.signing import presigned, signers
from rasteret_sql.tiff import alike


def reset() -> None:
    """As in a process that has read nothing yet, with the environment as it is now.

    Registered catalogues stay: fixtures of whole modules register them. So do values that depend on their
    arguments alone, such as parsed CRSs.
    """
    reset_settings()
    forget_storage_options()
    signers._signers = signers._built_in()
    signers._given.clear()
    connections._in_force = None
    presigned.SIGNER.forget()
    for pool in list(thread_pool._pools.values()):  # a server that failed does not slow the next test
        pool.point = OperatingPoint()
    for cache in (BLOCKS, HEADERS, FOOTPRINTS, SHAPES):
        cache.clear()
    alike._known.clear()
    request_log._meter._log.clear()


def reset_settings() -> None:
    """Back to the environment and the defaults."""
    configure(**{field.name: None for field in fields(Settings)})


def forget_storage_options() -> None:
    """As if none had been set."""
    options._registry = options.ByPrefix({})
