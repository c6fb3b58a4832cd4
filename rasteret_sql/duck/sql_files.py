"""The files that declare the functions, and the name of the database that holds what they declare."""

from __future__ import annotations

from pathlib import Path

CATALOG = "rasteret"
"""The database that holds the macros, where they are not TEMP ones of a connection."""
PACKAGE = Path(__file__).resolve().parents[1]


def sql_folder() -> Path:
    """The top-level ``sql/``: inside the package when installed, beside it in a checkout."""
    installed = PACKAGE / "_sql"
    return installed if installed.is_dir() else PACKAGE.parent / "sql"


def declaration_files() -> list[Path]:
    """One for each function, by name."""
    return sorted((sql_folder() / "functions").glob("*.sql"))
