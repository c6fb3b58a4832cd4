"""Merging of ranges is pure, so it is held to properties."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rasteret_sql.store.protocol import ByteRange
from rasteret_sql.store.scheduling.coalesce import Member, merge

FILES = {"a": bytes(range(256)) * 8, "b": bytes(reversed(range(256))) * 8}
SIZE = 2048

wanted_ranges = st.lists(
    st.builds(
        lambda href, start, length: ByteRange(href=href, start=start, length=min(length, SIZE - start)),
        st.sampled_from(sorted(FILES)),
        st.integers(0, SIZE - 1),
        st.integers(1, 400),
    ),
    max_size=40,
)
gaps = st.integers(0, 300)
lengths = st.integers(1, 800)


def at(start: int, length: int, href: str = "a") -> ByteRange:
    return ByteRange(href=href, start=start, length=length)


@given(wanted_ranges, gaps, lengths)
def test_merged_reads_equal_direct_reads(ranges: list[ByteRange], gap: int, max_length: int) -> None:
    got: dict[int, bytes] = {}
    for merged in merge(ranges, gap=gap, max_length=max_length):
        answer = FILES[merged.range.href][merged.range.start : merged.range.end]
        for member in merged.members:
            assert member.index not in got
            got[member.index] = answer[member.start : member.start + member.length]
    assert got == {i: FILES[r.href][r.start : r.end] for i, r in enumerate(ranges)}


@given(wanted_ranges, gaps, lengths)
def test_nothing_but_wanted_bytes_and_small_gaps_is_read(
    ranges: list[ByteRange], gap: int, max_length: int
) -> None:
    for merged in merge(ranges, gap=gap, max_length=max_length):
        wanted = [ranges[member.index] for member in merged.members]
        assert merged.range.start == min(r.start for r in wanted)
        assert merged.range.end == max(r.end for r in wanted)
        unwanted = 0
        for byte in range(merged.range.start, merged.range.end):
            unwanted = 0 if any(r.start <= byte < r.end for r in wanted) else unwanted + 1
            assert unwanted <= gap
        assert merged.range.length <= max(max_length, *(r.length for r in wanted))


@given(wanted_ranges, gaps, lengths)
def test_neighbours_that_could_be_one_request_are_one(
    ranges: list[ByteRange], gap: int, max_length: int
) -> None:
    merged = merge(ranges, gap=gap, max_length=max_length)
    for left, right in pairwise(merged):
        if left.range.href == right.range.href:
            assert left.range.start <= right.range.start
            near = right.range.start - left.range.end <= gap
            first = ranges[right.members[0].index]
            assert not (near and max(left.range.end, first.end) - left.range.start <= max_length)


def test_equal_and_overlapping_ranges_share_their_bytes() -> None:
    [merged] = merge([at(0, 100), at(50, 100), at(0, 100)], gap=0, max_length=1000)
    assert merged.range == at(0, 150)
    assert merged.members == (
        Member(index=0, start=0, length=100),
        Member(index=2, start=0, length=100),
        Member(index=1, start=50, length=100),
    )


def test_tiles_with_the_leaders_of_gdal_between_them_are_one_request() -> None:
    tiles = [at(1000 + i * 108, 100) for i in range(5)]
    assert len(merge(tiles, gap=0, max_length=10_000)) == 5
    assert [m.range for m in merge(tiles, gap=8, max_length=10_000)] == [at(1000, 4 * 108 + 100)]


def test_a_range_longer_than_the_cap_is_read_whole() -> None:
    assert [m.range for m in merge([at(0, 5000)], gap=0, max_length=1000)] == [at(0, 5000)]


def test_a_short_range_inside_a_long_one_is_not_read_twice() -> None:
    [merged] = merge([at(0, 5000), at(100, 10)], gap=0, max_length=1000)
    assert merged.range == at(0, 5000)


def test_files_are_kept_apart() -> None:
    merged = merge([at(0, 10), at(0, 10, "b"), at(10, 10)], gap=100, max_length=1000)
    assert [m.range for m in merged] == [at(0, 20), at(0, 10, "b")]


def test_nothing_wanted_is_nothing_read() -> None:
    assert merge([], gap=0, max_length=1) == []
