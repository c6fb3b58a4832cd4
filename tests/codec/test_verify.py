"""Damaged bits: what each compression's checksum tells, and when the setting ``verify`` looks at it."""

import lzma
import random
import zlib

import duckdb
import imagecodecs
import numpy as np
import pytest
import rasterio
import tifffile
from rasterio.transform import from_origin

import rasteret_sql
from rasteret_sql.codec.block import BlockLayout, decode_block
from rasteret_sql.codec.zstd import MAGIC
from rasteret_sql.errors import MalformedError
from rasteret_sql.settings import configure

PIXELS = np.random.default_rng(7).integers(0, 60, (64, 64)).astype("u1")
LAYOUT = {
    "width": 64,
    "height": 64,
    "samples": 1,
    "dtype": "uint8",
    "byte_order": "little",
    "bits_per_sample": 8,
}


@pytest.fixture(autouse=True)
def no_cache():
    configure(tile_cache_bytes=0, header_cache_bytes=0)


def zstd_with_checksum(raw: bytes) -> bytes:
    """A frame of one stored block (RFC 8878): window of 8 KiB, checksum flag, and XXH64's low four bytes."""
    digest = xxh64(raw) & 0xFFFFFFFF
    head = (len(raw) << 3 | 1).to_bytes(3, "little")
    return MAGIC + bytes([0b100, 0b11000]) + head + raw + digest.to_bytes(4, "little")


def xxh64(data: bytes) -> int:
    """https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, of whole stripes of 32 bytes."""
    mask = (1 << 64) - 1
    p1, p2, p3, p4, p5 = (
        11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579,
        2870177450012600261,
    )  # fmt: skip

    def rotate(x: int, bits: int) -> int:
        return (x << bits | x >> (64 - bits)) & mask

    def mix(acc: int, lane: int) -> int:
        return rotate((acc + lane * p2) & mask, 31) * p1 & mask

    assert len(data) % 32 == 0
    lanes = [(p1 + p2) & mask, p2, 0, -p1 & mask]
    for at in range(0, len(data), 32):
        for k in range(4):
            lanes[k] = mix(lanes[k], int.from_bytes(data[at + 8 * k : at + 8 * k + 8], "little"))
    found = sum(rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & mask
    for lane in lanes:
        found = ((found ^ mix(0, lane)) * p1 + p4) & mask
    found = (found + len(data)) & mask
    for shift, factor in ((33, p2), (29, p3), (32, 1)):
        found = (found ^ found >> shift) * factor & mask
    assert p5
    return found


CHECKED = {
    "deflate": zlib.compress,
    "zstd": zstd_with_checksum,
    "lzma": lzma.compress,
    "lerc": lambda raw: imagecodecs.lerc_encode(np.frombuffer(raw, "u1").reshape(64, 64)),
}


def decoded(stored: bytes, compression: str) -> np.ndarray:
    layout = BlockLayout(**LAYOUT, compression=compression, predictor=1)
    return decode_block(stored, layout)[:, :, 0]


@pytest.mark.parametrize("compression", CHECKED)
def test_no_flipped_bit_gives_other_pixels_where_there_is_a_checksum(compression):
    stored = CHECKED[compression](PIXELS.tobytes())
    assert np.array_equal(decoded(stored, compression), PIXELS)
    draw, errors = random.Random(3), 0
    for _ in range(200):
        damaged = bytearray(stored)
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        try:
            found = decoded(bytes(damaged), compression)
        except MalformedError:
            errors += 1
        else:
            assert np.array_equal(found, PIXELS)
    assert errors > 100


@pytest.mark.parametrize("compression", ["deflate", "zstd"])
def test_none_passes_over_a_checksum_that_does_not_match(compression):
    stored = bytearray(CHECKED[compression](PIXELS.tobytes()))
    stored[-1] ^= 1
    with pytest.raises(MalformedError, match=f"a block in {compression} compression"):
        decoded(bytes(stored), compression)
    configure(verify="none")
    assert np.array_equal(decoded(bytes(stored), compression), PIXELS)
    with pytest.raises(MalformedError):
        decoded(bytes(stored[: len(stored) // 2]), compression)


def test_zstd_without_a_checksum_is_read_whatever_verify_says():
    for verify in ("auto", "tile", "none"):
        configure(verify=verify)
        assert np.array_equal(decoded(imagecodecs.zstd_encode(PIXELS.tobytes()), "zstd"), PIXELS)


TOP = "SELECT data FROM read_cog($1, {'x_off': 0, 'y_off': 0, 'width': 512, 'height': 20})"
VALUE = "SELECT RS_Value($1, [500005.0, 5299995.0], aoi_crs := 'EPSG:32633')"
WHOLE = "SELECT data FROM read_cog($1)"
LONG = np.random.default_rng(5).integers(0, 250, (512, 512)).astype("u1")
SHORT = (np.arange(512 * 512) % 251).astype("u1").reshape(512, 512)
"""Pixels of a tile of 260 kB, of which a few rows are a part, and of one that is read as a whole anyway."""


@pytest.fixture(params=[LONG, SHORT], ids=["long", "short"])
def damaged(request, tmp_path):
    """A file of one deflate tile in whose checksum a bit is wrong."""
    pixels, path = request.param, tmp_path / "a.tif"
    form = {
        "driver": "GTiff",
        "width": 512,
        "height": 512,
        "count": 1,
        "dtype": "uint8",
    }
    place = {"crs": "EPSG:32633", "transform": from_origin(500000, 5300000, 10, 10)}
    with rasterio.open(
        path, "w", **form, **place, compress="deflate", tiled=True, blockxsize=512, blockysize=512
    ) as file:
        file.write(pixels, 1)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        last = page.dataoffsets[0] + page.databytecounts[0] - 1
    data = bytearray(path.read_bytes())
    data[last] ^= 1
    path.write_bytes(data)
    return str(path), pixels


@pytest.mark.parametrize("verify", ["auto", "none", "tile"])
def test_when_a_checksum_is_looked_at(damaged, verify):
    path, pixels = damaged
    configure(verify=verify)
    right = {TOP: pixels[:20].tobytes(), VALUE: float(pixels[0, 0]), WHOLE: pixels.tobytes()}
    with rasteret_sql.connect() as con:
        for query, want in right.items():
            if verify == "tile" or (verify == "auto" and (query is WHOLE or pixels is SHORT)):
                with pytest.raises(
                    duckdb.InvalidInputException, match=r"a\.tif, block at byte \d+: .* deflate"
                ):
                    con.execute(query, [path]).fetchall()
            else:
                assert con.execute(query, [path]).fetchone() == (want,), query


def test_a_part_that_was_kept_does_not_stand_for_a_checked_tile(damaged):
    """What was decoded and kept before verify said tile is read anew as a whole."""
    path, pixels = damaged
    configure(tile_cache_bytes=1 << 27, verify="none" if pixels is SHORT else "auto")
    with rasteret_sql.connect() as con:
        assert con.execute(TOP, [path]).fetchone() == (pixels[:20].tobytes(),)
        configure(verify="tile")
        with pytest.raises(duckdb.InvalidInputException, match="a block in deflate"):
            con.execute(TOP, [path]).fetchall()


def test_the_setting_is_one_of_three():
    with pytest.raises(ValueError, match="verify is 'all'; it must be one of: auto, tile, none"):
        configure(verify="all")
