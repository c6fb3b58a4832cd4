"""STAC's scalar values, read from JSON whose types cannot be trusted."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))?", re.ASCII
)


def parse_datetime(text: str) -> datetime:
    """RFC 3339 §5.6 as an aware UTC datetime: any fraction (cut to microseconds), any offset, a leap second.

    A datetime without an offset is taken as UTC. Raises ``ValueError`` with the reason; the caller knows
    the file and the property to name.
    """
    match = _RFC3339.fullmatch(text.strip())
    if match is None:
        raise ValueError("expected RFC 3339, such as 2024-05-31T10:15:00Z")
    *digits, fraction, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = map(int, digits)
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    leap = second == 60
    microsecond = 0 if leap else int((fraction or "")[:6].ljust(6, "0"))
    local = datetime(year, month, day, hour, minute, second - leap, microsecond, tzinfo=timezone(offset))
    try:
        return local.astimezone(UTC) + timedelta(seconds=leap)
    except OverflowError as error:
        raise ValueError("outside the years 1 to 9999") from error


def number(value: Any) -> float | None:
    """A finite number, also one written as a string; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        converted = float(value)
    except (ValueError, OverflowError):
        return None
    return converted if math.isfinite(converted) else None


def text(value: Any) -> str | None:
    """A string as it is, None as None, anything else as its JSON text."""
    if value is None or isinstance(value, str):
        return value and encodable(value)
    return json_text(value)


def roles_of(asset: Mapping[str, Any]) -> list[str]:
    """The roles of an asset; none where they are not a list."""
    roles = asset.get("roles")
    return [encodable(str(role)) for role in roles if role is not None] if isinstance(roles, list) else []


def json_text(value: Any) -> str:
    """JSON text that DuckDB reads back: not-a-number and infinities, which JSON lacks, become strings."""
    try:
        written = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=str)
    except ValueError:
        written = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), default=str)
    return encodable(written)


def encodable(value: str) -> str:
    """``value`` as UTF-8 can hold it: a lone surrogate, which JSON's escapes allow, becomes U+FFFD."""
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def short(value: Any, limit: int = 80) -> str:
    """``value`` for a message: its Python form, cut to ``limit`` characters."""
    written = repr(value)
    return written if len(written) <= limit else written[: limit - 3] + "..."


def member_names(value: Mapping[Any, Any]) -> str:
    """The first members of an object, for a message."""
    names = [short(str(name), 40)[1:-1] for name in value]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") if names else "no members"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(member) for member in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
