"""When a signed URL expires, as its own query says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

AMAZON, GOOGLE = "x-amz-", "x-goog-"


def is_signed(url: str) -> bool:
    """Whether the query already holds a signature of Azure, Amazon or Google."""
    return not {"sig", "signature", AMAZON + "signature", GOOGLE + "signature"}.isdisjoint(_query(url))


def expires_at(url: str) -> float | None:
    """Seconds since 1970; None where the query does not say.

    Azure writes ``se`` (a service or account SAS), Amazon and Google a date and seconds from then on
    (Signature Version 4), older signatures and CloudFront the time itself as ``Expires``.
    """
    query = _query(url)
    try:
        if "se" in query and "sig" in query:
            end = datetime.fromisoformat(query["se"])
            return (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()
        for vendor in (AMAZON, GOOGLE):
            if f"{vendor}date" in query and f"{vendor}expires" in query:
                start = datetime.strptime(query[f"{vendor}date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                return (start + timedelta(seconds=int(query[f"{vendor}expires"]))).timestamp()
        return float(int(query["expires"])) if "expires" in query else None
    except (ValueError, OverflowError):
        return None


def _query(url: str) -> dict[str, str]:
    """Keys in lower case."""
    return {key.lower(): value for key, value in parse_qsl(urlsplit(url).query)}
