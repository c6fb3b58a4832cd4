"""Colours of pixel values: named maps, lists of colours, colours of categories, and TIFF's colour tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rasteret_sql.errors import ArgumentError

Colours = npt.NDArray[np.uint8]
Stops = Sequence[tuple[float, str]]
HEX = re.compile(r"#[0-9a-fA-F]{6}")
STEPS = 256
FULL = 65535
"""What TIFF's colour tables call full brightness."""

GRAY: Stops = ((0, "#000000"), (1, "#ffffff"))
# Ten of the 256 colours of Matplotlib's map of that name (CC0), evenly spaced.
VIRIDIS: Stops = (
    (0 / 9, "#440154"), (1 / 9, "#482878"), (2 / 9, "#3e4989"), (3 / 9, "#31688e"), (4 / 9, "#26828e"),
    (5 / 9, "#1f9e89"), (6 / 9, "#35b779"), (7 / 9, "#6ece58"), (8 / 9, "#b5de2b"), (9 / 9, "#fde725"),
)  # fmt: skip
HEAT: Stops = ((0, "#000000"), (0.35, "#8c1a2b"), (0.65, "#e8742a"), (0.88, "#f7d13d"), (1, "#fffbe0"))
WATER: Stops = ((0, "#f4fbff"), (0.3, "#a9d6ea"), (0.65, "#3f87bd"), (1, "#0b2a63"))
TERRAIN: Stops = ((0, "#2f6b3c"), (0.25, "#a3b86c"), (0.5, "#e3d5a1"), (0.75, "#a57c52"), (1, "#f7f5f2"))
DIVERGING: Stops = ((0, "#8c2d1f"), (0.25, "#dd9a72"), (0.5, "#f5f3ee"), (0.75, "#7fb3cf"), (1, "#1f4e79"))
NDVI: Stops = (
    (-0.30, "#214884"), (-0.02, "#76a4cd"), (0.05, "#dbcdb2"), (0.22, "#e2be78"),
    (0.40, "#cbcb62"), (0.60, "#6fac46"), (0.78, "#237d3a"), (0.92, "#07472a"),
)  # fmt: skip
"""Water blue, bare soil sand, then the greener the denser."""


class Colouring(Protocol):
    """How one band becomes a picture."""

    def paint(self, values: npt.NDArray[Any]) -> tuple[Colours, npt.NDArray[np.bool_] | None]:
        """``(rows, columns, 3)``, and where there is a colour at all; None is everywhere.

        ``values`` are brightnesses 0 to 255 for a ``Ramp``, and the pixels themselves for a ``Table``.
        """


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """Colours from low to high, blended between the stops."""

    table: Colours
    """``(256, 3)``"""
    limits: tuple[float, float] | None = None
    """Pixel values of its ends, where the map has its own."""

    def paint(self, values: npt.NDArray[Any]) -> tuple[Colours, None]:
        return self.table[values], None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A colour for each of some values; any other value has none."""

    values: npt.NDArray[np.int64]
    """Sorted."""
    colours: Colours

    def paint(self, values: npt.NDArray[Any]) -> tuple[Colours, npt.NDArray[np.bool_]]:
        places = np.minimum(np.searchsorted(self.values, values), len(self.values) - 1)
        there: npt.NDArray[np.bool_] = self.values[places] == values
        return self.colours[places], there


def _ramp(stops: Stops) -> Ramp:
    places = np.array([place for place, _ in stops])
    channels = np.array([_rgb(colour) for _, colour in stops], float).T
    steps = np.linspace(places[0], places[-1], STEPS)
    table = np.stack([np.interp(steps, places, channel) for channel in channels], axis=-1)
    own = (float(places[0]), float(places[-1]))
    return Ramp(table=table.round().astype(np.uint8), limits=None if own == (0, 1) else own)


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


NAMED: Mapping[str, Ramp] = {
    name: _ramp(stops)
    for name, stops in {
        "gray": GRAY,
        "viridis": VIRIDIS,
        "heat": HEAT,
        "water": WATER,
        "terrain": TERRAIN,
        "diverging": DIVERGING,
        "ndvi": NDVI,
    }.items()
}
FORMS = (
    f"one of {', '.join(map(repr, NAMED))}, a list of colours such as ['#000000', '#ff0000'], a MAP of "
    "categories such as MAP {6: '#2050ff'}, or a file's colour table as in the column colormap of cog_header"
)


def parse_colours(value: Any) -> Ramp | Table | None:
    """The colouring that one SQL value names; None for None. ArgumentError lists the forms.

    A MAP arrives as a list of pairs.
    """
    if value is None:
        return None
    if isinstance(value, str) and value in NAMED:
        return NAMED[value]
    items = list(value) if isinstance(value, list | tuple) else []
    if len(items) > 1 and all(isinstance(item, str) and HEX.fullmatch(item) for item in items):
        return _ramp([(i / (len(items) - 1), item) for i, item in enumerate(items)])
    if items and all(_is_category(item) for item in items):
        return _table(dict(items))
    if len(items) > 2 and len(items) % 3 == 0 and all(isinstance(n, int) and 0 <= n <= FULL for n in items):
        return tiff_table(items)
    shown = repr(value)
    raise ArgumentError(f"colormap := {shown if len(shown) < 80 else shown[:79] + '…'}: expected {FORMS}")


def _is_category(item: Any) -> bool:
    return (
        isinstance(item, tuple)
        and len(item) == 2
        and isinstance(item[0], int)
        and isinstance(item[1], str)
        and HEX.fullmatch(item[1]) is not None
    )


def _table(colours: Mapping[int, str]) -> Table:
    values = sorted(colours)
    return Table(
        values=np.array(values, np.int64),
        colours=np.array([_rgb(colours[value]) for value in values], np.uint8),
    )


def tiff_table(colormap: Sequence[int]) -> Table:
    """A colour table as TIFF stores it: all reds, then greens, then blues, 0 to 65535."""
    channels = np.array(colormap, np.uint32).reshape(3, -1)
    return Table(
        values=np.arange(channels.shape[1]), colours=np.rint(channels.T / (FULL / 255)).astype(np.uint8)
    )
