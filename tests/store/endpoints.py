"""Places that hold objects, each behind one adapter: what the contract of ``RangeReader`` is tested over."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote

import fsspec
import pytest

from rasteret_sql.settings import configure
from rasteret_sql.store.options import set_storage_options
from tests.store.server import FaultServer

STARTS_WITHIN_S = 20.0

KEY, SECRET = "AKTEST", "not-a-real-secret"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where objects are put, and how they are named there."""

    put: Callable[[str, bytes], str]
    """Store bytes under a name; gives the href."""
    href: Callable[[str], str]
    """The href of a name, whether or not there is such an object."""
    tells_size: bool = True
    """Whether an answer says how long the object is."""
    tells_etag: bool = True


@contextmanager
def local_path(tmp_path: Path) -> Iterator[Endpoint]:
    def put(name: str, data: bytes) -> str:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    yield Endpoint(put=put, href=lambda name: str(tmp_path / name))


@contextmanager
def file_url(tmp_path: Path) -> Iterator[Endpoint]:
    with local_path(tmp_path) as plain:

        def put(name: str, data: bytes) -> str:
            plain.put(name, data)
            return href(name)

        def href(name: str) -> str:
            return f"file://{quote(str(tmp_path / name))}"

        yield Endpoint(put=put, href=href)


@contextmanager
def memory(tmp_path: Path) -> Iterator[Endpoint]:
    fs = fsspec.filesystem("memory")

    def put(name: str, data: bytes) -> str:
        fs.pipe_file(f"/contract/{name}", data)
        return f"memory://contract/{name}"

    yield Endpoint(put=put, href=lambda name: f"memory://contract/{name}", tells_etag=False)
    fs.rm("/contract", recursive=True)


@contextmanager
def zip_chain(tmp_path: Path) -> Iterator[Endpoint]:
    count = 0
    configure(protocols="zip")

    def put(name: str, data: bytes) -> str:
        nonlocal count
        count += 1
        archive = tmp_path / f"archive{count}.zip"
        with zipfile.ZipFile(archive, "w") as writer:
            writer.writestr(name, data)
        return f"zip://{name}::file://{archive}"

    def href(name: str) -> str:
        return put("another", b"x").replace("another", name)

    yield Endpoint(put=put, href=href, tells_size=False, tells_etag=False)


@contextmanager
def http(tmp_path: Path, *, suffix: str = "") -> Iterator[Endpoint]:
    with FaultServer() as server:

        def href(name: str) -> str:
            return server.url(quote(name) + suffix)

        def put(name: str, data: bytes) -> str:
            server.files[name] = data
            return href(name)

        yield Endpoint(put=put, href=href)


@contextmanager
def http_by_aiohttp(tmp_path: Path) -> Iterator[Endpoint]:
    configure(transport="fsspec")
    with http(tmp_path) as endpoint:
        yield endpoint


@contextmanager
def http_signed(tmp_path: Path) -> Iterator[Endpoint]:
    with http(tmp_path, suffix="?sv=1&sig=a%2Fb%3D") as endpoint:
        yield endpoint


@contextmanager
def nginx(tmp_path: Path) -> Iterator[Endpoint]:
    binary = shutil.which("nginx")
    if binary is None:
        pytest.skip("nginx is not on PATH: its ranges are not tested here")
    root, port = tmp_path / "served", free_port()
    root.mkdir()
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off; pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log;\n"
        f"events {{}} http {{ access_log off; client_body_temp_path {tmp_path}/b;"
        f" proxy_temp_path {tmp_path}/p; fastcgi_temp_path {tmp_path}/f;"
        f" uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;"
        f" server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n"
    )
    # The workers of a root-owned nginx are another user.
    for folder in (root, *tmp_path.parents[:3], tmp_path):
        folder.chmod(folder.stat().st_mode | 0o055)

    def put(name: str, data: bytes) -> str:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
        return href(name)

    def href(name: str) -> str:
        return f"http://127.0.0.1:{port}/{quote(name)}"

    with running([binary, "-p", str(tmp_path), "-c", str(config), "-e", str(tmp_path / "error.log")], port):
        yield Endpoint(put=put, href=href)


@contextmanager
def s3(tmp_path: Path) -> Iterator[Endpoint]:
    """A bucket of localbucket: right answers, any signature will do."""
    program = pytest.importorskip(
        "localbucket", reason="localbucket is not installed: no S3 server to test with"
    )
    root, port = tmp_path / "buckets", free_port()
    (root / "bucket").mkdir(parents=True)
    command = [sys.executable, "-m", program.__name__, "--port", str(port), str(root)]
    set_storage_options({"s3://bucket": s3_options(port)})
    with running(command, port):
        yield _bucket(root / "bucket")


@contextmanager
def s3_by_s3fs(tmp_path: Path) -> Iterator[Endpoint]:
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    configure(transport="fsspec")
    with s3(tmp_path) as endpoint:
        yield endpoint


@contextmanager
def s3_signed(tmp_path: Path) -> Iterator[int]:
    """The port of a nanio that verifies SigV4 and holds ``bucket/a.tif``'s folder at ``tmp_path/nanio``."""
    pytest.importorskip("nanio", reason="nanio is not installed: no S3 server that verifies signatures")
    (tmp_path / "nanio" / "bucket").mkdir(parents=True)
    port = free_port()
    command = [
        *(sys.executable, "-c", "from nanio.cli import main; main()", "serve", "--data-dir"),
        *(str(tmp_path / "nanio"), "--host", "127.0.0.1", "--port", str(port)),
        *("--log-level", "error", "--no-access-log"),
    ]
    with running(command, port, env={"NANIO_ACCESS_KEY": KEY, "NANIO_SECRET_KEY": SECRET}):
        yield port


def s3_options(port: int) -> dict[str, str]:
    return {"key": KEY, "secret": SECRET, "endpoint_url": f"http://127.0.0.1:{port}"}


def _bucket(folder: Path) -> Endpoint:
    def put(name: str, data: bytes) -> str:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        return f"s3://bucket/{name}"

    return Endpoint(put=put, href=lambda name: f"s3://bucket/{name}")


ENDPOINTS = {
    "local path": local_path,
    "file URL": file_url,
    "memory (fsspec)": memory,
    "zip in a file (fsspec)": zip_chain,
    "http (obstore)": http,
    "http (aiohttp)": http_by_aiohttp,
    "http, signed URL": http_signed,
    "nginx": nginx,
    "s3 (obstore)": s3,
    "s3 (s3fs)": s3_by_s3fs,
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: list[str], port: int, env: dict[str, str] | None = None, *, log: Path | None = None
) -> Iterator[None]:
    """``command`` as a server that listens on ``port``; in the folder of ``log``, to which it prints."""
    with Path(os.devnull if log is None else log).open("w") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **(env or {})}, stdout=out, stderr=out, cwd=log and log.parent
        )
    try:
        until = monotonic() + STARTS_WITHIN_S
        while not _listens(port):
            told = log.read_text()[-500:] if log else ""
            assert process.poll() is None, f"{command[:3]} ended with {process.returncode}: {told}"
            assert monotonic() < until, f"{command[:3]} does not listen on {port}: {told}"
            sleep(0.02)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
