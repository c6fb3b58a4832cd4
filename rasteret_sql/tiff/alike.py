"""Files of one archive are written alike: what is equal but for its tables is not parsed again.

The parser sees nothing of a file but the bytes up to the end of its last value. Where those are the same as
in a file that was parsed before, under the same limits, so is the result; only the tables of blocks and the
tie point, whose values decide nothing else, are read anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from rasteret_sql.settings import Settings
from rasteret_sql.tiff import tags
from rasteret_sql.tiff.block_grid import BlockGrid
from rasteret_sql.tiff.buffer import Bytes
from rasteret_sql.tiff.directory import UNSIGNED, Directory, Progress
from rasteret_sql.tiff.head import Head
from rasteret_sql.tiff.image import Image, Tiff

LONGEST = 1 << 16
"""Bytes of a header that is kept."""
MAX_KEPT = 32
"""Headers that are kept: one for each size and projection of an archive."""
NUMBERS = {**tags.INTEGERS, **tags.FLOATS}
Span = tuple[int, int]
"""Start and end of bytes."""
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class _Part:
    """Values that differ from file to file."""

    name: str
    """The attribute of ``Image`` that they become."""
    start: int
    count: int
    dtype: np.dtype[Any]

    @property
    def end(self) -> int:
        return self.start + self.count * self.dtype.itemsize

    def value(self, data: bytes) -> Any:
        stored = np.frombuffer(data, self.dtype, self.count, self.start)
        return tuple(stored.tolist()) if self.name == "model_tiepoint" else stored.astype(np.uint64)


@dataclass(frozen=True)
class _Known:
    """A file that was parsed."""

    limits: Settings
    end: int
    same: tuple[tuple[int, bytes], ...]
    """What another file must have at these places."""
    parts: tuple[tuple[_Part, ...], ...]
    """Of each image."""
    tiff: Tiff

    def read(self, data: bytes, limits: Settings) -> Tiff | None:
        """What ``data``, the beginning of a file, holds; None where it is another kind of file."""
        if limits is not self.limits or len(data) < self.end:
            return None
        if not all(data.startswith(expected, start) for start, expected in self.same):
            return None
        pairs = zip(self.tiff.images, self.parts, strict=True)
        images = [changed(image, **{part.name: part.value(data) for part in parts}) for image, parts in pairs]
        if not all(map(_has_lengths, images)):
            return None
        return changed(self.tiff, images=tuple(images), like=self.tiff)


def changed(instance: Record, **values: Any) -> Record:
    """``dataclasses.replace`` in a tenth of its time: eight images a file are what a header costs.

    For dataclasses that keep what they are given: without slots and ``__post_init__``. Fields that no
    argument sets begin anew: what was derived of one file is not that of another.
    """
    other = object.__new__(type(instance))
    other.__dict__.update(instance.__dict__)
    for name, make in _begun_anew(type(instance)):  # type: ignore[arg-type]  # mypy: a type is no Hashable
        other.__dict__[name] = make()
    other.__dict__.update(values)
    return other


@lru_cache(maxsize=16)
def _begun_anew(kind: Hashable) -> tuple[tuple[str, Callable[[], Any]], ...]:
    return tuple(
        (field.name, field.default_factory)
        for field in fields(kind)  # type: ignore[arg-type]  # a dataclass
        if not field.init and field.default_factory is not MISSING
    )


def _has_lengths(image: Image) -> bool:
    """Whether the byte counts are certainly those of the tag; see ``tiff.byte_counts``."""
    if len(image.tile_byte_counts) != 1:
        return True
    return bool(image.tile_byte_counts[0]) and not (image.compression == "none" and not image.tiled)


_known: deque[_Known] = deque(maxlen=MAX_KEPT)


def read_alike(buffer: Bytes, limits: Settings) -> Tiff | None:
    """What parsing ``buffer`` would give, where a file like it was parsed before."""
    data = buffer.beginning
    for known in tuple(_known):
        tiff = known.read(data, limits)
        if tiff is not None:
            return tiff
    return None


def keep(buffer: Bytes, head: Head, directories: Sequence[Directory], progress: Progress, tiff: Tiff) -> None:
    """Remember a file of which everything came with its beginning."""
    if not all(map(_has_lengths, tiff.images)):
        return
    if any(progress.grids[one.offset].counts_tag not in one.fields for one in directories):
        return
    data = buffer.beginning
    decisive: list[Span] = [(0, head.length)]
    parts: list[tuple[_Part, ...]] = []
    for directory, image in zip(directories, tiff.images, strict=True):
        grid = progress.grids[directory.offset]
        parts_by_tag = _parts(head, directory, grid, image)
        parts.append(tuple(parts_by_tag.values()))
        decisive += _decisive(directory, grid, parts_by_tag)
    apart = sorted((part.start, part.end) for parts_by_tag in parts for part in parts_by_tag)
    end = max(stop for _, stop in (*decisive, *apart))
    if end > min(LONGEST, len(data)) or not _disjoint(apart, decisive):
        return
    edges = [0, *(edge for span in apart for edge in span), end]
    same = tuple((start, data[start:stop]) for start, stop in zip(edges[::2], edges[1::2], strict=True))
    _known.appendleft(_Known(progress.allowance.limits, end, same, tuple(parts), tiff))


def _parts(head: Head, directory: Directory, grid: BlockGrid, image: Image) -> dict[int, _Part]:
    """By tag: the values of one directory that may differ, of types that every value is good for."""
    places = (
        ("tile_offsets", grid.offsets_tag, UNSIGNED, grid.block_count),
        ("tile_byte_counts", grid.counts_tag, UNSIGNED, grid.block_count),
        ("model_tiepoint", tags.MODEL_TIEPOINT, tags.FLOATS, len(image.model_tiepoint or ())),
    )
    by_tag = {}
    for name, tag, kinds, count in places:
        field = directory.fields.get(tag)
        if field is not None and field.kind in kinds:
            by_tag[tag] = _Part(name, field.position, count, np.dtype(head.prefix + NUMBERS[field.kind]))
    return by_tag


def _decisive(directory: Directory, grid: BlockGrid, parts: Mapping[int, _Part]) -> list[Span]:
    """The bytes that decide what one directory means, all of which were read."""
    spans, at = [], directory.offset
    for tag, part in sorted(parts.items(), key=lambda pair: pair[1].start):
        if directory.fields[tag].inside is not None:
            spans.append((at, part.start))
            at = part.end
    spans.append((at, directory.end))
    unread = tags.BLOCK_TABLES - {grid.offsets_tag, grid.counts_tag}
    for tag, field in directory.fields.items():
        if field.inside is None and tag not in parts and tag not in unread:
            spans.append((field.position, field.position + field.count * tags.FIELD_WIDTHS[field.kind]))
    return spans


def _disjoint(apart: Sequence[Span], decisive: Sequence[Span]) -> bool:
    """Whether no part shares a byte with another, or with what decides."""
    spans = sorted([*((span, True) for span in apart), *((span, False) for span in decisive)])
    reach = {True: 0, False: 0}
    for (start, end), is_part in spans:
        if start < reach[True] or (is_part and start < reach[False]):
            return False
        reach[is_part] = max(reach[is_part], end)
    return True
