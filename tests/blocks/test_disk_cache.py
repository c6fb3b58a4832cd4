"""The folder of tiles: an epoch asks once, whoever reads it next, and what lies there is checked first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasteret_sql.blocks import disk_cache
from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.blocks.disk_cache import FOLDER, trim
from rasteret_sql.blocks.disk_entry import HEAD_BYTES, PART, digest_of, read_entry, write_entry
from rasteret_sql.errors import RasteretWarning
from rasteret_sql.settings import configure
from tests.store.server import Fault, FaultServer
from tests.tensors.scenes import write

READ = "SELECT md5(string_agg(md5(data), '' ORDER BY i.href)) FROM idx AS i, read_cog(i)"
KEY = digest_of("https://host/a.tif", "tag", 100, 50)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FaultServer]:
    rng = np.random.default_rng(1)
    for n in range(2):
        write(tmp_path / f"{n}.tif", rng.integers(0, 5000, (96, 96), np.uint16))
    with FaultServer({f"{n}.tif": (tmp_path / f"{n}.tif").read_bytes() for n in range(2)}) as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The folder, which the settings name."""
    configure(tile_cache_dir=str(tmp_path / "cache"))
    return tmp_path / "cache" / FOLDER


@pytest.fixture
def con(con: duckdb.DuckDBPyConnection, server: FaultServer) -> duckdb.DuckDBPyConnection:
    """A table ``idx`` of both files; nothing of them is cached."""
    hrefs = [server.url(name) for name in server.files]
    con.execute(
        "CREATE TABLE idx AS SELECT h.* FROM unnest($1) AS t(u), cog_header(u) AS h", [hrefs]
    ).fetchall()
    server.clear()
    return con


