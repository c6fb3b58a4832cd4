"""Tokens of the Planetary Computer: asked for when bytes are, once a container, renewed, and never shown.

The blobs lie in Azurite, which verifies signatures and their ends; the token service signs with its key.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread
from time import sleep
from typing import Any
from urllib.parse import parse_qs, unquote

import duckdb
import numpy as np
import pytest
import rasterio

import rasteret_sql
from rasteret_sql.errors import AccessError, ArgumentError, MalformedError, RasteretError, TransportError
from rasteret_sql.settings import configure
from rasteret_sql.stac.catalogs.catalogs import catalogs
from rasteret_sql.store import errors as failures
from rasteret_sql.store.options import set_storage_options
from rasteret_sql.store.protocol import Block
from rasteret_sql.store.signing.planetary_computer import CONTAINERS
from rasteret_sql.store.signing.signers import register_signer, signer_for
from tests.duck.corpus import write_corpus
from tests.requests_log import newest, since
from tests.store import cloud_servers
from tests.store.cloud_servers import ACCOUNT, ACCOUNT_KEY, BUCKET, CloudServer
from tests.store.conftest import DATA
from tests.store.reading import fault_of, read
from tests.store.server import Fault, FaultServer
from tests.store.token_service import TokenService, token_service

FILE = "utm32_uint16.tif"
POLICY = "readers"


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudServer]:
    folder = tmp_path_factory.mktemp("azurite")
    write_corpus(folder)
    with cloud_servers.azure(folder) as server:
        server.put(FILE, (folder / FILE).read_bytes())
        yield server


@pytest.fixture
def service() -> Iterator[TokenService]:
    with token_service() as running:
        configure(planetary_computer_sas_url=running.url)
        yield running


@pytest.fixture(params=["auto", "fsspec"])
def transport(request: pytest.FixtureRequest) -> str:
    configure(transport=request.param)
    return str(request.param)


@pytest.fixture
def href(azurite: CloudServer) -> str:
    """As it stands in a catalogue: no signature."""
    register_signer(f"{azurite.origin}/{BUCKET}/", "planetary-computer")
    return f"{azurite.origin}/{BUCKET}/{FILE}"


def signature(holds: timedelta = timedelta(hours=1), *, policy: str | None = None) -> str:
    """A service SAS to read the container, with Azurite's own key."""
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    own = {"policy_id": policy} if policy else {
        "permission": ContainerSasPermissions(read=True), "expiry": datetime.now(UTC) + holds
    }  # fmt: skip
    signed: str = generate_container_sas(ACCOUNT, BUCKET, ACCOUNT_KEY, **own)
    return signed


def kinds_since(number: int) -> list[tuple[str, bool]]:
    """Kind, and whether it failed, of the requests after one."""
    return [(row.kind, row.error is not None) for row in since(number)]


def test_an_unsigned_href_is_indexed_and_read_with_one_token(
    href: str, service: TokenService, transport: str, azurite: CloudServer
) -> None:
    service.make = signature
    configure(tile_cache_bytes=0)
    began = newest()
    with rasteret_sql.connect() as con:
        con.execute("CREATE TABLE idx AS FROM cog_header($1)", [href])
        assert con.execute("SELECT href, error, file_size > 0, etag IS NOT NULL FROM idx").fetchall() == [
            (href, None, True, True)
        ]
        [(dtype, shape, data)] = con.execute(
            "SELECT c.dtype, c.shape, c.data FROM idx AS i, read_cog(i) AS c"
        ).fetchall()
        log = con.execute("FROM rasteret_requests() WHERE id > $1", [began]).fetchall()
        shown = repr([*log, *con.execute("FROM idx").fetchall()])
    with rasterio.open(azurite.log.parent / FILE) as dataset:
        assert np.array_equal(np.frombuffer(data, dtype).reshape(shape), dataset.read())
    assert service.asked == [f"/token/{ACCOUNT}/{BUCKET}"]
    [given] = service.given
    assert parse_qs(given)["sig"][0] not in unquote(shown)
    assert "?" not in shown


def test_many_threads_ask_for_one_token(href: str, service: TokenService, transport: str) -> None:
    service.make = signature
    together = Barrier(8)
    outcomes: list[Block | RasteretError] = []

    def run() -> None:
        together.wait()
        outcomes.extend(read(href, parts=10))

    threads = [Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(outcome, Block) for outcome in outcomes)
    assert (len(outcomes), len(service.asked)) == (80, 1)


