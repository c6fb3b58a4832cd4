"""Image file directories: finding all of them, and reading the values of their tags."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rasteret_sql.arrays import UInt64s
from rasteret_sql.errors import LimitError, MalformedError
from rasteret_sql.tiff import tags
from rasteret_sql.tiff.block_grid import BlockGrid
from rasteret_sql.tiff.buffer import Bytes, Range
from rasteret_sql.tiff.geokeys import decode_text
from rasteret_sql.tiff.head import READ_AHEAD, Head
from rasteret_sql.tiff.limits import Allowance

UNSIGNED: Final = frozenset(kind for kind, code in tags.INTEGERS.items() if code[0] == "u")


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of a directory: its field type, and its values or where they are."""

    kind: int
    count: int
    inside: bytes | None
    """The stored values where they fit into the entry itself."""
    position: int
    """Of the values, in the entry or elsewhere in the file."""


@dataclass(frozen=True, kw_only=True)
class Directory:
    """The entries of one IFD that this package knows."""

    index: int
    offset: int
    fields: Mapping[int, Field]
    next_offset: int
    end: int
    """Of its own bytes, without the values that are elsewhere."""

    @property
    def place(self) -> str:
        return f"IFD {self.index} at byte {self.offset}"


@dataclass(kw_only=True)
class Progress:
    """What is known of one file between two calls of the parser, so that it does nothing twice."""

    allowance: Allowance
    directories: dict[int, Directory] = field(default_factory=dict)
    """By offset."""
    complete: set[int] = field(default_factory=set)
    """Offsets of the directories whose values are all there."""
    grids: dict[int, BlockGrid] = field(default_factory=dict)
    """By offset of the directory."""


class Label(NamedTuple):
    """How a message names a tag; written out when there is one."""

    directory: Directory
    tag: int

    def __str__(self) -> str:
        return f"{self.directory.place}: {tags.tag_label(self.tag)}"


class Values:
    """The values of one directory's tags, typed and checked. A tag with no values counts as absent."""

    def __init__(self, buffer: Bytes, head: Head, directory: Directory) -> None:
        self.buffer, self.head, self.directory = buffer, head, directory
        self.byte_order = head.byte_order

    def malformed(self, tag: int, problem: str) -> MalformedError:
        return MalformedError(f"{self.label(tag)} {problem}")

    def field(self, tag: int) -> Field | None:
        return self.directory.fields.get(tag)

    def label(self, tag: int) -> Label:
        return Label(self.directory, tag)

    def missing(self, tag: int, count: int | None = None) -> list[Range]:
        """The range of a tag's (first ``count``) values where the buffer lacks it."""
        field = self.directory.fields[tag]
        if field.inside is not None:
            return []
        length = self.length(tag, count)
        return [] if self.buffer.has(field.position, length, self.label(tag)) else [(field.position, length)]

    def raw(self, tag: int, count: int | None = None) -> bytes | None:
        """The stored bytes of the first ``count`` values, or of all."""
        field = self.field(tag)
        if field is None:
            return None
        length = self.length(tag, count)
        if field.inside is not None:
            return field.inside[:length]
        return self.buffer.read(field.position, length, self.label(tag))

    def integers(self, tag: int, count: int | None = None) -> UInt64s | None:
        """Values of any integer type."""
        array = self._array(tag, tags.INTEGERS, "an integer", count)
        if array is None:
            return None
        if array.dtype.kind == "i" and (array < 0).any():
            raise self.malformed(tag, f"is {int(array.min())}; it cannot be negative")
        return array.astype(np.uint64)

    def integer(self, tag: int, default: int | None = None) -> int:
        """One value; several equal ones count as one. Without ``default`` the tag must be there."""
        field = self.directory.fields.get(tag)
        if field is None and default is not None:
            return default
        if field is not None and field.inside is not None and field.count == 1 and field.kind in UNSIGNED:
            return int.from_bytes(field.inside[: tags.FIELD_WIDTHS[field.kind]], self.byte_order)
        array = self.integers(tag)
        if array is None:
            if default is None:
                raise self.malformed(tag, "is missing")
            return default
        if (array != array[0]).any():
            raise self.malformed(tag, f"holds {len(array)} different values where one was expected")
        return int(array[0])

    def floats(self, tag: int) -> tuple[float, ...] | None:
        array = self._array(tag, tags.FLOATS, "a floating-point number")
        return None if array is None else tuple(array.tolist())

    def text(self, tag: int) -> str | None:
        field = self.field(tag)
        if field is not None and field.kind not in tags.BYTES:
            raise self.malformed(tag, f"has field type {field.kind} where text was expected")
        raw = self.raw(tag)
        return None if raw is None else decode_text(raw)

    def _array(
        self, tag: int, kinds: Mapping[int, str], expected: str, count: int | None = None
    ) -> npt.NDArray[Any] | None:
        field = self.field(tag)
        if field is None:
            return None
        if field.kind not in kinds:
            raise self.malformed(tag, f"has field type {field.kind} where {expected} was expected")
        raw = self.raw(tag, count)
        return None if raw is None else np.frombuffer(raw, self.head.prefix + kinds[field.kind])

    def length(self, tag: int, count: int | None = None) -> int:
        """Bytes of a tag's (first ``count``) values."""
        field = self.directory.fields[tag]
        if field.kind not in tags.FIELD_WIDTHS:
            raise self.malformed(tag, f"has field type {field.kind}, which TIFF does not define")
        return (field.count if count is None else count) * tags.FIELD_WIDTHS[field.kind]


