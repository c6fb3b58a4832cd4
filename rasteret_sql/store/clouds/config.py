"""What all translations of storage options into obstore's configuration share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from rasteret_sql.store.options import Options

Environ = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class CloudConfig:
    """What a store of obstore is made from."""

    config: dict[str, Any] = field(default_factory=dict)
    """Keys of obstore's S3Config, GCSConfig or AzureConfig; they win over the environment."""
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with every request."""
    allow_http: bool = False
    credentials: Callable[[], dict[str, Any]] | None = None
    """Called by obstore whenever it needs credentials; None leaves it to its own search."""


def http_headers(options: Options) -> dict[str, str]:
    """Headers that the options ask for, for an HTTP origin."""
    token = options.get("bearer_token")
    return {
        **options.get("client_kwargs", {}).get("headers", {}),
        **options.get("headers", {}),
        **({"Authorization": f"Bearer {token}"} if token else {}),
    }


@lru_cache
def on_cloud(vendor: str) -> bool:
    """Whether this machine is the vendor's, so that its metadata service is worth asking.

    Elsewhere that address does not answer, and every first request would wait for it in vain.
    """
    if sys.platform != "linux":
        return False
    answer = ""
    for name in ("sys_vendor", "product_name", "bios_vendor"):
        try:
            answer += Path("/sys/class/dmi/id", name).read_text(encoding="utf-8", errors="replace").lower()
        except OSError:
            continue
    return vendor in answer


def has_any(environ: Environ, names: tuple[str, ...]) -> bool:
    """Whether any of these variables is set and not empty."""
    return any(environ.get(name) for name in names)


def given(config: dict[str, Any]) -> dict[str, Any]:
    """``config`` without what is None."""
    return {name: value for name, value in config.items() if value is not None}


def is_http(endpoint: str | None) -> bool:
    """Whether the endpoint is to be spoken to without TLS."""
    return bool(endpoint) and str(endpoint).lower().startswith("http://")
