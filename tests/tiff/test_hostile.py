"""Files that are damaged or mean harm give a value or a named error, in little time and memory."""

import contextlib
import itertools
import struct
import tracemalloc
from dataclasses import replace

import pytest

from rasteret_sql.errors import LimitError, MalformedError, RasteretError
from rasteret_sql.settings import Settings
from rasteret_sql.tiff.buffer import Bytes, NeedBytes
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.parse import parse
from tests.tiff.examples import COG_GHOST, blocks_of, image, parse_all, parse_in_rounds, patched, tiff

RICH = image(
    band_count=2,
    extra_samples=("unassociated_alpha",),
    gdal_nodata="0",
    gdal_metadata="<GDALMetadata/>",
    jpeg_tables=b"\xff\xd8\xff\xd9",
    geo_keys={1024: 1, 2057: 6378137.0, 2062: (1.0, 2.0, 3.0), 1026: "name"},
)
SMALL = {
    (order, big): build_tiff(
        tiff(RICH, image(subfile_type=4), byte_order=order, big=big, **COG_GHOST), [[b"ab"] * 6, [b"cd"] * 6]
    )
    for order, big in itertools.product(("little", "big"), (False, True))
}
HEAD = 1500


@pytest.mark.parametrize("key", SMALL)
def test_every_truncation_is_a_value_or_a_named_error(key):
    data = SMALL[key]
    parses = []
    for length in range(len(data)):
        try:
            parse_all(data[:length])
        except MalformedError:
            continue
        parses.append(length)
    end = int(min(own.tile_offsets.min() for own in parse_all(data).images))
    assert parses, "the data itself may be cut off: the reader will say so"
    assert parses[0] > end - 16, "no directory may be cut off"


@pytest.mark.parametrize("key", SMALL)
def test_every_corrupted_byte_is_a_value_or_a_named_error(key):
    data = SMALL[key]
    for position in range(min(HEAD, len(data))):
        for value in {255, data[position] ^ 1, (position * 7) % 256}:
            damaged = data[:position] + bytes([value]) + data[position + 1 :]
            try:
                parse_all(damaged)
            except RasteretError:
                continue


def test_damaged_files_of_unknown_size_ask_for_a_bounded_number_of_bytes():
    data = SMALL["little", False]
    for position in range(min(HEAD, len(data))):
        damaged = data[:position] + b"\xff" + data[position + 1 :]
        wanted = ()
        try:
            parse(Bytes(damaged))
        except NeedBytes as need:
            wanted = need.ranges
        except RasteretError:
            continue
        assert sum(length for _, length in wanted) < 200 << 20


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"", "the file is empty"),
        (b"II*\0", "the file has 4 bytes; the TIFF header alone needs 8"),
        (b"<!DOCTYPE html>", r"starts with b'<!DO' where b'II' or b'MM' was expected; that is a web page"),
        (b"\n<html>", "that is a web page"),
        (b"<?xml version='1.0'?><Error/>", "that is XML: is the href a sidecar"),
        (b'{"type": "Feature"}', "that is JSON: is the href a STAC document"),
        (b"\x89HDF\r\n\x1a\n", "that is HDF5 or NetCDF-4, which is not read"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", r"that is JPEG 2000 \(JP2\), which is not read"),
        (b"\x89PNG\r\n\x1a\n", "that is PNG: is the href a thumbnail"),
        (b"PK\x03\x04zzzz", "that is a zip archive: give the href of the file inside it"),
        (b"whatever", "is the href right"),
        (b"II\x55\0\x08\0\0\0", r"not a TIFF: version 85 where 42 or 43 \(BigTIFF\) was expected"),
        (b"II+\0\x04\0\0\0" + bytes(8), "BigTIFF header: offsets of 4 bytes where 8 were expected"),
        (b"II*\0\0\0\0\0", "the TIFF header names no first directory"),
        (b"II*\0\x08\0\0\0", "IFD 0 at byte 8: bytes 8 to 10 are needed and the file has 8"),
    ],
)  # fmt: skip
def test_what_is_no_tiff_is_named(start, message):
    with pytest.raises(MalformedError, match=message):
        parse_all(start)


