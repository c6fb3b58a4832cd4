"""Rectangles of whole pixels, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass

Affine = tuple[float, float, float, float, float, float]
"""a b c d e f: x = a * column + b * row + c, y = d * column + e * row + f."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A rectangle of pixels of one level, counted from its first column and row."""

    x_off: int
    y_off: int
    width: int
    height: int


def clip_window(window: Window | None, width: int, height: int) -> Window | None:
    """The part of ``window`` inside an image of ``width`` x ``height``; all of it for None."""
    if window is None:
        return Window(x_off=0, y_off=0, width=width, height=height)
    left, top = max(window.x_off, 0), max(window.y_off, 0)
    right, bottom = min(window.x_off + window.width, width), min(window.y_off + window.height, height)
    if right <= left or bottom <= top:
        return None
    return Window(x_off=left, y_off=top, width=right - left, height=bottom - top)


def window_transform(transform: Affine, window: Window) -> Affine:
    """The affine of a window's own pixels."""
    a, b, c, d, e, f = transform
    x, y = window.x_off, window.y_off
    return (a, b, c + x * a + y * b, d, e, f + x * d + y * e)


def window_bounds(transform: Affine, window: Window) -> tuple[float, float, float, float]:
    """xmin, ymin, xmax, ymax of a window whose own affine is ``transform``."""
    a, b, c, d, e, f = transform
    w, h = window.width, window.height
    xs = (c, c + a * w, c + a * w + b * h, c + b * h)
    ys = (f, f + d * w, f + d * w + e * h, f + e * h)
    return min(xs), min(ys), max(xs), max(ys)


def corners(transform: Affine, window: Window) -> list[tuple[float, float]]:
    """The four corners of a window whose own affine is ``transform``."""
    a, b, c, d, e, f = transform
    w, h = window.width, window.height
    return [(c + a * x + b * y, f + d * x + e * y) for x, y in ((0, 0), (w, 0), (w, h), (0, h))]
