"""Real COGs made by others: the digest of every level, read over every transport, equals the manifest's."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

import rasteret_sql

IN_SCOPE = {"NONE", "1", 1, "LZW", "ADOBE_DEFLATE", "DEFLATE", "ZSTD", "PACKBITS"}
REFUSED = {
    "async-tiff/12bit.cropped.tiff": "12 bits a sample",
    "rio-cogeo/slc.tif": "complex",
}
"""Files whose codec is in scope and whose samples are not, and what the refusal says."""
WIDENED = {"float16": "float32"}
"""rasterio widens these; the values are the same."""
SLOW_OVER_HTTP = 3_000_000
KEY, SECRET = "AKTEST", "not-a-real-secret"


def manifest(folder: Path) -> dict[str, Any]:
    files = json.loads((folder / "cog/manifest.json").read_text())["files"]
    return {f["file"]: f for f in files if f["ifds"]}


def digest(data: bytes, dtype: str, want: str) -> str:
    pixels = np.frombuffer(data, dtype)
    if dtype != want:
        assert WIDENED[dtype] == want
        pixels = pixels.astype(want)
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def check(con: duckdb.DuckDBPyConnection, name: str, about: dict[str, Any], href: str) -> int:
    """Compare all levels of one file; the number compared."""
    compared = 0
    for level in about["pixels"]:
        if "sha256" not in level:
            continue
        query = "SELECT dtype, shape, data, valid FROM read_cog($1, level := $2)"
        dtype, shape, data, valid = con.execute(query, [href, level["level"]]).fetchone()
        assert list(shape) == level["shape"], (name, level["level"])
        assert digest(data, dtype, level["dtype"]) == level["sha256"], (name, level["level"])
        usable = shape[1] * shape[2] if valid is None else np.frombuffer(valid, np.uint8).sum()
        assert usable == level["mask_valid"], (name, level["level"])
        compared += 1
    return compared


def test_every_level_of_every_file_in_scope_is_exact(
    con: duckdb.DuckDBPyConnection, shared_data: Path
) -> None:
    compared = refused = 0
    for name, about in manifest(shared_data).items():
        href = str(shared_data / "cog" / name)
        if about["ifds"][0]["comp"] not in IN_SCOPE or name in REFUSED:
            text = REFUSED.get(name, "compression is not read by this version")
            with pytest.raises(duckdb.InvalidInputException, match=text) as caught:
                con.execute("SELECT data FROM read_cog($1)", [href]).fetchall()
            assert Path(name).name in str(caught.value)
            refused += 1
        else:
            compared += check(con, name, about, href)
    print(f"{compared} levels compared, {refused} files refused by name")
    assert compared > 100
    assert refused > 10


@contextmanager
def nginx(folder: Path, work: Path) -> Iterator[str]:
    binary = shutil.which("nginx")
    if binary is None:
        pytest.skip("nginx is not installed")
    port = free_port()
    conf = work / "nginx.conf"
    temp = "".join(
        f"{kind}_temp_path {work}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf.write_text(
        f"daemon off; pid {work}/pid; error_log {work}/error.log; user {_user()}; events {{}}\n"
        f"http {{ access_log off; {temp} server {{ listen 127.0.0.1:{port}; root {folder}; }} }}"
    )
    with running([binary, "-p", str(work), "-c", str(conf)], port):
        yield f"http://127.0.0.1:{port}"


def _user() -> str:
    import getpass

    return getpass.getuser()


@contextmanager
def s3(folder: Path, work: Path) -> Iterator[str]:
    """A real S3 endpoint that checks signatures: nanio, whose buckets are folders."""
    pytest.importorskip("nanio", reason="nanio is not installed: no S3 server that verifies signatures")
    shutil.copytree(folder, work / "buckets" / "cogs" / "cog")
    (work / "nanio.toml").write_text(f'[[users]]\naccess_key = "{KEY}"\nsecret_key = "{SECRET}"\n')
    port = free_port()
    command = [
        *(sys.executable, "-m", "nanio", "serve", "--options", str(work / "nanio.toml")),
        *("--data-dir", str(work / "buckets"), "--host", "127.0.0.1", "--port", str(port)),
    ]
    options = {"key": KEY, "secret": SECRET, "endpoint_url": f"http://127.0.0.1:{port}"}
    with running(command, port):
        rasteret_sql.connect(storage_options={"s3://cogs/": options}).close()
        yield "s3://cogs"


@contextmanager
def memory(folder: Path, work: Path) -> Iterator[str]:
    import fsspec

    fs = fsspec.filesystem("memory")
    fs.put(str(folder), "/real", recursive=True)
    try:
        yield "memory://real" if not fs.exists("/real/cog") else "memory://real/cog"
    finally:
        fs.rm("/real", recursive=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, f"{command[0]} stopped"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("serve", [nginx, s3, memory], ids=lambda f: f.__name__)
def test_the_same_over_every_transport(
    con: duckdb.DuckDBPyConnection,
    shared_data: Path,
    tmp_path: Path,
    serve: Callable[[Path, Path], Any],
) -> None:
    chosen = {
        name: about
        for name, about in manifest(shared_data).items()
        if about["ifds"][0]["comp"] in IN_SCOPE and name not in REFUSED and about["bytes"] < SLOW_OVER_HTTP
    }
    with serve(shared_data / "cog", tmp_path) as root:
        compared = sum(
            check(con, name, about, f"{root}/cog/{name}" if root.startswith("s3") else f"{root}/{name}")
            for name, about in chosen.items()
        )
    assert compared > 90
