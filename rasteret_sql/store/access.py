"""What the host of a query allows to be opened: DuckDB's hardening, held by everything that reads or lists.

A kernel runs under the policy of the database that called it; Python code that calls this package without a
database is under none. Threads that work for a kernel are given its policy with ``carried``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from rasteret_sql.errors import RasteretError, RefusedError
from rasteret_sql.store.address import family_of, links_of, parse_address, plain_href
from rasteret_sql.store.prefix import forms
from rasteret_sql.store.redact import display_href

FILE_SYSTEMS = {
    "local": ("LocalFileSystem",),
    "http": ("HTTPFileSystem",),
    "s3": ("S3FileSystem",),
    "gs": ("S3FileSystem",),  # DuckDB reads Google's buckets by it
    "az": ("AzureBlobStorageFileSystem", "AzureDfsStorageFileSystem"),
    "fsspec": ("LocalFileSystem",),  # any of them may open local files
}
"""Family of stores -> DuckDB's names of what reads it."""
WILDCARDS = "*?["

Given = TypeVar("Given")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Access:
    """What one database says at one moment."""

    external: bool = True
    """``enable_external_access``."""
    directories: tuple[str, ...] = ()
    """``allowed_directories``, each with its ``/`` at the end."""
    paths: tuple[str, ...] = ()
    """``allowed_paths``."""
    disabled: frozenset[str] = frozenset()
    """``disabled_filesystems``."""

    @property
    def is_open(self) -> bool:
        """Whether nothing is refused."""
        return self.external and not self.disabled

    def refusal(self, href: str, *, folder: bool = False) -> RefusedError | None:
        """Why ``href`` may not be read, or as a ``folder`` not listed; None where it may."""
        if self.is_open:
            return None
        plain = plain_href(href)
        for link in links_of(plain):
            for name in FILE_SYSTEMS[family_of(link)]:
                if name in self.disabled and not link.startswith("memory://"):
                    return RefusedError(
                        f"{display_href(href)}: Permission Error: file system {name} has been disabled by "
                        "DuckDB's "
                        "configuration (disabled_filesystems)."
                    )
        if self.external or self._is_allowed(plain, folder):
            return None
        return RefusedError(
            f"{display_href(href)}: Permission Error: DuckDB's configuration does not allow external access "
            "(enable_external_access = false), and neither allowed_directories nor allowed_paths name it."
        )

    def _is_allowed(self, href: str, folder: bool) -> bool:
        asked: tuple[str, ...] = forms(_whole(href))
        if not folder and asked in self._path_forms:
            return True
        if folder:
            asked = tuple(form if form.endswith("/") else f"{form}/" for form in asked)
        return any(
            all(form.startswith(directory) for form, directory in zip(asked, each, strict=True))
            for each in self._directory_forms
        )

    @cached_property
    def _path_forms(self) -> frozenset[tuple[str, ...]]:
        return frozenset(forms(_whole(path)) for path in self.paths)

    @cached_property
    def _directory_forms(self) -> tuple[tuple[str, ...], ...]:
        directories = (forms(_whole(name)) for name in self.directories)
        return tuple(
            tuple(form if form.endswith("/") else f"{form}/" for form in each) for each in directories
        )


def _whole(href: str) -> str:
    """A local path from its root, without links, as DuckDB has it; anything else as it is."""
    try:
        address = parse_address(href)
    except RasteretError:
        return href
    if address.family != "local":
        return href
    path = os.path.realpath(address.key)
    return path + ("/" if href.endswith("/") and not path.endswith("/") else "")


Ask = Callable[[], Access]
"""What the database says now."""


class Policy:
    """Asks the database once for one call of a kernel, and not before something is to be opened."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._access: Access | None = None

    def access(self) -> Access:
        with self._lock:
            if self._access is None:
                self._access = self._ask()
            return self._access


_here = threading.local()


@contextmanager
def governed_by(policy: Policy | None) -> Iterator[None]:
    """What is read on this thread meanwhile is read under ``policy``."""
    before = getattr(_here, "policy", None)
    _here.policy = policy
    try:
        yield
    finally:
        _here.policy = before


def carried(function: Callable[[Given], Result]) -> Callable[[Given], Result]:
    """``function`` under this thread's policy, and for its query, whichever thread runs it."""
    from rasteret_sql import metering  # with the first read

    policy: Policy | None = getattr(_here, "policy", None)
    place = metering.place()
    if policy is None and place is None:
        return function

    def governed(argument: Given) -> Result:
        with governed_by(policy), metering.within(*(place or (None,))):
            return function(argument)

    return governed


def refusal(href: str, *, folder: bool = False) -> RefusedError | None:
    """Why this thread may not open ``href``; None where it may."""
    policy: Policy | None = getattr(_here, "policy", None)
    return None if policy is None else policy.access().refusal(href, folder=folder)


def is_open() -> bool:
    """Whether nothing at all is refused here, so that nobody has to ask for each href."""
    policy: Policy | None = getattr(_here, "policy", None)
    return policy is None or policy.access().is_open


def require(href: str) -> None:
    """Raise ``RefusedError`` where this thread may not open ``href``."""
    reason = refusal(href)
    if reason is not None:
        raise reason


def require_listing(pattern: str) -> None:
    """The same for the folder in which the files of ``pattern`` are looked for."""
    at = min((pattern.find(sign) for sign in WILDCARDS if sign in pattern), default=-1)
    if at >= 0:
        folder = pattern[:at].rpartition("/")[0]
        reason = refusal(f"{folder}/" if folder or pattern.startswith("/") else "./", folder=True)
        reason = reason or refusal(pattern)  # ``..`` behind a wildcard
    else:
        reason = refusal(pattern) and refusal(pattern, folder=True)
    if reason is not None:
        raise reason
