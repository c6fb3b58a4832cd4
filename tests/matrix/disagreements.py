"""Where readers disagree: the table that the tests hold to and the reference page prints.

A case that no row speaks of reads the same in this package, in GDAL (through rasterio) and in tifffile,
bit for bit. A row that no longer holds fails a test too. Needs nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.matrix.case import Case

REFUSES = "refuses"
"""In ``about``: the reader gives an error where this package gives pixels."""


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """One thing on which one other reader differs from this package."""

    files: str
    """Which files, in words."""
    cases: tuple[Mapping[str, str], ...]
    """Which cases, each way to be meant: attribute -> regular expression."""
    real: tuple[str, ...] = ()
    """The same among the real files of ../shared/data/cog."""
    reader: str
    """``gdal`` or ``tifffile``."""
    about: tuple[str, ...]
    """``pixels``, ``dtype``, ``shape``, ``levels``, ``valid``, ``transform`` or ``refuses``."""
    theirs: str
    """What that reader gives."""
    ours: str
    """What this package gives."""
    why: str
    """Whom we follow, and the evidence."""
    within: float | None = None
    """Samples differ by no more than this."""


LIBJPEG = (
    "ours is libjpeg-turbo; rasterio's wheels carry libjpeg 9, which smooths chroma otherwise. "
    "tifffile, and libtiff with libjpeg-turbo (Pillow), agree with us bit for bit"
)

DISAGREEMENTS = (
    Disagreement(
        files="float16",
        cases=({"dtype": "float16"}, {"dtype": "float32", "bits": "16"}),
        real=(
            "async-tiff/random-fp16.tiff",
            "async-tiff/random-fp16-pred2.tiff",
            "async-tiff/random-fp16-pred3.tiff",
        ),
        reader="gdal",
        about=("dtype",),
        theirs="float32",
        ours="float16",
        why="GDAL before 3.11 has no half floats; the values are the same",
    ),
    Disagreement(
        files="float16, nodata that is not a value of it",
        cases=({"dtype": "float16", "nodata": r"-9999|0\.1"},),
        reader="gdal",
        about=("valid",),
        theirs="every pixel valid",
        ours="what nodata rounds to is not valid",
        why="a writer can only have stored the rounded value",
    ),
    Disagreement(
        files="float16, sparse, nodata that is not a value of it",
        cases=({"dtype": "float16", "nodata": r"-9999|0\.1", "extras": "sparse"},),
        reader="gdal",
        about=("pixels",),
        theirs="nodata as float32",
        ours="what nodata rounds to",
        why="the dtype is float16",
    ),
    Disagreement(
        files="1 bit a sample",
        cases=({"bits": "1", "extras": "(?!signed).*"},),
        real=("async-tiff/miniswhite-1c-1b.tiff", "async-tiff/tiled-gray-i1.tif"),
        reader="tifffile",
        about=("dtype",),
        theirs="bool",
        ours="uint8",
        why="as GDAL: 0 and 1; MinIsWhite changes neither",
    ),
    Disagreement(
        files="alpha of another type than uint8 or uint16",
        cases=(
            {"writer": "gdal", "extras": "alpha|premultiplied", "dtype": "int16|float32", "options": ".+"},
        ),
        reader="gdal",
        about=("valid",),
        theirs="every pixel valid",
        ours="alpha 0 is not valid",
        why="GDAL makes masks of 8- and 16-bit alpha only; the tag says alpha all the same",
    ),
    Disagreement(
        files="alpha that is not the last of 2 or 4 bands",
        cases=(
            {
                "writer": "gdal",
                "extras": "premultiplied",
                "dtype": "uint16",
                "bands": "4",
                "layout": "tile256",
            },
        ),
        reader="gdal",
        about=("valid",),
        theirs="every pixel valid",
        ours="alpha 0 is not valid",
        why="GDAL looks for alpha in the last band only; ExtraSamples says which band it is",
    ),
    Disagreement(
        files="red, green, blue and alpha, with nodata",
        cases=(
            {
                "writer": "gdal",
                "nodata": "0",
                "bands": "4",
                "dtype": "uint8|uint16",
                "overviews": "0|1",
                "extras": "alpha|",
            },
        ),
        reader="gdal",
        about=("valid",),
        theirs="not valid where alpha equals nodata",
        ours="not valid where all bands equal nodata",
        why="rasterio's dataset_mask takes the mask of band 4, which GDAL makes of nodata; "
        "we do as rasterio does for other band counts",
    ),
    Disagreement(
        files="without georeference, in overviews",
        cases=({"extras": "no-georeference"},),
        real=(
            "rio-tiler/cog_gcps.tif",
            "rio-tiler/cog_gcps_ovr.tif",
            "rio-cogeo/cog_no_offest.tif",
            "cogeotiff/be_cog.tiff",
            "cogeotiff/big_cog.tiff",
            "cogeotiff/cog.tiff",
        ),
        reader="gdal",
        about=("transform",),
        theirs="uninitialised numbers",
        ours="the scale of the overview",
        why="rasterio asks GDAL for a transform that it does not have",
    ),
    Disagreement(
        files="CMYK",
        cases=({"options": "PHOTOMETRIC=CMYK"},),
        reader="gdal",
        about=("pixels",),
        theirs="RGBA made of it, for display",
        ours="the four stored inks",
        why="samples are given as stored; tifffile agrees",
    ),
    Disagreement(
        files="CIE L*a*b*",
        cases=({"options": "PHOTOMETRIC=CIELAB"},),
        reader="gdal",
        about=("shape",),
        theirs="RGBA made of it, for display",
        ours="the three stored samples",
        why="samples are given as stored; tifffile agrees",
    ),
    Disagreement(
        files="sparse, nodata that is not a value of the dtype",
        cases=(
            {
                "writer": "tifffile",
                "extras": "sparse",
                "dtype": "uint8|int16",
                "nodata": r"300|7\.5|1e\+20|-inf",
            },
        ),
        reader="tifffile",
        about=("pixels",),
        theirs="0 in the sparse blocks",
        ours="the nearest value of the dtype",
        why="as GDAL does",
    ),
    Disagreement(
        files="sparse, nodata -3.4028234663852886e+38",
        cases=({"extras": "sparse", "nodata": r"-3\.4028234663852886e\+38"},),
        reader="tifffile",
        about=("pixels",),
        theirs="0 in the sparse blocks",
        ours="nodata",
        why="tifffile finds the decimal number too large for float32; GDAL rounds it",
    ),
    Disagreement(
        files="JPEG, YCbCr without subsampling",
        cases=({"compression": "jpeg", "options": "subsampling=1x1"},),
        reader="gdal",
        about=("pixels",),
        within=1,
        theirs="RGB",
        ours="RGB",
        why=LIBJPEG,
    ),
    Disagreement(
        files="JPEG, YCbCr with subsampling",
        cases=({"compression": "jpeg", "options": "PHOTOMETRIC=YCBCR|QUALITY=75|subsampling=(2x1|2x2|4x1)"},),
        real=(
            "rio-tiler/cog_rgb.tif",
            "rio-tiler/cog_hirise_mars.tif",
            "rio-cogeo/image_geos.tif",
            "rasterio/cogeo.tif",
            "rasterio/goes.tif",
            "async-tiff/quad-tile.jpg.tiff",
            "async-tiff/tiled-jpeg-ycbcr.tif",
            "cogeotiff/be_cog.tiff",
        ),
        reader="gdal",
        about=("pixels",),
        within=120,
        theirs="RGB",
        ours="RGB",
        why=LIBJPEG,
    ),
    Disagreement(
        files="JPEG of 12 bits",
        cases=({"compression": "jpeg", "bits": "12"},),
        reader="gdal",
        about=(REFUSES,),
        theirs="an error",
        ours="the samples",
        why="only GDAL that was built with a libjpeg for 12 bits reads them",
    ),
    Disagreement(
        files="JPEG, red, green and blue as bands of their own",
        cases=(
            {"writer": "gdal", "compression": "jpeg", "interleave": "band", "bands": "3", "overviews": "0"},
        ),
        reader="tifffile",
        about=(REFUSES,),
        theirs="an error",
        ours="the samples",
        why="as GDAL; tifffile asks libjpeg for three colours of a stream that has one",
    ),
    Disagreement(
        files="JPEG 2000, JPEG XL",
        cases=({"compression": "jpeg2000|jpegxl"},),
        reader="gdal",
        about=(REFUSES,),
        theirs="an error",
        ours="the samples",
        why="only GDAL that was built with these codecs reads them",
    ),
    Disagreement(
        files="LERC with NaN, and LERC floats in big-endian files",
        cases=(
            {"writer": "gdal", "compression": "lerc.*", "extras": "nan"},
            {"writer": "gdal", "compression": "lerc.*", "dtype": "float.*", "byte_order": "big"},
        ),
        reader="tifffile",
        about=("pixels",),
        theirs="0 or another number",
        ours="NaN, and the floats that GDAL has",
        why="as GDAL, which writes NaN as LERC's mask, and swaps the bytes of big-endian files before LERC "
        "sees them; tifffile does not look at the mask",
    ),
    Disagreement(
        files="LERC with alpha of 0 and 255 only",
        cases=({"writer": "gdal", "compression": "lerc.*", "extras": "binary-alpha", "interleave": "pixel"},),
        reader="tifffile",
        about=(REFUSES,),
        theirs="an error",
        ours="the samples",
        why="as GDAL, which writes such alpha as LERC's mask",
    ),
    Disagreement(
        files="24-bit integers, big-endian",
        cases=({"bits": "24", "byte_order": "big", "dtype": "uint32", "extras": ""},),
        reader="tifffile",
        about=("pixels",),
        theirs="the most significant byte first",
        ours="the least significant byte first",
        why="as GDAL writes and reads them, whatever TIFF says",
    ),
    Disagreement(
        files="24-bit floats that are NaN",
        cases=({"bits": "24", "extras": "float"},),
        reader="gdal",
        about=("pixels",),
        theirs="NaN of other bits",
        ours="the usual NaN",
        why="which NaN makes no difference; tifffile agrees",
    ),
    Disagreement(
        files="signed integers of other widths than 8, 16, 32 and 64",
        cases=({"extras": "signed"},),
        reader="gdal",
        about=("dtype", "pixels"),
        theirs="the bits as an unsigned number",
        ours="the signed number",
        why="SampleFormat says signed: two's complement of as many bits as a sample has",
    ),
    Disagreement(
        files="signed integers of other widths than 8, 16, 32 and 64",
        cases=({"extras": "signed"},),
        reader="tifffile",
        about=("shape",),
        theirs="no samples",
        ours="the signed number",
        why="tifffile has no dtype for them",
    ),
    Disagreement(
        files="tiles that are higher than the image and end with its last row",
        cases=({"extras": "short", "layout": "tile256|tile48x80"},),
        reader="gdal",
        about=(REFUSES,),
        theirs="an error",
        ours="the samples",
        why="GDAL reads such tiles below others, and takes a wrong remainder where there is one row of them; "
        "tifffile agrees",
    ),
    Disagreement(
        files="complex of two 32-bit integers",
        cases=({"extras": "complex-int", "dtype": "uint64"},),
        reader="gdal",
        about=("dtype", "pixels"),
        theirs="complex64, rounded to 24 bits",
        ours="complex128, exact",
        why="rasterio has no wider type for them; tifffile agrees with us",
    ),
    Disagreement(
        files="predictor 2 with complex samples",
        cases=({"predictor": "2", "dtype": "complex.*"},),
        reader="tifffile",
        about=(REFUSES,),
        theirs="an error",
        ours="the samples",
        why="as GDAL, which differences a sample as one integer",
    ),
)


def expected(case: Case, reader: str) -> dict[str, Disagreement]:
    """What ``reader`` differs in, and the row that says so."""
    rows = [row for row in DISAGREEMENTS if row.reader == reader and case.is_one_of(row.cases)]
    return {about: row for row in rows for about in row.about}


def expected_real(file: str, reader: str) -> dict[str, Disagreement]:
    """The same of one of the real files."""
    rows = [row for row in DISAGREEMENTS if row.reader == reader and file in row.real]
    return {about: row for row in rows for about in row.about}
