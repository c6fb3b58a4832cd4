"""The benchmark measures what it says: its work, its servers, its comparison of pixels, and one small run."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from rasteret_sql.geotiff.write.cog import write_cog
from rasteret_sql.geotiff.write.options import Description, Storage
from tests.bench import bucket, growth, report
from tests.bench.results import agreement, save
from tests.bench.scenarios import CORNER, NAMES, NEXT_ZONE, ZONE, Job, Scene, jobs
from tests.bench.server import ROOT, Server, serve

DATES = 3


def scenes(size: int, dates: int = 30) -> list[Scene]:
    x, y = CORNER
    zones = [ZONE] * dates + [NEXT_ZONE] * 6
    return [Scene(id=str(i), path=f"s{i}", epsg=epsg, x=x, y=y, size=size) for i, epsg in enumerate(zones)]


def tiles_of(job: Job, tile: int) -> tuple[int, int]:
    """How many distinct tiles its chips need, and how many if every chip asks for its own."""
    wanted = []
    for scene, band in job.assets():
        for area in job.areas:
            left, top, width, height = area.window(scene)
            for row in range(top // tile, (top + height - 1) // tile + 1):
                for column in range(left // tile, (left + width - 1) // tile + 1):
                    wanted.append((scene.id, band, row, column))
    return len(set(wanted)), len(wanted)


# --- the work


@pytest.mark.parametrize("recipe", [bucket.FULL, bucket.QUICK], ids=["full", "quick"])
@pytest.mark.parametrize(("name", "distinct"), [("S1", 15), ("S1b", 60), ("S2", 120), ("S2x", 810)])
def test_small_files_ask_for_as_many_tiles_as_large_ones(
    recipe: bucket.Recipe, name: str, distinct: int
) -> None:
    job = jobs(scenes(recipe.size))[name]
    assert tiles_of(job, recipe.tile)[0] == distinct


def test_areas_of_a_district_share_their_tiles() -> None:
    distinct, asked = tiles_of(jobs(scenes(bucket.FULL.size))["S2x"], bucket.FULL.tile)
    assert (distinct, asked) == (810, 2_790)


def test_every_scenario_survives_the_way_into_another_process() -> None:
    known = jobs(scenes(bucket.QUICK.size, dates=DATES))
    assert tuple(known) == NAMES
    for job in known.values():
        assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job


def test_a_header_is_fetched_under_300_names() -> None:
    job = jobs(scenes(bucket.FULL.size))["S5"]
    assert len({(scene.path, band) for scene, band in job.assets()}) == 300


# --- the servers


@pytest.fixture(params=[False, True], ids=["nginx where there is one", "the project's own"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    files = tmp_path / "bucket"
    files.mkdir()
    (files / "a.tif").write_bytes(bytes(range(100)))
    with serve(files, delay_ms=1, run=tmp_path / "run", own=request.param) as running:
        yield running


def ask(server: Server, method: str, path: str, wanted: str | None) -> tuple[int, bytes, str | None]:
    url = urlsplit(server.url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=10)
    connection.request(method, f"{url.path}/{path}", headers={"Range": wanted} if wanted else {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, answer.getheader("Content-Range")


@pytest.mark.parametrize(
    ("wanted", "status", "body", "content_range"),
    [
        (None, 200, bytes(range(100)), None),
        ("bytes=10-19", 206, bytes(range(10, 20)), "bytes 10-19/100"),
        ("bytes=90-", 206, bytes(range(90, 100)), "bytes 90-99/100"),
        ("bytes=90-500", 206, bytes(range(90, 100)), "bytes 90-99/100"),
        ("bytes=-5", 206, bytes(range(95, 100)), "bytes 95-99/100"),
    ],
)
def test_both_servers_answer_ranges_alike(
    server: Server, wanted: str | None, status: int, body: bytes, content_range: str | None
) -> None:
    assert ask(server, "GET", "a.tif", wanted) == (status, body, content_range)


def test_both_servers_refuse_alike(server: Server) -> None:
    assert ask(server, "GET", "a.tif", "bytes=100-")[0] == 416
    assert ask(server, "GET", "b.tif", None)[0] == 404


def test_traffic_counts_requests_bytes_repeats_and_connections(server: Server) -> None:
    ask(server, "GET", "a.tif", "bytes=0-9")
    before = server.mark()
    assert server.since(before).requests == 0
    for wanted in ("bytes=0-9", "bytes=10-29", "bytes=0-9"):
        ask(server, "GET", "a.tif", wanted)
    assert ask(server, "HEAD", "a.tif", None)[1] == b""
    traffic = server.since(before)
    assert (traffic.requests, traffic.byte_count, traffic.repeated, traffic.connections) == (4, 40, 1, 4)


# --- the comparison of pixels


@pytest.mark.parametrize("kind", ["chips", "warp"])
def test_one_other_pixel_is_noticed(kind: str, tmp_path: Path) -> None:
    truth = {f"scene/red/{i}": np.arange(100, dtype=np.uint16).reshape(10, 10) + i for i in range(4)}
    save(truth, kind, tmp_path / "reference")
    assert agreement(truth, kind, tmp_path / "reference") == 1

    wrong = {key: array.copy() for key, array in truth.items()}
    wrong["scene/red/2"][5, 5] += 1
    share = {"chips": 3 / 4, "warp": 399 / 400}[kind]
    assert agreement(wrong, kind, tmp_path / "reference") == share


def test_missing_results_are_noticed(tmp_path: Path) -> None:
    truth = {"a": np.zeros(3), "b": np.zeros(3)}
    save(truth, "points", tmp_path / "reference")
    assert agreement({"a": np.zeros(3)}, "points", tmp_path / "reference") == 0


# --- the report


def test_the_report_says_where_ours_does_not_win() -> None:
    def row(reader: str, number: int, wall: float) -> dict[str, object]:
        figures = dict.fromkeys(("requests", "repeated", "byte_count", "cpu_s", "peak_mb", "start_s"), 1)
        about = {"scenario": "S1", "reader": reader, "round": number, "agreement": 0.99998}
        return figures | about | {"wall_s": wall}

    rows = [row("rasteret-sql", 0, 1.0), row("rasteret-sql", 1, 2.0)]
    rows += [row("slow", 0, 3.0), row("slow", 1, 6.0), row("quick", 0, 0.5), row("quick", 1, 1.0)]
    rows.append({"scenario": "S1", "reader": "broken", "round": 0, "error": "no such thing"})
    known = jobs(scenes(bucket.QUICK.size))
    text = report.report([known["S1"], known["S3"]], rows, "on this day")
    assert "| S1 one 256² chip of 15 dates | 0.50 | 3.00 |" in text
    assert "- S1: quick takes 0.50 of our time" in text
    assert "slow takes" not in text
    assert "| async-geotiff | does not warp |" in text
    assert "| broken | failed: no such thing |" in text
    assert "99.99 %" in text  # and never 100


def test_results_go_between_their_marks_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- growth: written by ./dev bench -->\nold\n<!-- /growth -->\nafter\n")
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "ROOT", tmp_path)
    for text in ("first", "second"):
        report.write("growth", text, lambda message: None)
    assert page.read_text() == (
        "before\n<!-- growth: written by ./dev bench -->\n\nsecond\n\n<!-- /growth -->\nafter\n"
    )
    with pytest.raises(SystemExit, match="results: written by"):
        report.write("results", "third", lambda message: None)


def test_the_page_has_both_pairs_of_marks() -> None:
    page = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    for name in ("results", "growth"):
        assert f"<!-- {name}: written by ./dev bench -->" in page
        assert f"<!-- /{name} -->" in page


# --- growth


def test_planning_is_counted_in_a_process_of_its_own(tmp_path: Path) -> None:
    pixels = np.ones((1, 600, 600), np.uint16)
    placed = (10.0, 0, *CORNER[:1], 0, -10.0, *CORNER[1:])
    (tmp_path / "a.tif").write_bytes(
        write_cog(pixels, Description(transform=placed, crs=ZONE), Storage(tile_size=64))
    )
    figures = growth._plan(str(tmp_path / "a.tif"), 20, 3)
    assert figures["chips"] == 60
    assert figures["wall_s"] > 0
    assert "error" in growth._plan(str(tmp_path / "missing.tif"), 1, 1)


def test_a_line_of_growth_is_the_median_of_its_rounds() -> None:
    runs = [{"chips": 1_000, "wall_s": seconds} for seconds in (3.0, 1.0, 2.0)]
    assert growth._cells(runs) == ["1,000", "2.000", "2,000"]
    read = {"requests": 1_200, "byte_count": 5_000_000, "cpu_s": 0.5, "peak_mb": 80}
    assert growth._cells([read | {"wall_s": 0.25}]) == ["0.250", "1,200", "5.0", "0.50", "80"]
    with pytest.raises(SystemExit, match="no such server"):
        growth._cells([{"error": "no such server"}])


# --- the whole


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.bench.run", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_a_quick_run_compares_pixels_and_counts_requests() -> None:
    done = run(
        "--quick", "--scenes", str(DATES), "--delay", "1", "--scenarios", "S1,S4,S6", "--peers", "rasterio"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    scenarios = done.stdout.split("### ")[1:]
    of = {text.split()[0]: text for text in scenarios}
    assert set(of) == {"S1", "S4", "S6"}
    for name, requests in (("S1", DATES), ("S4", None), ("S6", 0)):
        line = next(line for line in of[name].splitlines() if line.startswith("| **rasteret-sql**"))
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert requests is None or cells[3] == str(requests), line
        assert cells[4] == "0", line
        assert cells[-1] == "100 %", line
    assert all("rasterio, 32 threads" in text for text in scenarios)


def test_unknown_names_are_refused_with_those_there_are() -> None:
    done = run("--scenarios", "S1,S9")
    assert done.returncode == 2
    assert "no scenario S9; there are S1, S1b" in done.stderr