def test_directories_in_a_circle():
    data = bytearray(build_tiff(tiff(image(), image()), [[b"x"] * 6] * 2))
    count = struct.unpack_from("<H", data, 8)[0]
    struct.pack_into("<I", data, 8 + 2 + 12 * count, 8)
    with pytest.raises(MalformedError, match="the IFD at byte 8 is linked twice: the directories form"):
        parse_all(bytes(data))


def test_a_sub_ifd_that_is_its_own_parent():
    data = patched(build_tiff(tiff(), [[b"x"] * 6]), 254, tag=330, kind=4, value=8)
    with pytest.raises(MalformedError, match="linked twice"):
        parse_all(data)


def chain(length: int, *, apart: int = 0) -> bytes:
    """Minimal directories (one entry each), linked one after the other."""
    step = 2 + 12 + 4 + apart
    out = bytearray(b"II*\0" + struct.pack("<I", 8))
    for i in range(length):
        following = 8 + (i + 1) * step if i + 1 < length else 0
        out += struct.pack("<HHHIII", 1, 256, 3, 1, 1, following) + bytes(apart)
    return bytes(out)


def test_more_directories_than_anyone_needs():
    with pytest.raises(LimitError, match="more than 512 directories"):
        parse_all(chain(Settings().max_directories + 1))


def test_a_long_chain_is_followed_to_its_end():
    with pytest.raises(MalformedError, match=r"^IFD 0 at byte 8: ImageLength \(257\) is missing"):
        parse_in_rounds(chain(Settings().max_directories))


def test_more_entries_than_any_directory_has():
    data = b"II*\0\x08\0\0\0\xff\xff" + bytes(65535 * 12 + 4)
    with pytest.raises(LimitError, match="IFD 0 at byte 8 claims 65,535 entries; at most 4,096 are read"):
        parse_all(data)


@pytest.mark.parametrize("size_known", [True, False])
def test_claims_of_absurd_tables_take_no_memory(size_known):
    own = image(width=(1 << 31) - 1, height=16, tile_width=1 << 10)
    data = build_tiff(tiff(image(), big=True), [[b"x"] * 6])
    for width, count in ((own.width, 1 << 40), (40, 1 << 40), (1 << 24, 1 << 20)):
        damaged = bytearray(data)
        entries = struct.unpack_from("<Q", data, 16)[0]
        for i in range(entries):
            position = 24 + 20 * i
            tag = struct.unpack_from("<H", data, position)[0]
            if tag == 256:
                struct.pack_into("<Q", damaged, position + 12, width)
            if tag in (324, 325):
                struct.pack_into("<Q", damaged, position + 4, count)
        tracemalloc.start()
        with contextlib.suppress(RasteretError, NeedBytes):
            parse(Bytes(bytes(damaged), size=len(damaged) if size_known else None))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 1 << 20


def test_large_text_is_over_the_limit():
    own = image(gdal_metadata="<GDALMetadata>" + "x" * (5 << 20) + "</GDALMetadata>")
    data = build_tiff(tiff(own), [blocks_of(own)])
    with pytest.raises(LimitError, match=r"GDAL_METADATA \(42112\) holds 5,242,910 bytes; at most 1,048,576"):
        parse_all(data)


def test_limits_count_over_all_directories():
    """Directories that share one value would each hold a copy of it."""
    own = image(jpeg_tables=bytes(1 << 20))
    data = build_tiff(tiff(*[own] * 17), [blocks_of(own)] * 17)
    with pytest.raises(
        LimitError,
        match=r"^IFD 15 .*JPEGTables \(347\) holds 1,048,576 bytes, 16,779,361 together with those before "
        r"it; at most 16,777,216 are read of one file \(setting max_tag_bytes\)",
    ):
        parse_all(data)


