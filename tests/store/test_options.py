"""Storage options by prefix."""

from __future__ import annotations

import pytest

from rasteret_sql.errors import ArgumentError
from rasteret_sql.store.options import options_for, set_storage_options

ONE, TWO, THREE = {"key": "1"}, {"key": "2"}, {"key": "3"}


def test_the_longest_prefix_wins() -> None:
    set_storage_options({"s3://": ONE, "s3://bucket": TWO, "s3://bucket/folder/": THREE})
    assert options_for("s3://other/a.tif") == ONE
    assert options_for("s3://bucket/a.tif") == TWO
    assert options_for("s3://bucket/folder/a.tif") == THREE
    assert options_for("gs://bucket/a.tif") == {}


def test_a_prefix_ends_where_a_name_ends() -> None:
    set_storage_options({"s3://data": ONE, "https://host": {"headers": {"A": "b"}}})
    for href in (
        "s3://data-of-others/a.tif",
        "https://host.evil.org/a",
        "https://host@evil.org/a",
        "https://host:1/a",
    ):
        assert options_for(href) == {}
    assert options_for("https://HOST/a.tif?x=1") == {"headers": {"A": "b"}}


def test_spellings_of_a_scheme_are_one() -> None:
    set_storage_options({"s3": ONE, "gcs://bucket": {"token": "anon"}, "abfss://c": {"anon": True}})
    assert options_for("S3A://bucket/a.tif") == ONE
    assert options_for("gs://bucket/a.tif") == {"token": "anon"}
    assert options_for("az://c/a.tif") == {"anon": True}


def test_setting_again_replaces_one_prefix_and_keeps_the_others() -> None:
    set_storage_options({"s3://a": ONE, "s3://b": TWO})
    set_storage_options({"s3://a": THREE})
    set_storage_options({"s3://a": THREE})
    assert (options_for("s3://a/x"), options_for("s3://b/x")) == (THREE, TWO)


def test_what_was_set_does_not_change_with_the_mapping_it_came_from() -> None:
    words = {"key": "1"}
    set_storage_options({"s3://a": words})
    words["key"] = "2"
    assert options_for("s3://a/x") == {"key": "1"}


def test_other_protocols_take_what_fsspec_takes() -> None:
    set_storage_options({"ftp://host": {"username": "me", "acct": ""}})
    assert options_for("ftp://host/a.tif") == {"username": "me", "acct": ""}


WRONG = [
    (
        {"s3://b": {"anonymous": True}},
        "Unknown storage option 'anonymous' of 's3://b'; known are: anon, key, secret, token, profile, "
        "endpoint_url, region, requester_pays, client_kwargs, config_kwargs.",
    ),
    (
        {"s3://b": {"client_kwargs": {"verify": False}}},
        "Unknown storage option 'verify' in 'client_kwargs' of 's3://b'; known are: endpoint_url, "
        "region_name.",
    ),
    ({"s3://b": {"anon": "yes"}}, "Storage option 'anon' of 's3://b' must be bool, not str."),
    ({"s3://b": {"secret": b"hush"}}, "Storage option 'secret' of 's3://b' must be str, not bytes."),
    ({"s3://b": {"client_kwargs": 1}}, "Storage option 'client_kwargs' of 's3://b' must be a mapping."),
    (
        {"https://h": {"headers": {"A": 1}}},
        "Storage option 'headers' of 'https://h' must be a mapping of text to text.",
    ),
    ({"/data": {"anon": True}}, "Unknown storage option 'anon' of '/data'; this kind of file takes none."),
    (
        {"s3://b": True},
        "The storage options of 's3://b' are a bool; expected a mapping of options, as in "
        "{'s3://bucket/': {'anon': True}}.",
    ),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_wrong_options_are_refused_and_nothing_changes(
    options: dict[str, dict[str, object]], message: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        set_storage_options({"s3://good": ONE, **options})
    assert str(caught.value) == message
    assert options_for("s3://good/a") == {}
