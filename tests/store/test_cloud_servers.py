"""gs://, az:// and s3:// through SQL and through the contract of the port, against servers of others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

import rasteret_sql
from rasteret_sql.errors import (
    AccessError,
    ArgumentError,
    MalformedError,
    NotFoundError,
    RasteretError,
    TransportError,
)
from rasteret_sql.settings import configure
from rasteret_sql.store.documents import list_files, read_document
from rasteret_sql.store.fetch import fetch
from rasteret_sql.store.options import set_storage_options
from rasteret_sql.store.protocol import Block, ByteRange
from tests.duck.corpus import write_corpus
from tests.process_state import forget_storage_options
from tests.store.cloud_servers import (
    ACCOUNT_KEY,
    BUCKET,
    FILE_SYSTEMS,
    PUBLIC,
    SECRET,
    SERVERS,
    CloudServer,
    azure_signature,
)
from tests.store.conftest import DATA
from tests.store.endpoints import Endpoint
from tests.store.server import Fault, FaultServer
from tests.store.test_contract import (  # noqa: F401  (the contract, held against these servers too)
    test_a_missing_object_is_not_found,
    test_a_name_is_taken_as_it_is,
    test_a_range_that_begins_at_or_after_the_end_is_malformed,
    test_a_range_that_ends_after_the_object_gives_what_there_is,
    test_a_whole_object_that_is_too_long_is_over_the_limit,
    test_an_empty_object_has_no_bytes,
    test_gives_exactly_the_bytes_asked_for,
    test_many_threads_may_read_at_once,
    test_size_and_etag_are_those_of_the_object,
)

FILES = ("utm32_uint16.tif", "float32_nan.tif", "rgb_mask.tif", "geographic.tif")
"""COGs with deflate, ZSTD, LZW with an internal mask, and no compression; each longer than a first read."""
TINY = "sparse.tif"
"""Shorter than a first read, so that the range for its header ends after the file."""
WINDOW = (60, 40, 140, 130)
"""Column, row, width, height; it touches six tiles or so."""
INDEX = "CREATE OR REPLACE TABLE idx AS SELECT h.* FROM unnest($1) AS u(href), cog_header(u.href) AS h"
Servers = Callable[[str], CloudServer]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder)
    return folder


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, files: Path) -> Iterator[Servers]:
    """Gives the server of a name, started when first asked for, with the files in its bucket."""
    known: dict[str, CloudServer | BaseException] = {}
    with ExitStack() as running:

        def start(name: str) -> CloudServer:
            server = running.enter_context(SERVERS[name](tmp_path_factory.mktemp("cloud")))
            for file in (*FILES, TINY):
                server.put(file, (files / file).read_bytes())
            return server

        def get(name: str) -> CloudServer:
            if name not in known:
                try:
                    known[name] = start(name)
                except (Exception, pytest.skip.Exception) as missing:
                    known[name] = missing
            found = known[name]
            if isinstance(found, BaseException):
                raise found
            return found

        yield get


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, servers: Servers) -> CloudServer:
    return servers(request.param)


@pytest.fixture
def azurite(servers: Servers) -> CloudServer:
    return servers("az: Azurite")


@pytest.fixture
def nanio(servers: Servers) -> CloudServer:
    return servers("s3: nanio")


@pytest.fixture(params=["auto", "fsspec"])
def transport(request: pytest.FixtureRequest) -> str:
    configure(transport=request.param)
    return str(request.param)


@pytest.fixture
def endpoint(server: CloudServer, transport: str) -> Endpoint:
    use(server, transport)

    def put(name: str, data: bytes) -> str:
        server.put(name, data)
        return server.href(name)

    # gcsfs gives another ETag than Google's XML protocol, so none is taken from it.
    tells_etag = transport == "auto" or server.scheme != "gs"
    return Endpoint(put=put, href=server.href, tells_etag=tells_etag)


@pytest.fixture
def connect_with(server: CloudServer, transport: str) -> dict[str, Any]:
    need(FILE_SYSTEMS[server.scheme], transport)
    # All servers have the same bucket: tiles of one must not serve the other.
    return {
        "storage_options": {f"{server.root}/": server.options},
        "settings": {"transport": transport, "tile_cache_bytes": 0},
    }


def need(file_system: str, transport: str) -> None:
    if transport == "fsspec":
        pytest.importorskip(file_system, reason=f"{file_system} is not installed")


def use(server: CloudServer, transport: str, **options: Any) -> None:
    """Read the server's bucket with its own options, or with these."""
    need(FILE_SYSTEMS[server.scheme], transport)
    forget_storage_options()
    set_storage_options({f"{server.scheme}://": options or server.options})


