"""The bucket over HTTP on this machine, every first byte late by a chosen time, every request logged."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("ndk_http_module.so", "ngx_http_lua_module.so")
"""What Debian calls `libnginx-mod-http-lua`; plain nginx cannot wait before it answers."""
LOG_LAG_S = 0.05
"""A line is written after the client has its last byte."""

# A new connection pays twice: one round trip for its handshake, one for the request.
_WAIT = "access_by_lua_block {{ ngx.sleep((ngx.var.connection_requests == '1' and 2 or 1) * {seconds}) }}"
_CONFIG = """\
{modules}
{user}
daemon off;
worker_processes 2;
pid {run}/nginx.pid;
error_log {run}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  default_type image/tiff;
  sendfile on;
  sendfile_max_chunk 512k;
  tcp_nodelay on;
  keepalive_timeout 120;
  keepalive_requests 10000000;
  open_file_cache max=4000 inactive=600s;
  open_file_cache_valid 600s;
  client_body_temp_path {run}/body;
  proxy_temp_path {run}/proxy;
  fastcgi_temp_path {run}/fastcgi;
  uwsgi_temp_path {run}/uwsgi;
  scgi_temp_path {run}/scgi;
  log_format bench '$connection $status $body_bytes_sent $request_method $uri $http_range';
  access_log {log} bench;
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    root {root};
    location / {{ {wait} }}
  }}
}}
"""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What the server sent between two moments."""

    requests: int
    byte_count: int
    """Bodies alone."""
    repeated: int
    """Requests that asked once more for what was sent already."""
    connections: int


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server."""

    url: str
    """Of the bucket."""
    kind: str
    """``nginx``, or ``delay_server`` of this folder."""
    log: Path
    """One line a request: connection, status, bytes of the body, method, path, Range."""

    def mark(self) -> int:
        """This moment, for ``since``."""
        time.sleep(LOG_LAG_S)
        return self.log.stat().st_size

    def since(self, mark: int) -> Traffic:
        time.sleep(LOG_LAG_S)
        with self.log.open("rb") as file:
            file.seek(mark)
            lines = [line.split(maxsplit=3) for line in file.read().decode().splitlines()]
        asked = Counter(what for *_, what in lines)
        return Traffic(
            requests=len(lines),
            byte_count=sum(int(count) for _, _, count, _ in lines),
            repeated=len(lines) - len(asked),
            connections=len({connection for connection, *_ in lines}),
        )


@contextmanager
def serve(bucket: Path, *, delay_ms: float, run: Path, own: bool = False) -> Iterator[Server]:
    """Serve ``bucket`` until the block ends: by nginx where it can wait, else or with ``own`` by ours.

    ``run`` is a folder for configuration and logs. The URL's last part is the bucket's name, so that
    clients of S3 can address it path-style.
    """
    run.mkdir(parents=True, exist_ok=True)
    log = run / "access.log"
    log.write_bytes(b"")
    port = _free_port()
    command = None if own else _nginx(bucket.parent, delay_ms, run, log, port)
    kind = "delay_server" if command is None else "nginx"
    if command is None:
        arguments = (bucket.parent, port, delay_ms, log)
        command = [sys.executable, "-m", "tests.bench.delay_server", *map(str, arguments)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        _wait_for(port, process)
        yield Server(url=f"http://127.0.0.1:{port}/{bucket.name}", kind=kind, log=log)
    finally:
        process.terminate()
        process.wait()


def _nginx(root: Path, delay_ms: float, run: Path, log: Path, port: int) -> list[str] | None:
    """The command that starts nginx; None where there is none, or none that can wait."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        return None
    about = subprocess.run([program, "-V"], capture_output=True, text=True, check=False).stderr
    found = re.search(r"--modules-path=(\S+)", about)
    modules = [Path(found[1], name) for name in MODULES] if found else []
    config = run / "nginx.conf"
    config.write_text(_CONFIG.format(
        modules="\n".join(f"load_module {module};" for module in modules if delay_ms and module.exists()),
        # Workers of a server that root starts would be another user, who may not read the bucket.
        user=f"user {getpass.getuser()};" if hasattr(os, "geteuid") and os.geteuid() == 0 else "",
        wait=_WAIT.format(seconds=delay_ms / 1000) if delay_ms else "",
        run=run, log=log, port=port, root=root,
    ))  # fmt: skip
    command = [program, "-p", str(run), "-e", str(run / "error.log"), "-c", str(config)]
    tried = subprocess.run([*command, "-t"], capture_output=True, check=False)
    return command if tried.returncode == 0 else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise SystemExit(f"bench: the server did not start: {process.args}")
