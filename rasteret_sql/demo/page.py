"""The demo's page: one HTML file that needs nothing else, for light and dark, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from html import escape
from importlib.resources import files
from pathlib import Path

from rasteret_sql import __version__
from rasteret_sql.demo.chart import season_chart, sparkline
from rasteret_sql.demo.picture import NDVI_COLOURS
from rasteret_sql.demo.queries import Query
from rasteret_sql.demo.report import Chip, FieldCard, SceneMap
from rasteret_sql.demo.sources import Source

KINDS = {
    "stac": "STAC search pages",
    "document": "STAC documents",
    "header": "headers, one request per file",
    "tile": "pixels, neighbouring tiles in one request",
}
TOKENS = re.compile(
    r"(?P<c>--[^\n]*)|(?P<s>'(?:[^']|'')*')|(?P<f>\b(?:stac_search|cog_header|read_cog|read_cog_tiles|RS_AsArray"
    r"|rasteret_requests)\b)|(?P<k>\b(?:CREATE|OR|REPLACE|TABLE|AS|SELECT|FROM|WHERE|AND|IN|COPY|TO|ORDER|GROUP|BY"
    r"|ALL|LIMIT|WITH|DISTINCT|JOIN|ON|FILTER|USING|PIVOT|QUALIFY)\b)"
)


@dataclass(frozen=True, kw_only=True)
class Story:
    """All that the page tells."""

    source: Source
    queries: list[Query]
    maps: list[SceneMap]
    cards: list[FieldCard]
    numbers: dict[str, float]
    """scenes, files, megabytes (of the whole files), chips, fields."""
    costs: list[tuple[str, int, float]]
    """Kind of request, requests, megabytes."""
    checked: str | None


def write_page(path: Path, story: Story) -> None:
    """Write the page of a story."""
    path.write_text(page(story), encoding="utf-8")


def page(story: Story) -> str:
    """The page as HTML."""
    css = files("rasteret_sql.demo").joinpath("page.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>rasteret-sql: chips from a SQL join</title>
<style>
{css}</style>
</head>
<body>
<main>
{_head(story)}
{_maps(story)}
{_season(story)}
{_cards(story)}
{_costs(story)}
{_queries(story)}
<footer>Made by <code>rasteret-sql demo</code> {__version__} from {escape(story.source.title)}.</footer>
</main>
</body>
</html>
"""


def _head(story: Story) -> str:
    numbers = story.numbers
    requests = sum(count for _, count, _ in story.costs)
    megabytes = sum(size for _, _, size in story.costs)
    tiles = [
        (f"{numbers['scenes']:,.0f}", "scenes found by a STAC search"),
        (f"{numbers['files']:,.0f}", "COGs indexed, one request each"),
        (f"{numbers['chips']:,.0f}", f"chips of {numbers['fields']:,.0f} fields by one join"),
        (f"{requests:,}", "requests in all"),
        (f"{megabytes:,.1f} MB", f"read, of {numbers['megabytes']:,.0f} MB of files"),
    ]
    items = "\n".join(f"<li><b>{value}</b><span>{escape(what)}</span></li>" for value, what in tiles)
    checked = f'<p class="checked">Checked: {escape(story.checked)}.</p>' if story.checked else ""
    return f"""<p class="kicker">rasteret-sql</p>
<h1>Satellite chips from a SQL join</h1>
<p class="lede">A STAC search became a Parquet index of every header. Joining it with a table of fields
cut these chips straight out of the remote files: no server, no GDAL, no whole downloads.</p>
<ul class="numbers">
{items}
</ul>
{checked}"""


def _maps(story: Story) -> str:
    figures = "\n".join(_map(scene) for scene in story.maps)
    return f"""<h2>The fields</h2>
<p>Near infrared shown as red, from the overviews: what grows is red, bare soil grey, water dark;
black lies beyond the edge of the orbit.</p>
<div class="pair">
{figures}
</div>"""


def _map(scene: SceneMap) -> str:
    polygons = "\n".join(
        f'<polygon points="{_points(ring)}"><title>{escape(label)}</title></polygon>'
        for label, ring in scene.outlines
    )
    title = escape(f"{scene.title}: {len(scene.outlines)} fields")
    return f"""<figure class="map">
<svg viewBox="0 0 {scene.width} {scene.height}" role="img" aria-label="False-colour picture, {title}">
<image href="{scene.image}" width="{scene.width}" height="{scene.height}"/>
{polygons}
</svg>
<figcaption>{title}</figcaption>
</figure>"""


def _points(ring: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in ring)


