"""The growth of indexes is measured to the end on small ones, and its curves are drawn."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench import indexes
from tests.bench.plot import Curve, Panel, svg


def test_a_small_growth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "SIZES", ((2, 13), (4, 13)))
    said: list[str] = []
    text = indexes.grow_indexes(tmp_path, rounds=1, quick=True, say=said.append)
    for label in indexes.WORK.values():
        assert text.count(f"| {label} |") in (1, 2)
    assert "| 78 | 156 |" in text
    assert "| 1 | 10 | 100 |" in text
    assert len([line for line in said if "CPU s" in line]) == 2 * len(indexes.BY_ROWS) + 3 * len(
        indexes.BY_AREAS
    )


def test_a_curve_ends_where_it_gets_too_expensive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "_measured", lambda work, index, areas, folder: (areas / 10, 5.0))
    cases = [((tmp_path / "archive-1-1.parquet", 3), areas) for areas in (1, 300, 400)]
    points = list(indexes._followed("pairs", cases, tmp_path, 3, print))
    assert [(point.areas, point.cpu_s, point.peak_mb) for point in points] == [
        (1, 0.1, 5.0),
        (300, 30.0, 5.0),
    ]


def test_the_plot_is_svg_with_every_curve() -> None:
    curves = [
        Curve(label="a < b", points=[(10, 0.01), (1_000, 0)]),
        Curve(label="c", points=[(1, 1), (100, 10)]),
    ]
    panels = [
        Panel(title="one", x_label="rows", curves=curves),
        Panel(title="two", x_label="areas", curves=[]),
    ]
    root = ElementTree.fromstring(svg(panels))
    names = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"one", "two", "rows", "a < b", "c", "0.01", "100"} <= set(names)
    lines = [line.get("points", "") for line in root.iter("{http://www.w3.org/2000/svg}polyline")]
    assert [len(line.split()) for line in lines] == [1, 2], "zero has no place on a logarithmic axis"
    (x, y), (right, top) = (map(float, place.split(",")) for place in lines[1].split())
    assert x < right
    assert top < y


def test_the_page_shows_the_plot_and_figures_of_every_kind() -> None:
    page = (indexes.ROOT / "docs/benchmarks.md").read_text("utf-8")
    written = page.partition("<!-- indexes: written by ./dev bench -->")[2].partition("<!-- /indexes -->")[0]
    assert all(label in written for label in indexes.WORK.values())
    assert "](growth.svg)" in page
    drawn = indexes.PLOT.read_text("utf-8")
    assert all(label.replace("`", "").replace("&&", "&amp;&amp;") in drawn for label in indexes.WORK.values())
    assert len(re.findall("<polyline", drawn)) == 2 * (len(indexes.BY_ROWS) + len(indexes.BY_AREAS))
