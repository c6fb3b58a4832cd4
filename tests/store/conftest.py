"""Fixtures of the store's tests, which see nothing of the accounts of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rasteret_sql.store.scheduling import retry
from rasteret_sql.store.signing import planetary_computer
from tests.process_state import reset_settings
from tests.store.server import FaultServer

DATA = bytes(range(256)) * 40
"""10,240 bytes in which neighbours differ."""


@pytest.fixture(autouse=True)
def no_accounts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "GOOGLE_", "AZURE_", "PC_SDK_", "RASTERET_", "STORAGE_EMULATOR")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(retry, "BACKOFF_FIRST_S", 0.001)
    monkeypatch.setattr(planetary_computer, "SETTINGS_FILE", tmp_path / "no-settings.env")
    reset_settings()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer({"a.tif": DATA}) as running:
        yield running
