"""The macros as a database file, which costs a connection 4 ms where making the macros costs 100.

It is made when the package is built. Where it is missing, or the functions were declared anew since, the
first process that connects makes it. It lies beside the code, so it is as trusted as the code; its name has a
digest of what declares the functions.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from rasteret_sql.duck.quoting import quoted
from rasteret_sql.duck.sql_files import CATALOG, declaration_files

FOLDER = Path(__file__).resolve().parent
CODE = (FOLDER.parent / "declarations.py", FOLDER / "macro_file.py")
STORAGE = "v1.5.0"
"""The oldest DuckDB that reads the file."""
DIGEST = "_rasteret_digest"
"""The macro that gives the digest."""
PATTERN = "macros-*.duckdb"


@lru_cache(maxsize=1)
def digest() -> str:
    """Of the files that declare the macros, and of the code that makes statements of them."""
    hashed = hashlib.sha256(STORAGE.encode())
    for file in (*CODE, *declaration_files()):
        hashed.update(file.read_bytes())
    return hashed.hexdigest()[:16]


def statements() -> Iterator[str]:
    """What makes the macros in the database ``rasteret``, over kernels that are bound."""
    from rasteret_sql.duck.declarations import catalog_statements  # what parses them, for once

    yield from catalog_statements()
    yield f"CREATE MACRO {CATALOG}.main.{DIGEST}() AS {quoted(digest())}"


def file_of(folder: Path = FOLDER) -> Path:
    """Where the file of these macros is, if it was made."""
    return folder / PATTERN.replace("*", digest())


def attachment(file: Path) -> str:
    """The statement that attaches a file of macros."""
    return f"ATTACH {quoted(file)} AS {CATALOG} (READ_ONLY)"


def ready() -> Path | None:
    """The file, made where it is missing; None where it cannot be made."""
    file = file_of()
    if not file.is_file():
        import duckdb

        with suppress(OSError, duckdb.Error):
            make()
    return file if file.is_file() else None


def make(folder: Path = FOLDER) -> Path:
    """Make the file whole under another name and rename it, so that processes may do so at once."""
    import duckdb

    from rasteret_sql.duck.register.binding import bind

    file = file_of(folder)
    with tempfile.TemporaryDirectory(prefix=".macros-", dir=folder) as place:
        unfinished = Path(place, file.name)
        with duckdb.connect() as connection:
            bind(connection)
            connection.execute(
                f"ATTACH {quoted(unfinished)} AS {CATALOG} (STORAGE_VERSION {quoted(STORAGE)})"
            )
            for statement in statements():
                connection.execute(statement)
            connection.execute(f"DETACH {CATALOG}")
        os.replace(unfinished, file)
    for other in folder.glob(PATTERN):
        if other != file:
            with suppress(OSError):  # on Windows, one that is attached
                other.unlink()
    return file
