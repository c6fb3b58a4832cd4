"""Documents that lie somewhere, of every kind, and catalogues that are crawled."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from rasteret_sql.errors import LimitError, MalformedError, NotFoundError, RasteretError, UnsupportedError
from rasteret_sql.settings import configure, settings
from rasteret_sql.stac.items import static
from rasteret_sql.stac.items.static import read, read_many
from rasteret_sql.store import request_log
from tests.requests_log import newest, since
from tests.store.server import Fault, FaultServer

from .serving import Answer, Asked, Server, item, landing, page, serving

Write = Callable[[str, Any], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Puts a document (JSON, or bytes as they are) at a path and gives its href."""

    def put(name: str, body: Any) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body if isinstance(body, bytes) else json.dumps(body).encode())
        return str(path)

    return put


def catalog(*links: tuple[str, str], **members: Any) -> dict[str, Any]:
    return {
        "type": "Catalog",
        "id": "c",
        "stac_version": "1.0.0",
        "links": [{"rel": rel, "href": href} for rel, href in links],
        **members,
    }


def ids_of(href: str) -> list[str]:
    return [row["id"] for row in read(href)]


def lines(*items: Any) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in items) + b"\n\n"


def nested(depth: int) -> bytes:
    """An item whose title is nested so deep, itself included."""
    title = b"[" * (depth - 2) + b"]" * (depth - 2)
    return json.dumps(item("a", title="TITLE")).encode().replace(b'"TITLE"', title) if depth else b"{}"


# Kinds of documents


def test_an_item(write: Write) -> None:
    href = write("scene/a.json", item("a"))
    [row] = read(href)
    assert (row["id"], row["self_href"]) == ("a", href)
    assert row["assets"]["red"]["href"] == href.replace("a.json", "red.tif")


def test_an_items_assets_are_beside_it_wherever_its_self_link_points(write: Write) -> None:
    href = write("a.json", item("a") | {"links": [{"rel": "self", "href": "https://published/a.json"}]})
    [row] = read(href)
    assert row["assets"]["red"]["href"] == href.replace("a.json", "red.tif")


def test_items_gathered_in_one_file_keep_their_own_place(write: Write) -> None:
    there = item("a") | {"links": [{"rel": "self", "href": "https://published/x/a.json"}]}
    href = write("found.json", page(there, item("b")))
    hrefs = [row["assets"]["red"]["href"] for row in read(href)]
    assert hrefs == ["https://published/x/red.tif", href.replace("found.json", "red.tif")]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.ndjson", lines(item("a"), item("b"))),
        ("a.jsonl", lines(item("a"), item("b")).replace(b"\n", b"\r\n")),
        ("a.geojsonl.gz", gzip.compress(lines(item("a"), item("b")))),
        ("a.txt", lines(item("a"), item("b"))),
        ("a.json", page(item("a"), item("b"))),
        ("a.json", [item("a"), item("b")]),
        ("pages.ndjson", lines(page(item("a")), {"type": "FeatureCollection", "features": []}, item("b"))),
        ("pages.txt", lines(page(item("a")), page(item("b")))),
        ("a.json.gz", gzip.compress(lines(page(item("a"), item("b"))))),
        ("a.json.gz", gzip.compress(lines(item("a"))) + gzip.compress(lines(item("b")))),
        ("bom.json", b"\xef\xbb\xbf" + lines(page(item("a"), item("b")))),
        ("utf-16.json", json.dumps(page(item("a"), item("b"))).encode("utf-16")),
        ("a.geojson", page(item("a"), item("b"), next={"href": "https://api/search?page=2"})),
    ],
    ids=[
        "ndjson",
        "crlf",
        "ndjson.gz",
        "by content",
        "collection",
        "list",
        "collections",
        "collections by content",
        "json.gz",
        "members",
        "bom",
        "utf-16",
        "saved",
    ],
)
def test_many_items_in_one_file(write: Write, name: str, body: Any) -> None:
    assert ids_of(write(name, body)) == ["a", "b"]


