"""Codecs of whole images: JPEG, WebP, LERC, CCITT."""

from __future__ import annotations

from collections.abc import Iterator

from tests.matrix.case import Case
from tests.matrix.choices import FLOATS, INTEGERS, INTERLEAVES, ORDERS, product, turning, with_


def jpeg_by_gdal() -> Iterator[Case]:
    """JPEG: colour spaces, shared tables, numbers of bands."""
    yield from with_(
        "gdal",
        product(
            options=[
                (("PHOTOMETRIC", "YCBCR"),),
                (("PHOTOMETRIC", "RGB"),),
                (("PHOTOMETRIC", "YCBCR"), ("JPEG_QUALITY", "95")),
                (("JPEGTABLESMODE", "0"),),
                (("JPEGTABLESMODE", "3"),),
            ],
            layout=("tile32", "strip16", "tile64x16", "strip"),
        ),
        compression="jpeg",
        dtype="uint8",
        bands=3,
        overviews=1,
    )
    yield from with_(
        "gdal",
        product(bands=[1, 2, 3, 4], interleave=INTERLEAVES, layout=("tile32", "strip16")),
        compression="jpeg",
        dtype="uint8",
    )
    yield Case(writer="gdal", compression="jpeg", dtype="uint8", bands=5, interleave="band")
    yield Case(writer="gdal", compression="jpeg", dtype="uint8", bands=4, options=(("PHOTOMETRIC", "CMYK"),))


def jpeg_by_tifffile() -> Iterator[Case]:
    """JPEG: every subsampling of chroma, and 12 bits."""
    yield from with_(
        "tifffile",
        product(
            options=[(("subsampling", s),) for s in ("1x1", "2x1", "2x2", "4x1")],
            layout=("tile32", "strip16"),
            byte_order=ORDERS,
        ),
        compression="jpeg",
        dtype="uint8",
        bands=3,
    )
    yield from with_(
        "tifffile",
        product(bands=[1, 3], byte_order=ORDERS),
        compression="jpeg",
        dtype="uint8",
        interleave="band",
    )
    yield Case(writer="tifffile", compression="jpeg", dtype="uint16", bits=12)


def webp() -> Iterator[Case]:
    """WebP, lossy and not, with alpha and without."""
    yield from with_(
        "gdal",
        product(
            options=[(("WEBP_LOSSLESS", "YES"),), (("WEBP_LEVEL", "60"),)],
            bands=[3, 4],
            layout=("tile32", "strip16", "strip7"),
        ),
        compression="webp",
        dtype="uint8",
        overviews=1,
    )
    yield from with_(
        "tifffile",
        product(bands=[3, 4], layout=("tile32", "strip16"), options=[(), (("level", "60"),)]),
        compression="webp",
        dtype="uint8",
    )


LERC_DTYPES = (*INTEGERS[:6], *FLOATS)


def lerc() -> Iterator[Case]:
    """LERC alone and inside Deflate and ZSTD; exact, and with an error allowed."""
    for compression in ("lerc", "lerc_deflate", "lerc_zstd"):
        yield from with_(
            "gdal",
            turning(
                product(dtype=LERC_DTYPES, byte_order=ORDERS),
                layout=("tile32", "strip7", "tile256"),
                bands=(1, 3, 4, 2, 1),
                interleave=("pixel", "pixel", "band"),
                overviews=(0, 1, 2, 0),
            ),
            compression=compression,
        )
        yield Case(writer="gdal", compression=compression, dtype="float32", options=(("MAX_Z_ERROR", "0.5"),))
        yield Case(
            writer="gdal", compression=compression, dtype="uint16", bands=2, options=(("MAX_Z_ERROR", "4"),)
        )


def lerc_masks() -> Iterator[Case]:
    """What GDAL writes as LERC's own mask: alpha of 0 and 255, and NaN."""
    for compression in ("lerc", "lerc_deflate", "lerc_zstd"):
        yield from with_(
            "gdal",
            product(bands=[2, 4], interleave=INTERLEAVES),
            compression=compression,
            dtype="uint8",
            extras=("alpha", "binary-alpha"),
        )
        yield from with_(
            "gdal",
            product(bands=[1, 3], interleave=INTERLEAVES, byte_order=ORDERS),
            compression=compression,
            dtype="float32",
            extras=("nan",),
            nodata="nan",
        )


def lerc_by_tifffile() -> Iterator[Case]:
    """The same, by the second writer."""
    yield from with_(
        "tifffile",
        turning(
            product(
                dtype=LERC_DTYPES, options=[(), (("compression", "deflate"),), (("compression", "zstd"),)]
            ),
            bands=(1, 3, 1, 1, 4),
            layout=("tile32", "strip7", "tile256", "tile64x16"),
        ),
        compression="lerc",
    )


def fax() -> Iterator[Case]:
    """CCITT compressions of one bit a pixel."""
    yield from with_(
        "gdal",
        product(
            compression=["ccittrle", "ccittfax3", "ccittfax4"],
            layout=("tile32", "strip7", "strip"),
            extras=[(), ("miniswhite",)],
        ),
        dtype="uint8",
        bits=1,
    )
    yield Case(writer="gdal", compression="ccittfax4", dtype="uint8", bits=1, byte_order="big", overviews=1)


def jpeg2000_and_jpegxl() -> Iterator[Case]:
    """What GDAL reads only where it was built for it."""
    yield from with_(
        "tifffile",
        product(dtype=["uint8", "uint16"], bands=[1, 3], layout=("tile32", "strip16")),
        compression="jpeg2000",
    )
    yield Case(writer="tifffile", compression="jpeg2000", dtype="uint8", bands=3, options=(("level", "40"),))
    yield from with_(
        "tifffile",
        product(dtype=["uint8", "uint16", "float32"], bands=[1, 3], layout=("tile32", "strip16")),
        compression="jpegxl",
    )
    yield Case(writer="tifffile", compression="jpegxl", dtype="uint8", bands=3, options=(("level", "60"),))
    yield from with_(
        "tifffile",
        product(compression=["jpeg2000", "jpegxl", "webp"], bands=[3, 4]),
        dtype="uint8",
        byte_order="big",
    )
    yield from with_("tifffile", product(compression=["png", "jpegxr"]), dtype="uint8", layout="tile32")
