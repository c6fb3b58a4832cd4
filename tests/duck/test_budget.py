"""A query over a limit is refused before its first byte, with numbers and what would narrow it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import rasteret_sql
from rasteret_sql.settings import configure
from tests.store.server import FaultServer

CHIPS = "SELECT c.data FROM idx AS i, read_cog(i) AS c"
AREA = "{'x_off': 0, 'y_off': 0, 'width': $1, 'height': 8}"


@pytest.fixture
def server(corpus: Path) -> Iterator[FaultServer]:
    with FaultServer({path.name: path.read_bytes() for path in corpus.glob("*.tif")}) as running:
        yield running


@pytest.fixture
def con(con: duckdb.DuckDBPyConnection, server: FaultServer) -> duckdb.DuckDBPyConnection:
    """With an index of three files on a server."""
    make_index(con, server)
    return con


def make_index(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    con.execute(
        "CREATE TABLE idx AS SELECT n, h.* FROM range(3) AS r(n), cog_header($1 || '?n=' || n) AS h",
        [server.url("utm32_uint16.tif")],
    )
    server.clear()


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"max_query_bytes": 1000}, r"this query would ask for [\d,]+ bytes, over max_query_bytes \(1,000\)"),
        ({"max_query_requests": 2}, r"this query would ask for 3 requests, over max_query_requests \(2\)"),
    ],
)
@pytest.mark.parametrize("method", ["execute", "sql"])
def test_it_is_refused_before_the_first_byte(
    con: duckdb.DuckDBPyConnection, server: FaultServer, method: str, limit: dict[str, int], said: str
) -> None:
    configure(**limit)
    with pytest.raises(duckdb.InvalidInputException, match=said) as caught:
        getattr(con, method)(CHIPS).fetchall()
    assert "nothing was asked for. Ask for fewer of its 3 scenes" in str(caught.value)
    assert server.requests == []


def test_what_is_within_the_limit_runs(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    configure(max_query_requests=3, max_query_bytes=10**9, max_query_cost=1.0)
    assert len(con.execute(CHIPS).fetchall()) == 3
    assert len(server.requests) == 3
    configure(max_query_requests=1)
    assert len(con.execute(f"{CHIPS} WHERE i.n = 1").fetchall()) == 1  # cached
    assert con.execute("SELECT count(c.width) FROM idx AS i, read_cog(i) AS c").fetchall() == [(3,)]


def test_parameters_and_writing(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    configure(max_query_requests=2)
    query = f"SELECT c.data FROM idx AS i, read_cog(i, {AREA}) AS c"
    for text in (query, f"CREATE TABLE made AS {query}"):
        with pytest.raises(duckdb.InvalidInputException, match="would ask for 3 requests"):
            con.execute(text, [8])
    assert server.requests == []
    assert con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'made'").fetchall() == [(0,)]


def test_a_price(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("UPDATE idx SET href = 's3://usgs-landsat/' || n || '.tif'")
    configure(max_query_cost=1e-6)
    with pytest.raises(duckdb.InvalidInputException, match=r"what costs \$\S+, over max_query_cost"):
        con.execute(CHIPS)


def test_what_has_no_plan_stops_at_the_limit(server: FaultServer) -> None:
    """On a plain connection nothing sees the query before it runs: no request goes beyond the limit."""
    with duckdb.connect() as plain:
        rasteret_sql.register(plain)
        make_index(plain, server)
        configure(max_query_requests=2)
        with pytest.raises(duckdb.InvalidInputException, match="read_cog: with its next tiles this"):
            plain.execute(CHIPS).fetchall()
        assert len(server.requests) <= 2


def test_hrefs_without_a_known_header_stop_there_too(
    con: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    configure(max_query_bytes=10)
    href = server.url("utm32_uint16.tif")
    with pytest.raises(duckdb.InvalidInputException, match="over max_query_bytes"):
        con.execute(f"SELECT data FROM read_cog('{href}')").fetchall()
    assert [request.range for request in server.requests] == ["bytes=0-32767"]