def read(href: str, start: int = 10, length: int = 100) -> Block:
    [(_, outcome)] = fetch([ByteRange(href=href, start=start, length=length)], kind="tile")
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def sent(con: duckdb.DuckDBPyConnection, after: int = 0) -> list[tuple[str, str | None]]:
    """Kind and error of the requests of this process, the latest last."""
    query = "SELECT kind, error FROM rasteret_requests() WHERE id > $1 ORDER BY id"
    return con.execute(query, [after]).fetchall()


def last_id(con: duckdb.DuckDBPyConnection) -> int:
    [(last,)] = con.execute("SELECT coalesce(max(id), 0) FROM rasteret_requests()").fetchall()
    return int(last)


# --- through SQL -------------------------------------------------------------------------------------


def test_a_header_costs_one_request(con: duckdb.DuckDBPyConnection, server: CloudServer, files: Path) -> None:
    began, seen = last_id(con), len(server.statuses())
    con.execute(INDEX, [[server.href(name) for name in FILES]])
    rows = con.execute("SELECT href, width, height, band_count, dtype, crs, error FROM idx").fetchall()
    assert sent(con, began) == [("header", None)] * len(FILES)
    assert server.statuses(at_least=seen + len(FILES))[seen:] == [206] * len(FILES)
    assert {row[0] for row in rows} == {server.href(name) for name in FILES}
    for href, *about, crs, error in rows:
        with rasterio.open(files / href.rpartition("/")[2]) as dataset:
            assert about == [dataset.width, dataset.height, dataset.count, dataset.dtypes[0]]
            assert (crs, error) == (dataset.crs.to_string(), None)


def test_pixels_equal_rasterios_without_a_header_request(
    con: duckdb.DuckDBPyConnection, server: CloudServer, files: Path
) -> None:
    con.execute(INDEX, [[server.href(name) for name in FILES]])
    bounds = []
    for name in FILES:
        with rasterio.open(files / name) as dataset:
            column, row, width, height = WINDOW
            left, top = dataset.transform @ (column + 0.25, row + 0.25)
            right, bottom = dataset.transform @ (column + width - 0.25, row + height - 0.25)
            bounds.append((server.href(name), [left, bottom, right, top]))
    con.execute("CREATE TABLE area (href VARCHAR, bbox DOUBLE[4])")
    con.executemany("INSERT INTO area VALUES ($1, $2)", bounds)
    began, seen = last_id(con), len(server.statuses())
    chips = con.execute(
        "SELECT i.href, c.x_off, c.y_off, c.width, c.height, c.dtype, c.shape, c.data "
        "FROM idx AS i JOIN area AS a USING (href), read_cog(i, a.bbox, aoi_crs := i.crs) AS c"
    ).fetchall()
    requests = sent(con, began)
    assert set(requests) == {("tile", None)}
    assert server.statuses(at_least=seen + len(requests))[seen:] == [206] * len(requests)
    assert len(chips) == len(FILES)
    for href, *window, dtype, shape, data in chips:
        assert tuple(window) == WINDOW
        with rasterio.open(files / href.rpartition("/")[2]) as dataset:
            want = dataset.read(window=Window(*window))
        assert tuple(shape) == want.shape
        assert np.frombuffer(data, dtype).reshape(shape).tobytes() == want.tobytes()


def test_what_is_missing_is_a_row_with_an_error(con: duckdb.DuckDBPyConnection, server: CloudServer) -> None:
    con.execute(INDEX, [[server.href(FILES[0]), server.href("missing.tif")]])
    rows = dict(con.execute("SELECT href, error FROM idx").fetchall())
    assert rows[server.href(FILES[0])] is None
    assert "/missing.tif: there is no such file" in rows[server.href("missing.tif")]
    with pytest.raises(duckdb.Error, match=r"/missing\.tif: there is no such file"):
        con.execute("SELECT data FROM read_cog($1)", [server.href("missing.tif")]).fetchall()


