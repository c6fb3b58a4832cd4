"""The demo under the names that all pages use, for the shell; and demos that come and go."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import rasteret_sql
from rasteret_sql.demo import start
from rasteret_sql.demo.at_hand import FIRST_QUERY, at_hand
from rasteret_sql.stac.catalogs.catalogs import catalogs
from tests.shell.shells import environment

COUNTS = (
    "SELECT (SELECT count(*) FROM idx) AS rows, (SELECT count(*) FROM fields) AS fields, "
    "(SELECT count(*) FROM 'idx.parquet') AS in_file, (SELECT count(*) FROM stac_search('demo')) AS scenes"
)


def demo_ids() -> list[str]:
    return [one.endpoint for one in catalogs() if one.id == "demo"]


def test_the_shell_has_the_names_of_all_pages() -> None:
    began = time.perf_counter()
    shell = subprocess.run(
        [sys.executable, "-m", "rasteret_sql", "shell", "--demo", "-json", "-c", COUNTS, "-c", FIRST_QUERY],
        capture_output=True, text=True, env=environment(), check=False, timeout=120,
    )  # fmt: skip
    assert shell.returncode == 0, shell.stderr
    (counts,), rows = map(json.loads, shell.stdout.replace("]\n[", "]\0[").split("\0"))
    assert counts["rows"] == counts["in_file"] > counts["scenes"] > 0
    assert counts["fields"] > 0
    assert len(rows) == 5
    assert "the catalogue demo, idx and fields" in shell.stderr
    assert time.perf_counter() - began < 60


def test_the_exit_code_is_the_shells() -> None:
    shell = subprocess.run(
        [sys.executable, "-m", "rasteret_sql", "shell", "--demo", "-c", "SELECT nothing"],
        capture_output=True, text=True, env=environment(), check=False, timeout=120,
    )  # fmt: skip
    assert shell.returncode == 1
    assert "nothing" in shell.stderr


def test_what_is_at_hand_is_what_another_process_needs(capsys: pytest.CaptureFixture[str]) -> None:
    with at_hand() as demo:
        (path,) = demo.environment.values()
        assert Path(path).read_text().startswith("[demo]\nendpoint = ")
        assert {"idx.parquet", "fields.parquet"} <= {file.name for file in demo.folder.iterdir()}
    assert "Ready in" in capsys.readouterr().err


def test_demos_that_come_and_go_leave_no_dead_catalogue() -> None:
    others = demo_ids()  # of tests whose demo is still there
    with start() as first:
        with start() as second:
            assert demo_ids() == [second.url]
        assert demo_ids() == [first.url]
        third = start()
        assert demo_ids() == [third.url]
    assert demo_ids() == [third.url]
    with rasteret_sql.connect() as con:
        assert con.execute("SELECT count(*) > 0 FROM stac_search('demo')").fetchall() == [(True,)]
    third.close()
    assert demo_ids() == others
