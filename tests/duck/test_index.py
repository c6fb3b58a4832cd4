"""An index lives in Parquet: another process reads it, with the user's own columns beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.duck.corpus import NAMES
from tests.store.server import FaultServer

ROOT = Path(__file__).resolve().parents[2]
READER = """
import json, sys
import rasteret_sql
con = rasteret_sql.connect()
con.execute("SET enable_progress_bar = false")  # standard output has the answer alone, however slow this is
con.execute(
    "CREATE TABLE areas AS SELECT {'x_off': 5, 'y_off': 6, 'width': 50, 'height': 40} AS w, 'wheat' AS label"
)
query = '''
SELECT i.name, i.split, a.label, c.shape, md5(c.data) AS digest
FROM read_parquet($1) AS i, areas AS a, read_cog(i, a.w) AS c ORDER BY ALL
'''
rows = con.execute(query, [sys.argv[1]]).fetchall()
plan = con.execute('''
SELECT count(DISTINCT (t.href, t."offset"))
FROM read_parquet($1) AS i, areas AS a, read_cog_tiles(i, a.w) AS t WHERE t.byte_count > 0
''', [sys.argv[1]]).fetchone()[0]
kinds = con.execute("SELECT kind, count(*) FROM rasteret_requests() GROUP BY kind").fetchall()
print(json.dumps({"rows": rows, "plan": int(plan), "kinds": dict(kinds)}))
"""


@pytest.fixture
def index(con: duckdb.DuckDBPyConnection, corpus: Path, tmp_path: Path) -> tuple[Path, FaultServer]:
    files = {path.name: path.read_bytes() for path in corpus.glob("*.tif")}
    with FaultServer(files) as server:
        con.execute("CREATE TABLE assets AS SELECT unnest($1) AS name, $2 AS origin", [NAMES, server.origin])
        con.execute(
            "CREATE TABLE idx AS SELECT name, if(name LIKE 'utm%', 'train', 'test') AS split, h.* "
            "FROM assets, cog_header(origin || '/' || name || '.tif') AS h"
        )
        path = tmp_path / "idx.parquet"
        con.execute(f"COPY idx TO '{path}'")
        server.clear()
        yield path, server


PANDAS = """
import sys, threading
if threading.current_thread().name.startswith("rasteret"):
    print("a kernel imported pandas", file=sys.stderr)
__version__ = "9.9"
"""


def read_elsewhere(path: Path, work: Path) -> subprocess.CompletedProcess[str]:
    """Run READER where a pandas is installed: pyarrow is quick to import it, which takes a second."""
    (work / "site/pandas").mkdir(parents=True)
    (work / "site/pandas/__init__.py").write_text(PANDAS)
    return subprocess.run(
        [sys.executable, "-c", READER, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(work / "site"), str(ROOT)])},
    )


def test_another_process_reads_chips_with_no_header_request(
    con: duckdb.DuckDBPyConnection, index: tuple[Path, FaultServer], tmp_path: Path
) -> None:
    path, server = index
    result = read_elsewhere(path, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert {row[0] for row in found["rows"]} == set(NAMES)
    assert {row[1] for row in found["rows"]} == {"train", "test"}
    assert {row[2] for row in found["rows"]} == {"wheat"}
    assert set(found["kinds"]) == {"tile"}, "an index row needs no header"
    # rgba_alpha and rgb_mask read one mask or nothing more; neighbouring bands of a file may merge
    assert found["kinds"]["tile"] <= found["plan"] + 1
    assert len(server.requests) == found["kinds"]["tile"]
    here = con.execute(
        "SELECT name, md5(data) FROM idx AS i, "
        "read_cog(i, {'x_off': 5, 'y_off': 6, 'width': 50, 'height': 40})"
    ).fetchall()
    assert sorted(here) == sorted((row[0], row[4]) for row in found["rows"])


def test_an_index_goes_through_views_ctes_prepared_statements_and_copy(
    con: duckdb.DuckDBPyConnection, index: tuple[Path, FaultServer], tmp_path: Path
) -> None:
    path, _ = index
    area = "{'x_off': 5, 'y_off': 6, 'width': 50, 'height': 40}"
    want = con.execute(f"SELECT name, md5(data) FROM idx AS i, read_cog(i, {area}) ORDER BY name").fetchall()
    con.execute(f"CREATE VIEW chips AS SELECT i.name, c.* FROM '{path}' AS i, read_cog(i, {area}) AS c")
    assert con.execute("SELECT name, md5(data) FROM chips ORDER BY name").fetchall() == want
    cte = f"""
        WITH i AS MATERIALIZED (FROM '{path}')
        SELECT i.name, md5(c.data) FROM i, read_cog(i, {area}) AS c ORDER BY name
    """
    assert con.execute(cte).fetchall() == want
    con.execute(
        "PREPARE read AS SELECT i.name, md5(c.data) FROM idx AS i, read_cog(i, $1) AS c ORDER BY i.name"
    )
    assert con.execute(f"EXECUTE read({area})").fetchall() == want
    out = tmp_path / "chips.parquet"
    con.execute(f"COPY (SELECT * FROM chips) TO '{out}'")
    assert duckdb.sql(f"SELECT name, md5(data) FROM '{out}' ORDER BY name").fetchall() == want


def test_a_view_in_a_file_is_read_by_a_registered_read_only_connection(
    index: tuple[Path, FaultServer], tmp_path: Path
) -> None:
    import rasteret_sql

    path, _ = index
    file = tmp_path / "work.duckdb"
    with rasteret_sql.connect(file) as con:
        con.execute(f"CREATE VIEW sizes AS SELECT name, c.width FROM '{path}' AS i, read_cog(i) AS c")
    with duckdb.connect(str(file), read_only=True) as con:
        rasteret_sql.register(con)
        assert len(con.execute("FROM sizes").fetchall()) == len(NAMES)


def test_an_index_in_a_file_that_has_changed_is_stale(
    con: duckdb.DuckDBPyConnection, index: tuple[Path, FaultServer]
) -> None:
    _, server = index
    server.files["geographic.tif"] = server.files["geographic.tif"][:-1] + b"!"
    with pytest.raises(
        duckdb.InvalidInputException,
        match=r"^Invalid Input Error: read_cog: .*geographic\.tif changed since it was indexed: its ETag was",
    ):
        con.execute("SELECT data FROM idx AS i, read_cog(i) WHERE name = 'geographic'").fetchall()
