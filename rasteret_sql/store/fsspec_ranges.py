"""One range through a cloud's fsspec file system, with what the store says of the object beside its bytes.

``cat_file`` gives bytes alone, and a file that changed could not be told from the one that was indexed. These
do what it does with the answer kept. They use insides of s3fs, adlfs and gcsfs, so a version of one of those
that lacks them is read by ``cat_file`` as before.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from fsspec.asyn import sync

from rasteret_sql.store.etag import etag_or_none
from rasteret_sql.store.port import ObjectInfo

Answer = tuple[bytes, ObjectInfo, str | None]
"""The bytes, what is said of their object, and its Content-Encoding."""


async def _s3(fs: Any, path: str, start: int, end: int) -> Answer:
    bucket, key, version = fs.split_path(path)
    chosen = {"VersionId": version} if version else {}
    answer = await fs._call_s3(
        "get_object", Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}", **chosen
    )
    async with answer["Body"] as body:
        data = await body.read()
    info = ObjectInfo(
        size=_total(answer.get("ContentRange")),
        etag=etag_or_none(answer.get("ETag")),
        last_modified=answer.get("LastModified"),
    )
    return data, info, answer.get("ContentEncoding")


async def _azure(fs: Any, path: str, start: int, end: int) -> Answer:
    container, name, version = fs.split_path(path)
    async with fs.service_client.get_blob_client(container=container, blob=name) as client:
        stream = await client.download_blob(
            offset=start,
            length=end - start,
            version_id=version,
            max_concurrency=1,
            decompress=False,
            **fs._timeout_kwargs,
        )
        data = await stream.readall()
    about = stream.properties
    info = ObjectInfo(
        size=_total(about.content_range), etag=etag_or_none(about.etag), last_modified=about.last_modified
    )
    return data, info, about.content_settings.content_encoding


async def _google(fs: Any, path: str, start: int, end: int) -> Answer:
    """No ETag: gcsfs speaks Google's JSON protocol, whose ETags are not those of the XML one of obstore.

    aiohttp has unpacked what was sent with gzip or deflate, and still names it.
    """
    headers, data = await fs._call("GET", fs.url(path), headers={"Range": f"bytes={start}-{end - 1}"})
    return data, ObjectInfo(size=_total(headers.get("Content-Range"))), headers.get("Content-Encoding")


_RANGES: dict[str, Callable[[Any, str, int, int], Awaitable[Answer]]] = {
    "s3": _s3,
    "az": _azure,
    "gs": _google,
}


def cat(family: str, fs: Any, path: str, start: int, end: int) -> Answer:
    """Bytes ``[start, end)``, fewer where the object ends; raises what the file system raises."""
    ranged = _RANGES.get(family)
    if ranged is not None:
        with suppress(AttributeError):
            answer: Answer = sync(fs.loop, ranged, fs, path, start, end)
            return answer
    data: bytes = fs.cat_file(path, start=start, end=end)
    return data, ObjectInfo(), None


def _total(content_range: str | None) -> int | None:
    match = re.fullmatch(r"bytes \d+-\d+/(\d+)", content_range or "")
    return int(match[1]) if match else None
