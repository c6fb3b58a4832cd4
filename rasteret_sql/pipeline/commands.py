"""``rasteret-sql index``, ``query`` and ``explain``, for people and for cron.

Exit codes: 0 done; 1 an error; 2 a command line that cannot be understood; 3 done, but rows failed or nothing
was found (build, refresh), or problems were found (validate). Results go to standard output, warnings to
standard error, and so does progress, to a terminal only.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from rasteret_sql.pipeline.command_connection import connected
from rasteret_sql.pipeline.engine_commands import (
    EngineOf,
    add_engine,
    add_parts,
    answers,
    is_in_parts,
    written,
)
from rasteret_sql.pipeline.explain_command import add_explain

if TYPE_CHECKING:
    import duckdb

    from rasteret_sql.pipeline.build import Headers, IndexRun

DONE, WITH_FAILURES = 0, 3
SHOWN_ROWS = 10_000
"""Of a table for people; the table says so where there are more. ``--json`` prints all."""
TARGET = "a .parquet path, or the name of a table in --database"
Subparsers = argparse._SubParsersAction  # the type of what add_subparsers gives has no public name


def add_commands(commands: Subparsers[argparse.ArgumentParser], engine_of: EngineOf) -> None:
    """Put ``index``, ``query`` and ``explain`` beside the others; ``engine_of`` gives the ``--engine``."""
    index = commands.add_parser("index", help="build an index, keep it up to date, look into it, check it")
    whats = index.add_subparsers(dest="what", metavar="WHAT", required=True)
    build = _command(
        whats,
        "build",
        partial(_build, engine_of=engine_of),
        "read the headers of what a search finds into an index",
    )
    add_engine(build)
    build.add_argument(
        "catalog", nargs="?", metavar="CATALOG", help="an id of stac_catalogs(), or the URL of an API"
    )
    build.add_argument("--items", metavar="SQL", help="in place of CATALOG: a query that gives items")
    build.add_argument("--assets", type=_names, metavar="A,B", help="asset keys; without it every TIFF")
    build.add_argument("--collections", type=_names, metavar="A,B")
    build.add_argument("--ids", type=_names, metavar="A,B")
    build.add_argument("--bbox", type=_bbox, metavar="XMIN,YMIN,XMAX,YMAX", help="longitude and latitude")
    build.add_argument("--intersects", metavar="WKT", help="WKT or GeoJSON")
    build.add_argument("--datetime", metavar="FROM/TO")
    build.add_argument("--filter", metavar="SQL", help="such as: cloud_cover < 20")
    build.add_argument("--alternate", metavar="NAME", help="which href of each asset, such as: s3")
    build.add_argument("--max-items", type=int, metavar="N")
    refresh = _command(whats, "refresh", _refresh, "make the searches of an index again; read what is new")
    refresh.add_argument("--prune", action="store_true", help="delete rows that the catalogue no longer has")
    refresh.add_argument("--check-files", action="store_true", help="ask every file for its ETag and size")
    refresh.add_argument(
        "--updated-only", action="store_true", help="ask only for items changed since the last"
    )
    refresh.add_argument(
        "--items", action="append", default=[], metavar="SQL",
        help="repeat the query of items that the index was built from: what is stored in an index is not run",
    )  # fmt: skip
    for command in (build, refresh):
        command.add_argument(
            "--wait", nargs="?", type=float, const=math.inf, default=0, metavar="SECONDS",
            help="wait while another run writes TARGET, as long as it takes or so many seconds",
        )  # fmt: skip
        command.add_argument(
            "--allow-empty", action="store_true",
            help="exit with 0 where nothing was found, or no item has one of the assets",
        )  # fmt: skip
        command.add_argument(
            "--batch", type=int, default=2048, metavar="N", help="headers between two commits"
        )
    _command(whats, "info", _info, "what an index holds")
    validate = _command(whats, "validate", _validate, "whether an index is complete, and its files unchanged")
    validate.add_argument("--no-files", action="store_true", help="look at the index alone; no request")
    validate.add_argument("--sample", type=int, metavar="N", help="ask only N of its files")
    query = commands.add_parser("query", help="run SQL with every function, and print the rows")
    query.add_argument("sql", metavar="SQL", help="one statement or several; '-' reads standard input")
    _common(query)
    add_parts(query)
    query.set_defaults(run=partial(_query, engine_of=engine_of))
    add_explain(commands, _common)


def _command(
    whats: Subparsers[argparse.ArgumentParser], what: str, run: Any, text: str
) -> argparse.ArgumentParser:
    parser = whats.add_parser(what, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.add_argument("target", metavar="TARGET", help=TARGET)
    _common(parser)
    parser.set_defaults(run=run)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", default=":memory:", metavar="FILE", help="a DuckDB database")
    parser.add_argument("--json", action="store_true", help="print JSON; rows of a query one a line")


def _names(given: str) -> list[str]:
    return [part.strip() for part in given.split(",") if part.strip()]


def _bbox(given: str) -> list[float]:
    numbers = [float(part) for part in given.split(",")]
    if len(numbers) != 4:
        raise argparse.ArgumentTypeError(f"{given!r}: four numbers with commas between were expected")
    return numbers


def _build(arguments: argparse.Namespace, *, engine_of: EngineOf) -> int:
    from rasteret_sql.pipeline.build import build_index

    names = (
        "items",
        "assets",
        "collections",
        "ids",
        "bbox",
        "intersects",
        "datetime",
        "filter",
        "max_items",
        "alternate",
    )
    search = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    with connected(arguments) as connection:
        run = build_index(
            connection, arguments.target, arguments.catalog, batch_rows=arguments.batch,
            wait=arguments.wait, headers=_headers(arguments, engine_of), **search,
        )  # fmt: skip
    return _done(run, arguments)


def _done(run: IndexRun, arguments: argparse.Namespace) -> int:
    _print(run.as_dict(), arguments.json)
    return WITH_FAILURES if run.failed or (run.notice and not arguments.allow_empty) else DONE


def _refresh(arguments: argparse.Namespace) -> int:
    from rasteret_sql.pipeline.build import refresh_index

    with connected(arguments) as connection:
        run = refresh_index(
            connection, arguments.target, prune=arguments.prune, check_files=arguments.check_files,
            updated_only=arguments.updated_only, batch_rows=arguments.batch,
            items=arguments.items, wait=arguments.wait,
        )  # fmt: skip
    return _done(run, arguments)


def _info(arguments: argparse.Namespace) -> int:
    from rasteret_sql.pipeline.check import index_info

    with connected(arguments) as connection:
        _print(index_info(connection, arguments.target).as_dict(), arguments.json)
    return DONE


def _validate(arguments: argparse.Namespace) -> int:
    from rasteret_sql.pipeline.check import validate_index

    with connected(arguments) as connection:
        problems = validate_index(
            connection, arguments.target, check_files=not arguments.no_files, sample=arguments.sample
        )
    if arguments.json:
        print(json.dumps([problem.as_dict() for problem in problems]))
    for problem in () if arguments.json else problems:
        print(f"{problem.kind}: {problem.rows:,} rows, such as: {problem.example}")
    return WITH_FAILURES if problems else DONE


def _headers(arguments: argparse.Namespace, engine_of: EngineOf) -> Headers | None:
    """What reads the headers, if not this process."""
    return None if arguments.engine is None else engine_of(arguments.engine, arguments).headers()


def _query(arguments: argparse.Namespace, *, engine_of: EngineOf) -> int:
    sql = sys.stdin.read() if arguments.sql == "-" else arguments.sql
    if is_in_parts(arguments):
        return _query_in_parts(sql, arguments, engine_of)
    with connected(arguments) as connection:
        if not arguments.json:
            relation = connection.sql(sql)
            if relation is not None:  # None is of a statement that gives no rows
                relation.show(max_rows=SHOWN_ROWS)
            return DONE
        _print_rows(connection.execute(sql))
    return DONE


def _print_rows(cursor: duckdb.DuckDBPyConnection) -> None:
    names = [column[0] for column in cursor.description or ()]
    while rows := cursor.fetchmany(2048):
        for row in rows:
            print(json.dumps(dict(zip(names, row, strict=True)), default=_json))


def _query_in_parts(sql: str, arguments: argparse.Namespace, engine_of: EngineOf) -> int:
    with connected(arguments) as connection:
        if arguments.output:
            facts = written(sql, arguments, engine_of)
            _print(facts, arguments.json)
            return WITH_FAILURES if facts["failed"] else DONE
        tables = answers(sql, arguments, engine_of)
        if arguments.json:
            for table in tables:
                _print_rows(connection.register("answer", table).execute("FROM answer"))
            return DONE
        import pyarrow as pa

        answer = pa.concat_tables(tables, promote_options="permissive")
        connection.from_arrow(answer).show(max_rows=SHOWN_ROWS)
    return DONE


def _json(value: Any) -> Any:
    """What JSON has no word for: bytes as hexadecimal digits, times and the rest as text."""
    return value.hex() if isinstance(value, bytes | bytearray | memoryview) else str(value)


def _print(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts))
        return
    width = max(map(len, facts))
    for key, value in facts.items():
        print(f"{key:<{width}}  {value}")