def other_bytes(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 255])


CHANGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut in the middle of a tile": (lambda data: data[:40_000], "had {size:,} bytes and has 40,000|ETag"),
    "cut before its tiles": (lambda data: data[:300], r"had {size:,} bytes and (has 300|ends before)"),
    "as long as before": (other_bytes, 'ETag was "[^"]+" and is "[^"]+"'),
}


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_a_file_that_changed_after_it_was_indexed_is_stale(
    con: duckdb.DuckDBPyConnection,
    server: CloudServer,
    transport: str,
    files: Path,
    change: Callable[[bytes], bytes],
    told: str,
) -> None:
    if (server.scheme, transport, change) == ("gs", "fsspec", other_bytes):
        pytest.skip("gcsfs and obstore are given different ETags, so none is compared")
    whole = (files / FILES[0]).read_bytes()
    server.put("changing.tif", whole)
    con.execute(INDEX, [[server.href("changing.tif")]])
    server.put("changing.tif", change(whole))
    href = server.href("changing.tif")
    pattern = rf"changed since it was indexed: (it|its) ({told.format(size=len(whole))}).*; refresh the index"
    with pytest.raises(duckdb.Error, match=f"read_cog: {href} {pattern}"):
        con.execute("SELECT c.data FROM idx AS i, read_cog(i) AS c").fetchall()


def test_what_one_transport_indexed_another_reads(server: CloudServer, files: Path) -> None:
    """Their ETags and sizes are the same, or not compared."""
    use(server, "auto")
    need(FILE_SYSTEMS[server.scheme], "fsspec")
    read_all = "SELECT md5(c.data) FROM idx AS i, read_cog(i) AS c ORDER BY i.href"
    with rasteret_sql.connect(settings={"tile_cache_bytes": 0}) as con:
        found = []
        for indexed, read_by in (("auto", "fsspec"), ("fsspec", "auto")):
            configure(transport=indexed)
            con.execute(INDEX, [[server.href(name) for name in FILES[:2]]])
            configure(transport=read_by)
            found.append(con.execute(read_all).fetchall())
    assert found[0] == found[1]
    assert len(found[0]) == 2


def test_a_file_shorter_than_a_first_read(
    con: duckdb.DuckDBPyConnection, server: CloudServer, files: Path
) -> None:
    began, seen = last_id(con), len(server.statuses())
    [(dtype, shape, data)] = con.execute(
        "SELECT dtype, shape, data FROM read_cog($1)", [server.href(TINY)]
    ).fetchall()
    with rasterio.open(files / TINY) as dataset:
        assert np.array_equal(np.frombuffer(data, dtype).reshape(shape), dataset.read())
    kinds = [kind for kind, _ in sent(con, began)]
    statuses = server.statuses(at_least=seen + len(kinds))[seen:]
    if 400 in statuses:  # nanio refuses a range that ends after the file; its length is asked for, once
        assert kinds == ["size", "header", "header", "tile"]
        assert statuses == [400, 200, 206, 206]
    else:
        assert (kinds, statuses) == (["header", "tile"], [206, 206])


# --- whole files and listings ------------------------------------------------------------------------


def test_a_whole_object_is_read_in_one_piece(endpoint: Endpoint) -> None:
    href = endpoint.put("item.json", DATA)
    assert read_document(href, max_bytes=len(DATA)) == DATA
    assert read_document(href) == DATA


def test_a_bucket_is_listed_and_what_is_listed_can_be_read(endpoint: Endpoint, server: CloudServer) -> None:
    for name in ("list/2024/b c.tif", "list/2024/01/a.tif", "list/2024/notes.txt"):
        endpoint.put(name, DATA)
    entries = list_files(f"{server.root}/list/**/*.tif")
    assert [entry.href for entry in entries] == [
        server.href("list/2024/01/a.tif"),
        server.href("list/2024/b c.tif"),
    ]
    assert all(entry.size == len(DATA) and entry.etag and entry.last_modified for entry in entries)
    assert [read_document(entry.href) for entry in entries] == [DATA, DATA]
    assert list_files(f"{server.root}/nowhere/*.tif") == []


