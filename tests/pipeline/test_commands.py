"""The command line as cron uses it: what it prints, where, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rasteret_sql.__main__ import main
from rasteret_sql.demo import Demo


def test_a_night(demo: Demo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Build, refresh, look, check, query; in a pipe nothing is said of progress."""
    target = str(tmp_path / "idx.parquet")
    assert (
        main(["index", "build", target, demo.url, "--assets", "red,nir", "--bbox", "11,47,13,49", "--json"])
        == 0
    )
    run = json.loads(capfd.readouterr().out)
    assert (run["added"], run["failed"]) == (24, 0)
    assert main(["index", "refresh", target, "--prune", "--check-files", "--json"]) == 0
    again = json.loads(capfd.readouterr().out)
    assert again.pop("asked") == [demo.url.removeprefix("http://").split("/")[0]]
    assert set(again.values()) == {0, 12, 24, None}
    assert main(["index", "info", target]) == 0
    assert "bytes_per_tile" in capfd.readouterr().out
    assert main(["index", "validate", target, "--sample", "5", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == []
    assert (
        main(["query", f"SELECT band, count(*) AS n FROM '{target}' GROUP BY band ORDER BY band", "--json"])
        == 0
    )
    out, err = capfd.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"band": "nir", "n": 12},
        {"band": "red", "n": 12},
    ]
    assert err == ""
    assert main(["query", "SELECT 42 AS answer"]) == 0
    assert "answer" in capfd.readouterr().out


def test_exit_codes(demo: Demo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    database = str(tmp_path / "own.duckdb")
    lost = (
        f"SELECT * REPLACE (map {{'red': {{'href': '{demo.url}/no.tif', 'type': 'image/tiff'}}}} AS assets) "
    )
    items = f"{lost} FROM stac_search('{demo.url}') LIMIT 1"
    assert main(["index", "build", "idx", "--items", items, "--database", database]) == 3
    assert main(["index", "validate", "idx", "--no-files", "--database", database]) == 3
    assert "failed: 1 rows, such as: " in capfd.readouterr().out
    assert main(["index", "info", "nothing", "--database", database]) == 1
    assert "rasteret-sql: nothing: there is no such index" in capfd.readouterr().err
    assert main(["query", "SELECT nothing"]) == 1
    assert "Traceback" not in capfd.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["index", "build", "idx", "--bbox", "1,2"])
    assert left.value.code == 2


def test_the_installed_command_reads_sql_from_a_pipe() -> None:
    command = [sys.executable, "-m", "rasteret_sql", "query", "-", "--json"]
    done = subprocess.run(
        command, input="SELECT 'a'::BLOB AS bytes, DATE '2024-01-01' AS day", capture_output=True, text=True,
        check=True, env=os.environ,
    )  # fmt: skip
    assert (json.loads(done.stdout), done.stderr) == ({"bytes": "61", "day": "2024-01-01"}, "")


@pytest.mark.parametrize("words", [["--json"], []], ids=["json", "table"])
def test_a_reader_that_has_had_enough_hears_nothing(words: list[str]) -> None:
    """As with ``| head -1``: what was read is right, standard error is empty, the code is SIGPIPE's."""
    query = "SELECT i, repeat('x', 1000) AS text FROM range(9000) AS t(i)"
    run = subprocess.Popen(
        [sys.executable, "-m", "rasteret_sql", "query", query, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with run:
        assert run.stdout is not None
        assert run.stderr is not None
        first = run.stdout.readline()
        run.stdout.close()
        assert run.stderr.read() == ""
    assert run.returncode == 141
    if words:
        assert json.loads(first) == {"i": 0, "text": "x" * 1000}


@pytest.mark.parametrize("words", [["build", "--items", "SELECT 1"], ["refresh"]])
def test_a_place_that_cannot_be_written_is_named(
    words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    assert main(["index", *words[:1], str(tmp_path / "file" / "idx.parquet"), *words[1:]]) == 1
    assert capfd.readouterr().err == f"rasteret-sql: {tmp_path}/file: File exists\n"
