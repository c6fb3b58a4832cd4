"""All that another process must know before it runs a query, as one value."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rasteret_sql.errors import ArgumentError, RasteretWarning
from rasteret_sql.parts import connections
from rasteret_sql.parts.function_pickles import dumps
from rasteret_sql.parts.secret_values import HIDDEN, secret_names, shown
from rasteret_sql.parts.share import share_here
from rasteret_sql.redaction import redact, redact_text
from rasteret_sql.settings import given_values
from rasteret_sql.stac.catalogs.catalogs import Catalog, catalogs_beyond_built_in
from rasteret_sql.store.options import all_storage_options
from rasteret_sql.store.signing.signers import GivenSigner, given_signers

if TYPE_CHECKING:
    import duckdb

SHOWN_CONFIG = frozenset({"threads", "memory_limit", "temp_directory", "enable_external_access"})
"""Settings of DuckDB whose values a ``repr`` shows; others may be keys."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Session:
    """Settings, storage options, signers, catalogues, DuckDB's config and ``init``: it can be pickled.

    ``Session.here()`` takes what is configured in this process; ``connect()`` makes it true in another one.
    Prefer profiles and ``FromEnvironment`` to secrets as values: a value is in every task that an engine
    sends, and a ``RasteretWarning`` says so.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    """As ``rasteret_sql.connect`` takes them."""
    storage_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By URL prefix; a value may be a ``FromEnvironment``."""
    signers: tuple[GivenSigner, ...] = ()
    catalogs: tuple[Catalog, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    """DuckDB's, as ``duckdb.connect`` takes it."""
    init: tuple[str, ...] = ()
    """SQL that a process runs once on its connection: ``LOAD httpfs``, ``CREATE SECRET``, ``ATTACH``."""
    cpus: float | None = None
    """Cores that a process may use. Threads of DuckDB and of decoding, requests in flight, caches and the
    memory of DuckDB are bounded by the share that they are of the machine, so that several processes share
    it; ``settings`` and ``config`` go before it. None: the whole machine."""
    key: str = field(default="", compare=False)
    """What tells this session from others in the processes that it is sent to."""

    def __post_init__(self) -> None:
        if isinstance(self.init, str):
            raise ArgumentError("Session: init is a list of statements, found one text; write init=[…]")
        object.__setattr__(self, "init", tuple(self.init))
        share_here(self.cpus)
        for prefix, options in self.storage_options.items():
            if secrets := list(secret_names(options)):
                message = (
                    f"Session: values of {', '.join(secrets)} among the storage options of {redact(prefix)} "
                    "travel with every part; prefer a profile or FromEnvironment, which a process looks up"
                )
                warnings.warn(RasteretWarning(message), stacklevel=3)
        if not self.key:
            parts = (*self._values(), [(one.prefix, one.valid_s, repr(one.signer)) for one in self.signers])
            object.__setattr__(self, "key", hashlib.sha256(repr(parts).encode()).hexdigest()[:16])

    @classmethod
    def here(
        cls,
        *,
        config: Mapping[str, Any] | None = None,
        init: tuple[str, ...] | list[str] = (),
        cpus: float | None = None,
    ) -> Session:
        """What is configured in this process now; DuckDB's config and ``init`` are given, not found."""
        return cls(
            settings=given_values(),
            storage_options=all_storage_options(),
            signers=given_signers(),
            catalogs=catalogs_beyond_built_in(),
            config=dict(config or {}),
            init=tuple(init),
            cpus=cpus,
        )

    def with_cpus(self, cpus: float | None) -> Session:
        """The same for a process that may use so many cores."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RasteretWarning)  # said when this one was made
            return replace(self, cpus=cpus, key="")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A cursor of this thread, on a connection that this process keeps for the session.

        A forked process makes a connection of its own. Settings, options, signers and catalogues are those of
        the process: they become the session's.
        """
        return connections.cursor_of_thread(self)

    def _values(self) -> tuple[Any, ...]:
        return (
            dict(self.settings), {name: dict(one) for name, one in self.storage_options.items()},
            self.catalogs, dict(self.config), self.init, self.cpus,
        )  # fmt: skip

    def __reduce__(self) -> tuple[Any, ...]:
        """Signers are pickled each by itself, so that the one that cannot be is named."""
        if self == _PLAIN:
            return Session, ()
        signers = tuple((one.prefix, dumps(one.signer, one.prefix), one.valid_s) for one in self.signers)
        return _unpickled, (*self._values(), signers, self.key)

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        config = {name: value if name in SHOWN_CONFIG else HIDDEN for name, value in self.config.items()}
        facts = {
            "settings": dict(self.settings),
            "storage_options": {redact(prefix): shown(one) for prefix, one in self.storage_options.items()},
            "signers": [redact(one.prefix) for one in self.signers],
            "catalogs": [one.id for one in self.catalogs],
            "config": config,
            "init": f"{len(self.init)} statements" if self.init else None,
            "cpus": self.cpus,
        }
        return redact_text(
            f"Session({', '.join(f'{name}={value!r}' for name, value in facts.items() if value)})"
        )


def _unpickled(
    settings: dict[str, Any],
    storage_options: dict[str, dict[str, Any]],
    catalogs: tuple[Catalog, ...],
    config: dict[str, Any],
    init: tuple[str, ...],
    cpus: float | None,
    signers: tuple[tuple[str, bytes, float], ...],
    key: str,
) -> Session:
    given = tuple(
        GivenSigner(prefix=prefix, signer=pickle.loads(function), valid_s=valid_s)
        for prefix, function, valid_s in signers
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RasteretWarning)  # said where it was made
        return Session(
            settings=settings, storage_options=storage_options, signers=given, catalogs=catalogs,
            config=config, init=init, cpus=cpus, key=key,
        )  # fmt: skip


_PLAIN = Session()
"""Nothing is configured."""
