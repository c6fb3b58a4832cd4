"""Kernels that tell: rasteret_functions, rasteret_requests, rasteret_settings."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from rasteret_sql import settings
from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.duck.declarations import functions as declared
from rasteret_sql.geotiff.header_cache import HEADERS
from rasteret_sql.redaction import redact_text
from rasteret_sql.store import request_log
from rasteret_sql.store.scheduling import scheduler


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
    """What this process sent over the wire, and what its cache spared, oldest first."""
    log = [{name: getattr(entry, name) for name in REQUEST_FIELDS} for entry in request_log.snapshot()]
    return [log] * len(rows)


REQUEST_FIELDS = (
    "id", "started_at", "kind", "url", "offset", "byte_count", "duration_ms", "attempt", "error",
    "cached_tiles", "cached_byte_count",
)  # fmt: skip


def settings_table(rows: pa.Array) -> list[list[dict[str, Any]]]:
    """Every setting with its value now."""
    in_use = _in_use()
    table = [
        {
            "name": name,
            "value": redact_text(_text(value)),
            "default": _text(default),
            "unit": unit,
            "description": description,
            "in_use": in_use.get(name),
        }
        for name, value, default, unit, description in settings.describe()
    ]
    return [table] * len(rows)


def _text(value: object) -> str:
    """As SQL writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _in_use() -> dict[str, int]:
    """How much of each limit is taken, where that is more than one read's own affair."""
    return {
        "bytes_in_flight": scheduler.budget.held,
        "tile_cache_bytes": BLOCKS.byte_count,
        "header_cache_bytes": HEADERS.byte_count,
        "request_log_rows": request_log.kept(),
    }
