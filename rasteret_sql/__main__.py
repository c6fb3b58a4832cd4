"""The ``rasteret-sql`` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rasteret_sql import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line; the exit code."""
    parser = argparse.ArgumentParser(prog="rasteret-sql", description="Satellite imagery in DuckDB.")
    parser.add_argument("--version", action="version", version=f"rasteret-sql {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    demo = commands.add_parser(
        "demo",
        help="make a small archive, and go from STAC search to checked chips in SQL",
        description="From STAC search to checked chips in SQL, on a small archive made on the spot.",
    )
    demo.add_argument(
        "--live", action="store_true", help="read Sentinel-2 at Earth Search (needs the internet)"
    )
    demo.add_argument(
        "--keep", type=Path, metavar="DIR", help="leave the archive, the index and the chips in DIR"
    )
    demo.add_argument("--html", type=Path, metavar="FILE", help="write the page there (rasteret-demo.html)")
    arguments = parser.parse_args(argv)
    from rasteret_sql.demo.run import run

    return run(live=arguments.live, keep=arguments.keep, html=arguments.html)


if __name__ == "__main__":
    sys.exit(main())
