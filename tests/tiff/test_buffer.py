"""The sparse buffer: what was added can be read, what was not is asked for, and no more than a file has."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasteret_sql.errors import MalformedError
from rasteret_sql.tiff.buffer import Bytes, NeedBytes, merged

FILE = bytes(range(256))
RANGES = st.lists(st.tuples(st.integers(0, 255), st.integers(1, 60)), max_size=12)


@given(RANGES, st.integers(0, 255), st.integers(1, 60))
def test_holds_exactly_the_bytes_that_were_added(pieces, start, length):
    buffer, present = Bytes(), set()
    for at, n in pieces:
        buffer.add(at, memoryview(FILE)[at : at + n])
        present |= set(range(at, min(at + n, 256)))
    wanted = range(start, start + length)
    if set(wanted) <= present:
        assert buffer.read(start, length, "x") == FILE[start : start + length]
    else:
        with pytest.raises(NeedBytes) as need:
            buffer.read(start, length, "x")
        assert need.value.ranges == ((start, length),)


@given(RANGES)
def test_merged_ranges_cover_the_same_bytes_and_do_not_touch(ranges):
    out = merged(ranges)
    assert {b for s, n in out for b in range(s, s + n)} == {b for s, n in ranges for b in range(s, s + n)}
    assert all(a[0] + a[1] < b[0] for a, b in pairwise(out))


def test_bytes_past_the_known_end_are_an_error_with_numbers():
    with pytest.raises(MalformedError, match=r"^IFD 3: bytes 8 to 20 are needed and the file has 10"):
        Bytes(b"0123456789", size=10).read(8, 12, "IFD 3")


def test_offsets_that_no_file_can_have_are_an_error_before_any_read():
    with pytest.raises(MalformedError, match="are needed and the file has"):
        Bytes().has((1 << 64) - 8, 8, "IFD 0")


def test_a_range_is_clipped_to_the_file():
    assert Bytes(size=100).clipped(90, 50) == (90, 10)
    assert Bytes(size=100).clipped(120, 50) == (120, 0)
    assert Bytes().clipped(90, 50) == (90, 50)
