"""The demo: search, index, estimate, cut chips, check them, and show what it cost; told in SQL."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import duckdb

import rasteret_sql
from rasteret_sql.demo import queries
from rasteret_sql.demo.check import check_chips
from rasteret_sql.demo.page import Story, write_page
from rasteret_sql.demo.progress import progress
from rasteret_sql.demo.queries import Query
from rasteret_sql.demo.report import field_cards, scene_maps
from rasteret_sql.demo.sources import Source, live_source, local_source
from rasteret_sql.errors import ArgumentError, RasteretError

TABLE_WIDTH = 110


def run(*, live: bool = False, keep: Path | None = None, html: Path | None = None) -> int:
    """Tell the story on this terminal and write its page; the exit code.

    ``keep``: folder for the archive, index and chips, which otherwise live in a temporary one.
    ``html``: the page, ``rasteret-demo.html`` by default.
    """
    html = Path("rasteret-demo.html" if html is None else html).resolve()
    try:
        if not html.parent.is_dir():
            raise ArgumentError(f"--html {html}: there is no folder {html.parent}")
        with _folder(keep) as folder, contextlib.chdir(folder):
            _tell(live, folder, html)
    except (RasteretError, duckdb.Error) as error:
        print(f"rasteret-sql demo: {error}", file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    # DuckDB may still hold a Parquet file when the folder goes; on Windows that would be an error.
    with tempfile.TemporaryDirectory(prefix="rasteret-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


def _tell(live: bool, folder: Path, html: Path) -> None:
    began = perf_counter()
    with contextlib.ExitStack() as stack:
        if not live:
            _say("Making a small archive of Sentinel-2-like scenes, and serving it on this machine …")
        source = stack.enter_context((live_source if live else local_source)(folder))
        ready_s = perf_counter() - began
        con = stack.enter_context(contextlib.closing(rasteret_sql.connect(settings={"progress": "off"})))
        _say(
            f"Reading {source.title} (catalogue '{source.catalog}')."
            + ("" if live else f" Ready in {ready_s:.1f} s.")
        )
        told = _queries(con, source)
        checked = check_chips(con, source.archive) if source.archive else None
        _say(
            f"Checked: {checked}."
            if checked
            else "Not checked: there is no other copy of these pixels to compare with."
        )
        costs = con.sql(queries.SPENT.sql).fetchall()
        _ask(con, queries.SPENT)
        with progress("drawing the page"):
            write_page(
                html,
                Story(
                    source=source,
                    queries=[*told, queries.SPENT],
                    maps=scene_maps(con, source),
                    cards=field_cards(con, source),
                    numbers=_numbers(con),
                    costs=costs,
                    checked=None if checked is None else str(checked),
                ),
            )
        _say(f"{html.stat().st_size / 1e6:.1f} MB of pictures in {html}")
        _say(f"Done in {perf_counter() - began:.1f} s.")


def _queries(con: duckdb.DuckDBPyConnection, source: Source) -> list[Query]:
    """Run the story's queries in order; gives those told."""
    story = [
        (queries.index(source), "indexing"),
        (queries.INDEX_ROWS, None),
        (queries.cost(source), None),
        (queries.chips(source), "reading chips"),
        (queries.CHIP_ROWS, None),
        (queries.season(source), "following the season"),
        (queries.SEASON_TABLE, None),
    ]
    for query, doing in story:
        if doing is None:
            _ask(con, query)
            continue
        _heading(query)
        began = perf_counter()
        with progress(doing):
            con.execute(query.sql)
        _say(f"{perf_counter() - began:.2f} s")
    return [query for query, _ in story]


def _numbers(con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """The counts that the page begins with."""
    row = con.execute(
        """
        SELECT (SELECT count(DISTINCT id) FROM idx),
               (SELECT count(*) FROM idx),
               (SELECT sum(file_size) / 1e6 FROM idx),
               (SELECT count(*) FROM chips),
               (SELECT count(DISTINCT field_id) FROM chips)
        """
    ).fetchone()
    assert row is not None  # a SELECT without FROM has one row
    return dict(zip(("scenes", "files", "megabytes", "chips", "fields"), map(float, row), strict=True))


def _ask(con: duckdb.DuckDBPyConnection, query: Query) -> None:
    _heading(query)
    sys.stdout.flush()
    con.sql(query.sql).show(max_width=TABLE_WIDTH)


def _heading(query: Query) -> None:
    title = f"\x1b[1m{query.title}\x1b[0m" if sys.stdout.isatty() else query.title
    print(f"\n{title}\n{query.why}\n")
    print("\n".join(f"    {line}".rstrip() for line in query.sql.splitlines()) + "\n")


def _say(text: str) -> None:
    print(text, flush=True)
