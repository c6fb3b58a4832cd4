"""Certificates are verified wherever there is TLS, and read nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from rasteret_sql.settings import settings
from rasteret_sql.store.address import parse_address
from rasteret_sql.store.obstore import reader
from rasteret_sql.store.obstore.reader import HTTPStore, ObstoreReader

HREFS = {
    "http://127.0.0.1:8000/a.tif": False,
    "http://127.1/a.tif": False,
    "http://localhost/a.tif": False,
    "http://[::1]:80/a.tif": False,
    "https://127.0.0.1:8000/a.tif": True,
    "https://localhost/a.tif": True,
    "http://10.0.0.1/a.tif": True,
    "http://localhost.example.com/a.tif": True,
    "http://example.com/a.tif": True,
    "https://example.com/a.tif": True,
}


@pytest.mark.parametrize(("href", "verified"), HREFS.items())
def test_only_between_programs_of_one_machine_nothing_is_verified(
    href: str, verified: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, Any]] = []

    class Recorded:
        @staticmethod
        def from_url(root: str, **options: Any) -> HTTPStore:
            given.append(options["client_options"])
            return HTTPStore.from_url(root, **options)

    monkeypatch.setattr(reader, "HTTPStore", Recorded)
    ObstoreReader(parse_address(href), {}, settings()).prepare()
    assert [options.get("allow_invalid_certificates", False) for options in given] == [not verified]
