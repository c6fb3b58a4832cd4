"""One range through a cloud's fsspec file system, with what the store says of the object beside its bytes.

``cat_file`` gives bytes alone, and a file that changed could not be told from the one that was indexed. These
do what it does with the answer kept. They use insides of s3fs, adlfs and gcsfs, so a version of one of those
that lacks them is read by ``cat_file`` as before.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fsspec.asyn import sync

from rasteret_sql.store import errors as failures
from rasteret_sql.store.etag import etag_or_none
from rasteret_sql.store.protocol import ByteRange, ObjectInfo


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came for one range."""

    data: bytes
    info: ObjectInfo = field(default_factory=ObjectInfo)
    encoding: str | None = None
    """Its Content-Encoding."""
    content_range: str | None = None
    """Which bytes these are, in the words of the header; empty where the server does not say."""


async def _s3(fs: Any, path: str, start: int, end: int) -> Answer:
    bucket, key, version = fs.split_path(path)
    chosen = {"VersionId": version} if version else {}
    answer = await fs._call_s3(
        "get_object", Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}", **chosen
    )
    async with answer["Body"] as body:
        data = await body.read()
    content_range = answer.get("ContentRange") or ""
    info = ObjectInfo(
        size=_total(content_range),
        etag=etag_or_none(answer.get("ETag")),
        last_modified=answer.get("LastModified"),
    )
    return Answer(data=data, info=info, encoding=answer.get("ContentEncoding"), content_range=content_range)


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
    return Answer(data=data, info=info, encoding=about.content_settings.content_encoding)


async def _google(fs: Any, path: str, start: int, end: int) -> Answer:
    """No ETag: gcsfs speaks Google's JSON protocol, whose ETags are not those of the XML one of obstore.

    aiohttp has unpacked what was sent with gzip or deflate, and still names it.
    """
    headers, data = await fs._call("GET", fs.url(path), headers={"Range": f"bytes={start}-{end - 1}"})
    content_range = headers.get("Content-Range") or ""
    info = ObjectInfo(size=_total(content_range))
    return Answer(data=data, info=info, encoding=headers.get("Content-Encoding"), content_range=content_range)


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
    return Answer(data=data)


def part(answer: Answer, request: ByteRange) -> bytes:
    """The bytes of ``request``, of an answer that may be the whole object; raises where they are others."""
    data = answer.data
    if answer.content_range == "":
        if len(data) > failures.WHOLE_OBJECT_MAX:
            raise failures.ignored_range(request, len(data))
        return data[request.start : request.end]
    start = re.match(r"bytes (\d+)-", answer.content_range or "")
    if start is not None and int(start[1]) != request.start:
        raise failures.wrong_range(request, int(start[1]), int(start[1]) + len(data))
    return data


def _total(content_range: str | None) -> int | None:
    match = re.fullmatch(r"bytes \d+-\d+/(\d+)", content_range or "")
    return int(match[1]) if match else None
