"""A cluster for all tests of Ray, where Ray is installed, and the archive that they read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from rasteret_sql.settings import configure
from tests.engines.cluster import Cluster, running_cluster
from tests.parts.archive import SETTINGS, Archive, served_archive

NOTHING_KEPT = {"tile_cache_bytes": 0, "header_cache_bytes": 0}
"""Workers live on from test to test, and would ask for nothing in the second."""


@pytest.fixture(scope="session")
def one_archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with served_archive(tmp_path_factory.mktemp("archive")) as made:
        yield made


@pytest.fixture
def archive(one_archive: Archive) -> Archive:
    """The archive, with nothing asked of its server yet, and this process configured for it."""
    configure(**SETTINGS, **NOTHING_KEPT)
    one_archive.server.clear()
    return one_archive


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    if find_spec("ray") is None:
        pytest.skip("no ray: ./dev test --engines installs it")
    logging.getLogger("ray").setLevel(logging.WARNING)
    with running_cluster() as running:
        yield running
