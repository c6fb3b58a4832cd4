"""The page of the demo stands alone, and shows what the chips hold."""

from __future__ import annotations

import base64
import re
from datetime import date
from html.parser import HTMLParser

import imagecodecs
import numpy as np
import pytest

from rasteret_sql.demo import picture
from rasteret_sql.demo.chart import season_chart, sparkline
from rasteret_sql.demo.page import Story, highlighted, page
from rasteret_sql.demo.queries import Query
from rasteret_sql.demo.report import Chip, FieldCard, SceneMap
from rasteret_sql.demo.sources import Source

EMPTY_TAGS = {"meta", "img", "br"}


class Outline(HTMLParser):
    """Every tag must be closed by its own end tag, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY_TAGS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(html: str) -> Outline:
    parsed = Outline()
    parsed.feed(html)
    parsed.close()
    assert parsed.open == []
    return parsed


def chip(day: int, ndvi: float | None, clear: float) -> Chip:
    red = np.full((4, 5), 0.05)
    nir = np.full((4, 5), 0.45)
    inside = np.ones((4, 5), bool)
    return Chip(
        day=date(2024, 5, day),
        scene="S2_<odd>&name",
        false_colour=picture.data_uri(picture.false_colour_png(red, nir, inside=inside, seen=inside)),
        ndvi_picture=picture.data_uri(
            picture.ndvi_png((nir - red) / (nir + red), inside=inside, clear=inside)
        ),
        clear=clear,
        ndvi=ndvi,
    )


@pytest.fixture
def story() -> Story:
    cards = [
        FieldCard(field_id=1, label="wheat", split="train", chips=[chip(1, 0.8, 1.0), chip(9, None, 0.0)]),
        FieldCard(field_id=2, label="hops & vines", split="test", chips=[chip(1, 0.6, 0.996)]),
    ]
    scene = np.full((8, 8), 0.2)
    jpeg = picture.data_uri(picture.false_colour_jpeg(scene, scene, seen=scene > 0))
    ring = [(1.0, 1.0), (6.0, 1.0), (6.0, 6.0)]
    return Story(
        source=Source(
            title="a test", catalog="demo", bbox=(0, 0, 1, 1), datetime="2024", max_cloud_cover=1,
            red="red", nir="nir", scl="scl", zero=1000, resolution=10,
        ),
        queries=[Query(title="One", why="Why < not", sql="SELECT 'a<b' -- and\nFROM read_cog(i)")],
        maps=[SceneMap(title="EPSG:32632", image=jpeg, width=8, height=8, outlines=[("wheat", ring)])],
        cards=cards,
        numbers={"scenes": 2, "files": 6, "megabytes": 12.3, "chips": 9, "fields": 2},
        costs=[("header", 6, 0.2), ("tile", 1234, 5.5)],
        checked=None,
    )  # fmt: skip


def test_the_page_is_well_formed_and_needs_nothing_else(story: Story) -> None:
    html = page(story)
    parsed = outline(html)
    for _, attributes in parsed.tags:
        for name in ("src", "href", "srcset", "data", "action"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert not re.search(r"https?://|url\(|@import|<script|<link", html)


def test_every_picture_decodes_and_has_a_text(story: Story) -> None:
    parsed = outline(page(story))
    images = [attributes for tag, attributes in parsed.tags if tag == "img"]
    assert len(images) == 6
    assert all(attributes["alt"] for attributes in images)
    for attributes in images:
        kind, _, content = (attributes["src"] or "").partition(",")
        assert kind == "data:image/png;base64"
        assert imagecodecs.png_decode(base64.b64decode(content)).shape == (4, 5, 4)
    assert [attributes.get("lang") for tag, attributes in parsed.tags if tag == "html"] == ["en"]
    assert all(
        attributes.get("aria-label") or attributes.get("aria-hidden")
        for tag, attributes in parsed.tags
        if tag == "svg"
    )


def test_text_is_escaped(story: Story) -> None:
    html = page(story)
    assert "S2_&lt;odd&gt;&amp;name" in html
    assert "Why &lt; not" in html
    assert "Hops &amp; vines" in html


def test_numbers_are_told(story: Story) -> None:
    html = page(story)
    assert "<b>1,240</b>" in html
    assert "<b>5.7 MB</b>" in html
    assert "NDVI 0.80" in html
    assert "no clear pixel" in html
    assert "no data on this day" in html
    assert "99 % clear" in html


def test_sql_is_marked_up_and_keeps_its_text() -> None:
    marked = highlighted("SELECT 'it''s' FROM read_cog(i) -- the <chips>")
    assert "<span class=\"k\">SELECT</span> <span class=\"s\">'it''s'</span>" in marked
    assert '<span class="f">read_cog</span>(i)' in marked
    assert '<span class="c">-- the &lt;chips&gt;</span>' in marked


def test_charts_of_nothing_are_said_in_words(story: Story) -> None:
    bare = FieldCard(field_id=3, label="wheat", split="train", chips=[chip(1, None, 0.0)])
    assert season_chart([bare]) == "<p>No clear pixel on any date.</p>"
    assert sparkline(bare) == ""


def test_ndvi_colours_run_from_water_over_soil_to_forest() -> None:
    water, soil, forest = (int(at) for at in range(3))
    red, green, blue = picture.ndvi_colours(np.array([[-0.3, 0.1, 0.85]]))[0].T
    assert blue[water] == max(red[water], green[water], blue[water])
    assert red[soil] == max(red[soil], green[soil], blue[soil])
    assert green[forest] == max(red[forest], green[forest], blue[forest])


def test_clouds_are_grey_and_the_outside_is_clear() -> None:
    inside = np.array([[True, True, False]])
    clear = np.array([[True, False, True]])
    pixels = imagecodecs.png_decode(picture.ndvi_png(np.full((1, 3), 0.8), inside=inside, clear=clear))
    assert tuple(pixels[0, 1]) == (*picture.CLOUD_GREY, 255)
    assert pixels[0, 0, 3] == 255
    assert tuple(pixels[0, 2]) == (0, 0, 0, 0)
