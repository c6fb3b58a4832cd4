"""A user's function as bytes: by its name where it has one, by its code where cloudpickle is at hand."""

from __future__ import annotations

import pickle
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from rasteret_sql.errors import ArgumentError
from rasteret_sql.redaction import redact

PICKLERS = ("cloudpickle", "ray.cloudpickle", "pyspark.cloudpickle")
"""The same program in three places."""


def dumps(function: Any, prefix: str) -> bytes:
    """The pickle of the signer of ``prefix``; ``ArgumentError`` that names it where there is none."""
    failures = []
    for pickler in (pickle, *_by_code()):
        try:
            made: bytes = pickler.dumps(function)
        except Exception as error:  # whatever the user's object raises
            failures.append(type(error).__name__)
        else:
            return made
    raise ArgumentError(
        f"Session: the signer of {redact(prefix)} ({_called(function)}) cannot be sent to another process "
        f"({', '.join(dict.fromkeys(failures))}): make it a function of a module that workers can import, "
        "which holds no connection, lock or open file"
    )


def _by_code() -> list[Any]:
    found = [name for name in PICKLERS if find_spec(name.partition(".")[0]) is not None]
    return [import_module(name) for name in found[:1]]


def _called(function: Any) -> str:
    return getattr(function, "__qualname__", type(function).__name__)