def test_no_items_are_no_rows(write: Write) -> None:
    assert ids_of(write("a.json", page())) == []
    assert ids_of(write("a.ndjson", b"")) == []
    assert ids_of(write("c.json", catalog())) == []


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("a.json", b"", "neither JSON nor Parquet, it is empty"),
        ("a.json", b"<html>hello</html>", "neither JSON nor Parquet, it begins '<html>hello</html>'"),
        ("a.json", b"II*\0\x08\0\0\0", "neither JSON nor Parquet, it begins 'II*\\x00\\x08\\x00\\x00\\x00'"),
        ("a.json", [1, 2],
         "not STAC: expected an Item (Feature), ItemCollection (FeatureCollection), Catalog or Collection, "
         "found [1, 2]"),
        ("a.json", {"type": "Topology", "objects": {}},
         "not STAC: expected an Item (Feature), ItemCollection (FeatureCollection), Catalog or Collection, "
         "found type 'Topology' with type, objects"),
        ("a.json", {"type": "FeatureCollection", "features": {}}, "'features' must be a list, found {}"),
        ("a.ndjson", lines(item("a")) + b"oops\n", "line 3 is not JSON, it begins 'oops'"),
        ("a.json.gz", gzip.compress(b"{}" * 100)[:-9], "its gzip data ends too early"),
        ("a.json.gz", b"\x1f\x8b\x08" + b"\xff" * 40, "its gzip data is damaged ("),
        ("a.parquet", b"PAR1 is all there is", "not a readable Parquet file ("),
    ],
    ids=["empty", "html", "tiff", "list", "other", "features", "line", "cut", "gzip", "parquet"],
)  # fmt: skip
def test_a_document_that_is_no_stac(write: Write, name: str, body: Any, told: str) -> None:
    href = write(name, body)
    with pytest.raises(MalformedError) as error:
        ids_of(href)
    assert str(error.value).startswith(f"{href}: {told}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file"):
        ids_of(str(tmp_path / "none.json"))


@pytest.fixture
def small_limits() -> Iterator[None]:
    configure(max_document_bytes="1 MiB", max_document_depth=16, max_document_items=3)
    yield
    configure(max_document_bytes=None, max_document_depth=None, max_document_items=None)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("a.json", b" " * (3 << 20), "3,145,728 bytes; at most 1,048,576 bytes are read as one document"),
        ("a.json", nested(17), "its JSON is nested 17 levels deep; at most 16 are read"),
        (
            "a.ndjson",
            lines(item("a")) + nested(17),
            "line 3: its JSON is nested 17 levels deep",
        ),
        ("a.json", page(*(item(str(n)) for n in range(4))), "more than 3 items in one document"),
        ("a.ndjson", lines(*(item(str(n)) for n in range(4))), "more than 3 items in one document"),
    ],
    ids=["bytes", "depth", "depth of a line", "features", "lines"],
)
def test_a_document_beyond_a_limit_names_it(write: Write, name: str, body: Any, told: str) -> None:
    href = write(name, body)
    with pytest.raises(LimitError) as error:
        ids_of(href)
    assert str(error.value).startswith(href)
    assert told in str(error.value)
    assert "(setting max_document_" in str(error.value)


@pytest.mark.usefixtures("small_limits")
def test_what_is_within_the_limits_is_read(write: Write) -> None:
    assert ids_of(write("a.json", nested(16))) == ["a"]
    brackets = item("a", title="[" * 50 + '\\"' + "{" * 50 + "\\")
    assert ids_of(write("b.json", brackets)) == ["a"]
    assert ids_of(write("c.json", json.dumps(brackets).encode("utf-16"))) == ["a"]


@pytest.mark.usefixtures("small_limits")
def test_a_gzip_bomb_is_not_blown_up(write: Write) -> None:
    href = write("bomb.json.gz", gzip.compress(b" " * (3 << 20)))
    with pytest.raises(
        LimitError, match=r"decompresses to more than 1 MiB; .*\(setting max_document_bytes\)$"
    ):
        ids_of(href)


# Catalogues


def test_a_catalogue_is_crawled_level_by_level(write: Write) -> None:
    write("2023/collection.json", catalog(("item", "a/a.json"), ("item", "./b/b.json"), type="Collection"))
    write("2023/a/a.json", item("a"))
    write("2023/b/b.json", item("b"))
    write("2024/catalog.json", catalog(("parent", "../catalog.json"), ("child", "05/catalog.json")))
    write("2024/05/catalog.json", catalog(("item", "../../loose.json")))
    write("loose.json", item("c"))
    root = write("catalog.json", catalog(("child", "2023/collection.json"), ("child", "2024/catalog.json")))
    found = {row["id"]: row["assets"]["red"]["href"] for row in read(root)}
    folder = root.removesuffix("catalog.json")
    assert list(found) == ["a", "b", "c"]
    assert found == {"a": f"{folder}2023/a/red.tif", "b": f"{folder}2023/b/red.tif", "c": f"{folder}red.tif"}


