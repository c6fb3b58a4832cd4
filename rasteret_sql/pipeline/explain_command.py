"""``rasteret-sql explain``: what a query would read, without reading it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from rasteret_sql.pipeline.command_connection import connected

Subparsers = argparse._SubParsersAction  # the type of what add_subparsers gives has no public name


def add_explain(commands: Subparsers[argparse.ArgumentParser], common: Any) -> None:
    """Put ``explain`` beside the other commands; ``common`` adds what they share."""
    explain = commands.add_parser(
        "explain",
        help="print what a query would read: files, tiles, requests, bytes, seconds and dollars",
        description="What a query would read, as a tree, without reading it. Nothing is written.",
    )
    explain.add_argument("sql", metavar="SQL", help="one statement; '-' reads standard input")
    explain.add_argument(
        "--look-up", action="store_true", help="read headers and send searches; only pixels are left out"
    )
    explain.add_argument("--bandwidth", type=float, metavar="MBIT", help="Mbit/s, for seconds (100)")
    explain.add_argument("--region", metavar="PLACE", help="where the query runs, such as aws/us-west-2")
    common(explain)
    explain.set_defaults(run=_explain)


def _explain(arguments: argparse.Namespace) -> int:
    sql = sys.stdin.read() if arguments.sql == "-" else arguments.sql
    asked = "rasteret_explain($1, look_up := $2, bandwidth := $3, region := $4)"
    given = [sql, arguments.look_up, arguments.bandwidth, arguments.region]
    with connected(arguments) as connection:
        cursor = connection.execute(f"FROM {asked}", given)
        names = [column[0] for column in cursor.description or ()]
        rows = cursor.fetchall()
    for row in rows:
        print(json.dumps(dict(zip(names, row, strict=True)), default=str) if arguments.json else row[0])
    if not rows:
        print("nothing of this query reads rasters or asks catalogues", file=sys.stderr)
    return 0
