"""S3 as Ceph's gateway enforces it: signatures, presigned URLs and their ends, what is public, who pays."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import sleep
from typing import Any

import duckdb
import numpy as np
import obstore
import pytest
import rasterio
from obstore.store import S3Store

import rasteret_sql
from rasteret_sql.settings import configure
from rasteret_sql.store.options import set_storage_options
from tests.duck.corpus import write_corpus
from tests.process_state import forget_storage_options
from tests.store.radosgw import Account, Gateway, gateway

FILE = "utm32_uint16.tif"
PRIVATE, PUBLIC, PAID = (f"s3://{name}/{FILE}" for name in ("private", "public", "paid"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder)
    return folder


@pytest.fixture(scope="module")
def ceph(files: Path) -> Iterator[Gateway]:
    """With a private, a public and a requester-pays bucket of the owner's; the guest may read the last."""
    session = pytest.importorskip("botocore.session", reason="botocore is not installed (s3fs)")
    folder = Path(tempfile.mkdtemp(prefix="rgw"))
    try:
        with gateway(folder) as running:
            owner, body = running.owner, (files / FILE).read_bytes()
            client = session.get_session().create_client(
                "s3",
                endpoint_url=running.origin,
                region_name="us-east-1",
                aws_access_key_id=owner.key,
                aws_secret_access_key=owner.secret,
            )
            grants = {"private": "private", "public": "public-read", "paid": "authenticated-read"}
            for bucket, acl in grants.items():
                client.create_bucket(Bucket=bucket)
                client.put_object(Bucket=bucket, Key=FILE, Body=body, ACL=acl)
            payer = {"Payer": "Requester"}
            client.put_bucket_request_payment(Bucket="paid", RequestPaymentConfiguration=payer)
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["auto", "fsspec"], autouse=True)
def transport(request: pytest.FixtureRequest) -> str:
    if request.param == "fsspec":
        pytest.importorskip("s3fs", reason="s3fs is not installed")
    configure(transport=request.param)
    return str(request.param)


@pytest.fixture
def connect_with() -> dict[str, Any]:
    return {"settings": {"tile_cache_bytes": 0}}


def keys(ceph: Gateway, account: Account, **more: Any) -> dict[str, Any]:
    return {"key": account.key, "secret": account.secret, "endpoint_url": ceph.origin, **more}


def use(options: dict[str, Any]) -> None:
    forget_storage_options()
    set_storage_options({"s3://": options})


def pixels(con: duckdb.DuckDBPyConnection, href: str) -> Any:
    [(dtype, shape, data)] = con.execute("SELECT dtype, shape, data FROM read_cog($1)", [href]).fetchall()
    return np.frombuffer(data, dtype).reshape(shape)


def fault(con: duckdb.DuckDBPyConnection, href: str) -> str:
    [(error,)] = con.execute("SELECT error FROM cog_header($1)", [href]).fetchall()
    return str(error)


def test_who_may_read(ceph: Gateway, con: duckdb.DuckDBPyConnection, files: Path) -> None:
    with rasterio.open(files / FILE) as dataset:
        expected = dataset.read()
    use(keys(ceph, ceph.owner))
    assert np.array_equal(pixels(con, PRIVATE), expected)
    use({"anon": True, "endpoint_url": ceph.origin})
    assert np.array_equal(pixels(con, PUBLIC), expected)
    assert fault(con, PRIVATE).startswith(
        f"{PRIVATE}: access was refused (HTTP 403, AccessDenied); check the"
    )
    use(keys(ceph, ceph.guest))
    assert fault(con, PRIVATE).startswith(
        f"{PRIVATE}: access was refused (HTTP 403, AccessDenied); check the"
    )
    use({**keys(ceph, ceph.owner), "secret": "hush-hush"})
    told = fault(con, PRIVATE)
    assert told.startswith(
        f"{PRIVATE}: access was refused (HTTP 403, SignatureDoesNotMatch); check the storage"
    )
    assert "hush" not in told


def test_the_reader_pays_or_is_refused(ceph: Gateway, con: duckdb.DuckDBPyConnection, files: Path) -> None:
    use(keys(ceph, ceph.guest))
    assert "requester_pays where the reader is billed" in fault(con, PAID)
    use(keys(ceph, ceph.guest, requester_pays=True))
    with rasterio.open(files / FILE) as dataset:
        assert np.array_equal(pixels(con, PAID), dataset.read())


def test_the_environment_may_say_it_all(
    ceph: Gateway, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A reader keeps the environment that it was made in; other settings make another reader.
    configure(request_timeout_s=28)
    monkeypatch.setenv("AWS_ENDPOINT_URL", ceph.origin)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ceph.owner.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ceph.owner.secret)
    assert fault(con, PRIVATE) == "None"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    (tmp_path / "credentials").write_text(
        f"[team]\naws_access_key_id = {ceph.owner.key}\naws_secret_access_key = {ceph.owner.secret}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "team")
    configure(request_timeout_s=27)
    assert fault(con, PRIVATE) == "None"


def test_presigned_urls_are_made_when_read_and_anew_when_they_end(
    ceph: Gateway, con: duckdb.DuckDBPyConnection, files: Path
) -> None:
    owner = ceph.owner
    store = S3Store("private", endpoint=ceph.origin, region="us-east-1", access_key_id=owner.key,
                    secret_access_key=owner.secret, client_options={"allow_http": True})  # fmt: skip
    asked: list[str] = []

    def sign(href: str) -> str:
        asked.append(href)
        signed: str = obstore.sign(store, "GET", href.removeprefix("s3://private/"), timedelta(seconds=2))
        return signed

    rasteret_sql.register_signer("s3://private/", sign)
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [PRIVATE])
    sleep(2.2)
    [(href, data)] = con.execute("SELECT i.href, c.data FROM idx AS i, read_cog(i) AS c").fetchall()
    with rasterio.open(files / FILE) as dataset:
        assert data == dataset.read().tobytes()
    assert href == PRIVATE
    assert 2 <= len(asked) <= 3
    log = con.execute("SELECT url, error FROM rasteret_requests()").fetchall()
    assert not any("Signature" in repr(row) for row in log[-len(asked) :])
