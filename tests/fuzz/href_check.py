"""What must hold for any href: it is an address or a named error, and leads out of nothing."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote

from rasteret_sql.errors import RasteretError
from rasteret_sql.stac.href import resolve_href
from rasteret_sql.store.access import Access
from rasteret_sql.store.address import UNSAFE, parse_address, plain_href
from rasteret_sql.store.allowed_protocols import require_protocol
from rasteret_sql.store.nearness import Nearness, nearness
from rasteret_sql.store.options import options_for
from rasteret_sql.store.prefix import covers
from rasteret_sql.store.redact import display_href
from tests.fuzz.checks import Finding

SAFE = "https://host/safe/"
BASES = ("https://example.org/x/item.json", "s3://bucket/x/item.json", "http://127.0.0.1/x.json")
CONFINED = Access(external=False, directories=("/open/", SAFE))
SEEDS = (
    "a.tif", "/data/a.tif", "file:///data/a%20b.tif", "C:\\a.tif", "https://user:pw@host:443/a.tif?sig=x#y",
    "https://host/safe/../evil/%2e%2e/a.tif", "https://host\\@evil/a", "s3://bucket/a::b.tif",
    "abfss://c@account.dfs.core.windows.net/a", "zip://a.tif::simplecache::https://host/a.zip", "memory://a",
    "reference://k::file:///a", "/vsicurl/https://host/a.tif",
    "s3::https://host/a", "a.tif::https://host/a", "/vsicurl?url=https%3A%2F%2Fhost%2Fa&use_head=no",
    "/vsizip/{/vsis3/b/a.zip}/a.tif", "//host/a", "http://0x7f.1/a", "http://[::ffff:10.0.0.1]/a", "urn:a:b",
    "unsafe:file:///a", " https://host/a\n", "https://host./safe/..;x/a", "ftp://host/a",
)  # fmt: skip
WORDS = (
    "://",
    "::",
    "..",
    "%2e",
    "%252e",
    "\\",
    "@",
    "file",
    "https",
    "s3",
    "/vsi",
    "127.0.0.1",
    "?url=",
    ";",
)


def check_href(data: bytes) -> None:
    """Raise ``Finding`` where an href breaks a promise; anything but a ``RasteretError`` is one too."""
    href = data.decode("utf-8", "replace")
    if len(shown := display_href(href)) > 1000:
        raise Finding(f"an address of {len(shown)} characters is shown")
    address = None
    try:
        address = parse_address(href)
        require_protocol(address.href)
        options_for(address.href)
    except RasteretError:
        pass
    if (
        address is not None
        and address.family in ("s3", "gs", "http")
        and any(c in address.root for c in "\\#")
    ):
        raise Finding(f"the root {address.root!r} of {href!r}")
    _leads_out_of_nothing(href)
    for base in BASES:
        _names_nothing_nearer(href, base)


def _leads_out_of_nothing(href: str) -> None:
    if covers(SAFE, href):
        path = href.partition("://")[2].partition("?")[0].partition("#")[0].replace("\\", "/")
        path = "/" + path.partition("/")[2].translate(dict.fromkeys(map(ord, "\t\r\n")))
        for _ in range(4):
            if not posixpath.normpath("/" + path.replace("\\", "/").lstrip("/") + "x").startswith("/safe/"):
                raise Finding(f"{href!r} is below {SAFE}, and leads to {path!r}")
            path = unquote(path)
    try:
        if CONFINED.refusal(href) is None and parse_address(href).family == "local":
            path = "/" + parse_address(href).key.lstrip("/")
            if not f"{path}/".startswith("/open/"):
                raise Finding(f"{href!r} is allowed, and is {path!r}")
    except RasteretError:
        pass


def _names_nothing_nearer(href: str, base: str) -> None:
    resolved = resolve_href(href, base)
    if resolved.startswith(UNSAFE):
        return
    try:
        address = parse_address(resolved)
    except RasteretError:
        return  # nothing is opened
    if address.family == "local" and "://" in resolved:
        raise Finding(f"{href!r} in {base} is the local {resolved!r}")
    if address.family == "local" or nearness(plain_href(resolved)) > max(nearness(base), Nearness.PUBLIC):
        raise Finding(f"{href!r} in {base} is {resolved!r}")


def href_seeds() -> Iterator[tuple[str, bytes]]:
    """Addresses of every form."""
    for number, href in enumerate(SEEDS):
        yield f"href-{number}", href.encode()


def href_words() -> str:
    """What addresses are made of."""
    return "".join(f'"{word}"\n' for word in (word.replace("\\", "\\\\") for word in WORDS))