def test_blocks_count_over_all_images():
    own = image(width=1600, height=1600)
    data = build_tiff(tiff(own, own), [[None] * 10_000] * 2)
    with pytest.raises(LimitError, match=r"has 10,000 blocks, 20,000 together .* \(setting max_blocks\)"):
        parse(Bytes(data, size=len(data)), Settings(max_blocks=19_999))
    assert len(parse(Bytes(data, size=len(data)), Settings(max_blocks=20_000)).images) == 2


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"max_directories": 1}, "the file has more than 1 directories; no more are read"),
        ({"max_directory_entries": 17}, "IFD 0 at byte 192 claims 22 entries; at most 17 are read"),
        ({"max_tag_bytes": 20}, r"ModelPixelScale \(33550\) holds 24 bytes; at most 20 are read"),
        ({"max_metadata_bytes": 14}, r"GDAL_METADATA \(42112\) holds 16 bytes; at most 14 are read"),
        ({"max_blocks": 5}, "an image of 40 x 24 with blocks of 16 x 16 has 6 blocks; at most 5 are read"),
    ],
)
def test_every_limit_names_its_setting(limit, message):
    data = SMALL["little", False]
    with pytest.raises(LimitError, match=f"{message} .*\\(setting {next(iter(limit))}\\)"):
        parse(Bytes(data, size=len(data)), Settings(**limit))


def test_geo_keys_that_share_their_values_are_counted_each():
    """A thousand keys of 60,000 characters, in a tag of 8 kB."""
    own = image(geo_keys={1024: 1, 1026: "n" * 60000})
    data = build_tiff(tiff(own), [blocks_of(own)])
    rows = b"".join(struct.pack("<4H", 2000 + i, 34737, 60000, 0) for i in range(1000))
    directory = struct.pack("<4H", 1, 1, 0, 1000) + rows
    shared = patched(data, 34735, count=len(directory) // 2, value=len(data)) + directory
    with pytest.raises(
        LimitError, match=r"GeoKeyDirectory .*its keys hold 60,000,000 bytes; at most 16,777,216"
    ):
        parse_all(shared)


@pytest.mark.parametrize(
    ("tag", "kind"),
    [(320, 3), (50674, 1), (34735, 3), (338, 1), (33922, 11), (347, 7), (339, 1), (42113, 2)],
)
def test_values_at_the_limit_take_a_bounded_multiple_of_it(tag, kind):
    """Numbers become Python's own, which are larger; a damaged count is not followed where few are meant."""
    width = {1: 1, 2: 1, 3: 2, 7: 1, 11: 4}[kind]
    size = 1 << 20
    own = image(gdal_nodata="1", jpeg_tables=b"12345678", lerc_parameters=(4, 0), colormap=(0,) * 6)
    own = replace(own, band_count=2, extra_samples=("unspecified",))
    data = build_tiff(tiff(own), [blocks_of(own)])
    damaged = patched(data, tag, kind=kind, count=size // width, value=len(data)) + bytes(
        [1, 2] * (size // 2)
    )
    tracemalloc.start()
    with contextlib.suppress(RasteretError):
        parse_all(damaged)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * size


class CountingBytes(Bytes):
    """A buffer that knows how often it was asked."""

    reads = 0

    def read(self, start: int, length: int, what: str) -> bytes:
        self.reads += 1
        return super().read(start, length, what)


def far_apart(count: int, gap: int) -> bytes:
    """Copies of one directory, each too far from the last to come with it in one read."""
    one = build_tiff(tiff(), [blocks_of(image())])
    entries = one[8 : 10 + 12 * struct.unpack_from("<H", one, 8)[0]]
    out = bytearray(one)
    struct.pack_into("<I", out, 4, len(out) + gap)
    for i in range(count):
        out += bytes(gap) + entries
        out += struct.pack("<I", len(out) + 4 + gap if i + 1 < count else 0)
    return bytes(out)


def test_a_long_chain_is_parsed_once_however_many_rounds_it_takes():
    """One directory a round; parsing all those before it again would be quadratic."""
    data = far_apart(100, 40_000)
    buffer, rounds, found = CountingBytes(size=len(data)), 0, None
    while found is None:
        try:
            found = parse(buffer)
        except NeedBytes as need:
            rounds += 1
            for start, length in need.ranges:
                buffer.add(start, data[start : start + length])
    assert len(found.images) == 100
    assert rounds == 101
    assert buffer.reads < 30 * 100
