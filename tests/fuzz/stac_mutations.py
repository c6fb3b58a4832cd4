"""JSON documents with one member replaced, taken away, doubled or nested: what catalogues get wrong."""

from __future__ import annotations

import copy
import random
from typing import Any

WRONG: tuple[Any, ...] = (
    None, True, False, 0, -1, 7.5, 10**400, 2**63, -(2**63) - 1, 1e308, float("nan"), float("inf"), "", " ",
    "text", "7", "\x00", "\ud800", "2024-05-31", "2024-05-31T10:15Z", "9999-12-31T23:59:60Z",
    "0001-01-01T00:00:00+01:00", "x" * 3000, [], [None], [[]], {}, {"": None}, {"type": "Feature"},
    [1, 2, None, 3, 4, None], ["7", "51", "8", "52"], "file:///etc/passwd", "http://[", "//", "C:\\a", "a::b",
    {"type": "Point", "coordinates": [float("nan"), 1]}, {"type": "GeometryCollection", "geometries": [{}]},
    {"type": "Polygon", "coordinates": [[[0, 0]]]}, "FeatureCollection", "PUT", {"Host": "evil"},
    {"X": "a\r\nb"},
)  # fmt: skip
DEEP = (3, 120, 130, 400)
"""Levels: few, about as many as are read, and more."""
Place = tuple[Any, Any]


def mutated_json(document: Any, draw: random.Random) -> Any:
    """A copy of ``document`` with one to three changes."""
    changed = copy.deepcopy(document)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        places = list(_places(changed))
        if not places:
            return copy.deepcopy(draw.choice(WRONG))
        parent, key = draw.choice(places)
        _CHANGES[draw.randrange(len(_CHANGES))](parent, key, draw)
    return changed


def _places(value: Any) -> list[Place]:
    """Every member of every object and list: the object or list, and the key."""
    found: list[Place] = []
    waiting = [value]
    while waiting:
        container = waiting.pop()
        if isinstance(container, dict | list):
            keys = list(container) if isinstance(container, dict) else range(len(container))
            found += [(container, key) for key in keys]
            waiting += [container[key] for key in keys]
    return found


def _replace(parent: Any, key: Any, draw: random.Random) -> None:
    parent[key] = copy.deepcopy(draw.choice(WRONG))


def _remove(parent: Any, key: Any, draw: random.Random) -> None:
    del parent[key]


def _swap(parent: Any, key: Any, draw: random.Random) -> None:
    value = parent[key]
    parent[key] = [value] if draw.random() < 0.5 else {"value": value}


def _exchange(parent: Any, key: Any, draw: random.Random) -> None:
    """The value of another member of the same object."""
    other = draw.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
    parent[key], parent[other] = parent[other], parent[key]


def _nest(parent: Any, key: Any, draw: random.Random) -> None:
    value: Any = None
    for _ in range(draw.choice(DEEP)):
        value = [value] if draw.random() < 0.5 else {"a": value}
    parent[key] = value


def _text(parent: Any, key: Any, draw: random.Random) -> None:
    parent[key] = str(parent[key])[:200]


_CHANGES = (_replace, _replace, _replace, _remove, _swap, _exchange, _nest, _text)
