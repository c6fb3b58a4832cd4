"""Curves on two logarithmic axes as SVG, which GitHub shows and a diff can read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a6d3b")
"""Those of Okabe and Ito, which colour-blind readers tell apart, and one more."""
WIDTH, HEIGHT, LEFT, TOP, BOTTOM, LEGEND = 460, 260, 56, 30, 40, 18


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Points from left to right; one below zero has no place on such axes."""

    label: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One pair of axes."""

    title: str
    x_label: str
    curves: Sequence[Curve]


def svg(panels: Sequence[Panel]) -> str:
    """All panels, two in a row, with one legend below them."""
    labels = list(dict.fromkeys(curve.label for panel in panels for curve in panel.curves))
    colours = dict(zip(labels, COLOURS * len(labels), strict=False))
    rows = math.ceil(len(panels) / 2)
    height = rows * HEIGHT + LEGEND * math.ceil(len(labels) / 3) + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{height}" '
        f'viewBox="0 0 {2 * WIDTH} {height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{2 * WIDTH}" height="{height}" fill="white"/>',
    ]
    for n, panel in enumerate(panels):
        parts.append(f'<g transform="translate({n % 2 * WIDTH} {n // 2 * HEIGHT})">')
        parts += _panel(panel, colours)
        parts.append("</g>")
    for n, label in enumerate(labels):
        x, y = LEFT + n % 3 * 300, rows * HEIGHT + 14 + n // 3 * LEGEND
        parts.append(f'<path d="M{x} {y - 4}h18" stroke="{colours[label]}" stroke-width="2"/>')
        parts.append(f'<text x="{x + 24}" y="{y}">{escape(label)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, colours: dict[str, str]) -> list[str]:
    points = [point for curve in panel.curves for point in curve.points if min(point) > 0]
    if not points:
        return [f'<text x="{LEFT}" y="18" font-weight="bold">{escape(panel.title)}</text>']
    across, down = (_decades([point[axis] for point in points]) for axis in (0, 1))
    right, bottom = WIDTH - 16, HEIGHT - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        along = (math.log10(x) - across[0]) / (across[-1] - across[0])
        up = (math.log10(y) - down[0]) / (down[-1] - down[0])
        return round(LEFT + along * (right - LEFT), 1), round(bottom - up * (bottom - TOP), 1)

    parts = [f'<text x="{LEFT}" y="18" font-weight="bold">{escape(panel.title)}</text>']
    for decade in across:
        x, _ = place(10**decade, 10 ** down[0])
        parts.append(f'<path d="M{x} {TOP}V{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{x}" y="{bottom + 14}" text-anchor="middle">{10.0**decade:,g}</text>')
    for decade in down:
        _, y = place(10 ** across[0], 10**decade)
        parts.append(f'<path d="M{LEFT} {y}H{right}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{10**decade:,g}</text>')
    middle = (LEFT + right) / 2
    parts.append(f'<text x="{middle}" y="{bottom + 30}" text-anchor="middle">{escape(panel.x_label)}</text>')
    for curve in panel.curves:
        placed = [place(x, y) for x, y in curve.points if min(x, y) > 0]
        line = " ".join(f"{x},{y}" for x, y in placed)
        colour = colours[curve.label]
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>' for x, y in placed]
    return parts


def _decades(values: Sequence[float]) -> range:
    """Whole powers of ten around some values; at least two."""
    least, most = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return range(least, max(most, least + 1) + 1)
