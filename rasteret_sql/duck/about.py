"""Kernels that tell: rasteret_functions, rasteret_requests, rasteret_settings."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from rasteret_sql import settings
from rasteret_sql.duck.declarations import functions as declared
from rasteret_sql.store import meter


def functions(rows: pa.Array) -> list[list[dict[str, Any]]]:
    """The documentation of every public function."""
    table = [
        {
            "name": function.name,
            "kind": function.kind,
            "signature": function.signature,
            "summary": function.summary,
            "description": function.description,
            "parameters": [vars(parameter) for parameter in function.parameters],
            "returns": [vars(column) for column in function.returns],
            "examples": [vars(example) for example in function.examples],
        }
        for function in declared()
        if function.public
    ]
    return [table] * len(rows)


def requests(rows: pa.Array) -> list[list[dict[str, Any]]]:
    """What this process sent over the wire, oldest first."""
    log = [{name: getattr(entry, name) for name in REQUEST_FIELDS} for entry in meter.snapshot()]
    return [log] * len(rows)


REQUEST_FIELDS = (
    "id", "started_at", "kind", "url", "offset", "byte_count", "duration_ms", "attempt", "error",
)  # fmt: skip


def settings_table(rows: pa.Array) -> list[list[dict[str, Any]]]:
    """Every setting with its value now."""
    table = [
        {"name": name, "value": str(value), "default": str(default), "unit": unit, "description": description}
        for name, value, default, unit, description in settings.describe()
    ]
    return [table] * len(rows)
