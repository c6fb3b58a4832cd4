"""Google and Azure storage: how options become requests, seen by our own server."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from rasteret_sql.errors import AccessError, ArgumentError, RasteretError
from rasteret_sql.settings import Settings
from rasteret_sql.store.address import parse_address
from rasteret_sql.store.clouds.azure import az_config
from rasteret_sql.store.clouds.google import gs_config
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.fsspec.options import filesystem_words
from rasteret_sql.store.options import set_storage_options
from rasteret_sql.store.protocol import Block, ByteRange
from tests.store.conftest import DATA
from tests.store.server import FaultServer

AZURITE_KEY = "bm90IGEgcmVhbCBrZXk="


@pytest.fixture
def cloud(server: FaultServer) -> FaultServer:
    server.files["bucket/a.tif"] = DATA
    server.files["account/container/a.tif"] = DATA
    return server


def fetch_one(href: str) -> Block | RasteretError:
    [(_, outcome)] = fetch([ByteRange(href=href, start=10, length=100)], kind="tile")
    return outcome


def bytes_of(href: str) -> bytes:
    outcome = fetch_one(href)
    assert isinstance(outcome, Block), outcome
    return bytes(outcome.data)


@pytest.mark.parametrize("scheme", ["gs", "gcs"])
def test_a_public_google_bucket_needs_no_credentials(cloud: FaultServer, scheme: str) -> None:
    set_storage_options({f"{scheme}://bucket": {"token": "anon", "endpoint_url": cloud.origin}})
    assert bytes_of(f"{scheme}://bucket/a.tif") == DATA[10:110]
    assert "authorization" not in cloud.requests[0].headers
    assert unquote(cloud.requests[0].target) == "/bucket/a.tif"


def test_the_project_that_pays_is_named_to_google(cloud: FaultServer) -> None:
    options = {"token": "anon", "endpoint_url": cloud.origin, "requester_pays": True, "project": "my-project"}
    set_storage_options({"gs://bucket": options})
    assert bytes_of("gs://bucket/a.tif") == DATA[10:110]
    assert cloud.requests[0].headers["x-goog-user-project"] == "my-project"


def test_requester_pays_without_a_project_is_an_argument_error(cloud: FaultServer) -> None:
    set_storage_options({"gs://bucket": {"requester_pays": True, "endpoint_url": cloud.origin}})
    assert str(fetch_one("gs://bucket/a.tif")) == (
        "Storage options of gs://bucket: requester_pays needs the project that pays."
    )


def test_google_tokens_are_translated() -> None:
    assert gs_config("b", {"token": "anon"}, {}).config == {"skip_signature": True}
    assert gs_config("b", {"token": "/keys/me.json"}, {}).config == {
        "application_credentials": "/keys/me.json"
    }
    key = {"type": "service_account", "private_key": "x"}
    assert gs_config("b", {"token": key}, {}).config["service_account_key"].startswith('{"type": "service_')
    assert gs_config("b", {"token": "google_default"}, {}).config == {}
    assert gs_config("b", {}, {"GOOGLE_APPLICATION_CREDENTIALS": "x.json"}).config == {}
    assert gs_config("b", {"token": "anon"}, {"STORAGE_EMULATOR_HOST": "localhost:4443"}).config == {
        "base_url": "http://localhost:4443",
        "skip_signature": True,
    }
    with pytest.raises(ArgumentError, match="Storage option 'token' of gs://b is a int; expected 'anon'"):
        gs_config("b", {"token": 5}, {})


def test_a_shared_access_signature_is_sent_and_never_shown(cloud: FaultServer) -> None:
    cloud.allow = lambda target, headers: target.endswith("?sv=1&sig=good%2Fsig")
    blob = f"BlobEndpoint={cloud.origin}/account"
    set_storage_options({"az://container": {"connection_string": f"AccountName=account;{blob}"}})
    good = {"connection_string": f"AccountName=account;{blob}", "sas_token": "?sv=1&sig=good%2Fsig"}
    set_storage_options({"az://container": good})
    assert bytes_of("az://container/a.tif") == DATA[10:110]
    bad = good | {"sas_token": "sv=1&sig=hush"}
    set_storage_options({"az://container": bad})
    outcome = fetch_one("az://container/a.tif")
    assert isinstance(outcome, AccessError)
    assert "hush" not in repr([outcome, outcome.__cause__])
    assert outcome.__suppress_context__
    assert str(outcome) == (
        "az://container/a.tif: access was refused (HTTP 403, AccessDenied); check the storage options "
        "(account_key, sas_token, connection_string); signatures expire."
    )


@pytest.mark.parametrize(
    "href",
    [
        "az://container/a.tif",
        "abfs://container/a.tif",
        "abfss://container@account.dfs.core.windows.net/a.tif",
    ],
)
def test_a_public_container_needs_the_account_alone(cloud: FaultServer, href: str) -> None:
    text = f"AccountName=account;BlobEndpoint={cloud.origin}/account"
    set_storage_options({"az://": {"connection_string": text}})
    assert bytes_of(href) == DATA[10:110]
    assert cloud.requests[0].target == "/account/container/a.tif"
    assert "authorization" not in cloud.requests[0].headers


def test_an_account_key_signs(cloud: FaultServer) -> None:
    text = f"AccountName=account;AccountKey={AZURITE_KEY};BlobEndpoint={cloud.origin}/account"
    set_storage_options({"az://container": {"connection_string": text}})
    assert bytes_of("az://container/a.tif") == DATA[10:110]
    assert cloud.requests[0].headers["authorization"].startswith("SharedKey account:")


def test_azure_options_are_translated() -> None:
    assert az_config("c", {"account_name": "acct"}, {}).config == {
        "account_name": "acct",
        "skip_signature": True,
    }
    keyed = az_config("c", {"account_name": "acct", "account_key": AZURITE_KEY}, {}).config
    assert keyed == {"account_name": "acct", "account_key": AZURITE_KEY}
    text = "DefaultEndpointsProtocol=https;AccountName=acct;EndpointSuffix=core.windows.net"
    assert az_config("c", {}, {"AZURE_STORAGE_CONNECTION_STRING": text}).config == {
        "account_name": "acct",
        "endpoint": "https://acct.blob.core.windows.net",
        "skip_signature": True,
    }


def test_azure_says_what_is_missing() -> None:
    with pytest.raises(
        ArgumentError, match="az://c: which storage account\\? Set the storage option account_name"
    ):
        az_config("c", {}, {})
    with pytest.raises(ArgumentError, match="az://c: the account_key is not base64; copy it anew"):
        az_config("c", {"account_name": "a", "account_key": "not base64!"}, {})
    with pytest.raises(ArgumentError, match="connection_string has no Name=value parts"):
        az_config("c", {"connection_string": "hush"}, {})


SIGNATURE, KEY_OF_OURS = (
    {"AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=hush"},
    {"AZURE_STORAGE_ACCOUNT_KEY": AZURITE_KEY},
)
STRING = {"AZURE_STORAGE_CONNECTION_STRING": f"AccountName=ours;AccountKey={AZURITE_KEY}"}
OURS = {"AZURE_STORAGE_ACCOUNT_NAME": "ours"}


@pytest.mark.parametrize("environ", [OURS | SIGNATURE, OURS | KEY_OF_OURS, STRING, STRING | SIGNATURE])
@pytest.mark.parametrize("container", ["c", "c@ours.dfs.core.windows.net", "c@OURS.blob.core.windows.net"])
def test_credentials_of_the_environment_are_for_its_own_account(
    environ: dict[str, str], container: str
) -> None:
    found = az_config(container, {}, environ)
    assert found.credentials is not None
    assert "skip_signature" not in found.config
    assert found.config["account_name"] == "ours"


@pytest.mark.parametrize(
    "environ", [OURS | SIGNATURE, OURS | KEY_OF_OURS, STRING, STRING | SIGNATURE, SIGNATURE]
)
@pytest.mark.parametrize("transport", ["obstore", "adlfs"])
def test_another_account_that_an_href_names_gets_none(environ: dict[str, str], transport: str) -> None:
    container = "c@theirs.dfs.core.windows.net"
    found = az_config(container, {}, environ)
    assert found.config == {"account_name": "theirs", "skip_signature": True}
    assert found.credentials is None
    if transport == "adlfs":
        words = filesystem_words(f"az://{container}/a.tif", {}, Settings(), environ)
        assert words["anon"] is True
        assert "hush" not in str(words)
        assert AZURITE_KEY not in str(words)


def test_an_account_of_the_options_may_have_the_key_of_the_environment_unless_that_names_another() -> None:
    assert az_config("c", {"account_name": "chosen"}, KEY_OF_OURS).credentials is not None
    assert az_config("c", {"account_name": "chosen"}, OURS | KEY_OF_OURS).credentials is None


@pytest.mark.parametrize("href", ["az://c@evil.org#x/a.tif", "az://c@evil:80?x.dfs.core.windows.net/a.tif",
                                  "az://c@@evil/a.tif", "s3://evil.org#x/a.tif", "s3://evil?x/a.tif",
                                  "gs://evil\\x/a.tif", "s3://k@evil/a.tif", "s3://a%2fb/a.tif"])  # fmt: skip
def test_a_bucket_is_a_name_and_nothing_else(href: str) -> None:
    with pytest.raises(ArgumentError, match="names no file"):
        parse_address(href)
