"""The real GeoTIFFs of the tests, from the public repositories that made them: by commit, checked by SHA-256.

    ./dev data [DIR]

``cogs.csv`` lists them: 30 MB, under BSD, MIT and Apache licences; none is in this repository. They go where
the tests look, ``../shared/data/cog``, or into ``DIR/cog`` (``RASTERET_SHARED`` names the folder above
``data``). A file that is there with the right digest is not fetched again.
"""

from __future__ import annotations

import csv
import hashlib
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

LISTED = Path(__file__).resolve().parent / "cogs.csv"
CHECKOUT = LISTED.parents[2]
SHARED = Path(os.environ.get("RASTERET_SHARED", CHECKOUT.parent / "shared"))
AT_ONCE = 4
TIMEOUT_S = 60

Get = Callable[[str], bytes]


@dataclass(frozen=True, kw_only=True)
class RealFile:
    """A file of a commit of a public repository."""

    name: str
    """Where tests look for it, below the folder of all."""
    url: str
    byte_count: int
    sha256: str

    def is_in(self, data: bytes) -> bool:
        return len(data) == self.byte_count and hashlib.sha256(data).hexdigest() == self.sha256


def listed() -> Iterator[RealFile]:
    """All of them."""
    with LISTED.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            where = urllib.parse.quote(f"{row['repository']}/{row['commit']}/{row['path']}")
            yield RealFile(
                name=row["file"],
                url=f"https://raw.githubusercontent.com/{where}",
                byte_count=int(row["byte_count"]),
                sha256=row["sha256"],
            )


def download(url: str) -> bytes:
    """The bytes at an address."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        data: bytes = answer.read()
    return data


def fetch(file: RealFile, folder: Path, get: Get = download) -> str | None:
    """Bring one file into ``folder``; what went wrong, or None."""
    target = folder / file.name
    if target.is_file() and file.is_in(target.read_bytes()):
        return None
    try:
        data = get(file.url)
    except (OSError, urllib.error.URLError) as error:
        return f"{file.name}: {file.url} could not be read: {error}"
    if not file.is_in(data):
        digest = hashlib.sha256(data).hexdigest()
        return (
            f"{file.name}: {file.url} has {len(data)} bytes with SHA-256 {digest}; "
            f"expected {file.byte_count} bytes with {file.sha256}. Not written."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    partial_file = target.with_name(f"{target.name}.part")
    partial_file.write_bytes(data)
    partial_file.replace(target)
    return None


def main(arguments: list[str]) -> int:
    """Fetch all; every file that failed is a line."""
    folder = (Path(arguments[0]) if arguments else SHARED / "data") / "cog"
    files = list(listed())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        failures = [line for line in pool.map(partial(fetch, folder=folder), files) if line is not None]
    for line in failures:
        print(line, file=sys.stderr)
    print(f"{len(files) - len(failures)} of {len(files)} files are in {folder}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
