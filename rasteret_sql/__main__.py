"""The ``rasteret-sql`` command."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rasteret_sql import __version__
from rasteret_sql.errors import RasteretError

if TYPE_CHECKING:
    from rasteret_sql.parts.engines import Engine

Command = Callable[[argparse.Namespace], int]
INTERRUPTED = 128 + 2
"""What a shell reports of a program that SIGINT ended."""
READER_GONE = 128 + 13
"""What a shell reports of a program that SIGPIPE ended."""


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line; the exit code. Ends without a word when nobody reads it any more."""
    try:
        try:
            code = _main(argv)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # here, where it can still be caught
        if code == INTERRUPTED and argv is None and os.name == "posix":
            # a thread may wait for a server until its timeout, and an ordinary end waits for the thread
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)
        return code
    except BrokenPipeError:
        # Python flushes once more when it ends: into nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE


def _main(argv: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words[:1] == ["shell"]:  # what follows is DuckDB's to read
            if "--demo" in words:
                return _demo_shell([word for word in words[1:] if word != "--demo"])
            _shell(words[1:])
        arguments = _parser().parse_args(words)
        command: Command = arguments.run
        return command(arguments)
    except RasteretError as error:
        print(f"rasteret-sql: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("rasteret-sql: interrupted", file=sys.stderr, flush=True)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except OSError as error:  # a folder that cannot be written, a full disk
        named = f"{error.filename}: {error.strerror}" if error.filename is not None else str(error)
        print(f"rasteret-sql: {named}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    from rasteret_sql.pipeline.commands import add_commands  # which the shell does not wait for

    parser = argparse.ArgumentParser(prog="rasteret-sql", description="Satellite imagery in DuckDB.")
    parser.add_argument("--version", action="version", version=f"rasteret-sql {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_demo(commands)
    add_commands(commands, _engine)
    commands.add_parser(
        "shell",
        help="the DuckDB shell with every function: shell [--demo] [DATABASE] [options of duckdb]",
        add_help=False,
    )
    extension = commands.add_parser("extension", help="for a DuckDB shell that you start yourself")
    told = extension.add_subparsers(dest="told", metavar="WHAT", required=True)
    path = told.add_parser("path", help="print the path of the library, to LOAD in: duckdb -unsigned")
    path.set_defaults(run=_extension_path)
    init = told.add_parser("init", help="print an init file, for: duckdb -unsigned -init FILE")
    init.set_defaults(run=_extension_init)
    return parser


def _engine(name: str, arguments: argparse.Namespace) -> Engine:
    """What runs the parts of a query."""
    from rasteret_sql.errors import ArgumentError

    if name == "local":
        from rasteret_sql.parts.engines import LocalEngine

        return LocalEngine(arguments.workers)
    try:
        from rasteret_sql.ray.engine import RayEngine
    except ModuleNotFoundError as error:
        raise ArgumentError(f"--engine ray needs Ray: pip install 'ray[data]' ({error})") from error
    return RayEngine(arguments.address)


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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
    demo.add_argument(
        "--serve", action="store_true", help="serve the archive until Ctrl-C, for shells beside it"
    )
    demo.set_defaults(run=_demo)


def _demo(arguments: argparse.Namespace) -> int:
    if arguments.serve:
        from rasteret_sql.demo.at_hand import serve_until_interrupted

        return serve_until_interrupted()
    from rasteret_sql.demo.run import run

    return run(live=arguments.live, keep=arguments.keep, html=arguments.html)


def _shell(arguments: Sequence[str]) -> NoReturn:
    from rasteret_sql.shell.program import run

    run(arguments)


def _demo_shell(arguments: Sequence[str]) -> int:
    from rasteret_sql.demo.at_hand import VIEWS, at_hand
    from rasteret_sql.shell.program import run_beside

    with at_hand() as demo:
        return run_beside(arguments, folder=demo.folder, environment=demo.environment, statements=VIEWS)


def _extension_path(_: argparse.Namespace) -> int:
    from rasteret_sql.shell.library import library

    print(library())
    return 0


def _extension_init(_: argparse.Namespace) -> int:
    from rasteret_sql.shell.library import init_sql

    print(init_sql(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
