"""The tables of TIFF: tag numbers, field types, and the names of coded values."""

from __future__ import annotations

from typing import Final

# Tags (TIFF 6.0; its supplements; GeoTIFF 1.1; GDAL).
NEW_SUBFILE_TYPE: Final = 254
SUBFILE_TYPE: Final = 255
IMAGE_WIDTH: Final = 256
IMAGE_LENGTH: Final = 257
BITS_PER_SAMPLE: Final = 258
COMPRESSION: Final = 259
PHOTOMETRIC: Final = 262
FILL_ORDER: Final = 266
STRIP_OFFSETS: Final = 273
SAMPLES_PER_PIXEL: Final = 277
ROWS_PER_STRIP: Final = 278
STRIP_BYTE_COUNTS: Final = 279
T4_OPTIONS: Final = 292
PLANAR_CONFIGURATION: Final = 284
PREDICTOR: Final = 317
COLOR_MAP: Final = 320
TILE_WIDTH: Final = 322
TILE_LENGTH: Final = 323
TILE_OFFSETS: Final = 324
TILE_BYTE_COUNTS: Final = 325
SUB_IFDS: Final = 330
EXTRA_SAMPLES: Final = 338
SAMPLE_FORMAT: Final = 339
JPEG_TABLES: Final = 347
MODEL_PIXEL_SCALE: Final = 33550
MODEL_TIEPOINT: Final = 33922
MODEL_TRANSFORMATION: Final = 34264
GEO_KEY_DIRECTORY: Final = 34735
GEO_DOUBLE_PARAMS: Final = 34736
GEO_ASCII_PARAMS: Final = 34737
GDAL_METADATA: Final = 42112
GDAL_NODATA: Final = 42113
LERC_PARAMETERS: Final = 50674

TAG_NAMES: Final[dict[int, str]] = {
    NEW_SUBFILE_TYPE: "NewSubfileType",
    SUBFILE_TYPE: "SubfileType",
    IMAGE_WIDTH: "ImageWidth",
    IMAGE_LENGTH: "ImageLength",
    BITS_PER_SAMPLE: "BitsPerSample",
    COMPRESSION: "Compression",
    PHOTOMETRIC: "PhotometricInterpretation",
    FILL_ORDER: "FillOrder",
    STRIP_OFFSETS: "StripOffsets",
    SAMPLES_PER_PIXEL: "SamplesPerPixel",
    ROWS_PER_STRIP: "RowsPerStrip",
    STRIP_BYTE_COUNTS: "StripByteCounts",
    T4_OPTIONS: "T4Options",
    PLANAR_CONFIGURATION: "PlanarConfiguration",
    PREDICTOR: "Predictor",
    COLOR_MAP: "ColorMap",
    TILE_WIDTH: "TileWidth",
    TILE_LENGTH: "TileLength",
    TILE_OFFSETS: "TileOffsets",
    TILE_BYTE_COUNTS: "TileByteCounts",
    SUB_IFDS: "SubIFDs",
    EXTRA_SAMPLES: "ExtraSamples",
    SAMPLE_FORMAT: "SampleFormat",
    JPEG_TABLES: "JPEGTables",
    MODEL_PIXEL_SCALE: "ModelPixelScale",
    MODEL_TIEPOINT: "ModelTiepoint",
    MODEL_TRANSFORMATION: "ModelTransformation",
    GEO_KEY_DIRECTORY: "GeoKeyDirectory",
    GEO_DOUBLE_PARAMS: "GeoDoubleParams",
    GEO_ASCII_PARAMS: "GeoAsciiParams",
    GDAL_METADATA: "GDAL_METADATA",
    GDAL_NODATA: "GDAL_NODATA",
    LERC_PARAMETERS: "LercParameters",
}
"""The tags that are read; every other one is passed over, whatever its type and size."""

BLOCK_TABLES: Final = frozenset({STRIP_OFFSETS, STRIP_BYTE_COUNTS, TILE_OFFSETS, TILE_BYTE_COUNTS})