def test_a_token_is_renewed_before_it_expires(href: str, service: TokenService) -> None:
    """No request is refused on the way."""
    holds = service.said_to_hold = timedelta(seconds=3)
    service.make = lambda: signature(holds)
    began = newest()
    for _ in range(2):
        assert isinstance(read(href)[0], Block)
    sleep(2.5)
    assert isinstance(read(href)[0], Block)
    assert kinds_since(began) == [("token", False), *[("tile", False)] * 2, ("token", False), ("tile", False)]


def test_a_token_that_ends_early_is_renewed_when_it_is_refused(
    href: str, service: TokenService, transport: str
) -> None:
    service.make = lambda: signature(timedelta(seconds=1.2 if len(service.given) < 1 else 3600))
    assert isinstance(read(href)[0], Block)
    sleep(1.5)
    began = newest()
    assert all(isinstance(outcome, Block) for outcome in read(href, parts=8))
    assert len(service.given) == 2
    kinds = kinds_since(began)
    assert kinds.count(("token", False)) == 1
    assert kinds.count(("tile", False)) == 8
    assert 1 <= kinds.count(("tile", True)) <= 8


def test_a_token_that_was_revoked_is_renewed_once_and_then_the_error_says_so(
    href: str, service: TokenService, transport: str, azurite: CloudServer
) -> None:
    from azure.storage.blob import AccessPolicy, BlobServiceClient, ContainerSasPermissions

    readers = AccessPolicy(
        ContainerSasPermissions(read=True),
        datetime.now(UTC) + timedelta(hours=1),
        datetime(2020, 1, 1, tzinfo=UTC),
    )
    with BlobServiceClient.from_connection_string(azurite.options["connection_string"]) as client:
        container = client.get_container_client(BUCKET)
        container.set_container_access_policy({POLICY: readers})
        service.make = lambda: signature(policy=POLICY)
        assert isinstance(read(href)[0], Block)
        container.set_container_access_policy({})
    error = fault_of(href)
    assert isinstance(error, AccessError)
    assert str(error).startswith(f"{href}: access was refused (HTTP 403, ")
    assert str(error).endswith(
        "); a new token of the Planetary Computer was refused as well: check that its container is one that "
        "the service gives out, and the clock of this machine."
    )
    assert len(service.given) == 2
    fault_of(href)
    assert len(service.given) == 2, "a container that stays closed is not asked about every time"
    assert not any(token.split("sig=")[1] in str(error) for token in service.given)
    with rasteret_sql.connect() as con, pytest.raises(duckdb.Error, match="a new token of the Planetary"):
        con.execute("SELECT data FROM read_cog($1)", [href]).fetchall()


# --- the service ------------------------------------------------------------------------------------------


@pytest.fixture
def blobs(service: TokenService) -> Iterator[FaultServer]:
    """Blobs of our own, for those who come with the latest token."""
    service.make = lambda: f"sv=1&sig=hush{len(service.given)}"
    with FaultServer({"account/bucket/a.tif": DATA}) as server:
        server.allow = lambda target, headers: f"?{service.given[-1]}" in target
        register_signer(f"{server.origin}/account/", "planetary-computer")
        yield server


def test_the_subscription_key_goes_to_the_service_alone(
    service: TokenService, blobs: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "no-settings.env").write_text("PC_SDK_SUBSCRIPTION_KEY='from-file'\n")
    assert isinstance(read(blobs.url("account/bucket/a.tif"))[0], Block)
    monkeypatch.setenv("PC_SDK_SUBSCRIPTION_KEY", "from-environment")
    register_signer(f"{blobs.origin}/account/", "planetary-computer")
    assert isinstance(read(blobs.url("account/bucket/a.tif"))[0], Block)
    keys = [request.headers.get("ocp-apim-subscription-key") for request in service.server.requests]
    assert keys == ["from-file", "from-environment"]
    assert not any("ocp-apim-subscription-key" in request.headers for request in blobs.requests)


