"""One archive and one server for all tests of the demo."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rasteret_sql.demo.archive import Archive, Pixels, make_archive
from rasteret_sql.demo.server import Server, serve


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return make_archive(tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="session")
def truth(archive: Archive) -> dict[str, Pixels]:
    """By item id: the numbers of which the files were made."""
    return {item_id: archive.truth(item_id) for item_id in archive.scenes}


@pytest.fixture(scope="session")
def server(archive: Archive) -> Iterator[Server]:
    with serve(archive.folder) as running:
        yield running
