"""The servers of a soak, each in a process of its own, so that it can be killed and started again.

``python -m tests.soak.servers api FOLDER PORT`` serves the demo's STAC API and its files without faults;
``files`` serves the files alone, and one request in ten goes wrong in one of nine ways.
"""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from rasteret_sql.demo.server import serve
from tests.store.server import NO_FAULT, Fault, FaultServer

FAULTS = (
    Fault(status=500),
    Fault(status=502),
    Fault(status=503),
    Fault(status=429, headers={"Retry-After": "0"}),
    Fault(reset=True),
    Fault(short_by=100),
    Fault(truncate=50),
    Fault(drip_s=0.01),
    Fault(ignore_range=True),
)
FAULTY = 0.1
STARTS_WITHIN_S = 60


def api(folder: Path, port: int) -> None:
    """Until the process is killed."""
    with serve(folder, port) as server:
        while True:
            time.sleep(5)
            server.requests.clear()


def files(folder: Path, port: int) -> None:
    """Until the process is killed; what was asked is forgotten, as nobody looks at it."""
    lucky = random.Random(port)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.tif")}
    with FaultServer(found, port=port) as server:
        server.weather = lambda: lucky.choice(FAULTS) if lucky.random() < FAULTY else NO_FAULT
        while True:
            time.sleep(5)
            server.clear()


class Served:
    """A server in a child process, at one port of 127.0.0.1 for all its lives."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._arguments = (kind, str(folder))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.starts = 0
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """A process that answers; kills the one before."""
        with self._lock:
            self._kill()
            command = [sys.executable, "-m", "tests.soak.servers", *self._arguments, str(self.port)]
            self._process = subprocess.Popen(command)
            self.starts += 1
            until = time.monotonic() + STARTS_WITHIN_S
            while not self._answers():
                if time.monotonic() > until or self._process.poll() is not None:
                    raise RuntimeError(f"the server {' '.join(self._arguments)} does not start")
                time.sleep(0.05)

    def close(self) -> None:
        with self._lock:
            self._kill()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


if __name__ == "__main__":
    {"api": api, "files": files}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
