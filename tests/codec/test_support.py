"""What is not read is refused by name; what is read stands in tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rasteret_sql.codec.block import BlockLayout, decode_block, encode_block, require_supported
from rasteret_sql.codec.images.names import IMAGE_COMPRESSIONS
from rasteret_sql.codec.images.table import IMAGE_CODECS
from rasteret_sql.codec.samples import STORED_AS
from rasteret_sql.codec.support import COMPRESSIONS, PREDICTED
from rasteret_sql.errors import UnsupportedError
from rasteret_sql.tiff.tags import COMPRESSION_CODES, dtype_of

LAYOUT = BlockLayout(
    width=64, height=32, samples=1, dtype="uint16", byte_order="little",
    bits_per_sample=16, compression="deflate", predictor=1,
)  # fmt: skip
BYTE = replace(LAYOUT, dtype="uint8", bits_per_sample=8)

REFUSALS = {
    "old-style JPEG compression is not read by this version; it reads none, lzw, deflate": replace(
        BYTE, compression="ojpeg"
    ),
    "JBIG compression is not read": replace(LAYOUT, compression="jbig"),
    "PixarLog compression is not read": replace(LAYOUT, compression="pixarlog"),
    r"unknown \(9\) compression is not read": replace(LAYOUT, compression="unknown (9)"),
    "FillOrder 3 is not read": replace(LAYOUT, fill_order=3),
    "FillOrder 2 with JPEG XL compression has no agreed meaning": replace(
        LAYOUT, compression="jpegxl", fill_order=2
    ),
    "FillOrder 2 with JPEG 2000 compression has no agreed meaning": replace(
        LAYOUT, compression="jpeg2000", fill_order=2
    ),
    r"1 bits a sample \(as uint16\) are not read": replace(LAYOUT, bits_per_sample=1),
    r"33 bits a sample \(as uint64\) are not read by this version; of uint it reads 1, 2, 3": replace(
        LAYOUT, dtype="uint64", bits_per_sample=33
    ),
    r"16 bits a sample \(as complex64\) are not read .*; of complex int it reads 32, 64": replace(
        LAYOUT, dtype="complex64"
    ),
    "samples of type float128 are not read": replace(LAYOUT, dtype="float128", bits_per_sample=128),
    "predictor 34892 is not read": replace(LAYOUT, predictor=34892),
    "predictor 3 with 16 bits of uint16 has no meaning": replace(LAYOUT, predictor=3),
    "predictor 2 with 1 bits of uint8 has": replace(BYTE, predictor=2, bits_per_sample=1),
    "predictor 2 with 12 bits of uint16 has": replace(LAYOUT, predictor=2, bits_per_sample=12),
    "predictor 2 with 24 bits of float32 has": replace(
        LAYOUT, predictor=2, dtype="float32", bits_per_sample=24
    ),
    "predictor 2 with 128 bits of complex128": replace(
        LAYOUT, predictor=2, dtype="complex128", bits_per_sample=128
    ),
    "predictor 3 with 64 bits of complex64": replace(
        LAYOUT, predictor=3, dtype="complex64", bits_per_sample=64
    ),
    "predictor 2 with packbits compression has no agreed": replace(
        LAYOUT, predictor=2, compression="packbits"
    ),
    "predictor 2 with none compression has no agreed": replace(LAYOUT, predictor=2, compression="none"),
    "predictor 2 with lerc compression has no agreed": replace(LAYOUT, predictor=2, compression="lerc"),
    r"JPEG compression of 32 bits \(uint32\) is not read; it holds uint 8 to 16": replace(
        LAYOUT, compression="jpeg", dtype="uint32", bits_per_sample=32
    ),
    "JPEG compression of 11 samples a pixel is not read; it holds 1 to 10": replace(
        BYTE, compression="jpeg", samples=11
    ),
    "WebP compression of 1 samples a pixel is not read; it holds 3 to 4": replace(BYTE, compression="webp"),
    r"WebP compression of 16 bits \(uint16\) is not read": replace(LAYOUT, compression="webp", samples=3),
    r"LERC compression of 64 bits \(uint64\) is not read; it holds float 32, 64; int 8, 16, 32": replace(
        LAYOUT, compression="lerc", dtype="uint64", bits_per_sample=64
    ),
    r"JPEG XL compression of 16 bits \(int16\) is not": replace(LAYOUT, compression="jpegxl", dtype="int16"),
    r"JPEG 2000 compression of 32 bits \(float32\) is": replace(
        LAYOUT, compression="jpeg2000", dtype="float32", bits_per_sample=32
    ),
    r"CCITT G4 compression of 8 bits \(uint8\) is not read; it holds uint 1": replace(
        BYTE, compression="ccitt_g4"
    ),
    "CCITT RLE compression of 3 samples a pixel is not read; it holds 1": replace(
        BYTE, compression="ccitt_rle", bits_per_sample=1, samples=3
    ),
    "YCbCr is read in JPEG compression with interleaved bands only": replace(
        BYTE, photometric="ycbcr", samples=3
    ),
    "YCbCr is read in JPEG compression with interleaved": replace(
        BYTE, photometric="ycbcr", compression="jpeg"
    ),
}


@pytest.mark.parametrize("message", REFUSALS)
def test_what_is_not_read_is_refused_by_name(message: str) -> None:
    refused = REFUSALS[message]
    with pytest.raises(UnsupportedError, match=message):
        require_supported(refused)
    with pytest.raises(UnsupportedError, match=message):
        decode_block(b"anything", refused)


def test_the_names_of_image_codecs_are_those_of_their_table() -> None:
    assert tuple(IMAGE_CODECS) == IMAGE_COMPRESSIONS


@pytest.mark.parametrize("compression", IMAGE_CODECS)
def test_image_codecs_are_read_and_not_written(compression: str) -> None:
    codec = IMAGE_CODECS[compression]
    kind, bits = min(codec.samples, key=lambda sample: (sample[0] != "uint", sample[1]))
    layout = replace(
        BYTE,
        compression=compression,
        bits_per_sample=bits,
        samples=codec.bands[0],
        dtype=STORED_AS[kind, bits][1],
    )
    require_supported(layout)
    with pytest.raises(UnsupportedError, match="compression is not written by this version, only read"):
        encode_block(None, layout)  # type: ignore[arg-type]  # refused before it is looked at


def test_every_compression_has_a_code_of_tiff() -> None:
    assert set(COMPRESSIONS) <= set(COMPRESSION_CODES)
    assert len(COMPRESSIONS) == len(set(COMPRESSIONS))


@pytest.mark.parametrize(("kind", "bits"), STORED_AS)
def test_every_kind_and_width_becomes_the_dtype_that_a_header_names(kind: str, bits: int) -> None:
    assert dtype_of(kind, bits) == STORED_AS[kind, bits][1]


def test_predictors_and_image_codecs_take_samples_that_are_read() -> None:
    for samples in (*PREDICTED.values(), *(codec.samples for codec in IMAGE_CODECS.values())):
        assert samples <= set(STORED_AS)
