"""A real STAC API (stac-fastapi-pgstac on PostgreSQL) for the tests, shared by the workers of one run."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

RECIPE = "stac_api_up.sh"


class UnavailableError(Exception):
    """Why it cannot run here."""


@contextlib.contextmanager
def running(tools: Path, folder: Path) -> Iterator[str]:
    """The address of the API; the first user starts it, the last one stops it."""
    _check(tools)
    folder.mkdir(parents=True, exist_ok=True)
    users = folder / "users"
    users.mkdir(exist_ok=True)
    mine = users / str(os.getpid())
    with _locked(folder):
        url = _url_of_running(folder)
        if url is None:
            _stop(folder)
            url = _start(tools, folder)
        mine.touch()
    try:
        yield url
    finally:
        with _locked(folder):
            mine.unlink(missing_ok=True)
            if not any(_alive(int(user.name)) for user in users.iterdir()):
                _stop(folder)


def _check(tools: Path) -> None:
    if not (tools / RECIPE).is_file():
        raise UnavailableError(f"no ../shared/tools/{RECIPE} beside this checkout")
    if os.getuid() != 0:
        raise UnavailableError("PostgreSQL is started as its own user, which takes root")
    if not any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or shutil.which("psql") is None:
        raise UnavailableError("PostgreSQL is not installed (apt-get install postgresql postgresql-postgis)")
    if not any(Path("/usr/share/postgresql").glob("*/extension/postgis.control")):
        raise UnavailableError("PostGIS is not installed (apt-get install postgresql-postgis)")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _url_of_running(folder: Path) -> str | None:
    try:
        url = str(json.loads((folder / "state.json").read_text())["url"])
        with urllib.request.urlopen(url, timeout=5):
            return url
    except (OSError, ValueError, KeyError, urllib.error.URLError):
        return None


def _start(tools: Path, folder: Path) -> str:
    api_port, database_port = _free_ports(2)
    log = folder / "start.log"
    with log.open("w") as out:
        result = subprocess.run(
            ["bash", str(tools / RECIPE), str(folder), str(api_port), str(database_port)],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )
    if not (folder / "venv/bin/pypgstac").exists():
        raise UnavailableError(f"pypgstac could not be installed: {log.read_text()[-300:]}")
    if result.returncode:
        raise RuntimeError(f"the STAC API did not start: {log.read_text()[-2000:]}")
    url = f"http://127.0.0.1:{api_port}"
    (folder / "state.json").write_text(json.dumps({"url": url}))
    return url


def _stop(folder: Path) -> None:
    """End the processes that a start left their numbers of, if they still are what they were."""
    for name, command, signal_number in (
        ("api", b"uvicorn", signal.SIGTERM),
        ("pg", b"postgres", signal.SIGQUIT),
    ):
        pid_file = folder / f"{name}.pid"
        with contextlib.suppress(OSError, ValueError):
            pid = int(pid_file.read_text())
            if command in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal_number)
        pid_file.unlink(missing_ok=True)
    (folder / "state.json").unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
