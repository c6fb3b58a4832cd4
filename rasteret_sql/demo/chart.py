"""Line charts of NDVI through the season, as inline SVG."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from html import escape

from rasteret_sql.demo.report import FieldCard

WIDTH, HEIGHT = 900, 300
LEFT, RIGHT, TOP, BOTTOM = 44, 90, 14, 34
LOWEST, HIGHEST = -0.4, 1.0
Point = tuple[date, float]


def season_chart(cards: list[FieldCard]) -> str:
    """Mean NDVI of each label on each date, weighted by the share of clear pixels."""
    sums: dict[str, dict[date, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for card in cards:
        for chip in card.chips:
            if chip.ndvi is not None:
                total = sums[card.label][chip.day]
                total[0] += chip.ndvi * chip.clear
                total[1] += chip.clear
    lines = {
        label: [(day, total / weight) for day, (total, weight) in sorted(days.items())]
        for label, days in sums.items()
    }
    days = sorted({day for line in lines.values() for day, _ in line})
    if not days:
        return "<p>No clear pixel on any date.</p>"
    names = _spread({label: _y(line[-1][1]) for label, line in lines.items()})
    parts = [*_grid(days), *(_line(label, line, days, names[label]) for label, line in lines.items())]
    summary = "; ".join(f"{label} {line[0][1]:.2f} to {line[-1][1]:.2f}" for label, line in lines.items())
    body = "\n".join(parts)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="NDVI from {days[0]} to {days[-1]}: {escape(summary)}">\n{body}\n</svg>'
    )


def sparkline(card: FieldCard) -> str:
    """One field's NDVI, small."""
    line = [(chip.day, chip.ndvi) for chip in card.chips if chip.ndvi is not None]
    if len(line) < 2:
        return ""
    first, span = line[0][0], max(1, (line[-1][0] - line[0][0]).days)
    points = [(110 * (day - first).days / span, 28 - 26 * (ndvi + 0.3) / 1.3) for day, ndvi in line]
    circles = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>' for x, y in points)
    path = f'<path d="{_path(points)}"/>'
    return f'<svg class="spark" viewBox="0 0 110 30" aria-hidden="true">{path}{circles}</svg>'


def _x(day: date, days: list[date]) -> float:
    span = max(1, (days[-1] - days[0]).days)
    return LEFT + (WIDTH - LEFT - RIGHT) * (day - days[0]).days / span


def _y(ndvi: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (HIGHEST - ndvi) / (HIGHEST - LOWEST)


def _grid(days: list[date]) -> list[str]:
    parts = []
    for tenth in range(-4, 11, 2):
        y = _y(tenth / 10)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>')
    room, last = 44, -1e9
    for day in days:
        x = _x(day, days)
        if x - last < room:
            continue
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{day.day} {day:%b}</text>')
        last = x
    return parts


def _line(label: str, line: list[Point], days: list[date], name_y: float) -> str:
    points = [(_x(day, days), _y(ndvi)) for day, ndvi in line]
    circles = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{escape(label)}, {day}: {ndvi:.2f}</title></circle>'
        for (x, y), (day, ndvi) in zip(points, line, strict=True)
    )
    name = f'<text class="name" x="{points[-1][0] + 12:.1f}" y="{name_y + 4:.1f}">{escape(label)}</text>'
    return f'<g class="{escape(label)}"><path d="{_path(points)}"/>{circles}{name}</g>'


def _path(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _spread(heights: dict[str, float], apart: float = 16) -> dict[str, float]:
    """The heights moved down where they would overlap, in their order."""
    out: dict[str, float] = {}
    last = -1e9
    for label, y in sorted(heights.items(), key=lambda pair: pair[1]):
        last = max(y, last + apart)
        out[label] = last
    return out
