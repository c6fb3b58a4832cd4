"""What DuckDB says when a query fails."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

READERS = ("read_cog", "read_cog_tiles")


def message(con: duckdb.DuckDBPyConnection, query: str, *values: Any) -> str:
    """The whole message but DuckDB's own words before it; never a traceback."""
    with pytest.raises(duckdb.InvalidInputException) as caught:
        con.execute(query, list(values)).fetchall()
    text = str(caught.value)
    assert text.startswith("Invalid Input Error: ")
    assert "Traceback" not in text
    assert ".py" not in text
    return text.removeprefix("Invalid Input Error: ")
