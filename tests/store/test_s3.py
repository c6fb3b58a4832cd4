"""S3: signatures, anonymous and requester-pays access, endpoints, regions, profiles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rasteret_sql.errors import AccessError, ArgumentError, RasteretError
from rasteret_sql.settings import configure
from rasteret_sql.store import request_log
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.options import set_storage_options
from rasteret_sql.store.protocol import Block, ByteRange
from tests.store.conftest import DATA
from tests.store.endpoints import KEY, SECRET, s3_options, s3_signed
from tests.store.server import Fault, FaultServer

TRANSPORTS = pytest.mark.parametrize("transport", ["auto", "fsspec"])


def fetch_one(href: str) -> Block | RasteretError:
    [(_, outcome)] = fetch([ByteRange(href=href, start=10, length=100)], kind="tile")
    return outcome


def bytes_of(href: str) -> bytes:
    outcome = fetch_one(href)
    assert isinstance(outcome, Block), outcome
    return bytes(outcome.data)


@pytest.fixture
def bucket(server: FaultServer) -> FaultServer:
    """Our own server as an S3 endpoint, path-style; it shows the headers that came."""
    server.files["bucket/a.tif"] = DATA
    return server


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server that verifies SigV4."""
    folder = tmp_path_factory.mktemp("signed")
    with s3_signed(folder) as port:
        (folder / "nanio" / "bucket" / "a.tif").write_bytes(DATA)
        yield port


@TRANSPORTS
def test_a_good_signature_is_accepted(signed: int, transport: str) -> None:
    configure(transport=transport)
    set_storage_options({"s3://bucket": s3_options(signed)})
    assert bytes_of("s3://bucket/a.tif") == DATA[10:110]


@TRANSPORTS
@pytest.mark.parametrize(
    ("options", "code"),
    [({"secret": "wrong"}, "SignatureDoesNotMatch"), ({"key": "NOBODY"}, "InvalidAccessKeyId")],
)
def test_a_bad_signature_is_refused(signed: int, transport: str, options: dict[str, str], code: str) -> None:
    configure(transport=transport)
    set_storage_options({"s3://bucket": s3_options(signed) | options})
    outcome = fetch_one("s3://bucket/a.tif")
    assert isinstance(outcome, AccessError)
    assert str(outcome) == (
        f"s3://bucket/a.tif: access was refused (HTTP 403, {code}); check the storage options (key, secret, "
        "token, profile, or anon for a public bucket; requester_pays where the reader is billed)."
    )


@TRANSPORTS
def test_anonymous_requests_carry_no_signature(bucket: FaultServer, transport: str) -> None:
    configure(transport=transport)
    set_storage_options({"s3://bucket": {"anon": True, "endpoint_url": bucket.origin}})
    assert bytes_of("s3://bucket/a.tif") == DATA[10:110]
    assert [request.target for request in bucket.requests] == ["/bucket/a.tif"]
    assert "authorization" not in bucket.requests[0].headers


@TRANSPORTS
def test_the_reader_pays_when_asked_to(bucket: FaultServer, transport: str) -> None:
    configure(transport=transport)
    options = {"key": KEY, "secret": SECRET, "endpoint_url": bucket.origin, "requester_pays": True}
    set_storage_options({"s3://bucket": options})
    assert bytes_of("s3://bucket/a.tif") == DATA[10:110]
    assert bucket.requests[0].headers["x-amz-request-payer"] == "requester"
    assert "SignedHeaders=" in bucket.requests[0].headers["authorization"]


@TRANSPORTS
def test_the_endpoint_may_stand_in_client_kwargs(bucket: FaultServer, transport: str) -> None:
    configure(transport=transport)
    client = {"endpoint_url": bucket.origin, "region_name": "eu-central-1"}
    set_storage_options({"s3://": {"key": KEY, "secret": SECRET, "client_kwargs": client}})
    assert bytes_of("s3://bucket/a.tif") == DATA[10:110]
    assert "/eu-central-1/s3/aws4_request" in bucket.requests[0].headers["authorization"]


@TRANSPORTS
def test_all_may_come_from_the_environment(
    bucket: FaultServer, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(transport=transport)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "FROMENV",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": "SESSION",
        "AWS_DEFAULT_REGION": "eu-north-1",
        "AWS_ENDPOINT_URL": bucket.origin,
    }.items():
        monkeypatch.setenv(name, value)
    # The environment is read anew by each bucket's first reader only.
    bucket.files[f"env-{transport}/a.tif"] = DATA
    assert bytes_of(f"s3://env-{transport}/a.tif") == DATA[10:110]
    headers = bucket.requests[0].headers
    assert "Credential=FROMENV/" in headers["authorization"]
    assert "/eu-north-1/" in headers["authorization"]
    assert headers["x-amz-security-token"] == "SESSION"