def epoch(con: duckdb.DuckDBPyConnection) -> str:
    """All pixels, as if by a process that has read nothing."""
    BLOCKS.clear()
    ((digest,),) = con.execute(READ).fetchall()
    return str(digest)


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_it_is_off_by_default(con: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    assert epoch(con) == epoch(con)
    assert len(server.requests) == 4


def test_the_second_epoch_asks_for_nothing(
    con: duckdb.DuckDBPyConnection, server: FaultServer, cache: Path
) -> None:
    first = epoch(con)
    assert len(server.requests) == 2
    server.clear()
    ((mark,),) = con.execute("SELECT max(id) FROM rasteret_requests()").fetchall()
    assert epoch(con) == first
    assert server.requests == []
    rows = "SELECT kind, attempt, cached_tiles, byte_count FROM rasteret_requests() WHERE id > $1"
    assert con.execute(rows, [mark]).fetchall() == [("disk", 0, 9, 0)] * 2
    assert len(entries(cache)) == 18


def test_another_process_asks_for_nothing_either(
    con: duckdb.DuckDBPyConnection, server: FaultServer, cache: Path, tmp_path: Path
) -> None:
    first = epoch(con)
    con.execute(f"COPY idx TO '{tmp_path}/idx.parquet'").fetchall()
    server.clear()
    code = (
        "import rasteret_sql; con = rasteret_sql.connect(); "
        f"print(con.execute({READ.replace('idx AS', 'read_parquet($1) AS')!r}, "
        f"['{tmp_path}/idx.parquet']).fetchall()[0][0])"
    )
    environment = {**os.environ, "RASTERET_TILE_CACHE_DIR": str(cache.parent)}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == first
    assert server.requests == []


def test_another_version_of_a_file_is_another_entry(
    con: duckdb.DuckDBPyConnection, server: FaultServer, cache: Path, tmp_path: Path
) -> None:
    before = epoch(con)
    write(tmp_path / "new.tif", np.full((96, 96), 7, np.uint16))
    server.files["0.tif"] = (tmp_path / "new.tif").read_bytes()
    assert epoch(con) == before, "the index names the version that it describes"
    con.execute("CREATE OR REPLACE TABLE idx AS SELECT h.* FROM idx AS i, cog_header(i.href) AS h").fetchall()
    assert epoch(con) != before


def test_files_without_an_etag_and_local_ones_are_not_kept(
    con: duckdb.DuckDBPyConnection, server: FaultServer, cache: Path, tmp_path: Path
) -> None:
    con.execute("UPDATE idx SET etag = NULL").fetchall()
    epoch(con)
    con.execute(f"SELECT count(data) FROM read_cog('{tmp_path}/0.tif')").fetchall()
    assert not cache.exists()


def test_signed_hrefs_share_an_entry_and_leave_no_secret(
    con: duckdb.DuckDBPyConnection, server: FaultServer, cache: Path
) -> None:
    con.execute("UPDATE idx SET href = href || '?sig=SECRETONE'").fetchall()
    first = epoch(con)
    server.clear()
    con.execute("UPDATE idx SET href = replace(href, 'SECRETONE', 'SECRETTWO')").fetchall()
    assert epoch(con) == first
    assert server.requests == []
    for path in entries(cache):
        assert b"SECRET" not in path.read_bytes()
        assert "SECRET" not in str(path)
        assert b"127.0.0.1" not in path.read_bytes()


SPOILED = {
    "empty": lambda path: path.write_bytes(b""),
    "short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "long": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "foreign": lambda path: path.write_bytes(b"GIF89a" + bytes(5000)),
    "other bytes": lambda path: path.write_bytes(
        path.read_bytes()[:HEAD_BYTES] + os.urandom(path.stat().st_size - HEAD_BYTES)
    ),
    "of another tile": lambda path: path.write_bytes(entries(path.parents[1])[-1].read_bytes()),
    "pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "link": lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
    "folder": lambda path: (path.unlink(), path.mkdir()),
}


def test_a_part_of_a_block_is_kept_and_replaced_by_more(
    con: duckdb.DuckDBPyConnection, server: FaultServer, cache: Path, tmp_path: Path
) -> None:
    """Of a strip that is long, only the top is asked for."""
    rng = np.random.default_rng(2)
    tall = rng.integers(0, 60_000, (512, 512), np.uint16)
    write(tmp_path / "tall.tif", tall, blockxsize=512, blockysize=512)
    server.files["tall.tif"] = (tmp_path / "tall.tif").read_bytes()
    con.execute("CREATE TABLE tall AS FROM cog_header($1)", [server.url("tall.tif")]).fetchall()
    window = "{'x_off': 0, 'y_off': 0, 'width': 512, 'height': 64}"
    top = f"SELECT md5(data) FROM tall AS i, read_cog(i, {window})"
    ((first,),) = con.execute(top).fetchall()
    (size,) = [path.stat().st_size for path in entries(cache)]
    assert size < tall.nbytes / 2
    BLOCKS.clear()
    server.clear()
    assert con.execute(top).fetchall() == [(first,)]
    assert server.requests == []
    for _ in range(2):
        BLOCKS.clear()
        ((whole,),) = con.execute("SELECT data FROM tall AS i, read_cog(i)").fetchall()
        assert whole == tall.tobytes()
    assert len(server.requests) == 1
    (size,) = [path.stat().st_size for path in entries(cache)]
    assert size > tall.nbytes / 2


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_what_is_no_entry_is_asked_for_again(
    con: duckdb.DuckDBPyConnection, server: FaultServer, cache: Path, spoil: Callable[[Path], object]
) -> None:
    first = epoch(con)
    path = entries(cache)[0]
    spoil(path)
    server.clear()
    assert epoch(con) == first
    assert len(server.requests) == 1


def test_a_folder_that_cannot_be_written_is_said_once_and_stops_nothing(
    con: duckdb.DuckDBPyConnection, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_cache, "DISK", disk_cache.DiskCache())
    (tmp_path / "file").write_text("not a folder")
    configure(tile_cache_dir=str(tmp_path / "file"))
    monkeypatch.setattr("rasteret_sql.blocks.pipeline.DISK", disk_cache.DISK)
    with pytest.warns(
        RasteretWarning, match=r"tile_cache_dir: .*file.* cannot be written, so tiles are not"
    ) as told:
        epoch(con)
    assert len([one for one in told if "tile_cache_dir" in str(one.message)]) == 1


def test_the_folder_stays_within_its_bytes(
    con: duckdb.DuckDBPyConnection, server: FaultServer, cache: Path
) -> None:
    limit = 12_000
    configure(tile_cache_dir_bytes=limit)
    for _ in range(3):
        epoch(con)
        taken = sum(path.stat().st_size for path in entries(cache))
        assert 0 < taken <= limit


def test_entries_unused_for_longest_go_first(tmp_path: Path) -> None:
    now = time.time()
    for number in range(10):
        path = tmp_path / "ab" / str(number)
        write_entry(path, KEY, memoryview(bytes(1000)))
        os.utime(path, (now - number, now - number))
    (tmp_path / "ab" / f"x.1.1{PART}").write_bytes(b"1")
    os.utime(tmp_path / "ab" / f"x.1.1{PART}", (1, 1))
    (tmp_path / "foreign").write_text("not ours")
    each = 1000 + HEAD_BYTES
    assert trim(tmp_path, 5 * each) == 4 * each
    assert sorted(path.name for path in (tmp_path / "ab").iterdir()) == ["0", "1", "2", "3"]
    assert (tmp_path / "foreign").exists()


@given(data=st.binary(min_size=1, max_size=200), cut=st.integers(0, 400), flip=st.integers(0, 400))
def test_an_entry_comes_back_as_it_went_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cut: int, flip: int
) -> None:
    path = tmp_path_factory.mktemp("entry") / "ab" / "cd"
    assert write_entry(path, KEY, memoryview(data)) == path.stat().st_size
    found = read_entry(path, KEY, at_least=len(data), at_most=200, now=0)
    assert found is not None
    assert bytes(found) == data
    whole = path.read_bytes()
    assert read_entry(path, KEY, at_least=len(data) + 1, at_most=300, now=0) is None
    assert path.exists(), "less than is wanted is still an entry"
    broken = bytearray(whole[: cut or None])
    if flip < len(broken):
        broken[flip] ^= 1
    if bytes(broken) != whole:
        path.write_bytes(broken)
        assert read_entry(path, KEY, at_least=1, at_most=200, now=0) is None
        assert not path.exists()
    write_entry(path, KEY, memoryview(data))
    assert (
        read_entry(path, digest_of("https://host/b.tif", "tag", 100, 50), at_least=1, at_most=200, now=0)
        is None
    )