def walk(buffer: Bytes, head: Head, progress: Progress) -> tuple[list[Directory], list[Range]]:
    """All directories that can be seen, SubIFDs after the one that names them, and the bytes still missing.

    Raises ``MalformedError`` for a cycle and ``LimitError`` for more than ``max_directories``.
    """
    directories: list[Directory] = []
    missing: list[Range] = []
    visited: set[int] = set()
    waiting = [(head.first_directory, True)]
    most = progress.allowance.limits.max_directories
    while waiting:
        offset, chained = waiting.pop()
        if offset in visited:
            raise MalformedError(f"the IFD at byte {offset} is linked twice: the directories form a cycle")
        if len(visited) == most:
            raise LimitError(
                f"the file has more than {most:,} directories; no more are read (setting max_directories)"
            )
        visited.add(offset)
        directory = progress.directories.get(offset) or _read_directory(
            buffer, head, len(directories), offset, progress.allowance
        )
        if not isinstance(directory, Directory):
            missing.append(directory)
            continue
        if directory.index != len(directories):  # one before it was found only now
            directory = replace(directory, index=len(directories))
        progress.directories[offset] = directory
        directories.append(directory)
        # A SubIFD's own "next" is not followed: libtiff does not either.
        if chained and directory.next_offset:
            waiting.append((directory.next_offset, True))
        children, wanted = _sub_directories(Values(buffer, head, directory), progress.allowance)
        missing += wanted
        waiting += [(child, False) for child in reversed(children)]
    return directories, missing


def _sub_directories(values: Values, allowance: Allowance) -> tuple[list[int], list[Range]]:
    field = values.field(tags.SUB_IFDS)
    if field is None:
        return [], []
    claim = f"{values.label(tags.SUB_IFDS)} names {field.count:,} directories"
    allowance.require("max_directories", field.count, claim)
    missing = values.missing(tags.SUB_IFDS)
    offsets = None if missing else values.integers(tags.SUB_IFDS)
    return ([] if offsets is None else offsets.tolist()), missing


def _read_directory(
    buffer: Bytes, head: Head, index: int, offset: int, allowance: Allowance
) -> Directory | Range:
    """The directory at ``offset``, or the range to read first."""
    place = f"IFD {index} at byte {offset}"
    if offset == 0:
        raise MalformedError("the TIFF header names no first directory: the file was not finished")
    entry = struct.Struct(head.prefix + ("HHQQ" if head.big else "HHII"))
    count_length, room = (8, 8) if head.big else (2, 4)
    if not buffer.has(offset, count_length, place):
        return buffer.clipped(offset, READ_AHEAD)
    count = int.from_bytes(buffer.read(offset, count_length, place), head.byte_order)
    allowance.require("max_directory_entries", count, f"{place} claims {count:,} entries")
    length = count * entry.size + room
    start = offset + count_length
    if not buffer.has(start, length, place):
        return buffer.clipped(offset, max(READ_AHEAD, count_length + length))
    raw = buffer.read(start, length, place)
    fields: dict[int, Field] = {}
    for i, (tag, kind, values, pointer) in enumerate(entry.iter_unpack(raw[:-room])):
        if tag not in tags.TAG_NAMES or tag in fields or not values:
            continue
        end = (i + 1) * entry.size
        fits = values * tags.FIELD_WIDTHS.get(kind, 1) <= room
        inside = raw[end - room : end] if fits else None
        fields[tag] = Field(kind, values, inside, start + end - room if fits else pointer)
    next_offset = int.from_bytes(raw[-room:], head.byte_order)
    return Directory(index=index, offset=offset, fields=fields, next_offset=next_offset, end=start + length)
