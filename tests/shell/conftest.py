"""The library that the shell loads has to be there."""

from __future__ import annotations

import pytest

from rasteret_sql.errors import RasteretError
from rasteret_sql.shell.libpython import advice, libpython
from rasteret_sql.shell.library import library
from rasteret_sql.shell.program import duckdb_program


@pytest.fixture(scope="session", autouse=True)
def shell_is_there() -> None:
    """Without extension, duckdb program or libpython there is nothing to test here."""
    try:
        library()
        duckdb_program()
    except RasteretError as error:
        pytest.skip(str(error))
    if libpython() is None:
        pytest.skip(advice())
