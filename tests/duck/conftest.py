"""A connection, and the corpus on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.duck.corpus import write_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the corpus."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder)
    return folder
