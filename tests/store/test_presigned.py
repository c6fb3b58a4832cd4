"""What an index keeps of a signed href, and how it is read while the signature is valid."""

from __future__ import annotations

import pytest

from rasteret_sql.errors import AccessError
from rasteret_sql.store.documents import read_document
from rasteret_sql.store.signing import presigned
from rasteret_sql.store.signing.presigned import remember, unsigned
from tests.store.server import Fault, FaultServer

AWS = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F1&X-Amz-Date=20240501T000000Z&X-Amz-Expires=3600"
)
KEPT = {
    f"{AWS}&X-Amz-SignedHeaders=host&X-Amz-Signature=0f": "",
    f"versionId=7&{AWS}&X-Amz-Security-Token=t&X-Amz-Signature=0f&x-id=GetObject": "?versionId=7",
    "X-Goog-Algorithm=GOOG4&X-Goog-Credential=c&X-Goog-Date=d&X-Goog-Expires=1&X-Goog-Signature=0f": "",
    "sv=2022-11-02&ss=b&srt=o&sp=r&se=2024-05-01T00%3A00%3A00Z&st=x&spr=https&sig=a%2Bb%3D&v=2": "?v=2",
    "st=x&se=y&sp=rl&sv=2021&sr=c&skoid=1&sktid=2&skt=3&ske=4&sks=b&skv=5&sig=abc": "",
    "Expires=1714521600&Signature=abc&Key-Pair-Id=K1&layer=red": "?layer=red",
    "Policy=abc&Signature=def&Key-Pair-Id=K1": "",
    "AWSAccessKeyId=AK&Signature=abc&Expires=1": "",
    "GoogleAccessId=me&Signature=abc&Expires=1": "",
    "OSSAccessKeyId=me&Signature=abc&Expires=1": "",
    "x-oss-signature=0&x-oss-date=1": "",
    "q-sign-algorithm=sha1&q-ak=AK&q-signature=0": "",
    "token=abc&expires=1&size=2": "?size=2",
    "ACCESS_TOKEN=abc": "",
    "subscription-key=abc": "",
    "__token__=exp=1~hmac=2": "",
    # no signatures: as they are
    "version=3&key=folder/a.tif": "?version=3&key=folder/a.tif",
    "X-Amz-Date=1": "?X-Amz-Date=1",
    "sp=1&sr=2": "?sp=1&sr=2",
    "Expires=5": "?Expires=5",
    "": "",
}


@pytest.mark.parametrize(("query", "kept"), KEPT.items())
def test_what_is_kept(query: str, kept: str) -> None:
    assert unsigned(f"https://host/a%20b.tif?{query}#x") == f"https://host/a%20b.tif{kept}#x"
    assert unsigned(f"https://user:word@host/a@2.tif?{query}") == f"https://host/a@2.tif{kept}"


@pytest.mark.parametrize("href", ["s3://bucket/a.tif?sig=1", "/data/a?sig=1", "a.tif", "https://host/a.tif"])
def test_other_hrefs_stay(href: str) -> None:
    assert unsigned(href) == href


def test_the_last_signature_is_read_with(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer({"a.tif": b"bytes"}) as server:
        bare = server.url("a.tif")
        assert remember(f"{bare}?sv=1&sig=old") == remember(f"{bare}?sv=1&sig=new") == bare
        assert read_document(bare) == b"bytes"
        assert [request.target for request in server.requests] == ["/a.tif?sv=1&sig=new"]
        server.fail("a.tif", Fault(status=403))
        with pytest.raises(AccessError, match="refresh_index, which reads no file again") as raised:
            read_document(bare)
        assert "new" not in str(raised.value).replace("anew", "")
        server.clear()
        remember(f"{bare}?se=2024-05-01T00:00:00Z&sv=1&sig=new")
        with pytest.raises(AccessError, match="the signature of this href has expired; its catalogue signs"):
            read_document(bare)
        assert server.requests == []


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presigned, "MAX_REMEMBERED", 2)
    bare = [remember(f"https://host/{n}?sig=a&sv=1") for n in range(3)]
    assert [presigned.presigned(href) is not None for href in bare] == [False, True, True]