WRITER = """
import os, sys
from pathlib import Path
from rasteret_sql.blocks.disk_cache import _place, trim
from rasteret_sql.blocks.disk_entry import digest_of, read_entry, write_entry
folder = Path(sys.argv[1])
turn = 0
while True:
    for number in range(20):
        digest = digest_of("https://host/a.tif", "tag", number, 5000)
        data = bytes([number]) * 5000
        found = read_entry(_place(folder, digest), digest, at_least=1, at_most=5000, now=0)
        assert found is None or found == data, "torn"
        write_entry(_place(folder, digest), digest, memoryview(data))
    if turn % 5 == 0:
        trim(folder, 40_000)
    turn += 1
    print(turn, flush=True)
"""


def test_writers_that_are_killed_leave_whole_entries(tmp_path: Path) -> None:
    """Two write, read and trim the same entries, and are killed at random; nobody ever sees a torn one."""
    rng = np.random.default_rng(3)
    for _ in range(3):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline(), "it has begun"
        time.sleep(rng.random() / 5)
        for writer in writers:
            assert writer.poll() is None, writer.communicate()[1].decode()
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
    for number in range(20):
        digest = digest_of("https://host/a.tif", "tag", number, 5000)
        path = disk_cache._place(tmp_path, digest)
        if path.exists():
            found = read_entry(path, digest, at_least=5000, at_most=5000, now=0)
            assert found == bytes([number]) * 5000


def test_a_read_that_fails_keeps_nothing(
    con: duckdb.DuckDBPyConnection, server: FaultServer, cache: Path
) -> None:
    for name in server.files:
        server.fail(name, Fault(status=404), times=9)
    with pytest.raises(duckdb.InvalidInputException, match="no such file"):
        epoch(con)
    assert not cache.exists()
