"""One run at a time writes an index: a lock beside it says whose it is and since when.

The lock of a process that has ended is taken over. On the same machine the process is looked up, and the
time at which it started compared, because numbers of processes are used again. On another its lock is touched
every few seconds, and counts as left behind when it was not touched for ``STALE_S``.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from rasteret_sql.errors import BusyError
from rasteret_sql.interruption import check
from rasteret_sql.pipeline.replace import is_alive, name_beside

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

HEARTBEAT_S = 10.0
STALE_S = 120.0
POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Who writes an index."""

    token: str
    """Of this lock alone."""
    host: str
    machine: str
    """The machine since it was started, and its namespace of processes: within it a pid says who it is."""
    pid: int
    started: str
    """When the process started, in ticks of the machine; empty where the system does not say."""
    since: str
    """When it took the lock, RFC 3339."""

    @property
    def text(self) -> str:
        """For people."""
        taken = datetime.fromisoformat(self.since)
        minutes = (datetime.now(UTC) - taken).total_seconds() / 60
        age = f"{minutes * 60:.0f} s" if minutes < 2 else f"{minutes:,.0f} min"
        return f"process {self.pid} on {self.host}, since {self.since} ({age})"


def myself() -> Owner:
    """This process as the owner of a new lock."""
    return Owner(
        token=uuid.uuid4().hex,
        host=socket.gethostname(),
        machine=_machine(),
        pid=os.getpid(),
        started=started(os.getpid()),
        since=datetime.now(UTC).isoformat(timespec="seconds"),
    )


@cache
def _machine() -> str:
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def started(pid: int) -> str:
    """When a process started, in what the system counts; empty where it does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace")
    except OSError:
        return ""
    return fields.rpartition(")")[2].split()[19]


@contextmanager
def locked(index: Path, *, wait: float = 0) -> Iterator[None]:
    """Hold the lock of an index in a file; ``BusyError`` when another run has it after ``wait`` seconds."""
    path = index.with_name(f"{index.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = myself()
    _wait(lambda: _take(path, mine), str(index), wait)
    taken = path.stat()
    stop = threading.Event()
    beat = threading.Thread(target=_touch, args=(path, stop), name="rasteret-lock", daemon=True)
    beat.start()
    try:
        yield
    finally:
        stop.set()
        beat.join()
        with suppress(OSError):
            if _holds(path, mine, taken):
                path.unlink()


def _wait(take: Callable[[], Owner | None], what: str, wait: float) -> None:
    end = time.monotonic() + wait
    while (owner := take()) is not None:
        if time.monotonic() >= end:
            raise BusyError(
                f"{what}: another run is writing this index: {owner.text}. Wait for it with wait=SECONDS "
                "(rasteret-sql index … --wait), or start again when it is done"
            )
        check()
        time.sleep(POLL_S)


def _touch(path: Path, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_S):
        with suppress(OSError):
            os.utime(path)


def _take(path: Path, mine: Owner) -> Owner | None:
    """Take the lock; the owner where somebody has it."""
    beside = name_beside(path)
    try:
        beside.write_text(json.dumps(asdict(mine)), encoding="utf-8")
        now = beside.stat().st_mtime  # by the clock of the file system, which may be another machine's
        if _link(beside, path):
            return None
        return _take_over(path, beside, now)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _link(beside: Path, path: Path) -> bool:
    """Give the lock its name, with all that is in it, unless it is there."""
    try:
        os.link(beside, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(handle, "wb") as file:
            file.write(beside.read_bytes())
    return True


def _take_over(path: Path, beside: Path, now: float) -> Owner | None:
    """Replace a lock that was left behind, which one process at a time may do; else whose it is."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return _unknown(now)  # just released: the next try takes it
    with file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        owner = _read(file.read())
        with suppress(FileNotFoundError):
            status = path.stat()
            here = os.fstat(file.fileno())
            if (status.st_ino, status.st_dev) != (here.st_ino, here.st_dev):
                return owner or _unknown(now)  # another was faster
            if not _left_behind(owner, now - status.st_mtime):
                return owner or _unknown(status.st_mtime)
            os.replace(beside, path)
            return None
    return owner or _unknown(now)


def _left_behind(owner: Owner | None, age_s: float) -> bool:
    if owner is not None and owner.machine == _machine():
        return not is_alive(owner.pid) or (bool(owner.started) and started(owner.pid) != owner.started)
    return age_s > STALE_S


def _holds(path: Path, mine: Owner, taken: os.stat_result) -> bool:
    """Whether a lock is still this run's; where it cannot be read, whether it is the same file."""
    try:
        owner = _read(path.read_bytes())
    except FileNotFoundError:
        return False
    except OSError:
        return os.path.samestat(path.stat(), taken)
    return owner is not None and owner.token == mine.token


def _read(text: bytes) -> Owner | None:
    try:
        given = json.loads(text)
        datetime.fromisoformat(given["since"])
        return Owner(**{**given, "pid": int(given["pid"])})
    except (ValueError, TypeError, KeyError):
        return None


def _unknown(at: float) -> Owner:
    """The owner of a lock that cannot be read."""
    since = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    return Owner(token="", host="?", machine="", pid=0, started="", since=since)


_tables: dict[str, Owner] = {}
_guard = threading.Lock()


@contextmanager
def table_locked(key: str, what: str, *, wait: float = 0) -> Iterator[None]:
    """The same for a table, among the runs of this process: DuckDB lets one process write a database."""
    mine = myself()

    def take() -> Owner | None:
        with _guard:
            owner = _tables.setdefault(key, mine)
        return None if owner is mine else owner

    _wait(take, what, wait)
    try:
        yield
    finally:
        with _guard:
            del _tables[key]