def test_the_service_may_be_named_in_the_environment_and_its_key_in_the_options(
    service: TokenService, blobs: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(planetary_computer_sas_url=None)
    monkeypatch.setenv("PC_SDK_SAS_URL", f"{service.url}/")
    set_storage_options({service.url: {"headers": {"Ocp-Apim-Subscription-Key": "from-options"}}})
    assert isinstance(read(blobs.url("account/bucket/a.tif"))[0], Block)
    [request] = service.server.requests
    assert request.headers["ocp-apim-subscription-key"] == "from-options"


@pytest.mark.parametrize(
    ("fault", "times", "told"),
    [
        (Fault(status=503), 2, None),
        (Fault(reset=True), 1, None),
        (
            Fault(status=503),
            99,
            "could not be signed: {service}/account/bucket: the server asks to slow down",
        ),
        (
            Fault(status=404),
            99,
            "could not be signed: the token service {service}/account/bucket knows no such",
        ),
        (
            Fault(status=401),
            99,
            "could not be signed: {service}/account/bucket: access was refused (HTTP 401)",
        ),
        (
            Fault(status=200, body=b'{"token": "sig=hush"}'),
            99,
            "{service}/account/bucket: the answer is not a token",
        ),
    ],
)
def test_a_service_that_fails_is_asked_again_or_named(
    service: TokenService, blobs: FaultServer, fault: Fault, times: int, told: str | None
) -> None:
    configure(max_retries=2)
    service.server.fail("token/account/bucket", fault, times=times)
    [outcome] = read(blobs.url("account/bucket/a.tif"))
    if told is None:
        assert isinstance(outcome, Block)
        assert len(service.asked) == times + 1
    else:
        assert isinstance(outcome, TransportError | MalformedError)
        assert told.format(service=service.url) in str(outcome)
        assert "hush" not in str(outcome)
        assert blobs.requests == []


def test_a_token_that_still_holds_is_used_while_the_service_is_away(
    service: TokenService, blobs: FaultServer
) -> None:
    service.said_to_hold = timedelta(seconds=1.5)
    assert isinstance(read(blobs.url("account/bucket/a.tif"))[0], Block)
    sleep(1.25)
    service.server.fail("token/account/bucket", Fault(status=500), times=99)
    assert isinstance(read(blobs.url("account/bucket/a.tif"))[0], Block)


def test_the_service_is_an_address(service: TokenService) -> None:
    with pytest.raises(ArgumentError, match="planetary_computer_sas_url is not an http"):
        configure(planetary_computer_sas_url="planetary.example.org")


def test_an_href_with_a_signature_is_read_as_it_is(service: TokenService, blobs: FaultServer) -> None:
    service.given.append("sig=mine")
    assert isinstance(read(blobs.url("account/bucket/a.tif?sig=mine"))[0], Block)
    assert service.asked == []


# --- which hrefs --------------------------------------------------------------------------------------------


def test_every_built_in_dataset_of_the_planetary_computer_has_its_container(service: TokenService) -> None:
    named = [c.collection for c in catalogs() if c.auth == "planetary-computer" and c.collection]
    assert named
    for collection in named:
        known = collection if not collection.startswith("modis") else "modis"
        account, container = CONTAINERS[known]
        href = f"https://{account}.blob.core.windows.net/{container}/x/a.tif"
        service.make = lambda: "sig=of-the-service"
        signer = signer_for(href)
        assert signer is not None
        service.server.files[f"token/{account}/{container}"] = (
            b'{"msft:expiry": "2099-01-01T00:00:00Z", "token": "sig=of-the-service"}'
        )
        assert signer.sign(href).href == f"{href}?sig=of-the-service"


@pytest.mark.parametrize(
    "href",
    [
        "https://ai4edatasetspublicassets.blob.core.windows.net/assets/pc_thumbnails/naip.png",
        "https://naipeuwest.blob.core.windows.net.evil.org/naip/a.tif",
        "https://naipeuwest.blob.core.windows.net/naip-of-others/a.tif",
        "https://planetarycomputer.microsoft.com/api/data/v1/item/tilejson.json",
    ],
)
def test_other_addresses_get_no_token(href: str) -> None:
    assert signer_for(href) is None


def test_a_container_without_a_signer_says_how_it_gets_one() -> None:
    """Azure answers 409 where nobody may read without a signature."""
    href = "https://astersa.blob.core.windows.net/aster/a.tif"
    error = failures.status_error(href, 409, code="PublicAccessNotPermitted")
    assert isinstance(error, AccessError)
    assert str(error).startswith(f"{href}: access was refused (HTTP 409, PublicAccessNotPermitted); ")
    assert "rasteret_sql.register_signer(its URL, 'planetary-computer')" in str(error)


def recorded(folder: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(folder / "api" / "items.ndjson.gz", "rt") as lines:
        yield from map(json.loads, lines)
    for name in ("pystac-client/collections.ndjson", "pgstac/pc-collections.ndjson"):
        yield from map(json.loads, (folder / name).read_text().splitlines())


def test_the_containers_are_those_of_the_real_items_and_collections(stac_data: Path) -> None:
    seen: set[str] = set()
    for found in recorded(stac_data):
        if "msft:storage_account" in found and found["id"] in CONTAINERS:
            assert CONTAINERS[found["id"]] == (found["msft:storage_account"], found["msft:container"])
            seen.add(found["id"])
        if found.get("collection") in CONTAINERS:
            for asset in found["assets"].values():
                if "blob.core.windows.net" in asset["href"]:
                    assert signer_for(asset["href"]) is not None
    assert {"sentinel-2-l2a", "landsat-c2-l2", "naip"} <= seen