# --- who may read ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"secret": "hush-hush"}, "HTTP 403, SignatureDoesNotMatch"),
        ({"key": "hush-hush"}, "HTTP 403, InvalidAccessKeyId"),
        ({"key": None, "secret": None, "anon": True}, "HTTP 403, MissingAuthenticationToken"),
    ],
)
def test_s3_refuses_and_the_message_says_what_to_do(
    nanio: CloudServer, transport: str, wrong: dict[str, Any], told: str
) -> None:
    use(nanio, transport, **{**nanio.options, **wrong})
    with rasteret_sql.connect() as con:
        [(error,)] = con.execute("SELECT error FROM cog_header($1)", [nanio.href(FILES[0])]).fetchall()
        assert error == (
            f"s3://bucket/{FILES[0]}: access was refused ({told}); check the storage options (key, secret, "
            "token, profile, or anon for a public bucket; requester_pays where the reader is billed)."
        )
        with pytest.raises(duckdb.Error) as caught:
            con.execute("SELECT data FROM read_cog($1)", [nanio.href(FILES[0])]).fetchall()
    assert error in str(caught.value)
    assert not any(secret in repr(caught.value) for secret in ("hush", SECRET, "Signature="))


def connection_string(server: CloudServer, **parts: str) -> str:
    return ";".join([f"BlobEndpoint={server.origin}", *(f"{name}={value}" for name, value in parts.items())])


AZURE_ACCESS = {
    "a connection string with the key": lambda s: dict(s.options),
    "a connection string with a signature": lambda s: {
        "connection_string": connection_string(s, SharedAccessSignature=azure_signature())
    },
    "account_key": lambda s: {"connection_string": connection_string(s), "account_key": ACCOUNT_KEY},
    "sas_token": lambda s: {"connection_string": connection_string(s), "sas_token": azure_signature()},
    "sas_token with its question mark": lambda s: {
        "connection_string": connection_string(s),
        "sas_token": f"?{azure_signature()}",
    },
    "credential that is a key": lambda s: {
        "connection_string": connection_string(s),
        "credential": ACCOUNT_KEY,
    },
    "credential that is a signature": lambda s: {
        "connection_string": connection_string(s),
        "credential": azure_signature(),
    },
}


@pytest.mark.parametrize("options", AZURE_ACCESS.values(), ids=AZURE_ACCESS.keys())
def test_azure_is_read_with_each_kind_of_credentials(
    azurite: CloudServer,
    transport: str,
    options: Callable[[CloudServer], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    files: Path,
) -> None:
    # What the options say is not mixed with what the environment says.
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "d3Jvbmc=")
    use(azurite, transport, **options(azurite))
    assert bytes(read(azurite.href(FILES[0])).data) == (files / FILES[0]).read_bytes()[10:110]


@pytest.mark.parametrize(
    "options",
    [
        {"connection_string": ""},
        {"account_key": "aHVzaC1odXNo"},
        {"sas_token": "sv=2024-08-04&ss=b&srt=o&sp=r&se=2099-01-01T00%3A00%3A00Z&sig=aHVzaC1odXNo"},
        {"sas_token": "expired"},
    ],
    ids=["none", "wrong key", "wrong signature", "expired signature"],
)
def test_azure_refuses_and_the_message_says_what_to_do(
    azurite: CloudServer, transport: str, options: dict[str, str]
) -> None:
    if options.get("sas_token") == "expired":
        options = {"sas_token": azure_signature(expires="2020-01-01")}
    use(azurite, transport, **{**options, "connection_string": connection_string(azurite)})
    with rasteret_sql.connect() as con:
        [(error,)] = con.execute("SELECT error FROM cog_header($1)", [azurite.href(FILES[0])]).fetchall()
        assert error == (
            f"az://bucket/{FILES[0]}: access was refused (HTTP 403, AuthorizationFailure); check the storage "
            "options (account_key, sas_token, connection_string); signatures expire."
        )
        with pytest.raises(duckdb.Error) as caught:
            con.execute("SELECT data FROM read_cog($1)", [azurite.href(FILES[0])]).fetchall()
    assert not any(secret in repr(caught.value) for secret in ("aHVzaC1odXNo", "sig=", ACCOUNT_KEY))


