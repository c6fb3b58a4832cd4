"""``rasteret-sql query --parts …``: a query in parts, by the processes of this machine or a cluster."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from rasteret_sql.errors import ArgumentError

if TYPE_CHECKING:
    import pyarrow as pa

    from rasteret_sql.parts.engines import Engine

EngineOf = Callable[[str, argparse.Namespace], "Engine"]
"""The engine of a name and a command line."""
ENGINES = ("local", "ray")
OF_PARTS = ("index", "table", "near", "by", "part_bytes", "output", "reduce")
"""Options that mean nothing to a query that runs at once."""


def add_engine(parser: argparse.ArgumentParser) -> None:
    """The options that say what runs the parts."""
    parser.add_argument(
        "--engine", choices=ENGINES, help="what runs the parts; local: processes of this machine"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes of --engine local; one a core")
    parser.add_argument("--address", metavar="HOST:PORT", help="the cluster of --engine ray; RAY_ADDRESS")


def add_parts(parser: argparse.ArgumentParser) -> None:
    """The options of a query in parts."""
    parser.add_argument(
        "--parts", type=int, metavar="N", help="cut the query, which calls its index idx, into N"
    )
    parser.add_argument(
        "--part-bytes", metavar="SIZE", help="in place of --parts: '256 MB' of tiles in a part"
    )
    parser.add_argument(
        "--index", action="append", metavar="FILE", help="Parquet of the index; a glob, or again"
    )
    parser.add_argument(
        "--table",
        action="append",
        type=_table,
        default=[],
        metavar="NAME=FILE",
        help="what else the query names",
    )
    parser.add_argument("--near", metavar="NAME", help="leave out what has no area of this table")
    parser.add_argument(
        "--by", default=None, metavar="COLUMN", help="whose rows stay together (id); '' for none"
    )
    parser.add_argument("--reduce", metavar="SQL", help="merges partial answers, which it calls partial")
    parser.add_argument(
        "--output", metavar="FOLDER", help="write a Parquet file for each part; again: the rest"
    )
    add_engine(parser)


def is_in_parts(arguments: argparse.Namespace) -> bool:
    """Whether a query is to be cut; ``ArgumentError`` where it says so in half."""
    wanted = arguments.parts is not None or arguments.part_bytes is not None or arguments.engine is not None
    given = [name for name in OF_PARTS if getattr(arguments, name) not in (None, [])]
    if not wanted and given:
        raise ArgumentError(
            f"query: --{given[0].replace('_', '-')} is about a query in parts: give --parts, "
            "--part-bytes or --engine too"
        )
    if wanted and not arguments.index:
        raise ArgumentError(
            "query: a query in parts needs the Parquet file of its index: --index idx.parquet"
        )
    if wanted and arguments.output and arguments.reduce:
        raise ArgumentError("query: --output writes the partial answers as they are; leave --reduce out")
    return wanted


def options_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments of ``split``."""
    by = {} if arguments.by is None else {"by": arguments.by or None}
    return {
        "index": arguments.index, "tables": dict(arguments.table), "near": arguments.near,
        "parts": arguments.parts, "bytes": arguments.part_bytes, **by,
    }  # fmt: skip


def answers(sql: str, arguments: argparse.Namespace, engine_of: EngineOf) -> Iterator[pa.Table]:
    """The answers of the parts as they are done, or the one that ``--reduce`` makes of them."""
    engine = engine_of(arguments.engine or ENGINES[0], arguments)
    options = options_of(arguments)
    if not arguments.reduce:
        yield from engine.tables(sql, **options)
        return
    from rasteret_sql.parts.parts import reduced
    from rasteret_sql.parts.session import Session

    with closing(engine.tables(sql, reduce=arguments.reduce, **options)) as tables:  # type: ignore[type-var]
        yield reduced(arguments.reduce, tables, Session.here())


def written(sql: str, arguments: argparse.Namespace, engine_of: EngineOf) -> dict[str, Any]:
    """Write the files; what was written, as facts."""
    engine = engine_of(arguments.engine or ENGINES[0], arguments)
    run = engine.write_parquet(sql, arguments.output, **options_of(arguments))
    return {
        "rows": run.row_count, "failed": run.failed_count, "files": len(run.files), "kept": run.kept_count,
    }  # fmt: skip


def _table(given: str) -> tuple[str, str]:
    name, equals, path = given.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"{given!r}: NAME=FILE was expected, such as fields=fields.parquet")
    return name, path
