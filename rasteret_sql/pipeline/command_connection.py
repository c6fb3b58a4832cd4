"""The connection of the command line, whose errors end in one line."""

from __future__ import annotations

import argparse
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb


@contextmanager
def connected(arguments: argparse.Namespace) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection; what DuckDB refuses is an error of ours, so that it ends in one line and exit code 1."""
    import duckdb

    import rasteret_sql
    from rasteret_sql.duck.register.threads import BY_CTRL_C
    from rasteret_sql.errors import ArgumentError, RasteretWarning

    try:
        with rasteret_sql.connect(arguments.database) as connection:
            # DuckDB draws its bar on standard output, into what is printed there
            connection.execute("SET enable_progress_bar = false")
            with warnings.catch_warnings():
                warnings.simplefilter("always", RasteretWarning)
                warnings.showwarning = _show_warning
                yield connection
    except duckdb.Error as error:
        raise ArgumentError(str(error)) from error
    except RuntimeError as error:
        if str(error) == BY_CTRL_C:
            raise KeyboardInterrupt from None
        raise


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"rasteret-sql: {message}", file=sys.stderr)