def test_a_signature_of_nonsense_is_refused_and_not_shown(azurite: CloudServer, transport: str) -> None:
    use(azurite, transport, connection_string=connection_string(azurite), sas_token="hush")
    with pytest.raises((AccessError, ArgumentError), match=r"az://bucket") as caught:
        read(azurite.href(FILES[0]))
    assert "hush" not in repr([caught.value, caught.value.__cause__])


def test_a_public_container_needs_no_credentials(azurite: CloudServer, transport: str) -> None:
    use(azurite, transport, connection_string=connection_string(azurite))
    assert len(read(f"az://{PUBLIC}/{FILES[0]}").data) == 100


@pytest.mark.parametrize("container", ["abfs://bucket", "abfss://bucket", "azure://bucket", "az://bucket"])
def test_azure_addresses_have_several_schemes(azurite: CloudServer, transport: str, container: str) -> None:
    use(azurite, transport)
    assert len(read(f"{container}/{FILES[0]}").data) == 100


def test_an_azure_address_may_name_its_account(azurite: CloudServer, transport: str) -> None:
    use(azurite, transport)
    href = f"abfss://{BUCKET}@account.dfs.core.windows.net/{FILES[0]}"
    assert len(read(href).data) == 100
    assert [entry.href for entry in list_files(href.replace(".tif", ".t?f"))] == [href]


def test_azure_is_never_asked_for_the_last_bytes_of_a_blob(azurite: CloudServer, transport: str) -> None:
    """A suffix range (bytes=-100) is answered with the whole blob."""
    use(azurite, transport)
    assert azurite.debug_log is not None
    seen = len(azurite.debug_log.read_text())
    with rasteret_sql.connect() as con:
        con.execute("SELECT data FROM read_cog($1)", [azurite.href(FILES[2])]).fetchall()
    ranges = re.findall(r'"(?:x-ms-)?range":"([^"]*)"', azurite.debug_log.read_text()[seen:])
    assert ranges[0] == "bytes=0-32767"
    assert all(re.fullmatch(r"bytes=\d+-\d+", value) for value in ranges)


ENVIRONMENT: dict[str, Callable[[CloudServer], dict[str, str]]] = {
    "gs: fake-gcs-server": lambda s: {"STORAGE_EMULATOR_HOST": s.origin},
    "az: Azurite": lambda s: {"AZURE_STORAGE_CONNECTION_STRING": s.options["connection_string"]},
    "s3: nanio": lambda s: {
        "AWS_ACCESS_KEY_ID": s.options["key"],
        "AWS_SECRET_ACCESS_KEY": s.options["secret"],
        "AWS_ENDPOINT_URL": s.origin,
        "AWS_DEFAULT_REGION": "us-east-1",
    },
}


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_the_environment_may_say_it_all(
    servers: Servers, transport: str, name: str, monkeypatch: pytest.MonkeyPatch, files: Path
) -> None:
    server = servers(name)
    need(FILE_SYSTEMS[server.scheme], transport)
    for variable, value in ENVIRONMENT[name](server).items():
        monkeypatch.setenv(variable, value)
    # A reader keeps the environment that it was made in; other settings make another reader.
    configure(request_timeout_s=29)
    assert bytes(read(server.href(FILES[0])).data) == (files / FILES[0]).read_bytes()[10:110]


# --- what Google and Azure answer when they do not answer, said by our own server -------------------------


@pytest.fixture(params=["gs", "az"])
def faulty(request: pytest.FixtureRequest, transport: str) -> Iterator[tuple[FaultServer, str, str]]:
    """A server with faults, the href of an object there, and the object's name on the server."""
    need(FILE_SYSTEMS[request.param], transport)
    configure(max_retries=2)
    with FaultServer() as server:
        if request.param == "az":
            path, text = "account/bucket/a.tif", f"AccountName=account;BlobEndpoint={server.origin}/account"
            set_storage_options({"az://bucket": {"connection_string": text}})
        else:
            path = "bucket/a.tif" if transport == "auto" else "download/storage/v1/b/bucket/o/a.tif"
            set_storage_options({"gs://bucket": {"endpoint_url": server.origin, "token": "anon"}})
        server.files[path] = DATA
        yield server, f"{request.param}://bucket/a.tif", path


