"""gs://, az:// and s3:// through SQL and through the contract of the port, against servers of others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rasteret_sql.settings import configure
from rasteret_sql.store.options import set_storage_options
from tests.store.cloud_servers import FILE_SYSTEMS, SERVERS, CloudServer
from tests.store.endpoints import Endpoint
from tests.store.test_contract import *  # noqa: F403


@pytest.fixture(scope="module", params=SERVERS.values(), ids=SERVERS.keys())
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudServer]:
    with request.param(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(params=["obstore", "fsspec"])
def transport(request: pytest.FixtureRequest, server: CloudServer) -> str:
    if request.param == "fsspec":
        module = FILE_SYSTEMS[server.scheme]
        pytest.importorskip(module, reason=f"{module} is not installed")
        configure(transport="fsspec")
    set_storage_options({f"{server.root}/": server.options})
    return str(request.param)


@pytest.fixture
def endpoint(server: CloudServer, transport: str) -> Endpoint:
    def put(name: str, data: bytes) -> str:
        server.put(name, data)
        return server.href(name)

    tells = transport == "obstore"
    return Endpoint(put=put, href=server.href, tells_size=tells, tells_etag=tells)
