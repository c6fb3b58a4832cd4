"""The connections of this process, one for each session; and what a session sets for the whole process."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import duckdb

from rasteret_sql.duck.register.connection import wrapped
from rasteret_sql.duck.register.registration import register
from rasteret_sql.forks import fork_safe_rlock, in_forked_child
from rasteret_sql.parts.secret_values import resolved
from rasteret_sql.parts.share import laid_over, share_here
from rasteret_sql.settings import configure
from rasteret_sql.stac.catalogs.catalogs import add_catalog
from rasteret_sql.store.options import set_storage_options
from rasteret_sql.store.signing.signers import register_signer

if TYPE_CHECKING:
    from rasteret_sql.stac.catalogs.catalogs import Catalog
    from rasteret_sql.store.signing.signers import GivenSigner

KEPT = 4
"""Connections of other sessions than the latest that a process keeps."""


class Configuration(Protocol):
    """What a ``Session`` holds."""

    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def storage_options(self) -> Mapping[str, Mapping[str, Any]]: ...
    @property
    def signers(self) -> tuple[GivenSigner, ...]: ...
    @property
    def catalogs(self) -> tuple[Catalog, ...]: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def init(self) -> tuple[str, ...]: ...
    @property
    def cpus(self) -> float | None: ...
    @property
    def key(self) -> str: ...


class _Open:
    """One connection, and its cursors by thread."""

    def __init__(self, session: Configuration) -> None:
        share = share_here(session.cpus)
        config = laid_over({} if share is None else share.config(), session.config)
        connection = duckdb.connect(":memory:", config={name: _text(value) for name, value in config.items()})
        register(connection, new=True)
        self.connection = wrapped(connection, pushes_down=True)
        for statement in session.init:
            self.connection.execute(statement)
        self.of_thread = threading.local()


_lock = fork_safe_rlock()
_open: OrderedDict[tuple[int, str], _Open] = OrderedDict()
_in_force: tuple[str, tuple[str, ...]] | None = None
"""Key of the session that the process follows, and the names of the settings that it made."""
_inherited: list[_Open] = []


def cursor_of_thread(session: Configuration) -> duckdb.DuckDBPyConnection:
    """The cursor of this thread; made where there is none, as the connection is."""
    of_thread = connection_of(session).of_thread
    if not hasattr(of_thread, "cursor"):
        of_thread.cursor = connection_of(session).connection.cursor()
    cursor: duckdb.DuckDBPyConnection = of_thread.cursor
    return cursor


def new_cursor(session: Configuration) -> duckdb.DuckDBPyConnection:
    """A cursor with tables and views of its own."""
    return connection_of(session).connection.cursor()


def connection_of(session: Configuration) -> _Open:
    """The connection of this process; settings and the rest are the session's when it is given."""
    with _lock:
        follow(session)
        key = (os.getpid(), session.key)
        if key not in _open:
            _open[key] = _Open(session)
        _open.move_to_end(key)
        while len(_open) > KEPT:
            _open.popitem(last=False)  # closed when its last cursor goes
        return _open[key]


def follow(session: Configuration) -> None:
    """Have this process follow the session's settings, options, signers and catalogues."""
    global _in_force
    with _lock:
        if _in_force is not None and _in_force[0] == session.key:
            return
        share = share_here(session.cpus)
        values = laid_over({} if share is None else share.settings(), session.settings)
        former = () if _in_force is None else _in_force[1]
        configure(**{**dict.fromkeys(former), **values})
        set_storage_options({prefix: resolved(one) for prefix, one in session.storage_options.items()})
        for one in session.signers:
            register_signer(one.prefix, one.signer, valid_s=one.valid_s)
        for catalog in session.catalogs:
            add_catalog(catalog)
        _in_force = (session.key, tuple(values))


def _text(value: Any) -> Any:
    return value if isinstance(value, str | bool | int | float) else str(value)


@in_forked_child
def _after_fork() -> None:
    """What a parent opened is neither used nor closed: closing waits for threads that are not there."""
    _inherited.extend(_open.values())
    _open.clear()
