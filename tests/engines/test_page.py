"""What docs/distributed.md shows of engines runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.engines.cluster import Cluster
from tests.engines.test_ray import pytestmark as of_ray
from tests.parts.archive import CHIPS, SCENES, Archive

PAGE = (Path(__file__).resolve().parents[2] / "docs/distributed.md").read_text("utf-8")
pytestmark = [mark for mark in of_ray if mark.name == "filterwarnings"]


def test_the_block_of_ray(archive: Archive, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"```python ray\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(archive.folder)
    names: dict[str, object] = {"SQL": CHIPS}
    exec(block, names)
    assert names["failed"] == 0
    assert names["run"].row_count == SCENES * 25  # type: ignore[attr-defined]