# Field types: number -> NumPy code without byte order. ASCII and UNDEFINED are bytes.
BYTE: Final = 1
ASCII: Final = 2
SHORT: Final = 3
LONG: Final = 4
UNDEFINED: Final = 7
DOUBLE: Final = 12
LONG8: Final = 16
INTEGERS: Final[dict[int, str]] = {
    BYTE: "u1",
    SHORT: "u2",
    LONG: "u4",
    6: "i1",
    8: "i2",
    9: "i4",
    13: "u4",  # IFD
    LONG8: "u8",
    17: "i8",  # SLONG8
    18: "u8",  # IFD8
}
FLOATS: Final[dict[int, str]] = {11: "f4", DOUBLE: "f8"}
BYTES: Final = frozenset({BYTE, ASCII, 6, UNDEFINED})
FIELD_WIDTHS: Final[dict[int, int]] = {
    **{number: int(code[1:]) for number, code in {**INTEGERS, **FLOATS}.items()},
    ASCII: 1,
    UNDEFINED: 1,
    5: 8,  # RATIONAL
    10: 8,  # SRATIONAL
}
"""Bytes of one value of a field type."""

COMPRESSIONS: Final[dict[int, str]] = {
    1: "none",
    2: "ccitt_rle",
    3: "ccitt_g3",
    4: "ccitt_g4",
    5: "lzw",
    6: "ojpeg",
    7: "jpeg",
    8: "deflate",
    9: "jbig_t85",
    10: "jbig_t43",
    32766: "next",
    32771: "ccitt_rlew",
    32773: "packbits",
    32809: "thunderscan",
    32909: "pixarlog",
    32946: "deflate",
    34661: "jbig",
    34676: "sgilog",
    34677: "sgilog24",
    34712: "jpeg2000",
    34887: "lerc",
    34892: "jpeg_lossy",
    34925: "lzma",
    34926: "zstd",
    50000: "zstd",
    50001: "webp",
    50002: "jpegxl",
    52546: "jpegxl",
}
CCITT_G3_2D: Final = "ccitt_g3_2d"
"""Compression 3 whose T4Options say that rows may refer to the row above: another coding."""
COMPRESSION_CODES: Final[dict[str, int]] = {
    **{name: code for code, name in reversed(COMPRESSIONS.items())},
    "zstd": 50000,
    CCITT_G3_2D: 3,
}
"""The code that is written for a name: the one that libtiff and GDAL write."""

PHOTOMETRICS: Final[dict[int, str]] = {
    0: "miniswhite",
    1: "minisblack",
    2: "rgb",
    3: "palette",
    4: "mask",
    5: "cmyk",
    6: "ycbcr",
    8: "cielab",
    9: "icclab",
    10: "itulab",
    32803: "cfa",
    32844: "logl",
    32845: "logluv",
    34892: "linear_raw",
    51177: "depth_map",
}
PHOTOMETRIC_CODES: Final = {name: code for code, name in PHOTOMETRICS.items()}

SAMPLE_FORMATS: Final[dict[int, str]] = {
    1: "uint",
    2: "int",
    3: "float",
    4: "uint",  # "undefined": bits without a meaning, read as GDAL reads them
    5: "complex_int",
    6: "complex",
}
SAMPLE_FORMAT_CODES: Final = {"uint": 1, "int": 2, "float": 3, "complex_int": 5, "complex": 6}

EXTRA_SAMPLES_NAMES: Final[dict[int, str]] = {
    0: "unspecified",
    1: "associated_alpha",
    2: "unassociated_alpha",
}
EXTRA_SAMPLES_CODES: Final = {name: code for code, name in EXTRA_SAMPLES_NAMES.items()}

DTYPES: Final[dict[str, tuple[tuple[int, str], ...]]] = {
    "uint": ((8, "uint8"), (16, "uint16"), (32, "uint32"), (64, "uint64")),
    "int": ((8, "int8"), (16, "int16"), (32, "int32"), (64, "int64")),
    "float": ((16, "float16"), (32, "float32"), (64, "float64")),
    "complex_int": ((32, "complex64"), (64, "complex128")),
    "complex": ((64, "complex64"), (128, "complex128")),
}
"""Sample format -> (most bits a sample, NumPy name) in rising order: the first that holds the bits."""


def tag_label(tag: int) -> str:
    """``TileOffsets (324)``: how messages name a tag."""
    return f"{TAG_NAMES.get(tag, 'tag')} ({tag})"


def dtype_of(sample_format: str, bits: int) -> str | None:
    """NumPy name of the narrowest dtype that holds a sample; None where there is none."""
    if bits < 1 or (sample_format == "float" and bits not in (16, 24, 32, 64)):
        return None
    exact = sample_format.startswith("complex")
    for most, name in DTYPES.get(sample_format, ()):
        if bits == most or (bits < most and not exact):
            return name
    return None