def test_a_catalogue_before_version_1_has_no_type(write: Write) -> None:
    write("a.json", item("a"))
    old = catalog(("item", "a.json"), stac_version="0.9.0")
    del old["type"]
    assert ids_of(write("catalog.json", old)) == ["a"]


def test_cycles_end_and_every_document_is_read_once(write: Write) -> None:
    write("a.json", item("a"))
    write("child.json", catalog(("child", "catalog.json"), ("child", "child.json"), ("item", "a.json")))
    root = write(
        "catalog.json", catalog(("child", "child.json"), ("child", "./child.json"), ("item", "x/../a.json"))
    )
    before = request_log.totals().requests
    assert ids_of(root) == ["a"]
    assert request_log.totals().requests - before == 3


def test_a_link_to_many_items(write: Write) -> None:
    write("items.ndjson", lines(item("a"), item("b")))
    assert ids_of(write("collection.json", catalog(("items", "items.ndjson"), type="Collection"))) == [
        "a",
        "b",
    ]


def test_pages_of_files(write: Write) -> None:
    write("2.json", page(item("b"), next={"href": "1.json"}))
    assert ids_of(write("1.json", page(item("a"), next={"href": "./2.json"}))) == ["a", "b"]


def test_a_broken_link_ends_the_reading_and_names_both_ends(write: Write) -> None:
    write("a.json", item("a"))
    root = write("catalog.json", catalog(("item", "a.json"), ("item", "gone.json")))
    rows = read(root)
    assert next(rows)["id"] == "a"
    with pytest.raises(NotFoundError) as error:
        next(rows)
    assert str(error.value).startswith(root.replace("catalog.json", "gone.json"))
    assert str(error.value).endswith(f"(linked from {root})")


def test_a_child_that_is_no_stac_is_named(write: Write) -> None:
    child = write("child.json", {"hello": 1})
    with pytest.raises(MalformedError, match="found type None with hello") as error:
        ids_of(write("catalog.json", catalog(("child", "child.json"))))
    assert str(error.value).startswith(child)


def test_catalogues_too_deep(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static, "DEPTH_MAX", 3)
    for depth in range(6):
        write(f"{depth}.json", catalog(("child", f"{depth + 1}.json")))
    root = write("root.json", catalog(("child", "0.json")))
    with pytest.raises(LimitError) as error:
        ids_of(root)
    assert str(error.value) == (
        f"{root}: catalogues are nested more than 3 deep, at {root.replace('root.json', '2.json')}; "
        "read a catalogue further down"
    )


def test_too_many_documents(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static, "DOCUMENTS_MAX", 3)
    root = write("catalog.json", catalog(*(("item", f"{number}.json") for number in range(5))))
    with pytest.raises(LimitError) as error:
        ids_of(root)
    assert str(error.value) == f"{root}: more than 3 documents; read the catalogues below it one by one"


def test_the_landing_page_of_an_api_is_to_be_searched(write: Write) -> None:
    href = write("landing.json", landing("https://host"))
    with pytest.raises(UnsupportedError) as error:
        ids_of(href)
    assert str(error.value) == (
        f"{href}: the landing page of a STAC API, not a static catalogue: search it with "
        f"FROM stac_search('{href}', …)"
    )


# Places


def test_a_catalogue_in_memory() -> None:
    files = fsspec.filesystem("memory")
    files.pipe("/rasteret-static/catalog.json", json.dumps(catalog(("item", "x/a.json"))).encode())
    files.pipe("/rasteret-static/x/a.json", json.dumps(item("a")).encode())
    try:
        [row] = read("memory://rasteret-static/catalog.json")
        assert row["assets"]["red"]["href"] == "memory://rasteret-static/x/red.tif"
    finally:
        files.rm("/rasteret-static", recursive=True)


