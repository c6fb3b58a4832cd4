"""What no writer makes."""

from __future__ import annotations

from collections.abc import Iterator

from tests.matrix.case import Case
from tests.matrix.choices import ORDERS, product, turning, with_


def reversed_bits() -> Iterator[Case]:
    """FillOrder 2, by every byte compression and of packed samples."""
    yield from with_(
        "edited",
        product(compression=["none", "deflate", "lzw", "packbits", "zstd"], dtype=["uint8", "uint16"]),
        extras=("fill-order-2",),
    )
    yield from with_(
        "edited",
        product(bits=[1, 4], byte_order=ORDERS),
        compression="none",
        dtype="uint8",
        extras=("fill-order-2",),
    )


def odd_samples() -> Iterator[Case]:
    """Signed samples of odd widths, floats of 24 bits, pairs of integers, samples without a meaning."""
    for dtype, widths in (("uint8", (1, 5)), ("uint16", (10, 12, 14)), ("uint32", (20, 24, 27))):
        # tifffile does not write big-endian samples of odd widths as they are meant
        yield from with_("edited", product(bits=widths), compression="none", dtype=dtype, extras=("signed",))
    yield from with_(
        "edited",
        product(byte_order=ORDERS),
        compression="none",
        dtype="uint32",
        bits=24,
        extras=("float",),
    )
    yield from with_(
        "edited",
        product(dtype=["uint32", "uint64"], byte_order=ORDERS, compression=["none", "deflate"]),
        extras=("complex-int",),
    )
    yield from with_(
        "edited",
        product(dtype=["uint8", "int16", "float32"]),
        compression="deflate",
        extras=("void-format",),
    )


def odd_tiles() -> Iterator[Case]:
    """Tiles whose sides are not multiples of 16, and the older code of Deflate."""
    yield from with_(
        "edited",
        product(byte_order=ORDERS, compression=["deflate", "lzw"]),
        dtype="uint16",
        layout="tile48x80",
        options=(("TileWidth", "40"), ("TileLength", "72")),
    )
    yield from with_(
        "edited",
        product(byte_order=ORDERS),
        compression="deflate",
        dtype="uint16",
        options=(("Compression", "32946"),),
    )


def short_tiles() -> Iterator[Case]:
    """Tiles at the lower edge that end with the last row of the image, as old writers leave them."""
    yield from with_(
        "edited",
        turning(
            product(
                compression=["none", "packbits", "deflate", "lzw", "zstd", "lzma"],
                dtype=["uint8", "uint16", "float32"],
                overviews=[0, 1],
            ),
            bands=(1, 3, 3),
            interleave=("pixel", "band"),
            byte_order=("little", "little", "big"),
            layout=("tile32", "tile64x16", "tile256", "tile48x80"),
        ),
        extras=("short",),
    )
    for predictor, dtypes in ((2, ("uint8", "uint16", "int32")), (3, ("float32", "float64"))):
        yield from with_(
            "edited",
            turning(
                product(compression=["deflate", "lzw", "zstd", "lzma"], dtype=dtypes, byte_order=ORDERS),
                bands=(1, 3, 3),
                interleave=("pixel", "band"),
                layout=("tile32", "tile64x16", "tile256"),
            ),
            predictor=predictor,
            extras=("short",),
        )
    yield from with_(
        "edited",
        product(bands=[1, 3]),
        compression="jpeg",
        interleave="band",
        dtype="uint8",
        extras=("short",),
    )


def refused() -> Iterator[Case]:
    """What no two readers agree on, or none reads."""
    codes = ("6", "9", "10", "32766", "32809", "32909", "34661", "34676", "34677", "34892", "65000")
    yield from with_(
        "edited",
        product(options=[(("Compression", code),) for code in codes]),
        compression="deflate",
        dtype="uint8",
    )
    yield from with_(
        "edited",
        product(options=[(("Predictor", "3"),), (("Predictor", "4"),), (("Predictor", "34892"),)]),
        compression="deflate",
        dtype="uint16",
        predictor=2,
    )
    yield from with_(
        "edited",
        product(options=[(("BitsPerSample", "8 8 16"),), (("BitsPerSample", "8 4 4"),)]),
        compression="none",
        dtype="uint8",
        bands=3,
    )
    yield from with_(
        "edited",
        product(options=[(("PhotometricInterpretation", code),) for code in ("6", "8", "32844")]),
        compression="deflate",
        dtype="uint8",
        bands=3,
    )
    yield Case(writer="edited", compression="none", dtype="uint8", extras=("float",))
