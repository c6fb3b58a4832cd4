"""Files take the place of others whole or not at all: written beside, flushed to the disk, renamed.

A full disk, a process that is killed and a power failure leave the old file or the new one. What a killed
process left beside is removed by the next one that writes the same file on that machine.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_numbers = itertools.count(1)


def local_path(path: str | os.PathLike[str]) -> Path:
    """A path with ``~`` for the home folder, as DuckDB reads it; a name that begins with it is a name."""
    expanded = Path(os.path.expanduser(os.fspath(path)))
    return expanded.absolute() if os.fspath(expanded).startswith("~") else expanded


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write a file to, which becomes ``path`` when the block ends well; else it is removed.

    A folder may be written in place of a file; it then takes the place of an empty one. A link stays a link.
    What is not a regular file, such as ``/dev/stdout``, is written directly.
    """
    final = Path(os.path.realpath(path))
    if final.exists() and not (final.is_file() or final.is_dir()):
        yield final
        return
    beside = name_beside(final)
    try:
        yield beside
        if final.is_file() and beside.is_file():
            shutil.copymode(final, beside)
        flush(beside)
        os.replace(beside, final)
    except BaseException:
        remove(beside)
        raise
    flush_folder(final.parent)


def flush(path: Path) -> None:
    """A file, or a folder with all that is in it, from the system's memory to the disk."""
    if path.is_dir():
        for inner in path.iterdir():
            flush(inner)
        flush_folder(path)
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """The names in a folder to the disk; a system that cannot flush folders keeps them by itself."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows opens no folder
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """A file or a folder that may be there; what cannot be removed stays."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink(missing_ok=True)


def name_beside(final: Path) -> Path:
    """A name of this process's own beside a file; what ended processes left there is removed."""
    _sweep(final)
    return final.with_name(f"{_prefix(final)}{os.getpid()}-{next(_numbers)}.tmp")


def _prefix(final: Path) -> str:
    return f".{final.name}.{socket.gethostname()}-"


def _sweep(final: Path) -> None:
    """Remove what ended processes of this machine left."""
    prefix = _prefix(final)
    with suppress(OSError):
        for left in [entry for entry in os.listdir(final.parent) if entry.startswith(prefix)]:
            pid = left.removeprefix(prefix).split("-")[0]
            if left.endswith(".tmp") and pid.isdigit() and not is_alive(int(pid)):
                remove(final.with_name(left))


def is_alive(pid: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True
