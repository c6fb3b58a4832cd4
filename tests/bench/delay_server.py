"""A file server that answers late: ``python -m tests.bench.delay_server ROOT PORT DELAY_MS LOG``.

For machines without nginx and its Lua module. On two busy cores, which client and server shared, it gave
6,300 ranges of 16 KB a second and 0.9 GB/s of ranges of 1 MB, where nginx gave 6,800 and 1.6 GB/s.
"""

from __future__ import annotations

import asyncio
import mmap
import re
import signal
import sys
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import TextIO

REQUEST = re.compile(rb"(GET|HEAD) (\S+) HTTP/1\.1\r\n")
RANGE = re.compile(rb"\r\nrange: bytes=(\d*)-(\d*)\r\n", re.IGNORECASE)
STATUS = {200: "OK", 206: "Partial Content", 404: "Not Found", 416: "Range Not Satisfiable"}


@cache
def mapped(path: Path) -> tuple[memoryview, str] | None:
    """The file's bytes and its ETag; files do not change while the benchmark runs."""
    if not path.is_file():
        return None
    stat = path.stat()
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return memoryview(content), f'"{int(stat.st_mtime):x}-{stat.st_size:x}"'


class Connection(asyncio.Protocol):
    """One client's connection: requests one after the other, each answered after the delay."""

    numbers = count(1)

    def __init__(self, root: Path, delay_s: float, log: TextIO) -> None:
        self.root, self.delay_s, self.log = root, delay_s, log
        self.number = next(self.numbers)
        self.unread = b""
        self.answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.unread += data
        while b"\r\n\r\n" in self.unread:
            head, self.unread = self.unread.split(b"\r\n\r\n", 1)
            rounds = 1 if self.answered else 2  # the first one waits for the handshake too
            self.answered += 1
            loop = asyncio.get_running_loop()
            loop.call_later(self.delay_s * rounds, partial(self.answer, head + b"\r\n"))

    def answer(self, head: bytes) -> None:
        asked = REQUEST.match(head)
        if asked is None or self.transport.is_closing():
            self.transport.close()
            return
        method, path = asked[1].decode(), asked[2].decode()
        byte_range = RANGE.search(head)
        status, headers, body = self.find(path, byte_range)
        headers += f"Content-Length: {len(body)}\r\n"
        self.transport.write(f"HTTP/1.1 {status} {STATUS[status]}\r\n{headers}\r\n".encode())
        sent = 0 if method == "HEAD" else len(body)
        if sent:
            self.transport.write(body)
        wanted = f"bytes={byte_range[1].decode()}-{byte_range[2].decode()}" if byte_range else "-"
        self.log.write(f"{self.number} {status} {sent} {method} {path} {wanted}\n")

    def find(self, path: str, wanted: re.Match[bytes] | None) -> tuple[int, str, memoryview]:
        """Status, headers and body of the answer (RFC 9110 §14.2: one range, also of the last bytes)."""
        file = mapped(self.root / path.lstrip("/"))
        if file is None:
            return 404, "", memoryview(b"")
        content, etag = file
        headers = f"Content-Type: image/tiff\r\nAccept-Ranges: bytes\r\nETag: {etag}\r\n"
        if wanted is None or not (wanted[1] or wanted[2]):
            return 200, headers, content
        size = len(content)
        if wanted[1]:
            start, stop = int(wanted[1]), min(int(wanted[2]) + 1, size) if wanted[2] else size
        else:
            start, stop = max(0, size - int(wanted[2])), size
        if start >= stop:
            return 416, f"Content-Range: bytes */{size}\r\n", memoryview(b"")
        headers += f"Content-Range: bytes {start}-{stop - 1}/{size}\r\n"
        return 206, headers, content[start:stop]


async def main(root: Path, port: int, delay_ms: float, log: Path) -> None:
    """Serve until the process is asked to end."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    with log.open("a", buffering=1) as lines:
        make = partial(Connection, root, delay_ms / 1000, lines)
        server = await loop.create_server(make, "127.0.0.1", port, backlog=2048)
        await stopped.wait()
        server.close()


if __name__ == "__main__":
    folder, port, delay, log = sys.argv[1:]
    asyncio.run(main(Path(folder), int(port), float(delay), Path(log)))
