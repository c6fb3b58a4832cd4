"""Relative hrefs, under every scheme alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasteret_sql.stac.href import is_absolute, resolve_href


@pytest.mark.parametrize(
    ("href", "base", "expected"),
    [
        ("a.tif", "https://host/x/item.json", "https://host/x/a.tif"),
        ("./a.tif", "https://host/x/item.json?sig=abc#d", "https://host/x/a.tif"),
        ("../y/a.tif", "s3://bucket/x/item.json", "s3://bucket/y/a.tif"),
        ("../../../a.tif", "gs://bucket/x/item.json", "gs://bucket/a.tif"),
        ("/a.tif", "https://host/x/item.json", "https://host/a.tif"),
        ("//other/a.tif", "https://host/x/item.json", "https://other/a.tif"),
        ("a.tif?v=1#z", "https://host/x/item.json", "https://host/x/a.tif?v=1#z"),
        ("?page=2", "https://host/x/items", "https://host/x/items?page=2"),
        ("child/", "https://host", "https://host/child/"),
        ("a.tif", "memory://store/item.json", "memory://store/a.tif"),
        ("a#1.tif", "/data/item.json", "/data/a#1.tif"),
        ("../a.tif", "data/item.json", "a.tif"),
        ("/a.tif", "/data/item.json", "/a.tif"),
        ("a.tif", r"C:\data\item.json", "C:/data/a.tif"),
        ("s3://bucket/a.tif", "https://host/x", "s3://bucket/a.tif"),
        (r"C:\a.tif", "https://host/x", r"unsafe:C:\a.tif"),
        ("a.tif", None, "a.tif"),
        (" https://host/a.tif\n", "https://other/item.json", "https://host/a.tif"),
        ("\n  a.tif ", " https://host/x/item.json ", "https://host/x/a.tif"),
        (" a.tif ", None, "a.tif"),
        ("/vsicurl/https://host/a.tif", "https://other/item.json", "https://host/a.tif"),
        ("/vsis3/bucket/a.tif", "https://other/item.json", "s3://bucket/a.tif"),
        ("a.tif", "/vsis3/bucket/x/item.json", "s3://bucket/x/a.tif"),
    ],
)
def test_resolve(href: str, base: str | None, expected: str) -> None:
    assert resolve_href(href, base) == expected


@pytest.mark.parametrize("href", ["https://h/a", "s3://b/k", "/a", r"C:\a", "c:/a", "file:///a"])
def test_absolute(href: str) -> None:
    assert is_absolute(href)


@pytest.mark.parametrize("href", ["a", "./a", "../a", "a:b", "a/b?c=https://x", ""])
def test_relative(href: str) -> None:
    assert not is_absolute(href)


@given(st.lists(st.sampled_from(["a", "b", "..", "."]), min_size=1, max_size=8))
def test_a_relative_href_never_leaves_the_bucket_and_resolves_once(parts: list[str]) -> None:
    resolved = resolve_href("/".join(parts), "s3://bucket/x/y/item.json")
    assert resolved.startswith("s3://bucket/")
    assert ".." not in resolved
    assert resolve_href(resolved, "https://elsewhere/z") == resolved
