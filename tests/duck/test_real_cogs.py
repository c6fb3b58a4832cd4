"""Real COGs made by others: the digest of every level, read over every transport, equals the manifest's."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import tifffile

import rasteret_sql
from tests.store.endpoints import free_port, running

pytestmark = pytest.mark.slow

REFUSED = {"rasterio/corrupt.tif": "where a JPEG stream starts with ffd8|is cut short"}
"""Files whose pixels are not given out, and what the message says; rasterio cannot read them either."""
WIDENED = {"float16": "float32"}
"""rasterio widens these; the values are the same."""
SLOW_OVER_HTTP = 3_000_000
KEY, SECRET = "AKTEST", "not-a-real-secret"


@pytest.fixture(scope="module")
def manifest(cog_manifest: list[dict[str, Any]]) -> dict[str, Any]:
    return {f["file"]: f for f in cog_manifest if f["ifds"]}


def expected_digest(path: Path, about: dict[str, Any], level: dict[str, Any]) -> str:
    """The manifest's, which is rasterio's; of JPEG with chroma that of libjpeg-turbo through tifffile.

    The wheels of rasterio bring another libjpeg, which smooths chroma in its own way: of the real files up
    to a third of the samples differ, by 119 at most.
    """
    first = about["ifds"][0]
    chroma = (first["comp"], first["photometric"]) == ("JPEG", "YCBCR")
    return by_tifffile(path, tuple(level["shape"][1:])) if chroma else level["sha256"]


@lru_cache
def by_tifffile(path: Path, size: tuple[int, int]) -> str:
    with tifffile.TiffFile(path) as file:
        page = next(page for page in file.pages if (page.imagelength, page.imagewidth) == size)
        return hashlib.sha256(np.moveaxis(page.asarray(), -1, 0).tobytes()).hexdigest()


def digest(data: bytes, dtype: str, want: str) -> str:
    pixels = np.frombuffer(data, dtype)
    if dtype != want:
        assert WIDENED[dtype] == want
        pixels = pixels.astype(want)
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def check(con: duckdb.DuckDBPyConnection, folder: Path, name: str, about: dict[str, Any], href: str) -> int:
    """Compare all levels of one file, read from ``href``; the number compared."""
    compared = 0
    for level in about["pixels"]:
        if "sha256" not in level:
            continue
        query = "SELECT dtype, shape, data, valid FROM read_cog($1, level := $2)"
        dtype, shape, data, valid = con.execute(query, [href, level["level"]]).fetchone()
        assert list(shape) == level["shape"], (name, level["level"])
        expected = expected_digest(folder / "cog" / name, about, level)
        assert digest(data, dtype, level["dtype"]) == expected, (name, level["level"])
        usable = shape[1] * shape[2] if valid is None else np.frombuffer(valid, np.uint8).sum()
        assert usable == level["mask_valid"], (name, level["level"])
        compared += 1
    return compared


def test_every_level_of_every_file_is_exact_or_refused_by_name(
    con: duckdb.DuckDBPyConnection, shared_data: Path, manifest: dict[str, Any]
) -> None:
    compared = 0
    for name, about in manifest.items():
        href = str(shared_data / "cog" / name)
        if name not in REFUSED:
            compared += check(con, shared_data, name, about, href)
            continue
        with pytest.raises(duckdb.InvalidInputException, match=REFUSED[name]) as caught:
            con.execute("SELECT data FROM read_cog($1)", [href]).fetchall()
        assert Path(name).name in str(caught.value)
    print(f"{compared} levels compared, {len(REFUSED)} files refused by name")
    assert compared > 150


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


@pytest.mark.parametrize("serve", [nginx, s3, memory], ids=lambda f: f.__name__)
def test_the_same_over_every_transport(
    con: duckdb.DuckDBPyConnection,
    shared_data: Path,
    manifest: dict[str, Any],
    tmp_path: Path,
    serve: Callable[[Path, Path], Any],
) -> None:
    chosen = {
        name: about
        for name, about in manifest.items()
        if name not in REFUSED and about["bytes"] < SLOW_OVER_HTTP
    }
    with serve(shared_data / "cog", tmp_path) as root:
        compared = sum(
            check(con, shared_data, name, about, f"{root}/{'cog/' if root.startswith('s3') else ''}{name}")
            for name, about in chosen.items()
        )
    assert compared > 90
