"""GDAL's virtual paths: those that name a file of a server are translated, all others refused by name.

https://gdal.org/en/stable/user/virtual_file_systems.html
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

from rasteret_sql.errors import ArgumentError

CLOUDS = {"vsis3": "s3://", "vsigs": "gs://", "vsiaz": "az://", "vsiadls": "az://"}
"""Handler -> the scheme that stands for it; ``_streaming`` behind a handler says how to read, not what."""
REFUSED = {
    "vsizip": "unpack the archive",
    "vsitar": "unpack the archive",
    "vsi7z": "unpack the archive",
    "vsirar": "unpack the archive",
    "vsigzip": "unpack the file",
    "vsimem": "write the file to a disk: it lies in the memory of GDAL alone",
    "vsioss": "name an S3-compatible endpoint of the bucket, s3://bucket/key with the storage option "
    "endpoint_url",
    "vsiswift": "name it by an http(s) URL",
    "vsihdfs": "copy it to where ranges can be read",
    "vsiwebhdfs": "copy it to where ranges can be read",
    "vsisubfile": "write the part as a file of its own",
    "vsisparse": "name the file itself",
    "vsicached": "name the file itself",
    "vsicrypt": "decrypt the file",
    "vsistdin": "write the stream to a file",
    "vsistdout": "write the stream to a file",
}
"""Handler -> what to do in its place."""
TRANSPORT_OPTIONS = frozenset(
    {"use_head", "use_redirect_url_if_no_query_string_params", "max_retry", "retry_delay", "retry_codes",
     "list_dir", "empty_dir", "keepalive", "keepalive_idle", "keepalive_interval", "low_speed_time",
     "low_speed_limit", "timeout", "connecttimeout", "pc_url_signing", "pc_collection"}
)  # fmt: skip
"""Of ``/vsicurl?…``: how GDAL asks a server, for which settings and signers stand here."""

_PATH = re.compile(r"/(vsi[a-z0-9]+?)(_streaming)?(?:/(.*)|(\?.*))?", re.IGNORECASE | re.DOTALL)
_URL = re.compile(r"(https?|ftp)://", re.IGNORECASE)


def href_of(path: str) -> str:
    """The href that ``path`` stands for; ``path`` itself where it is not one of GDAL's.

    Raises ``ArgumentError`` that names what to write in its place.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        return path
    handler, rest, options = match[1].lower(), match[3] or "", match[4]
    if handler == "vsicurl":
        return _with_options(options) if options else _url(rest)
    if handler in CLOUDS and not options:
        return CLOUDS[handler] + _unchained(rest, handler)
    if handler in REFUSED:
        raise ArgumentError(f"GDAL's /{handler}/ is not read here: {REFUSED[handler]}, or read it with GDAL.")
    return path


def _url(rest: str) -> str:
    if not _URL.match(_unchained(rest, "vsicurl")):
        raise ArgumentError("GDAL's /vsicurl/ is followed by a URL: /vsicurl/https://host/a.tif.")
    return rest


def _with_options(query: str) -> str:
    """``/vsicurl?use_head=no&url=https%3A%2F%2Fhost%2Fa.tif``."""
    given = dict(parse_qsl(query[1:], keep_blank_values=True))
    url = given.pop("url", "")
    if unknown := sorted(name for name in given if name.lower() not in TRANSPORT_OPTIONS):
        raise ArgumentError(
            f"GDAL's /vsicurl? with {', '.join(unknown)} is not read here: set the storage option headers "
            "for the server, and name the file by its URL alone."
        )
    return _url(url)


def _unchained(rest: str, handler: str) -> str:
    if rest.lower().startswith(("/vsi", "vsi")) and _PATH.fullmatch("/" + rest.lstrip("/")):
        raise ArgumentError(
            f"GDAL's /{handler}/ around /{rest.lstrip('/').partition('/')[0]}/ is not read here."
        )
    return rest


def shown(path: str) -> str:
    """``path`` with the address in it plain, for messages that are about to be redacted."""
    match = _PATH.fullmatch(path)
    if match is None or match[4] is None:
        return path
    url = re.search(r"[?&]url=([^&]*)", match[4])
    return f"/{match[1]}/{unquote(url[1])}" if url else f"/{match[1]}?…"
