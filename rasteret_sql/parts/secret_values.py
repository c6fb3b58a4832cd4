"""Secrets among storage options: which they are, how they are shown, and how a process finds its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rasteret_sql.errors import ArgumentError
from rasteret_sql.redaction import redacted

PUBLIC = frozenset(
    {"account_host", "account_name", "addressing_style", "allow_http", "anon", "client_id", "endpoint_url"}
    | {"profile", "project", "region", "region_name", "requester_pays", "tenant_id"}
)
"""Options whose value tells nobody anything that opens a door; every other value is a secret."""
HIDDEN = "…"


@dataclass(frozen=True)
class FromEnvironment:
    """A secret of each process's own environment: ``{"bearer_token": FromEnvironment("EO_TOKEN")}``."""

    name: str
    """The environment variable."""

    def value(self) -> str:
        """Its value in this process; ``ArgumentError`` where it is not set."""
        found = os.environ.get(self.name)
        if found is None:
            raise ArgumentError(
                f"Session: the environment variable {self.name!r}, which a storage option names, is not "
                "set in this process: set it wherever parts are run"
            )
        return found


def resolved(options: Any) -> Any:
    """Options with every ``FromEnvironment`` replaced by what this process has."""
    if isinstance(options, FromEnvironment):
        return options.value()
    if isinstance(options, Mapping):
        return {name: resolved(value) for name, value in options.items()}
    return options


def shown(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options for a ``repr``: secrets are hidden, addresses redacted."""
    return {name: _shown(name, value) for name, value in options.items()}


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return shown(value)
    if isinstance(value, FromEnvironment):
        return value
    return redacted(value) if name in PUBLIC or isinstance(value, bool) else HIDDEN


def secret_names(options: Mapping[str, Any]) -> Iterator[str]:
    """The options that hold a secret as a value, those of mappings within too."""
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from secret_names(value)
        elif isinstance(value, str) and value and name not in PUBLIC:
            yield name
