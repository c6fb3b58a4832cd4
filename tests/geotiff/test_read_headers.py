"""Headers of many files at once: what they hold, how many requests they take, and how bad files fail."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile

from rasteret_sql.errors import LimitError, MalformedError, NotFoundError, RasteretError, UnsupportedError
from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.read_headers import read_headers
from rasteret_sql.store.protocol import Block, ByteRange, ObjectInfo
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.head import READ_AHEAD
from tests.tiff.examples import COG_GHOST, blocks_of, image, patched, tiff

YESTERDAY = datetime(2024, 5, 1, tzinfo=UTC)


class Memory:
    """Files in memory behind ``fetch``; answers come last to first, and every request is counted."""

    def __init__(self, files: Mapping[str, bytes], *, size_known: bool = True) -> None:
        self.files, self.size_known = files, size_known
        self.requests: list[ByteRange] = []
        self.rounds = 0

    def __call__(
        self, ranges: Sequence[ByteRange], *, kind: str
    ) -> Iterator[tuple[int, Block | RasteretError]]:
        assert kind == "header"
        self.requests += ranges
        self.rounds += 1
        for i in reversed(range(len(ranges))):
            yield i, self._answer(ranges[i])

    def _answer(self, asked: ByteRange) -> Block | RasteretError:
        if asked.href not in self.files:
            return NotFoundError(f"{asked.href}: there is no such file.")
        data = self.files[asked.href]
        if asked.start >= len(data):
            return MalformedError(f"{asked.href}: the file has {len(data)} bytes.")
        size = len(data) if self.size_known else None
        info = ObjectInfo(size=size, etag='"e"', last_modified=YESTERDAY)
        return Block(data=memoryview(data)[asked.start : asked.end], info=info)


def built(*images, **options) -> bytes:
    images = images or (image(),)
    return build_tiff(tiff(*images, **options), [blocks_of(own) for own in images])


def read_one(data: bytes) -> Header:
    header = read_headers(["a.tif"], fetch=Memory({"a.tif": data}))[0]
    assert isinstance(header, Header), header
    return header


def error_of(data: bytes) -> RasteretError:
    error = read_headers(["a.tif"], fetch=Memory({"a.tif": data}))[0]
    assert isinstance(error, RasteretError), error
    return error


def test_what_a_header_holds():
    full = image(
        band_count=2, extra_samples=("unassociated_alpha",), gdal_nodata="7", photometric="minisblack",
        gdal_metadata='<GDALMetadata><Item name="SCALE" sample="0" role="scale">0.5</Item>'
                      '<Item name="UNIT" sample="0" role="unittype">K</Item>'
                      '<Item name="DESCRIPTION" sample="0" role="description">red</Item></GDALMetadata>',

    )  # fmt: skip
    header = read_one(built(full, byte_order="big", **COG_GHOST))
    assert header.href == "a.tif"
    assert (header.band_count, header.dtype, header.byte_order) == (2, "uint8", "big")
    assert (header.full.width, header.full.height, header.full.tile_width) == (40, 24, 16)
    assert (header.crs, header.nodata) == ("EPSG:32632", 7.0)
    assert header.transform == (10, 0, 500000, 0, -10, 5300000)
    assert header.bounds == (500000, 5299760, 500400, 5300000)
    assert (header.scales, header.offsets) == ((0.5, 1.0), None)
    assert (header.units, header.band_names) == (("K", None), ("red", None))
    assert header.alpha_band == 1
    assert header.ghost == COG_GHOST
    assert (header.etag, header.last_modified) == ('"e"', YESTERDAY)
    assert header.file_size == len(built(full, byte_order="big", **COG_GHOST))


def test_overviews_are_sorted_and_masks_belong_to_the_level_of_their_size():
    half, quarter = (image(width=40 // n, height=24 // n, subfile_type=1) for n in (2, 4))
    header = read_one(
        built(
            image(),
            quarter,
            image(width=20, height=12, subfile_type=5, photometric="mask", bits_per_sample=1),
            half,
            image(subfile_type=4, photometric="mask", bits_per_sample=1),
            image(width=20, height=12, subfile_type=1),  # a second one of the same size
            image(width=30, height=30, subfile_type=1),  # higher than the full one
            image(width=10, height=5, subfile_type=1, band_count=2),
            image(width=9, height=5, subfile_type=1, dtype="int8", sample_format="int"),
            image(width=8, height=4),  # another page
        )
    )
    assert [level.width for level in header.levels] == [40, 20, 10]
    assert [level.mask is not None for level in header.levels] == [True, True, False]
    assert (header.full.mask.width, header.full.mask.image.block.bits_per_sample) == (40, 1)
    assert header.level_transform(2) == (40, 0, 500000, 0, -40, 5300000)


def test_without_georeference_there_are_pixel_coordinates():
    header = read_one(built(image(model_tiepoint=None, model_pixel_scale=None)))
    assert header.crs is None, "the CRS of control points is not the CRS of the pixels"
    assert header.transform == (1, 0, 0, 0, 1, 0)


def block_of(directory):
    """The layout of the blocks of a file of one image."""
    return read_one(built(directory)).full.image.block


def test_features_that_the_reader_refuses_still_give_a_header():
    assert block_of(image(compression="ojpeg")).compression == "ojpeg"
    assert block_of(image(compression="unknown (4242)")).compression == "unknown (4242)"
    assert block_of(image(compression="lzw", fill_order=2)).fill_order == 2
    assert block_of(image(compression="ccitt_g4", fill_order=2)).compression == "ccitt_g4"


def test_big_tiff_and_strips():
    header = read_one(built(image(tiled=False, tile_width=40, tile_height=10), big=True))
    assert (header.full.tile_width, header.full.tile_height, header.full.image.tiled) == (40, 10, False)
    assert header.full.tile_byte_counts.tolist() == [400, 400, 160]


# Requests


@pytest.mark.parametrize("size_known", [True, False])
def test_a_cog_takes_one_request_and_many_take_one_round(size_known):
    files = {f"{i}.tif": built(image(), image(width=20, height=12, subfile_type=1)) for i in range(20)}
    memory = Memory(files, size_known=size_known)
    headers = read_headers(list(files), fetch=memory)
    assert [header.href for header in headers] == list(files)
    assert memory.requests == [ByteRange(href=name, start=0, length=READ_AHEAD) for name in files]
    assert memory.rounds == 1


def test_only_files_with_tables_past_the_first_read_take_part_in_the_second_round():
    large = image(width=1600, height=1600)
    files = {"small.tif": built(), "large.tif": build_tiff(tiff(large), [[b"x"] * large.block_count])}
    memory = Memory(files)
    headers = read_headers(list(files), fetch=memory)
    assert [len(header.full.tile_offsets) for header in headers] == [6, 10000]
    assert memory.rounds == 2
    assert [request.href for request in memory.requests].count("small.tif") == 1
    assert {request.href for request in memory.requests[2:]} == {"large.tif"}


def test_directories_after_the_pixels_take_two_requests():
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", width=300, height=300, count=1, dtype="uint8", crs="EPSG:32632",
                         transform=rasterio.Affine(10, 0, 0, 0, -10, 0)) as dataset:  # fmt: skip
            dataset.write(np.random.default_rng(0).integers(0, 255, (1, 300, 300)).astype(np.uint8))
            dataset.build_overviews([2], rasterio.enums.Resampling.nearest)
        counted = Memory({"a.tif": memory.read()})
    header = read_headers(["a.tif"], fetch=counted)[0]
    assert [level.width for level in header.levels] == [300, 150]
    assert len(counted.requests) == 2


def test_no_hrefs_no_requests():
    memory = Memory({})
    assert read_headers([], fetch=memory) == []
    assert memory.rounds == 0


# Bad files

UINT64 = {"dtype": "uint64", "bits_per_sample": 64, "sample_format": "uint"}


def test_a_bad_asset_spoils_only_its_own_row():
    files = {"good.tif": built(), "page.tif": b"<!DOCTYPE html><html></html>", "short.tif": built()[:150]}
    hrefs = ["page.tif", "missing.tif", "good.tif", "short.tif", "good.tif"]
    found = read_headers(hrefs, fetch=Memory(files))
    assert isinstance(found[2], Header)
    assert isinstance(found[4], Header)
    assert [type(found[i]) for i in (0, 1, 3)] == [MalformedError, NotFoundError, MalformedError]
    assert str(found[0]) == (
        "page.tif: not a TIFF: it starts with b'<!DO' where b'II' or b'MM' was expected; "
        "that is a web page: is the href a page, or does the store answer with an error "
        "or a page to sign in at? The item may name the same file elsewhere: "
        "alternate := 's3' in cog_index and stac_search"
    )
    assert str(found[1]) == "missing.tif: there is no such file."
    assert str(found[3]) == (
        "short.tif: IFD 0 at byte 8: bytes 10 to 218 are needed and the file has 150; "
        "it is cut short or damaged"
    )


def test_a_message_holds_no_secret():
    href = "https://user:pw@host/a.tif?sig=abc#x"
    error = read_headers([href], fetch=Memory({href: b"<html></html>"}))[0]
    assert str(error).startswith("https://host/a.tif?sig=…: not a TIFF")


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (patched(built(), 256, value=0), MalformedError, "IFD 0 at byte 8: ImageWidth (256) is 0"),
        (patched(built(), 256, value=1 << 30), LimitError, "134,217,728 blocks; at most 16,777,216 are read"),
        (patched(built(), 339, value=9), UnsupportedError, "sample format 9 (unknown (9)) are not read"),
        (
            built(image(**UINT64, gdal_nodata="18446744073709551615")),
            UnsupportedError,
            "GDAL_NODATA is 18446744073709551615, which no 64-bit float holds exactly",
        ),
    ],
)  # fmt: skip
def test_errors_name_the_function_the_file_and_the_place(data, error, message):
    found = error_of(data)
    assert type(found) is error
    assert str(found).startswith("a.tif: ")
    assert message in str(found)


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"geo_keys": {1024: 1, 3075: 2}}, "ProjCoordTrans (3075) = 2"),
        ({"geo_keys": {1024: 1, 3072: 29999}}, "ProjectedCRSGeoKey (3072) is 29999"),
        ({"model_tiepoint": None}, "ModelPixelScale (33550) without ModelTiepoint (33922)"),
        ({"model_pixel_scale": (float("nan"), 10.0, 0.0)}, "the corners of the image are not finite"),
        ({"geo_keys": {1024: 1, 1026: "IMAGINE GeoTIFF Support\nProjection Name = x\nUnits = mile",
                       3072: 32632}}, "the unit 'mile'"),
        ({"geo_keys": {1024: 1, 1026: "ESRI PE String = " + "PROJCS[" * 3000}}, "GeoKey 1026: the CRS"),
    ],
)  # fmt: skip
def test_a_georeference_that_cannot_be_made_out_costs_no_more_than_itself(changes, note):
    header = read_one(built(image(**changes)))
    assert header.crs is None
    assert note in header.crs_note
    assert (header.full.width, header.full.tile_byte_counts.any()) == (40, True)
    alike = read_one(built(image(**changes)))
    assert (alike.crs, alike.crs_note, alike.transform) == (None, header.crs_note, header.transform)


def test_the_error_of_a_later_round_is_handed_on():
    large = image(width=1600, height=1600)
    data = build_tiff(tiff(large, large), [[b"x"] * large.block_count] * 2)

    class Fails(Memory):
        def _answer(self, asked: ByteRange) -> Block | RasteretError:
            return super()._answer(asked) if asked.start == 0 else NotFoundError("gone")

    found = read_headers(["a.tif"], fetch=Fails({"a.tif": data}))[0]
    assert str(found) == "gone"


def test_a_file_that_ends_early_without_saying_its_size():
    memory = Memory({"a.tif": built()[:150]}, size_known=False)
    found = read_headers(["a.tif"], fetch=memory)[0]
    assert "bytes 10 to 218 are needed and the file has 150" in str(found)
    assert len(memory.requests) == 1


def test_damaged_headers_are_values_or_named_errors():
    data = built(image(gdal_nodata="0", gdal_metadata="<GDALMetadata/>"), image(subfile_type=4), **COG_GHOST)
    damaged = {}
    for position in range(0, 1400, 3):
        for value in (0xFF, data[position] ^ 0x04):
            damaged[f"{position}-{value}"] = data[:position] + bytes([value]) + data[position + 1 :]
    found = read_headers(list(damaged), fetch=Memory(damaged))
    assert all(isinstance(outcome, Header | RasteretError) for outcome in found)
    assert any(isinstance(outcome, Header) for outcome in found)
    assert any(isinstance(outcome, RasteretError) for outcome in found)
