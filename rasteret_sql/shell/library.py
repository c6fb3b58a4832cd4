"""The loadable extension: where it is, and the statements that put the functions on a shell's connection."""

from __future__ import annotations

import sys
from pathlib import Path

from rasteret_sql import __version__
from rasteret_sql.duck.quoting import quoted
from rasteret_sql.errors import UnsupportedError

BUILT = Path(__file__).resolve().parent / "rasteret.duckdb_extension"
UNSIGNED = (
    "rasteret: DuckDB loads only extensions that its makers signed, and this one is not. "
    "Start the shell with duckdb -unsigned, or with rasteret-sql shell"
)


def library() -> Path:
    """The library to LOAD, at a path from which it finds the Python of this environment.

    An installed package lies inside its environment. A checkout does not, so a link is made that does.
    Raises ``UnsupportedError`` where the package was installed without the library.
    """
    if not BUILT.is_file():
        raise UnsupportedError(
            f"rasteret-sql was installed without its DuckDB extension ({BUILT} is missing): there is none "
            "for this platform, or it could not be built. Wheels for Linux with glibc and for macOS have it"
        )
    prefix = Path(sys.prefix)
    if BUILT.is_relative_to(prefix.resolve()):
        return BUILT
    link = prefix / "share" / "rasteret-sql" / BUILT.name
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists() or link.resolve() != BUILT:
            link.unlink(missing_ok=True)
            link.symlink_to(BUILT)
    except OSError:
        return BUILT  # then RASTERET_PYTHON has to say which Python
    return link


def init_statements() -> list[str]:
    """What a shell runs at its start: LOAD, and one macro a function.

    The macros are TEMP ones, as those of a Python connection: they leave no trace in the user's file, and a
    read-only file takes them. So they belong to the connection that runs this.
    """
    from rasteret_sql.duck.declarations import macro_statements

    return [
        "SET VARIABLE rasteret_may_load = (SELECT CASE "
        f"WHEN NOT current_setting('allow_unsigned_extensions') THEN error({quoted(UNSIGNED)}) END)",
        f"LOAD {quoted(str(library()))}",
        *macro_statements(),
    ]


def init_sql() -> str:
    """The same as a file, for those who start ``duckdb`` themselves."""
    return f"-- rasteret-sql {__version__}\n" + "".join(f"{each};\n" for each in init_statements())
