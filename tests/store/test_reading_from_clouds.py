"""The page ``docs/reading_from_clouds.md``: its examples are accepted as they stand there."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import rasteret_sql
from rasteret_sql.store.address import family_of
from rasteret_sql.store.options import options_for, set_storage_options
from rasteret_sql.store.signing.signers import signer_for

PAGE = (Path(__file__).parents[2] / "docs" / "reading_from_clouds.md").read_text()
OPTIONS = re.findall(r"`(\{\"[a-z0-9]+://.*?\})`", PAGE)


@pytest.mark.parametrize("text", OPTIONS)
def test_storage_options_of_the_page_are_known(text: str) -> None:
    options = ast.literal_eval(text)
    set_storage_options(options)
    [(prefix, words)] = options.items()
    assert options_for(f"{prefix}a.tif") == words


def test_every_family_of_stores_is_on_the_page() -> None:
    assert {family_of(next(iter(ast.literal_eval(text)))) for text in OPTIONS} == {
        "s3",
        "gs",
        "az",
        "http",
        "fsspec",
    }


def test_the_code_of_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    if "boto3" not in sys.modules:
        client = SimpleNamespace(
            generate_presigned_url=lambda *words, **more: "https://host/a.tif?Signature=x"
        )
        monkeypatch.setitem(sys.modules, "boto3", SimpleNamespace(client=lambda *words, **more: client))
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(code, {"rasteret_sql": rasteret_sql})
    signer = signer_for("s3://partner/folder/a.tif")
    assert signer is not None
    assert "Signature=" in signer.sign("s3://partner/folder/a.tif").href
    signer = signer_for("https://api.example.org/a.tif")
    assert signer is not None
    assert signer.sign("https://api.example.org/a.tif").headers == {"Authorization": "Bearer …"}
