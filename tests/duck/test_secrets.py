"""Secrets planted in every argument there is are in nothing that comes out."""

from __future__ import annotations

import pickle
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin

import rasteret_sql
import rasteret_sql.errors
from rasteret_sql import pipeline
from rasteret_sql.duck.declarations import Function, functions
from rasteret_sql.errors import RasteretError, TransportError
from rasteret_sql.notices import Notices
from rasteret_sql.redaction import redact_text
from rasteret_sql.stac.catalogs import catalogs
from rasteret_sql.stac.search.request import SearchRequest
from tests.stac.serving import Answer, Server, item, page, serving

HUSH = "Hush0HUSH"
QUERIES = (
    f"X-Amz-Algorithm=A&X-Amz-Credential={HUSH}&X-Amz-Security-Token={HUSH}&X-Amz-Signature={HUSH}",
    f"X-Goog-Credential={HUSH}&X-Goog-Signature={HUSH}",
    f"sv=2022-11-02&se=2099-01-01&sr=b&sig={HUSH}",
    f"Expires=4000000000&Signature={HUSH}&Key-Pair-Id={HUSH}&Policy={HUSH}",
    f"AWSAccessKeyId={HUSH}&Signature={HUSH}",
    f"token={HUSH}",
    f"subscription-key={HUSH}",
    HUSH,
)
NOBODY = "127.0.0.1:9"
URLS = [f"http://user:{HUSH}@{NOBODY}/none.tif?{query}#{HUSH}" for query in QUERIES]
SIGNED = URLS[0]
MIXED = " and ".join(URLS)


def told(error: BaseException) -> str:
    """Everything that an exception says, of itself and of what came before it."""
    texts = []
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        texts += [str(error), repr(error), repr(error.args), *traceback.format_exception(error)]
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    with suppress(TypeError, AttributeError):
        texts.append(repr(pickle.loads(pickle.dumps(seen[0])).args))
    return "\n".join(texts)


def outcome(work: Callable[[], Any]) -> str:
    """What a call gives, says and raises, as text. The source lines of a traceback are this file's own."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            result = work()
            text = (
                f"{result!r} {pickle.dumps(result, protocol=0)!r}"
                if isinstance(result, tuple)
                else repr(result)
            )
        except (duckdb.Error, RasteretError, OSError, ValueError) as error:
            text = told(error)
    return "\n".join([text, *(str(warning.message) for warning in said)])


@pytest.fixture
def connect_with() -> dict[str, Any]:
    return {"settings": {"max_retries": 0, "progress": "off"}}


@pytest.fixture
def con(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    about = {"driver": "GTiff", "width": 16, "height": 16, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(
        tmp_path / "a.tif", "w", transform=from_origin(500000, 5300000, 10, 10), **about
    ) as tif:
        tif.write(np.ones((1, 16, 16), np.uint8))
    return con


def arguments(function: Function, planted: str, value: str, folder: Path) -> str:
    """A call's arguments: ``value`` where it is planted, and what lets the rest run."""
    ready = {
        "raster": f"'{folder}/a.tif'",
        "aoi": "[500010, 5299900, 500100, 5299990]",
        "aoi_crs": "'EPSG:32633'",
    }
    parts = []
    for parameter in function.parameters:
        if parameter.name == planted:
            given = "'" + value.replace("'", "''") + "'"
        elif parameter.default is None:
            given = ready.get(parameter.name, "NULL")
        else:
            continue
        parts.append(given if parameter.default is None else f"{parameter.name} := {given}")
    return ", ".join(parts)


@pytest.mark.parametrize("function", [f for f in functions() if f.public], ids=lambda f: f.name)
def test_no_function_tells(con: duckdb.DuckDBPyConnection, tmp_path: Path, function: Function) -> None:
    """Columns named href are what was asked for, and readable; nothing else has a secret."""
    for parameter in function.parameters:
        for value in (SIGNED, MIXED):
            call = f"{function.name}({arguments(function, parameter.name, value, tmp_path)})"

            def ask(call: str = call) -> Any:
                query = f"SELECT * FROM {call}" if function.kind == "table" else f"SELECT {call} AS answer"
                cursor = con.execute(query)
                names = [column[0] for column in cursor.description or ()]
                rows = cursor.fetchall()
                return [{k: v for k, v in zip(names, row, strict=True) if k != "href"} for row in rows]

            assert HUSH not in outcome(ask), call
    seen = con.execute("SELECT to_json(r)::VARCHAR FROM rasteret_requests() AS r").fetchall()
    assert HUSH not in repr(seen)


