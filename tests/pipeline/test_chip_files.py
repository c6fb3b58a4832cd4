"""write_files: chips as files that are there whole, by names that may come from anybody."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geotiff.write.cog import Description, write_cog
from rasteret_sql.pipeline import write_files
from tests.pipeline.test_broken import Faults, faults, injected

__all__ = ["faults"]

CHIPS = "SELECT 'chip-' || n || '.npy', RS_AsNPY(c) FROM range(3) AS r(n), read_cog('{tif}', 'all') AS c"


@pytest.fixture
def tif(tmp_path: Path) -> Path:
    path = tmp_path / "scene.tif"
    pixels = np.arange(64, dtype=np.uint16).reshape(1, 8, 8)
    path.write_bytes(write_cog(pixels, Description(crs=32632, transform=(10, 0, 6e5, 0, -10, 5e6))))
    return path


def test_each_row_is_a_file(con: duckdb.DuckDBPyConnection, tmp_path: Path, tif: Path) -> None:
    out = tmp_path / "out"
    assert write_files(con, CHIPS.format(tif=tif), out) == 3
    assert sorted(path.name for path in out.iterdir()) == ["chip-0.npy", "chip-1.npy", "chip-2.npy"]
    assert np.load(out / "chip-1.npy").tolist() == np.arange(64).reshape(1, 8, 8).tolist()
    query = (
        "SELECT * FROM (VALUES ('a/b/c.bin', 'x'::BLOB), ('d.bin', NULL), ('chip-0.npy', 'new'::BLOB)) AS t"
    )
    assert write_files(con, query, out) == 2
    assert ((out / "a/b/c.bin").read_bytes(), (out / "chip-0.npy").read_bytes()) == (b"x", b"new")


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "a/../../b",
        "/etc/a",
        "",
        "folder/",
        "out/..",
        "C:\\a",
        "..\\a",
        "\\\\host\\a",
        "link/a",
        "a\0b",
        None,
    ],
)
def test_no_name_leads_out_of_the_folder(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str | None
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "link").symlink_to(tmp_path)
    con.execute("CREATE TABLE files AS SELECT $1::VARCHAR AS name, 'x'::BLOB AS file", [name])
    with pytest.raises(ArgumentError, match="is not the name of a file below"):
        write_files(con, "files", out)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["link", "out"]


def test_other_columns_are_refused(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"the columns are BLOB; expected a name \(VARCHAR\) and a file"):
        write_files(con, "SELECT 'x'::BLOB", tmp_path)


def test_every_file_is_the_old_one_or_the_new_one(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, faults: Faults
) -> None:
    out = tmp_path / "out"
    rows = "SELECT 'f' || n, {}::BLOB FROM range(3) AS r(n)"
    write_files(con, rows.format("'old'"), out)

    def after(failed: bool) -> None:
        there = {path.name: path.read_bytes() for path in out.iterdir()}
        assert set(there) == {"f0", "f1", "f2"}
        assert set(there.values()) <= {b"old", b"new"}
        assert failed or set(there.values()) == {b"new"}
        write_files(con, rows.format("'old'"), out)

    assert injected(faults, lambda: write_files(con, rows.format("'new'"), out), after) >= {
        "fsync",
        "replace",
    }
