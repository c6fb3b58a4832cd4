"""Work that waits is ended where the user wants it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rasteret_sql.duck.register.threads import on_own_thread
from rasteret_sql.errors import InterruptionError
from rasteret_sql.interruption import check


def test_whoever_waits_is_told_at_once_and_the_work_ends_where_it_looks() -> None:
    pressed, ended = threading.Event(), threading.Event()

    def work() -> None:
        try:
            while True:
                check()
                time.sleep(0.01)
        except InterruptionError:
            ended.set()
            raise

    threading.Timer(0.2, pressed.set).start()
    with pytest.raises(InterruptionError, match="interrupted"):
        on_own_thread(work, pressed.is_set)
    assert ended.wait(5.0)


def test_what_was_ended_half_way_is_no_result() -> None:
    """Work may take an interruption for one file's error, and go on to the end."""
    pressed = threading.Event()
    with pytest.raises(InterruptionError):
        on_own_thread(pressed.set, pressed.is_set)


def test_nobody_watches_elsewhere() -> None:
    assert on_own_thread(lambda: check() or 7) == 7
    assert on_own_thread(lambda: check() or 7, lambda: False) == 7
    check()


DAEMON = """
import threading, time, rasteret_sql
con = rasteret_sql.connect()
sql = "SELECT sum(octet_length(c.data)) FROM range(500000) AS t(k), read_cog($1) AS c"
thread = threading.Thread(target=lambda: con.execute(sql, [{path!r}]).fetchall(), daemon=True)
thread.start()
time.sleep(1)
"""


def test_a_script_that_ends_while_a_daemon_thread_reads_ends_well(corpus: Path) -> None:
    path = next(corpus.glob("*.tif"))
    code = [sys.executable, "-c", DAEMON.format(path=str(path))]
    run = subprocess.run(code, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert "Fatal" not in run.stderr
    assert "terminate" not in run.stderr
