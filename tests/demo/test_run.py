"""The whole story, from the command line, as a newcomer runs it."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from rasteret_sql import __version__
from rasteret_sql.__main__ import main
from rasteret_sql.demo import sources
from rasteret_sql.demo.archive import Archive
from rasteret_sql.demo.check import MismatchError, check_chips
from rasteret_sql.demo.progress import progress
from rasteret_sql.demo.server import Server
from rasteret_sql.demo.stac import COLLECTION
from rasteret_sql.settings import configure
from rasteret_sql.stac.catalogs.catalogs import register_catalog, resolve
from rasteret_sql.store import request_log


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-W", "error", "-m", "rasteret_sql", "demo"]
    done = subprocess.run(
        [*command, "--keep", str(folder / "kept"), "--html", str(folder / "page.html")],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"},
    )
    return done, folder


def test_the_demo_succeeds_and_says_so(told: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, _ = told
    assert done.returncode == 0, done.stderr
    assert "pixels) equal the archive's own numbers" in done.stdout
    assert "Done in" in done.stdout


def test_nothing_of_a_terminal_shows_in_a_pipe(told: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, _ = told
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout


def test_the_story_is_told_in_sql_and_tables(told: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, _ = told
    assert "    CREATE OR REPLACE TABLE idx AS" in done.stdout
    assert "│ maize" in done.stdout
    assert "│ header  │       30 │" in done.stdout


def test_it_leaves_a_page_an_index_and_chips(told: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    _, folder = told
    html = (folder / "page.html").read_text(encoding="utf-8")
    assert html.count('<section class="card') == 20
    assert "https://" not in html
    assert "http://" not in html
    index, chips = (str(folder / "kept" / name) for name in ("idx.parquet", "chips.parquet"))
    with duckdb.connect() as con:
        (rows,) = con.execute(
            "SELECT count(*) FROM read_parquet(?) WHERE error IS NULL", [index]
        ).fetchone() or (0,)
        (fields,) = con.execute(
            "SELECT count(DISTINCT field_id) FROM read_parquet(?)", [chips]
        ).fetchone() or (0,)
    assert (rows, fields) == (30, 20)


def test_a_wrong_pixel_would_be_found(
    told: tuple[subprocess.CompletedProcess[str], Path], archive: Archive
) -> None:
    _, folder = told
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE chips AS FROM '{folder / 'kept' / 'chips.parquet'}'")
        con.execute("CREATE TABLE season (field_id INTEGER, id VARCHAR, clear_pixels BIGINT, ndvi DOUBLE)")
        with pytest.raises(MismatchError, match="pairs of field and scene have chips"):
            check_chips(con, archive)
        con.execute(
            "UPDATE chips SET valid = (repeat('\\x00', width * height))::BLOB "
            "WHERE field_id = 12 AND band = 'nir' AND date_part('month', datetime) = 7 AND crs = 'EPSG:32633'"
        )
        with pytest.raises(
            MismatchError, match=r"field 12, S2_32633_20240723, nir: .* pixels differ in validity"
        ):
            check_chips(con, archive)
        con.execute(
            "UPDATE chips SET data = repeat('\\x01', 2 * width * height)::BLOB "
            "WHERE field_id = 2 AND band = 'red'"
        )
        with pytest.raises(MismatchError, match=r"field 2, S2_.*, red: .* pixels differ"):
            check_chips(con, archive)


@pytest.fixture
def earth_search() -> Iterator[Callable[[str], None]]:
    """Puts another server behind the catalogue id of the live demo."""
    known = resolve("earthsearch/sentinel-2-l2a")

    def move(endpoint: str, collection: str | None = known.collection) -> None:
        register_catalog(known.id, endpoint=endpoint, collection=collection, bands=known.bands)

    yield move
    register_catalog(
        known.id,
        endpoint=known.endpoint,
        collection=known.collection,
        title=known.title,
        licence=known.licence,
        auth=known.auth,
        bands=known.bands,
    )


def test_the_live_demo_is_the_same_story_elsewhere(
    earth_search: Callable[..., None],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    earth_search(server.url, COLLECTION)
    monkeypatch.setattr(sources, "LIVE_BBOX", (11.95, 47.96, 12.09, 48.03))
    monkeypatch.setattr(sources, "PLACES", (("farmland", 12.0, 47.99), ("lake", 11.97, 48.0)))
    assert main(["demo", "--live", "--html", str(tmp_path / "page.html")]) == 0
    told = capfd.readouterr().out
    assert "stac_search('earthsearch/sentinel-2-l2a'," in told
    assert "Not checked: there is no other copy" in told
    assert (tmp_path / "page.html").read_text(encoding="utf-8").count('<section class="card') == 2


def test_an_unreachable_catalogue_fails_clearly(
    earth_search: Callable[..., None], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    earth_search(f"http://127.0.0.1:{port}")
    configure(max_retries=0)
    try:
        code = main(["demo", "--live", "--html", str(tmp_path / "page.html")])
    finally:
        configure(max_retries=None)
    error = capfd.readouterr().err
    assert code == 1
    assert error.startswith("rasteret-sql demo: ")
    assert f"127.0.0.1:{port}" in error
    assert "Traceback" not in error
    assert not (tmp_path / "page.html").exists()


def test_a_page_for_a_folder_that_is_not_there_fails_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--html", str(tmp_path / "no" / "page.html")]) == 1
    assert "there is no folder" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"rasteret-sql {__version__}\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_counts_requests_on_a_terminal_and_leaves_no_trace() -> None:
    screen = Terminal()
    with progress("reading", screen):
        request_log.record(kind="tile", href="http://h/a.tif", started=0.0, byte_count=2_500_000)
        while "1 request, 2.5 MB" not in screen.getvalue():
            pass
    assert screen.getvalue().endswith("\r\x1b[K")


def test_progress_is_silent_in_a_pipe() -> None:
    pipe = io.StringIO()
    with progress("reading", pipe):
        pass
    assert pipe.getvalue() == ""