@pytest.mark.parametrize("url", URLS)
def test_no_plan_and_no_error_tells(con: duckdb.DuckDBPyConnection, url: str) -> None:
    search = f"FROM stac_search('{url}', bbox := [1, 2, 3, 4]) WHERE cloud_cover < 5"
    plan = outcome(lambda: con.execute("FROM rasteret_explain($1)", [search]).fetchall())
    assert "cloud_cover" in plan
    assert HUSH not in plan
    wrong = [
        "FROM stac_read('{}'",
        "SELECT nothing FROM stac_read('{}')",
        "FROM {}",
        "FROM stac_search('{}', x := 1)",
    ]
    for query in (search, f"FROM stac_collections('{url}')", *(text.format(url) for text in wrong)):
        for work in (con.execute, con.sql, con.cursor().execute):
            assert HUSH not in outcome(lambda work=work, query=query: work(query)).replace(query, ""), query


def test_no_function_of_python_tells(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    def signer(href: str) -> str:
        raise RuntimeError(HUSH)

    rasteret_sql.register_signer(f"http://{NOBODY}/signed/", lambda href: f"{href}?sig={HUSH}&sv=1")
    rasteret_sql.register_signer(f"http://{NOBODY}/broken/", signer)
    options = {
        f"http://{NOBODY}/with/": {"headers": {"X-Api-Key": HUSH}, "bearer_token": HUSH},
        "s3://with/": {"key": HUSH, "secret": HUSH, "token": HUSH, "endpoint_url": f"http://{NOBODY}"},
        "az://with/": {"account_name": "a", "sas_token": f"sv=1&sig={HUSH}", "account_host": NOBODY},
    }
    rasteret_sql.connect(storage_options=options).close()
    read = "SELECT error FROM cog_header('{}')"
    works: list[Callable[[], Any]] = [
        *(lambda path=path: con.execute(read.format(f"http://{NOBODY}/{path}/a.tif")).fetchall()
          for path in ("signed", "broken", "with")),
        lambda: con.execute(read.format("s3://with/a.tif")).fetchall(),
        lambda: rasteret_sql.connect(storage_options={SIGNED: {"nothing": HUSH}}),
        lambda: rasteret_sql.connect(storage_options={"s3://x/": {"secret": [HUSH]}}),
        lambda: rasteret_sql.connect(settings={"planetary_computer_sas_url": SIGNED})
        .execute("FROM rasteret_settings()").fetchall(),
        lambda: rasteret_sql.connect(settings={"planetary_computer_sas_url": None}),
        lambda: rasteret_sql.register_signer(SIGNED, 5),  # type: ignore[arg-type]
        lambda: rasteret_sql.register_catalog(SIGNED, endpoint=SIGNED),
        lambda: rasteret_sql.register_catalog("x", endpoint=SIGNED, auth=SIGNED),  # type: ignore[arg-type]
        lambda: rasteret_sql.register_catalog("x", endpoint="http://h", href_rules={SIGNED: SIGNED}),
        lambda: rasteret_sql.register_catalog("hushed", endpoint=SIGNED),
        lambda: catalogs.resolve("hushed"),
        lambda: catalogs.resolve(SIGNED),
        lambda: con.execute("FROM stac_catalogs()").fetchall(),
        lambda: SearchRequest(catalog=SIGNED),
        lambda: rasteret_sql.pushdown(f"FROM nothing( '{SIGNED}'") and None,
    ]  # fmt: skip
    for target in ("idx", str(tmp_path / "idx.parquet"), SIGNED, f"{SIGNED}.parquet"):
        works += [
            lambda target=target: pipeline.build_index(con, target, SIGNED),
            lambda target=target: pipeline.build_index(con, target, items=f"FROM stac_read('{SIGNED}')"),
            lambda target=target: pipeline.build_index(
                con, target, items=f"SELECT none FROM stac_read('{SIGNED}')"
            ),
            lambda target=target: pipeline.build_index(con, target, "demo", **{SIGNED: 1}),
            lambda target=target: pipeline.refresh_index(con, target),
            lambda target=target: pipeline.index_info(con, target),
            lambda target=target: pipeline.validate_index(con, target),
        ]
    for write in (pipeline.write_index, pipeline.write_items, pipeline.write_tile_index):
        works += [
            lambda write=write: write(con, f"SELECT * FROM stac_read('{SIGNED}')", tmp_path / "x.parquet"),
            lambda write=write: write(con, f"SELECT '{SIGNED}' AS x", tmp_path / "x" / "none.parquet"),
        ]
    works.append(
        lambda: pipeline.write_rasteret(con, f"FROM stac_read('{SIGNED}')", tmp_path / "c", data_source="x")
    )
    try:
        for number, work in enumerate(works):
            assert HUSH not in outcome(work), number
    finally:
        catalogs.unregister_catalog("hushed")


def served(folder: Path) -> Callable[[Server, Any], Answer]:
    def answer(server: Server, asked: Any) -> Answer:
        if asked.path.startswith("/a.tif"):
            return Answer(body=(folder / "a.tif").read_bytes())
        signed = {"red": {"href": f"{server.url}/a.tif?sv=1&sig={HUSH}", "type": "image/tiff"}}
        return Answer(body=page({**item("a"), "assets": signed}))

    return answer


@pytest.mark.parametrize("target", ["idx", "idx.parquet"])
def test_no_index_tells(con: duckdb.DuckDBPyConnection, tmp_path: Path, target: str) -> None:
    """Neither its rows, its metadata nor its comment; and that the search is not kept is said."""
    where = target if target == "idx" else str(tmp_path / target)
    with serving(served(tmp_path)) as server:
        items = f"FROM stac_read('{server.url}/items.json?sig={HUSH}')"
        with pytest.warns(rasteret_sql.errors.RasteretWarning, match="the search is not written down"):
            run = pipeline.build_index(con, where, items=items)
        assert (run.added, run.failed) == (1, 0)
        assert HUSH not in repr((run, pipeline.index_info(con, where)))
        if target == "idx":
            left = con.execute("SELECT list(comment) FROM duckdb_tables()").fetchall()
            left += con.execute("SELECT to_json(i)::VARCHAR FROM idx AS i").fetchall()
        else:
            left = [Path(where).read_bytes()]
            left += con.execute(f"SELECT to_json(i)::VARCHAR FROM '{where}' AS i").fetchall()
        assert HUSH not in repr(left)
        pipeline.write_items(con, f"FROM stac_read('{server.url}/items.json')", tmp_path / "items.parquet")
        rows = con.execute(f"SELECT to_json(i)::VARCHAR FROM '{tmp_path}/items.parquet' AS i").fetchall()
        assert HUSH not in repr(rows)
        assert "/a.tif" in repr(rows)


def test_no_notice_tells() -> None:
    with pytest.warns(rasteret_sql.errors.RasteretWarning) as said:
        Notices("stac_search").say(f"STAC API {SIGNED} cannot")
    assert HUSH not in str(said[0].message)


WORDS = st.text("abcXYZ019%+/=-_.~", min_size=6, max_size=16).map(lambda text: HUSH + text)
FRAMES = st.sampled_from(
    ["{}", "'{}'", '"{}"', "({})", "{}: refused", "see {}, and {}", '{{"url": "{}"}}', "{}."]
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(word=WORDS, frame=FRAMES, name=st.sampled_from(["sig", "X-Amz-Signature", "token", "key", "v"]))
def test_one_rule_in_any_text(word: str, frame: str, name: str) -> None:
    """Redacted once, a text stays; an error redacts itself, through pickles too."""
    for url in (
        f"https://user:{word}@host/a.tif",
        f"https://host/a.tif?{name}={word}",
        f"s3://k:{word}@b/a?{word.replace('=', '')}==",
    ):
        text = frame.format(url, url)
        shown = redact_text(text)
        assert HUSH not in shown
        assert "/a" in shown
        assert redact_text(shown) == shown
        assert HUSH not in told(TransportError(text, transient=True))
        assert HUSH not in told(RasteretError(text))


@pytest.mark.parametrize(
    "text",
    [
        "storage_options={'s3://bucket/': {'requester_pays': True}}",
        "alternate := 's3'",
        "register_signer(its URL, 'planetary-computer')",
        "x := 1, filter := 'a = 2'",
        "https://host:8080/a.tif: bytes 0 to 99 (HTTP 403).",
        "a.tif?x=1 of /data/b?c=2",
        "the storage option token, or bearer_token",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text