def test_keys_of_the_options_are_not_mixed_with_those_of_the_environment(
    bucket: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "FROMENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "SESSION")
    set_storage_options({"s3://bucket": {"key": KEY, "secret": SECRET, "endpoint_url": bucket.origin}})
    assert bytes_of("s3://bucket/a.tif") == DATA[10:110]
    assert f"Credential={KEY}/" in bucket.requests[0].headers["authorization"]
    assert "x-amz-security-token" not in bucket.requests[0].headers


def test_without_credentials_the_message_says_how_to_read_a_public_bucket(bucket: FaultServer) -> None:
    set_storage_options({"s3://sentinel-cogs": {"endpoint_url": bucket.origin}})
    outcome = fetch_one("s3://sentinel-cogs/a.tif")
    assert isinstance(outcome, AccessError)
    assert str(outcome) == (
        "s3://sentinel-cogs: no AWS credentials were found. For a public bucket set the storage option "
        "anon: register(con, storage_options={'s3://sentinel-cogs/': {'anon': True}}), or "
        "AWS_NO_SIGN_REQUEST=YES in the environment; for a private one set key and secret, or profile, or "
        "AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY in the environment."
    )
    assert bucket.requests == []


def test_a_bucket_that_bills_its_readers_is_named_as_such(bucket: FaultServer) -> None:
    """Without credentials, and where they are refused because nobody said who pays."""
    option = "register(con, storage_options={'s3://usgs-landsat/': {'requester_pays': True}})"
    set_storage_options({"s3://usgs-landsat": {"endpoint_url": bucket.origin}})
    outcome = fetch_one("s3://usgs-landsat/a.tif")
    assert isinstance(outcome, AccessError)
    assert f"no AWS credentials were found; readers of this bucket pay: {option}" in str(outcome)
    assert "anon" not in str(outcome)
    given = {"key": KEY, "secret": SECRET, "endpoint_url": bucket.origin}
    set_storage_options({"s3://usgs-landsat": given})
    bucket.fail("usgs-landsat/a.tif", Fault(status=403))
    outcome = fetch_one("s3://usgs-landsat/a.tif")
    assert isinstance(outcome, AccessError)
    assert f"readers of this bucket pay: {option}" in str(outcome)
    bucket.files["usgs-landsat/a.tif"] = DATA
    set_storage_options({"s3://usgs-landsat": {**given, "requester_pays": True}})
    assert bytes_of("s3://usgs-landsat/a.tif") == DATA[10:110]
    assert bucket.requests[-1].headers["x-amz-request-payer"] == "requester"


def test_anonymous_by_the_environment(bucket: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
    set_storage_options({"s3://bucket": {"endpoint_url": bucket.origin, "region": "no-sign"}})
    assert bytes_of("s3://bucket/a.tif") == DATA[10:110]
    assert "authorization" not in bucket.requests[0].headers


def test_a_key_without_its_secret_is_an_argument_error(bucket: FaultServer) -> None:
    set_storage_options({"s3://bucket": {"key": KEY, "endpoint_url": bucket.origin}})
    outcome = fetch_one("s3://bucket/a.tif")
    assert isinstance(outcome, ArgumentError)
    assert str(outcome) == "Storage options of s3://bucket: key and secret go together; one is missing."


def write_profiles(folder: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id = DEFAULTKEY\naws_secret_access_key = a\n"
        "[field-team]\naws_access_key_id = TEAMKEY\naws_secret_access_key = b%c\n"
        "aws_session_token = TEAMTOKEN\n"
    )
    (folder / "config").write_text(
        f"[default]\nregion = eu-west-3\nendpoint_url = {endpoint}\n"
        f"[profile field-team]\nregion = ap-south-1\nendpoint_url = {endpoint}\n"
        "[profile by-process]\ncredential_process = echo "
        """'{"Version":1,"AccessKeyId":"PROCESSKEY","SecretAccessKey":"c"}'\n"""
        f"endpoint_url = {endpoint}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))


@pytest.mark.parametrize(
    ("profile", "variable", "key", "region"),
    [
        ("field-team", None, "TEAMKEY", "ap-south-1"),
        (None, "field-team", "TEAMKEY", "ap-south-1"),
        (None, None, "DEFAULTKEY", "eu-west-3"),
        ("by-process", None, "PROCESSKEY", "us-east-1"),
    ],
)
def test_profiles_of_the_aws_files_are_used(
    bucket: FaultServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    profile: str | None,
    variable: str | None,
    key: str,
    region: str,
) -> None:
    write_profiles(tmp_path, monkeypatch, bucket.origin)
    if variable:
        monkeypatch.setenv("AWS_PROFILE", variable)
    name = f"bucket-{profile}-{variable}".lower()
    bucket.files[f"{name}/a.tif"] = DATA
    set_storage_options({"s3://": {"profile": profile}})
    assert bytes_of(f"s3://{name}/a.tif") == DATA[10:110]
    headers = bucket.requests[0].headers
    assert f"Credential={key}/" in headers["authorization"]
    assert f"/{region}/s3/" in headers["authorization"]
    assert headers.get("x-amz-security-token") == ("TEAMTOKEN" if key == "TEAMKEY" else None)


def test_a_profile_that_gives_no_keys_is_an_access_error(
    bucket: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile broken]\ncredential_process = echo hush\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    set_storage_options({"s3://bucket": {"profile": "broken", "endpoint_url": bucket.origin}})
    outcome = fetch_one("s3://bucket/a.tif")
    assert isinstance(outcome, AccessError)
    assert str(outcome).startswith(
        "s3://bucket/a.tif: the credentials could not be obtained (JSONDecodeError); check"
    )
    assert "hush" not in str(outcome)
    assert bucket.requests == []


def test_an_unknown_profile_is_refused_with_those_there_are(
    bucket: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profiles(tmp_path, monkeypatch, bucket.origin)
    set_storage_options({"s3://bucket": {"profile": "filed-team"}})
    outcome = fetch_one("s3://bucket/a.tif")
    assert isinstance(outcome, ArgumentError)
    assert str(outcome) == (
        "There is no AWS profile 'filed-team'; the files in ~/.aws have: by-process, default, field-team."
    )


def test_the_region_of_a_bucket_is_found_once(bucket: FaultServer) -> None:
    """As S3 answers in the wrong region: 301 without Location; the region stands in the header of HEAD."""
    bucket.files["far/a.tif"] = DATA
    moved = Fault(status=301, headers={"x-amz-bucket-region": "us-west-2"}, body=b"")
    bucket.fail("far/a.tif", moved)
    bucket.fail("far", moved)
    set_storage_options({"s3://far": {"key": KEY, "secret": SECRET, "endpoint_url": bucket.origin}})
    for _ in range(2):
        assert bytes_of("s3://far/a.tif") == DATA[10:110]
    sent = [(request.method, request.target, request.status) for request in bucket.requests]
    assert sent == [
        ("GET", "/far/a.tif", 301),
        ("HEAD", "/far", 301),
        ("GET", "/far/a.tif", 206),
        ("GET", "/far/a.tif", 206),
    ]
    assert "/us-east-1/" in bucket.requests[0].headers["authorization"]
    assert "/us-west-2/" in bucket.requests[2].headers["authorization"]
    assert [entry.kind for entry in request_log.snapshot()[-4:]] == ["region", "tile", "tile", "tile"]


def test_the_region_may_stand_in_the_refusal(bucket: FaultServer) -> None:
    body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-south-1</Region></Error>"
    bucket.files["near/a.tif"] = DATA
    bucket.fail("near/a.tif", Fault(status=400, body=body))
    set_storage_options({"s3://near": {"key": KEY, "secret": SECRET, "endpoint_url": bucket.origin}})
    assert bytes_of("s3://near/a.tif") == DATA[10:110]
    assert "/eu-south-1/" in bucket.requests[-1].headers["authorization"]
    assert len(bucket.requests) == 2


def test_a_region_that_nobody_knows_is_an_error(bucket: FaultServer) -> None:
    bucket.fail("lost/a.tif", Fault(status=301, body=b""), times=9)
    set_storage_options({"s3://lost": {"anon": True, "endpoint_url": bucket.origin}})
    outcome = fetch_one("s3://lost/a.tif")
    assert isinstance(outcome, RasteretError)
    assert str(outcome) == (
        "s3://lost/a.tif: its bucket is not in the region that was asked; set the storage option region."
    )


@TRANSPORTS
def test_slow_down_is_tried_again(bucket: FaultServer, transport: str) -> None:
    configure(transport=transport)
    body = b"<Error><Code>SlowDown</Code></Error>"
    bucket.fail("bucket/a.tif", Fault(status=503, body=body), times=2)
    set_storage_options({"s3://bucket": {"anon": True, "endpoint_url": bucket.origin}})
    assert bytes_of("s3://bucket/a.tif") == DATA[10:110]
    assert [request.status for request in bucket.requests] == [503, 503, 206]


@TRANSPORTS
def test_a_missing_bucket_says_so(bucket: FaultServer, transport: str) -> None:
    configure(transport=transport)
    bucket.fail("gone/a.tif", Fault(status=404, body=b"<Error><Code>NoSuchBucket</Code></Error>"))
    set_storage_options({"s3://gone": {"anon": True, "endpoint_url": bucket.origin}})
    assert str(fetch_one("s3://gone/a.tif")) == (
        "s3://gone/a.tif: there is no such file (HTTP 404, NoSuchBucket)."
    )


def test_a_bucket_may_stand_in_the_host_name(bucket: FaultServer) -> None:
    bucket.files["a.tif"] = DATA
    port = bucket.origin.rpartition(":")[2]
    style = {"s3": {"addressing_style": "virtual"}}
    options = {"anon": True, "endpoint_url": f"http://localhost:{port}", "config_kwargs": style}
    set_storage_options({"s3://bucket": options})
    outcome = fetch_one("s3://bucket/a.tif")
    # Not every resolver knows bucket.localhost; where it does, the bucket has left the path.
    if isinstance(outcome, Block):
        assert bucket.requests[0].target == "/a.tif"
    else:
        assert "no such host" in str(outcome)


def test_an_object_with_an_empty_folder_name_is_read(bucket: FaultServer) -> None:
    bucket.files["bucket/x//a.tif"] = DATA
    set_storage_options({"s3://bucket": {"anon": True, "endpoint_url": bucket.origin}})
    assert bytes_of("s3://bucket/x//a.tif") == DATA[10:110]
