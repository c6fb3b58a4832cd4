"""stac_read of patterns, folders and lists: every document once, in order, and never nothing."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import fsspec
import pytest

import rasteret_sql
from tests.stac.serving import item


def document(name: str) -> bytes:
    return json.dumps(item(name)).encode()


def ids(href: object) -> list[str]:
    with rasteret_sql.connect() as con:
        return [name for (name,) in con.execute("SELECT id FROM stac_read($1)", [href]).fetchall()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Documents of several kinds, one in a folder below whose name has signs of a pattern."""
    for name in ("b.json", "a.json", "x/c.geojson", "x/[1]/d.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document(path.stem))
    (tmp_path / "e.ndjson").write_bytes(document("e") + b"\n" + document("f"))
    (tmp_path / "_log.json").write_text("{")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.json").write_text("{")
    (tmp_path / "readme.txt").write_text("no document")
    return tmp_path


def test_patterns_are_sorted_by_path(folder: Path) -> None:
    assert ids(f"{folder}/[ab].json") == ["a", "b"]
    assert ids(f"{folder}/?.ndjson") == ["e", "f"]
    assert ids(f"{folder}/x/**/*.json") == ["d"]
    assert ids(f"file://{folder}/[ab].json") == ["a", "b"]
    assert ids(f"{folder}/x/[1]/d.json") == ["d"]  # a path that is there is no pattern


def test_a_folder_is_every_document_below_it(folder: Path) -> None:
    assert ids(str(folder)) == ids(f"{folder}/") == ["a", "b", "e", "f", "d", "c"]
    assert ids(f"{folder}/x/[1]") == ["d"]


def test_a_folder_with_a_catalogue_is_what_it_links_to(folder: Path) -> None:
    links = [{"rel": "item", "href": "./x/c.geojson"}]
    catalog = {"type": "Catalog", "stac_version": "1.0.0", "id": "k", "description": "", "links": links}
    (folder / "catalog.json").write_text(json.dumps(catalog))
    assert ids(str(folder)) == ["c"]
    # below another folder it is a document like any other, and what it links to is read once
    deeper = folder / "all"
    deeper.mkdir()
    (folder / "x").rename(deeper / "x")
    (folder / "catalog.json").rename(deeper / "k.json")
    assert ids(str(deeper)) == ["c", "d"]


def test_lists_keep_their_order_and_may_hold_patterns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ids([f"{folder}/e.ndjson", f"{folder}/[ab].json", f"{folder}/a.json"]) == ["e", "f", "a", "b"]
    monkeypatch.chdir(folder)
    assert ids(["./b.json", str(folder / "b.json"), "*.ndjson"]) == ["b", "e", "f"]
    with rasteret_sql.connect() as con:
        assert con.execute("SELECT id FROM stac_read([]::VARCHAR[])").fetchall() == []
        rows = con.execute(
            f"SELECT p, id FROM (VALUES ('{folder}/?.json'), ('{folder}/b.json')) AS t(p), stac_read(p) "
            "ORDER BY ALL"
        ).fetchall()
        assert [(Path(pattern).name, name) for pattern, name in rows] == [
            ("?.json", "a"),
            ("?.json", "b"),
            ("b.json", "b"),
        ]
        with pytest.raises(duckdb.Error, match="text, or a list of texts, was expected"):
            con.execute("FROM stac_read(['a', NULL])")


def test_other_stores() -> None:
    fs = fsspec.filesystem("memory")
    for name in ("a", "x/b"):
        fs.pipe(f"/documents/{name}.json", document(name[-1]))
    try:
        assert ids("memory://documents/*.json") == ["a"]
        assert ids("memory://documents/") == ids("memory://documents/**/*.json") == ["a", "b"]
    finally:
        fs.rm("/documents", recursive=True)


@pytest.mark.parametrize(
    ("href", "told"),
    [
        ("FOLDER/*.none", "no file matches this pattern"),
        ("FOLDER/empty", "no STAC document is in this folder or below"),
        ("FOLDER/none.json", "there is no such file"),
        ("memory://nowhere/*.json", "no file matches this pattern"),
        ("memory://nowhere/", "no STAC document is in this folder or below"),
    ],
)
def test_nothing_is_an_error(folder: Path, href: str, told: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(duckdb.Error, match=told) as raised:
        ids(href.replace("FOLDER", str(folder)))
    assert "stac_read: " in str(raised.value)


def test_one_bad_document_is_named(folder: Path) -> None:
    (folder / "bad.json").write_text("{")
    with pytest.raises(duckdb.Error, match=r"bad\.json"):
        ids(f"{folder}/[a-z]*.json")
