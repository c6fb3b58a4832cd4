"""Settings: defaults, environment, configure, and what is said of wrong ones."""

from __future__ import annotations

import pytest

from rasteret_sql.errors import ArgumentError
from rasteret_sql.settings import MIB, Settings, configure, describe, from_environment, settings


def test_every_setting_is_described() -> None:
    rows = describe()
    assert [name for name, *_ in rows] == list(Settings.__dataclass_fields__)
    for name, value, default, unit, description in rows:
        assert value == default == getattr(Settings(), name)
        assert unit or isinstance(default, str)
        assert description.endswith(".")


def test_configure_changes_what_is_in_force_and_none_takes_it_back() -> None:
    assert configure(max_concurrency=3).max_concurrency == 3
    assert settings().max_concurrency == 3
    assert ("max_concurrency", 3, 0) in [row[:3] for row in describe()]
    configure(max_concurrency=None)
    assert settings().max_concurrency == 0


def test_the_environment_is_below_configure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RASTERET_MAX_RETRIES", "9")
    monkeypatch.setenv("RASTERET_REQUEST_TIMEOUT_S", "1.5")
    configure(max_retries=2)
    assert settings().max_retries == 2
    assert settings().request_timeout_s == 1.5
    configure(max_retries=None)
    assert settings().max_retries == 9


@pytest.mark.parametrize(
    ("text", "byte_count"),
    [("1048576", MIB), ("1 MiB", MIB), ("1mib", MIB), ("1MB", 1_000_000), ("0.5 MiB", MIB // 2), ("0", 0)],
)
def test_sizes_may_have_units(text: str, byte_count: int) -> None:
    assert configure(tile_cache_bytes=text).tile_cache_bytes == byte_count
    assert from_environment({"RASTERET_TILE_CACHE_BYTES": text}).tile_cache_bytes == byte_count


WRONG = [
    (
        {"max_concurency": 1},
        "There is no setting 'max_concurency'. The settings are: max_concurrency, request_",
    ),
    ({"max_concurrency": -1}, "Setting max_concurrency is -1; it must be at least 0 requests."),
    ({"max_concurrency": 1.5}, "Setting max_concurrency is 1.5; it must be a whole number of requests."),
    ({"max_concurrency": True}, "Setting max_concurrency is True; it must be a whole number of requests."),
    (
        {"max_concurrency": "64 MiB"},
        "Setting max_concurrency is '64 MiB'; it must be a whole number of requests.",
    ),
    ({"max_retries": -1}, "Setting max_retries is -1; it must be at least 0 retries."),
    (
        {"request_timeout_s": float("nan")},
        "Setting request_timeout_s is nan; it must be a number of seconds.",
    ),
    ({"request_timeout_s": "soon"}, "Setting request_timeout_s is 'soon'; it must be a number of seconds."),
    ({"merge_max_bytes": "16 XB"}, "Setting merge_max_bytes is '16 XB'; it must be a whole number of bytes."),
    ({"transport": "curl"}, "Setting transport is 'curl'; it must be one of: auto, fsspec."),
]


@pytest.mark.parametrize(("values", "message"), WRONG)
def test_a_wrong_setting_is_refused_and_nothing_changes(values: dict[str, object], message: str) -> None:
    before = settings()
    with pytest.raises(ArgumentError) as caught:
        configure(merge_gap_bytes=1, **values)
    assert str(caught.value).startswith(message)
    assert settings() == before


def test_a_wrong_variable_is_named_as_it_was_set() -> None:
    with pytest.raises(ArgumentError) as caught:
        from_environment({"RASTERET_MAX_RETRIES": "many"})
    assert str(caught.value) == (
        "Setting RASTERET_MAX_RETRIES is 'many'; it must be a whole number of retries."
    )
