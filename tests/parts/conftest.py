"""The archive that parts read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parts.archive import SETTINGS, Archive, served_archive


@pytest.fixture(scope="session")
def one_archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with served_archive(tmp_path_factory.mktemp("archive")) as archive:
        yield archive


@pytest.fixture
def archive(one_archive: Archive) -> Archive:
    """The archive, with nothing asked of its server yet, and this process configured for it."""
    from rasteret_sql.settings import configure

    configure(**SETTINGS)
    one_archive.server.clear()
    return one_archive
