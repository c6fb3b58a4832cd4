"""What messages and logs may show of an address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasteret_sql.store.redact import LONGEST_PLACE, display_href, redact

SHOWN = {
    "https://host/a.tif": "https://host/a.tif",
    "https://host:8080/a%20b.tif": "https://host:8080/a%20b.tif",
    "https://user:hush@host/a.tif": "https://host/a.tif",
    "https://hush@host/a.tif": "https://host/a.tif",
    "https://us@er:hu@sh@host/a.tif": "https://host/a.tif",
    "https://user:hu/sh@host/a.tif": "https://host/a.tif",
    "https://host/a.tif?sig=hush&v=hush": "https://host/a.tif?sig=…&v=…",
    "https://host/a.tif?hush": "https://host/a.tif?…",
    "https://host/a.tif?x=": "https://host/a.tif?x=…",
    "https://host/a.tif#hush": "https://host/a.tif",
    "https://host/a@2x.tif": "https://host/a@2x.tif",
    "https://[::1]:80/a.tif?sig=hush": "https://[::1]:80/a.tif?sig=…",
    "simplecache::https://host/a.tif?sig=hush": "simplecache::https://host/a.tif?sig=…",
    "s3://bucket/key": "s3://bucket/key",
    "s3://key:hush@bucket/key": "s3://bucket/key",
    "zip://a.tif::https://user:hush@host/x.zip?sig=hush": "zip://a.tif::https://host/x.zip?sig=…",
    "/data/what?#now.tif": "/data/what?#now.tif",
    "": "",
}


@pytest.mark.parametrize(("url", "shown"), SHOWN.items())
def test_secrets_go_and_the_file_stays(url: str, shown: str) -> None:
    assert redact(url) == shown
    assert "hush" not in redact(url)


secrets = st.text("abcXYZ019%+/=-_", min_size=8, max_size=20).map(lambda text: f"SECRET{text}")


@given(secrets, secrets)
def test_no_password_and_no_value_of_a_query_is_shown(password: str, signature: str) -> None:
    shown = redact(f"https://user:{password}@host/a.tif?v=1&sig={signature}#x")
    assert "SECRET" not in shown
    assert shown.startswith("https://host/a.tif?")


def test_an_endless_address_is_cut_in_the_middle() -> None:
    shown = display_href("https://host/" + "x" * 5000 + "/a.tif")
    assert len(shown) == LONGEST_PLACE + 1
    assert shown.startswith("https://host/xxx")
    assert shown.endswith("xxx/a.tif")
