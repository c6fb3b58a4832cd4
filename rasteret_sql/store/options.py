"""Storage options by URL prefix, in the words that fsspec and s3fs users already write. Process-wide."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Generic, TypeVar

from rasteret_sql.errors import ArgumentError
from rasteret_sql.forks import fork_safe_lock
from rasteret_sql.store.address import family_of, plain_href
from rasteret_sql.store.prefix import covers, normal_prefix
from rasteret_sql.store.redact import display_href

Options = Mapping[str, Any]

KNOWN: dict[str, dict[str, type | tuple[type, ...] | dict[str, Any]]] = {
    "s3": {
        "anon": bool, "key": str, "secret": str, "token": str, "profile": str,
        "endpoint_url": str, "region": str, "requester_pays": bool,
        "client_kwargs": {"endpoint_url": str, "region_name": str},
        "config_kwargs": {"s3": {"addressing_style": str}},
    },
    "gs": {"token": object, "project": str, "requester_pays": (bool, str), "endpoint_url": str},
    "az": {
        "anon": bool, "account_name": str, "account_key": str, "sas_token": str, "connection_string": str,
        "credential": str, "account_host": str, "tenant_id": str, "client_id": str, "client_secret": str,
    },
    "http": {"headers": dict, "bearer_token": str, "client_kwargs": {"headers": dict}},
    "local": {},
}  # fmt: skip
"""Family of stores -> option -> its type, or the options one level down; other protocols take fsspec's."""

Value = TypeVar("Value")
REMEMBERED = 4096
"""Hrefs whose prefix stays known: each is looked up a few times for every request."""


class ByPrefix(Generic[Value]):
    """Values by ``normal_prefix``, of which the longest that covers an href counts. Never changed."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values = values
        self._known = lru_cache(maxsize=REMEMBERED)(self._longest)

    def get(self, href: str) -> Value | None:
        """The value for ``href``; a name is never cut in its middle."""
        prefix = self.prefix(href)
        return None if prefix is None else self.values[prefix]

    def prefix(self, href: str) -> str | None:
        """The prefix that counts for ``href``."""
        return self._known(href) if self.values else None

    def _longest(self, href: str) -> str | None:
        return max((prefix for prefix in self.values if covers(prefix, href)), key=len, default=None)


_NOTHING: Options = {}
_lock = fork_safe_lock()
_registry: ByPrefix[Options] = ByPrefix({})
"""Replaced as a whole, so that reading it takes no lock."""


def set_storage_options(options: Mapping[str, Options]) -> None:
    """Lay options by URL prefix over those already set; the same prefix again replaces its options.

    A prefix is ``s3://``, ``s3://bucket``, ``s3://bucket/folder/``, ``https://host`` and so on; it ends
    at a ``/``, so that ``s3://data`` does not match ``s3://data-of-others``. Raises ``ArgumentError``
    for an option that is not known; then nothing changes.
    """
    global _registry
    checked = {}
    for prefix, words in options.items():
        normal = normal_prefix(plain_href(prefix))
        if not isinstance(words, Mapping):
            raise ArgumentError(
                f"The storage options of {display_href(prefix)!r} are a {type(words).__name__}; expected a "
                "mapping "
                "of options, as in {'s3://bucket/': {'anon': True}}."
            )
        _check(words, KNOWN.get(family_of(normal)), f"of {display_href(prefix)!r}")
        checked[normal] = dict(words)
    with _lock:
        _registry = ByPrefix({**_registry.values, **checked})


def all_storage_options() -> dict[str, dict[str, Any]]:
    """All options of this process, by prefix."""
    return {prefix: dict(words) for prefix, words in _registry.values.items()}


def options_for(href: str) -> Options:
    """The options of the longest prefix that covers ``href``; empty when none does."""
    return _registry.get(href) or _NOTHING


def allowing_prefix(href: str) -> str | None:
    """The prefix whose options count for ``href``, be they empty."""
    return _registry.prefix(href)


def _check(words: Options, known: Mapping[str, Any] | None, where: str) -> None:
    if known is None:
        return
    for name, value in words.items():
        if name not in known:
            names = f"known are: {', '.join(known)}" if known else "this kind of file takes none"
            raise ArgumentError(f"Unknown storage option {name!r} {where}; {names}.")
        expected = known[name]
        if isinstance(expected, dict):
            if not isinstance(value, Mapping):
                raise ArgumentError(f"Storage option {name!r} {where} must be a mapping.")
            _check(value, expected, f"in {name!r} {where}")
        elif expected is dict:
            if not isinstance(value, Mapping) or not all(
                isinstance(text, str) for pair in value.items() for text in pair
            ):
                raise ArgumentError(f"Storage option {name!r} {where} must be a mapping of text to text.")
        elif value is not None and not isinstance(value, expected):
            kinds = expected if isinstance(expected, tuple) else (expected,)
            names = " or ".join(kind.__name__ for kind in kinds)
            raise ArgumentError(
                f"Storage option {name!r} {where} must be {names}, not {type(value).__name__}."
            )
