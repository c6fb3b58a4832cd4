"""DuckDB's hardening in the shell, which asks it through the C API."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.shell.shells import rows, run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "open, too").mkdir()
    for name in ("secret.tif", "open, too/free.tif"):
        tifffile.imwrite(tmp_path / name, np.ones((16, 16), np.uint8))
    return tmp_path


CONFINE = """
SET allowed_directories = ['{folder}/open, too'];
SET allowed_paths = ['{folder}/other.tif'];
SET enable_external_access = false;
"""


def test_what_is_not_allowed_is_refused(folder: Path) -> None:
    for query in (
        "SELECT RS_Width('secret.tif')",
        "FROM cog_files('*.tif')",
        "FROM stac_search('http://127.0.0.1:9')",
    ):
        found = run(CONFINE.format(folder=folder) + query + ";", cwd=folder)
        assert found.returncode != 0
        assert "Permission Error" in found.stderr


def test_what_is_allowed_is_read(folder: Path) -> None:
    query = "SELECT RS_Width('open, too/free.tif') AS width"
    assert rows(CONFINE.format(folder=folder) + query + ";", cwd=folder) == [{"width": 16}]


def test_a_setting_counts_from_the_next_query_on(folder: Path) -> None:
    query = "SELECT RS_Width('secret.tif') AS width;"
    found = run(query + "SET enable_external_access = false;" + query, "-json", cwd=folder)
    assert '"width":16' in found.stdout.replace(" ", "")
    assert "Permission Error" in found.stderr


DISABLE = "SET disabled_filesystems = 'LocalFileSystem';"


@pytest.mark.parametrize(
    "settings", [DISABLE, f"{DISABLE} SET lock_configuration = true;", CONFINE + DISABLE]
)
def test_local_files_may_be_disabled(folder: Path, settings: str) -> None:
    """DuckDB tells no settings of it, but says so when a file is opened."""
    for query in ("SELECT RS_Width('open, too/free.tif')", "FROM cog_files('open, too/*.tif')"):
        found = run(f"{settings.format(folder=folder)} {query};", cwd=folder)
        assert found.returncode != 0
        assert "file system LocalFileSystem has been disabled" in found.stderr


def test_memory_is_not_a_local_file(folder: Path) -> None:
    found = run(
        "SET disabled_filesystems = 'LocalFileSystem'; SELECT RS_Width('memory://a.tif');", cwd=folder
    )
    assert "there is no such file" in found.stderr
