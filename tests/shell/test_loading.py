"""LOAD: several at once, and what other programs see of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.shell.shells import environment, run

ALL_AT_ONCE = """
import threading
import duckdb
from rasteret_sql.shell.library import library

connections = [duckdb.connect(config={"allow_unsigned_extensions": "true"}) for _ in range(4)]
cursors = [connection.cursor() for connection in connections for _ in range(2)]
barrier = threading.Barrier(len(cursors))
counts = []

def load(cursor):
    barrier.wait()
    cursor.execute(f"LOAD '{library()}'")
    counts.append(cursor.execute("SELECT len(_rasteret_functions(0).value)").fetchone()[0])

threads = [threading.Thread(target=load, args=(cursor,)) for cursor in cursors]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(counts) == 8 and len(set(counts)) == 1 and counts[0] > 5, counts
"""


def test_databases_of_a_process_load_at_once() -> None:
    """Four databases, two cursors each, in eight threads: there is one interpreter, and all find it."""
    command = [sys.executable, "-c", ALL_AT_ONCE]
    found = subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=False, timeout=120
    )
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc on this platform")
def test_programs_that_the_shell_starts_inherit_no_descriptor() -> None:
    found = run("SELECT count(*) AS n FROM rasteret_settings();\n.shell ls -l /proc/self/fd\n", "-csv")
    assert found.returncode == 0, found.stderr
    lines = [line for line in found.stdout.splitlines() if " -> " in line]
    # the macros are there as every database file is that DuckDB opened
    numbers = {line.split(" -> ")[0].split()[-1] for line in lines if not line.endswith(".duckdb")}
    assert {"0", "1", "2"} <= numbers
    assert len(numbers) == 4  # and the folder that ls reads
