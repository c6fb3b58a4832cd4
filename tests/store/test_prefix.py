"""Nothing that an address may be written like leads out of a prefix."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasteret_sql.store.prefix import covers, normal_prefix

SAFE = "https://host/safe/"
BELOW = [
    "https://host/safe/a.tif",
    "HTTPS://HOST/safe/a.tif",
    "https://host:443/safe/a.tif",
    "https://host./safe/a.tif",
    "https://user:pw@host/safe/a.tif",
    "https://host/safe/x/../a.tif",
    "https://host/safe/./a.tif",
    "https://host/x/../safe/a.tif",
    "https://host/safe/..x/a.tif",
    "https://host/safe/.../a.tif",
    "https://host/safe/a..b.tif",
    "https://host/safe/%2e%2ex/a.tif",
    "https://host/safe/a.tif?next=/../../evil",
    "https://host/safe/a%20b.tif",
]
OUTSIDE = [
    "https://host/safe",
    "https://host/safety/a.tif",
    "https://host/SAFE/a.tif",
    "https://host/evil/a.tif",
    "http://host/safe/a.tif",
    "https://host:8443/safe/a.tif",
    "https://host/safe/../evil/a.tif",
    "https://host/safe/x/../../evil/a.tif",
    "https://host/safe/%2e%2e/evil/a.tif",
    "https://host/safe/%2E%2E/evil/a.tif",
    "https://host/safe/.%2e/evil/a.tif",
    "https://host/safe/%2e%2e%2fevil/a.tif",
    "https://host/safe/%252e%252e/evil/a.tif",
    "https://host/safe/..\\evil/a.tif",
    "https://host/safe/..%5cevil/a.tif",
    "https://host/safe\\..\\evil/a.tif",
    "https://host/safe/..;x=1/evil/a.tif",
    "https://host/safe/.\t./evil/a.tif",
    "https://host/safe/..",
    "https://host@evil/safe/a.tif",
    "https://evil\\@host.evil/safe/a.tif",
    "https://host.evil/safe/a.tif",
    "https://evil/https://host/safe/a.tif",
    "https://host#/safe/a.tif",
]


@pytest.mark.parametrize("href", BELOW)
def test_what_lies_below_is_covered_however_it_is_written(href: str) -> None:
    assert covers(SAFE, href)


@pytest.mark.parametrize("href", OUTSIDE)
def test_what_leaves_the_prefix_is_not(href: str) -> None:
    assert not covers(SAFE, href)


@pytest.mark.parametrize(
    "href", ["s3://b/safe/../evil/a.tif", "s3://b/safe/%2e%2e/evil/a.tif", "s3://b-c/safe/a"]
)
def test_keys_of_buckets_are_compared_alike(href: str) -> None:
    assert not covers("s3://b/safe/", href)
    assert covers("s3://b/safe/", "s3a://b/safe/a%20b?c#d.tif")


def test_a_prefix_has_one_spelling() -> None:
    same = ("https://host/a", "HTTPS://Host:443/a", "https://u:p@host./a", "https://host/b/../a")
    assert {normal_prefix(prefix) for prefix in same} == {"https://host/a"}
    assert normal_prefix("s3") == normal_prefix("S3N://") == "s3://"


segments = st.lists(
    st.sampled_from(["a", "..", ".", "%2e%2e", "%2E.", "%252e%252e", "..\\..", "%5c..", "..%2f..", "x"]),
    max_size=8,
)


@given(segments)
def test_no_mixture_of_dots_and_escapes_leaves_a_prefix(parts: list[str]) -> None:
    href = "https://host/safe/" + "/".join([*parts, "a.tif"])
    if covers(SAFE, href):
        path = href.removeprefix("https://host")
        for _ in range(5):  # what any server may make of it
            path = unquote(path)
            assert posixpath.normpath(path.replace("\\", "/")).startswith("/safe/")
        assert posixpath.normpath(href.removeprefix("https://host")).startswith("/safe/")
