"""Masks, alpha, nodata, sparse blocks, colours and places."""

from __future__ import annotations

from collections.abc import Iterator

from tests.matrix.case import Case
from tests.matrix.choices import FLOATS, INTERLEAVES, ORDERS, product, turning, with_


def masks() -> Iterator[Case]:
    """Internal masks, alpha, nodata, and several of them together."""
    validity = [
        ((), "0"),
        (("mask",), ""),
        (("alpha",), ""),
        (("premultiplied",), ""),
        (("mask", "alpha"), ""),
        (("mask",), "7"),
        (("alpha",), "7"),
        (("mask", "sparse"), ""),
        (("alpha-first",), ""),
    ]
    yield from with_(
        "gdal",
        turning(
            [{"extras": e, "nodata": n, "interleave": i} for e, n in validity for i in INTERLEAVES],
            dtype=("uint8", "uint16", "int16", "float32", "uint8"),
            compression=("deflate", "lzw", "zstd", "packbits", "none", "lzma"),
            layout=("tile32", "strip7", "tile256", "tile64x16"),
            byte_order=("little", "little", "big"),
            overviews=(0, 2),
        ),
        bands=4,
    )


def alpha() -> Iterator[Case]:
    """Alpha of every type, at every place, beside nodata, and in lossy codecs."""
    yield from with_(
        "gdal",
        product(
            extras=[("alpha",), ("premultiplied",)],
            dtype=["uint8", "uint16", "int16", "float32"],
            bands=[2, 4],
        ),
        compression="lzw",
        layout="strip16",
        options=(("PHOTOMETRIC", "MINISBLACK"),),
    )
    yield from with_(
        "gdal",
        product(nodata=["", "0"], dtype=["uint8", "uint16"], overviews=[0, 1]),
        compression="lzw",
        bands=4,
        extras=("alpha",),
        options=(("PHOTOMETRIC", "RGB"),),
    )
    yield from with_(
        "gdal",
        product(extras=[("mask",), ("alpha",)], overviews=[0, 2], compression=["deflate", "jpeg", "webp"]),
        dtype="uint8",
        bands=4,
    )


def masks_by_tifffile() -> Iterator[Case]:
    """Masks of 1 bit, of 8, and of as many samples as bands, both kinds of alpha, other extra samples."""
    yield from with_(
        "tifffile",
        product(
            extras=[("alpha",), ("premultiplied",), ("mask",), ("mask8",), ("mask-bands",), ("unspecified",)],
            overviews=[0, 1],
            interleave=INTERLEAVES,
        ),
        compression="zstd",
        dtype="uint8",
        bands=4,
    )


def nodata() -> Iterator[Case]:
    """Nodata of every dtype, and sparse blocks, which hold it."""
    values = {
        "uint8": ("0", "255"),
        "int8": ("-128",),
        "uint16": ("65535",),
        "int16": ("-32768", "-9999"),
        "uint32": ("4294967295",),
        "int32": ("-2147483648",),
        "uint64": ("9",),
        "int64": ("-9",),
        "float32": ("nan", "-9999", "0.1", "inf", "-3.4028234663852886e+38"),
        "float64": ("nan", "-1e300"),
        "complex64": ("0",),
    }
    pairs = [{"dtype": dtype, "nodata": value} for dtype, of in values.items() for value in of]
    for extras in ((), ("sparse",)):
        yield from with_(
            "gdal",
            turning(
                pairs,
                compression=("deflate", "none", "lzw", "zstd"),
                layout=("tile32", "strip7", "tile16"),
                bands=(1, 3),
                interleave=("pixel", "pixel", "band"),
                byte_order=("little", "little", "little", "big", "big"),
            ),
            extras=extras,
        )


def odd_nodata() -> Iterator[Case]:
    """Nodata that the dtype cannot hold, or that is oddly written."""
    odd = {
        "uint8": ("-9999", "300", "nan", "7.5"),
        "int16": ("1e+20", " 7 ", "-inf"),
        "float16": ("nan", "-9999", "0.1", "7"),
        "float32": ("1e400", "-0", "0.1", "Infinity", "+Infinity"),
        "float64": ("0.1", "1e+300", "-Infinity"),
    }
    yield from with_(
        "tifffile",
        turning(
            [
                {"dtype": dtype, "nodata": value, "extras": extras}
                for dtype, of in odd.items()
                for value in of
                for extras in ((), ("sparse",))
            ],
            byte_order=("little", "little", "big"),
        ),
        compression="deflate",
    )


def sparse() -> Iterator[Case]:
    """Files of few blocks, and of none."""
    for extras in (("sparse",), ("sparse", "empty")):
        yield from with_(
            "gdal",
            turning(
                product(interleave=INTERLEAVES, byte_order=ORDERS, layout=("tile32", "strip7")),
                compression=("deflate", "zstd", "jpeg", "webp", "lerc", "none", "lzma"),
            ),
            dtype="uint8",
            bands=3,
            overviews=1,
            extras=extras,
        )


def colours() -> Iterator[Case]:
    """Photometric interpretations, which change no sample."""
    for options, bands, extras in (
        ((), 1, ("colormap",)),
        ((), 1, ("miniswhite",)),
        ((("PHOTOMETRIC", "RGB"),), 3, ()),
        ((("PHOTOMETRIC", "CMYK"),), 4, ()),
        ((("PHOTOMETRIC", "CIELAB"),), 3, ()),
        ((("PHOTOMETRIC", "ICCLAB"),), 3, ()),
        ((("PHOTOMETRIC", "ITULAB"),), 3, ()),
        ((), 70, ()),
    ):
        yield from with_(
            "gdal",
            product(compression=["deflate", "lzw"]),
            dtype="uint8",
            bands=bands,
            extras=extras,
            options=options,
        )
    yield from with_(
        "gdal",
        product(bits=[1, 2, 4], extras=[("colormap",), ("miniswhite",)]),
        compression="packbits",
        dtype="uint8",
    )


def places() -> Iterator[Case]:
    """Every kind of affine, and none."""
    for extras in (("point",), ("rotated",), ("south-up",), ("no-georeference",)):
        yield from with_(
            "gdal", product(byte_order=ORDERS), compression="lzw", dtype="int16", extras=extras, overviews=1
        )


def cog_driver() -> Iterator[Case]:
    """GDAL's COG driver: ghost area, leaders and trailers, interleaved masks."""
    yield from with_(
        "cog",
        turning(
            product(
                compression=["none", "lzw", "deflate", "zstd", "lzma", "lerc", "lerc_zstd"],
                extras=[(), ("mask",), ("alpha",)],
            ),
            big=(False, False, True, False),
        ),
        dtype="uint8",
        bands=4,
        layout="tile128",
        overviews=1,
    )
    yield from with_(
        "cog",
        product(
            compression=["jpeg", "webp"], extras=[(), ("mask",), ("alpha",)], options=[(("QUALITY", "75"),)]
        ),
        dtype="uint8",
        bands=4,
        layout="tile128",
        overviews=1,
    )


def cog_driver_of_other_types() -> Iterator[Case]:
    """The same driver with other dtypes and predictors."""
    yield from with_(
        "cog",
        product(dtype=["uint16", "int32", "float32", "float64"], predictor=[1, 2], nodata=["", "0"]),
        compression="deflate",
        layout="tile128",
        overviews=2,
    )
    yield from with_(
        "cog",
        product(dtype=FLOATS),
        compression="zstd",
        predictor=3,
        layout="tile128",
        nodata="nan",
        overviews=2,
    )