@pytest.mark.parametrize(
    ("status", "kind", "told", "times"),
    [
        (401, AccessError, "access was refused (HTTP 401", 1),
        (403, AccessError, "access was refused (HTTP 403", 1),
        (404, NotFoundError, "there is no such file", 1),
        (416, MalformedError, "bytes 10 to 109 were asked for, but the file ends before that.", 1),
        (429, TransportError, "the server asks to slow down (HTTP 429", 3),
        (500, TransportError, "the server failed (HTTP 500", 3),
        (502, TransportError, "the server failed (HTTP 502", 3),
        (503, TransportError, "the server asks to slow down (HTTP 503", 3),
    ],
)
def test_a_fault_is_said_by_its_name_and_tried_again_by_us_alone(
    faulty: tuple[FaultServer, str, str], status: int, kind: type[Exception], told: str, times: int
) -> None:
    server, href, path = faulty
    server.fail(path, Fault(status=status), times=99)
    with pytest.raises(kind) as caught:
        read(href)
    assert str(caught.value).startswith(f"{href}: {told}")
    assert [request.status for request in server.requests] == [status] * times


def test_a_server_that_is_not_there_is_said_at_once(transport: str) -> None:
    for scheme, options in {
        "gs": {"endpoint_url": "http://127.0.0.1:9", "token": "anon"},
        "az": {"connection_string": "AccountName=account;BlobEndpoint=http://127.0.0.1:9/account"},
    }.items():
        need(FILE_SYSTEMS[scheme], transport)
        configure(max_retries=0)
        set_storage_options({f"{scheme}://bucket": options})
        with pytest.raises(TransportError, match=rf"{scheme}://bucket/a\.tif: cannot connect to its server"):
            read(f"{scheme}://bucket/a.tif")


# --- the words of gcsfs -----------------------------------------------------------------------------------


def test_an_access_token_is_sent_to_google_and_never_shown(transport: str) -> None:
    need("gcsfs", transport)
    with FaultServer({"bucket/a.tif": DATA, "download/storage/v1/b/bucket/o/a.tif": DATA}) as server:
        server.allow = lambda target, headers: headers.get("authorization") == "Bearer ya29.good"
        set_storage_options({"gs://bucket": {"token": "ya29.good", "endpoint_url": server.origin}})
        assert bytes(read("gs://bucket/a.tif").data) == DATA[10:110]
        set_storage_options({"gs://bucket": {"token": "ya29.hush", "endpoint_url": server.origin}})
        with pytest.raises(AccessError) as caught:
            read("gs://bucket/a.tif")
    assert "hush" not in repr([caught.value, caught.value.__cause__])
    assert str(caught.value).endswith("check the storage option token, or GOOGLE_APPLICATION_CREDENTIALS.")


def test_the_project_that_pays_may_be_the_word_itself() -> None:
    with FaultServer({"bucket/a.tif": DATA}) as server:
        options = {"token": "anon", "endpoint_url": server.origin, "requester_pays": "my-project"}
        set_storage_options({"gs://bucket": options})
        assert bytes(read("gs://bucket/a.tif").data) == DATA[10:110]
        assert server.requests[0].headers["x-goog-user-project"] == "my-project"


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("browser", "Storage option 'token' of gs://bucket is 'browser'; expected 'anon'"),
        ("/keys/gone.json", "/keys/gone.json"),
        ({"type": "authorized_user", "refresh_token": "hush"}, "is a mapping without private_key; expected"),
        ({"type": "service_account", "private_key": "hush", "client_email": "x"}, "gs://bucket"),
    ],
)
def test_tokens_that_cannot_be_used_are_refused(transport: str, token: object, told: str) -> None:
    need("gcsfs", transport)
    set_storage_options({"gs://bucket": {"token": token, "endpoint_url": "http://127.0.0.1:9"}})
    with pytest.raises(RasteretError) as caught:
        read("gs://bucket/a.tif")
    assert told in str(caught.value)
    assert "hush" not in repr([caught.value, caught.value.__cause__])