def _season(story: Story) -> str:
    return f"""<h2>The season</h2>
<p>Mean NDVI of the clear pixels, by label, computed in DuckDB from the chips.</p>
<div class="chart">
{season_chart(story.cards)}
</div>"""


def _cards(story: Story) -> str:
    days = sorted({chip.day for card in story.cards for chip in card.chips})
    cards = "\n".join(_card(card, days) for card in story.cards)
    return f"""<h2>The chips</h2>
<p>Each field on each date: false colour above, NDVI below.</p>
<p class="legend">{_ramp()}
<span><span class="swatch"></span>cloud or shadow</span></p>
<div class="cards">
{cards}
</div>"""


def _ramp() -> str:
    low, high = NDVI_COLOURS[0][0], NDVI_COLOURS[-1][0]
    stops = ", ".join(
        f"rgb({r} {g} {b}) {100 * (at - low) / (high - low):.0f}%" for at, (r, g, b) in NDVI_COLOURS
    )
    style = f"background: linear-gradient(90deg, {stops})"
    return f'<span>NDVI {low:g}<span class="ramp" style="{style}"></span>{high:g}</span>'


def _card(card: FieldCard, days: list[date]) -> str:
    name = f"{card.label}, field {card.field_id}"
    by_day = {chip.day: chip for chip in card.chips}
    chips = "\n".join(_chip(name, day, by_day.get(day)) for day in days)
    return f"""<section class="card {label_class(card.label)}" aria-label="{escape(name)}">
<header><span class="dot"></span><h3>{escape(card.label.capitalize())} · field {card.field_id}</h3>
<span class="split">{escape(card.split)}</span>{sparkline(card)}</header>
<ol class="strip" tabindex="0">
{chips}
</ol>
</section>"""


def _chip(name: str, day: date, chip: Chip | None) -> str:
    when = f"<b>{day.day} {day:%b}</b>"
    if chip is None:
        return f'<li class="unseen">{when}<span>no data on this day</span></li>'
    return f"""<li><figure>
<img src="{chip.false_colour}" alt="False colour of {escape(name)} on {day}">
<img src="{chip.ndvi_picture}" alt="NDVI of {escape(name)} on {day}">
<figcaption title="{escape(chip.scene)}">{when}{_mean(chip.ndvi)}
<br>{_percent(chip.clear)} clear</figcaption>
</figure></li>"""


def _mean(ndvi: float | None) -> str:
    return "no clear pixel" if ndvi is None else f"NDVI {ndvi:.2f}"


def _percent(share: float) -> str:
    """Whole percent; 100 only for all, 0 only for none."""
    return f"{min(99, max(1, round(100 * share))) if 0 < share < 1 else round(100 * share)} %"


def label_class(label: str) -> str:
    """The style of a label; those without a colour of their own share one."""
    known = ("wheat", "maize", "grass", "forest", "water", "lake", "farmland", "city")
    return label if label in known else "other"


def _costs(story: Story) -> str:
    rows: Iterable[tuple[str, int, float]] = story.costs
    body = "\n".join(
        f"<tr><td>{escape(KINDS.get(kind, kind))}</td><td>{count:,}</td><td>{size:,.2f}</td></tr>"
        for kind, count, size in rows
    )
    total = f"{sum(n for _, n, _ in story.costs):,}", f"{sum(size for _, _, size in story.costs):,.2f}"
    return f"""<h2>What it cost</h2>
<div class="scroll"><table>
<caption>Everything that went over the wire, from the first search to the last chip.</caption>
<thead><tr><th scope="col">what for</th><th scope="col">requests</th><th scope="col">MB</th></tr></thead>
<tbody>
{body}
<tr><td><b>all</b></td><td><b>{total[0]}</b></td><td><b>{total[1]}</b></td></tr>
</tbody>
</table></div>"""


def _queries(story: Story) -> str:
    blocks = "\n".join(
        f"""<div class="query"><h3>{i}. {escape(query.title)}</h3>
<p>{escape(query.why)}</p>
<pre tabindex="0"><code>{highlighted(query.sql)}</code></pre></div>"""
        for i, query in enumerate(story.queries, 1)
    )
    return f"<h2>The SQL</h2>\n<p>All of it, as it ran.</p>\n{blocks}"


def highlighted(sql: str) -> str:
    """SQL as HTML with its keywords, strings, comments and this package's functions marked."""
    parts, place = [], 0
    for token in TOKENS.finditer(sql):
        parts.append(escape(sql[place : token.start()], quote=False))
        parts.append(f'<span class="{token.lastgroup}">{escape(token.group(), quote=False)}</span>')
        place = token.end()
    return "".join([*parts, escape(sql[place:], quote=False)])