def test_a_catalogue_over_http_is_read_many_documents_at_once() -> None:
    count = 40

    def answer(server: Server, asked: Asked) -> Answer:
        if asked.path.startswith("/catalog.json"):
            return Answer(body=catalog(*(("item", f"items/{number}.json") for number in range(count))))
        return Answer(body=item(asked.path.rpartition("/")[2].removesuffix(".json")))

    before = newest()
    with serving(answer) as server:
        rows = list(read(f"{server.url}/catalog.json?sig=SECRET"))
    assert [row["id"] for row in rows] == [str(number) for number in range(count)]
    assert rows[3]["self_href"] == f"{server.url}/items/3.json"
    records = [record for record in since(before) if record.url.startswith(server.url)]
    assert {record.kind for record in records} == {"stac"}
    assert len(records) == count + 1, [(r.url, r.attempt, r.error) for r in records]
    assert not any("SECRET" in record.url for record in records)


def test_an_items_place_does_not_hold_the_signature_it_was_read_with() -> None:
    with serving(lambda server, asked: Answer(body=item("a"))) as server:
        [row] = read(f"{server.url}/a.json?sig=SECRET#part")
    assert row["self_href"] == f"{server.url}/a.json"
    assert row["assets"]["red"]["href"] == f"{server.url}/red.tif"


def test_the_items_of_an_api_are_paged() -> None:
    def answer(server: Server, asked: Asked) -> Answer:
        if asked.path == "/collections/x":
            return Answer(body=catalog(("items", "/collections/x/items"), type="Collection"))
        if asked.path == f"/collections/x/items?limit={settings().stac_page_size}":
            return Answer(
                body=page(item("a"), next={"href": "/collections/x/items?token=2"}, numberMatched=2)
            )
        return Answer(body=page(item("b"), numberMatched=2))

    with serving(answer) as server:
        assert ids_of(f"{server.url}/collections/x") == ["a", "b"]


def test_the_items_of_an_api_that_loop() -> None:
    loop = Answer(body=page(item("a"), next={"href": "/items"}))
    told = "the next link of page 1 leads back to an earlier page"
    with serving(lambda server, asked: loop) as server, pytest.raises(MalformedError, match=told):
        ids_of(f"{server.url}/items")


def test_many_documents_answer_in_order_each_with_rows_or_its_error(write: Write, tmp_path: Path) -> None:
    first, second, none = write("a.json", item("a")), write("b.json", page()), str(tmp_path / "none.json")
    bad = write("bad.json", {})
    answers = read_many([second, none, first, bad, first])
    kinds = [
        type(rows) if isinstance(rows, RasteretError) else [row["id"] for row in rows] for rows in answers
    ]
    assert kinds == [[], NotFoundError, ["a"], MalformedError, ["a"]]
    assert answers[2] is answers[4]


# Real documents


def test_the_examples_of_the_specification(stac_data: Path) -> None:
    rows = list(read(str(stac_data / "stac-spec/collection.json")))
    folder = str(stac_data / "stac-spec/")
    assert [row["self_href"].removeprefix(folder) for row in rows] == [
        "/simple-item.json", "/core-item.json", "/extended-item.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("api/items.ndjson.gz", 2694),
        ("pgstac/pc-naip-1000.ndjson", 1000),
        ("rustac/earth-search-s2-c1-item-collection.json", 10),
    ],
)
def test_real_files(stac_data: Path, name: str, count: int) -> None:
    assert len(ids_of(str(stac_data / name))) == count


def test_a_file_of_collections_is_no_file_of_items(stac_data: Path) -> None:
    href = str(stac_data / "api/collections.ndjson")
    with pytest.raises(MalformedError) as error:
        ids_of(href)
    assert str(error.value) == (
        f"item 'cop-dem-glo-30' in {href}: not a STAC item: expected type 'Feature', found 'Collection'"
    )


def test_links_are_relative_to_where_redirects_led() -> None:
    """A catalogue at /latest answers from /v2/: its children are there, and each is read once."""
    there = json.dumps(item("there")).encode()
    root = json.dumps(catalog(("item", "a/item.json"), ("item", "/moved.json"))).encode()
    with FaultServer({"v2/catalog.json": root, "v2/a/item.json": there}) as server:
        for name, target in (("latest", "/v2/catalog.json"), ("moved.json", "/v2/a/item.json")):
            server.fail(name, Fault(status=302, headers={"Location": target}))
        rows = list(read(server.url("latest")))
        assert [row["id"] for row in rows] == ["there"]
        assert rows[0]["self_href"] == server.url("v2/a/item.json")
