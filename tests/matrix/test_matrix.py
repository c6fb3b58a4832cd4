"""A thousand small files by two writers, every level of each read by three readers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.matrix import content, disagreements, refusals
from tests.matrix.case import Case
from tests.matrix.cases import CASES
from tests.matrix.disagreements import DISAGREEMENTS
from tests.matrix.readers import OTHERS, Level, ReaderError, by_sql, compare, farthest, headers_by_sql, same
from tests.matrix.refusals import REFUSED
from tests.matrix.writers import write

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
READABLE = [case for case in CASES if refusals.refusal(case) is None]
NOT_READABLE = [case for case in CASES if refusals.refusal(case) is not None]
NUMBERS = {case: number for number, case in enumerate(READABLE)}
AT_ONCE = 32
"""Files that one statement reads."""


class Archive:
    """Writes and reads the cases in groups, as one statement of many files takes little more than of one."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.con, self.folder = con, folder
        self.group = -1
        self.paths: dict[Case, Path] = {}
        self.readings: dict[Path, list[Level] | ReaderError] = {}
        self.headers: dict[Path, tuple[int, Any]] = {}

    def read(self, case: Case) -> tuple[Path, list[Level], tuple[int, Any]]:
        """Path of the case's file, its levels and what its header says."""
        number = NUMBERS[case] // AT_ONCE
        if number != self.group:
            self.group = number
            self._read_group(READABLE[number * AT_ONCE :][:AT_ONCE])
        path = self.paths[case]
        reading = self.readings[path]
        if isinstance(reading, ReaderError):
            raise reading
        return path, reading, self.headers[path]

    def _read_group(self, cases: list[Case]) -> None:
        for old in self.paths.values():
            old.unlink()
        self.paths = {case: self.folder / f"{NUMBERS[case]}.tif" for case in cases}
        for case, path in self.paths.items():
            write(case, path)
        self.readings = by_sql(self.con, {path: 1 + case.overviews for case, path in self.paths.items()})
        self.headers = headers_by_sql(self.con, list(self.paths.values()))


@pytest.fixture(scope="module")
def archive(module_con: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return Archive(module_con, tmp_path_factory.mktemp("matrix"))


@pytest.mark.parametrize("case", READABLE, ids=lambda case: case.name)
def test_all_readers_agree_but_for_what_the_table_says(archive: Archive, case: Case) -> None:
    path, own, header = archive.read(case)
    assert header == (1 + case.overviews, None)
    agreeing = set()
    for reader, read in OTHERS.items():
        rows = disagreements.expected(case, reader)
        theirs, found = compare(own, read, path)
        assert found == set(rows), reader
        if theirs is None:
            continue
        within = rows["pixels"].within if "pixels" in rows else None
        assert within is None or farthest(own, theirs) <= within
        if not {"pixels", "shape"} & set(rows):
            agreeing.add(reader)
    assert agreeing or same(own[0].pixels, content.expected(case)), "no other reader gives these pixels"


@pytest.mark.parametrize("case", NOT_READABLE, ids=lambda case: case.name)
def test_what_is_refused_is_named(module_con: duckdb.DuckDBPyConnection, tmp_path: Path, case: Case) -> None:
    con = module_con
    row = refusals.refusal(case)
    assert row is not None
    write(case, tmp_path / "a.tif")
    path = str(tmp_path / "a.tif")
    for function in ("read_cog", "read_cog_tiles"):
        with pytest.raises(duckdb.InvalidInputException) as caught:
            con.execute(f"SELECT data FROM {function}($1)", [path]).fetchall()
        assert row.message in str(caught.value)
        assert path in str(caught.value)
    [(href, width, error)] = con.execute("SELECT href, width, error FROM cog_header($1)", [path]).fetchall()
    assert (href, width) == (path, None)
    assert row.message in error
    assert path in error


def test_cases_are_many_and_different() -> None:
    assert len(CASES) >= 400
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_row_of_the_tables_is_about_some_file() -> None:
    for row in (*DISAGREEMENTS, *REFUSED):
        for where in row.cases:
            assert any(case.matches(where) for case in CASES), row
