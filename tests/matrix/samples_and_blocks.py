"""Byte compressions, predictors, sample types and block shapes."""

from __future__ import annotations

from collections.abc import Iterator

from tests.matrix.case import Case
from tests.matrix.choices import (
    BLOCKS,
    COMPLEX,
    FLOATS,
    INTEGERS,
    INTERLEAVES,
    ORDERS,
    TILES,
    product,
    turning,
    with_,
)


def codecs() -> Iterator[Case]:
    """Every byte compression x predictor x dtype x byte order that GDAL writes."""
    for compression in ("none", "lzw", "deflate", "zstd", "packbits", "lzma"):
        for dtype in (*INTEGERS, *FLOATS, *COMPLEX, "complex_int16"):
            predictors = [1]
            if compression in ("lzw", "deflate", "zstd"):
                predictors += [2] if dtype != "complex128" else []
                predictors += [3] if dtype in FLOATS else []
            yield from with_(
                "gdal",
                turning(
                    product(predictor=predictors, byte_order=ORDERS),
                    layout=BLOCKS[len(dtype) % 9 :] + BLOCKS[: len(dtype) % 9],
                    bands=(1, 3, 2, 5),
                    interleave=("band", "pixel", "pixel"),
                    overviews=(0, 1, 2, 0, 0) if dtype not in ("int64", "uint64") else (0,),
                    big=(False, False, True, False, False),
                ),
                compression=compression,
                dtype=dtype,
            )


def layouts() -> Iterator[Case]:
    """Every block shape x interleave x byte order, three bands."""
    combinations = product(layout=BLOCKS, interleave=INTERLEAVES, byte_order=ORDERS)
    yield from with_(
        "gdal",
        turning(combinations, overviews=(2, 0, 1), big=(False, True)),
        compression="deflate",
        dtype="uint16",
        predictor=2,
        bands=3,
    )
    yield from with_(
        "tifffile",
        turning(combinations, overviews=(2, 0, 1), big=(True, False)),
        compression="zstd",
        dtype="int16",
        predictor=2,
        bands=3,
    )


def bits() -> Iterator[Case]:
    """Samples of other widths than the dtype's."""
    widths = [("uint8", n) for n in range(1, 8)] + [("uint16", n) for n in range(9, 16)]
    widths += [("uint32", n) for n in (17, 20, 24, 31)] + [("float32", n) for n in (16, 24)]
    for dtype, bits in widths:
        yield from with_(
            "gdal",
            turning(
                product(compression=["none", "deflate"], byte_order=ORDERS),
                layout=("tile32", "strip7", "tile64x16", "strip", "tile256"),
                bands=(1, 3, 2),
                interleave=("pixel", "pixel", "band", "band"),
                overviews=(0, 1, 0),
            ),
            dtype=dtype,
            bits=bits,
        )
    for predictor in (2, 3):
        yield from with_(
            "gdal",
            product(byte_order=ORDERS),
            compression="zstd",
            dtype="float32",
            bits=16,
            predictor=predictor,
        )
    yield Case(writer="tifffile", compression="none", dtype="uint32", bits=24, byte_order="big")
    # tifffile's own range: all widths up to 32, uncompressed
    for bits in [*range(1, 8), *range(9, 16), *range(17, 32)]:
        yield Case(
            writer="tifffile",
            compression="none",
            dtype="uint8" if bits < 8 else "uint16" if bits < 16 else "uint32",
            bits=bits,
            byte_order=ORDERS[bits % 2],
            layout=BLOCKS[bits % 9],
            bands=1 + bits % 3,
            interleave=INTERLEAVES[bits // 2 % 2],
        )


def by_tifffile() -> Iterator[Case]:
    """The second writer: compression x predictor x dtype x byte order again."""
    for compression in ("none", "lzw", "deflate", "zstd", "packbits", "lzma"):
        for dtype in (*INTEGERS, "float16", *FLOATS, *COMPLEX):
            kind = dtype.rstrip("0123456789")
            predicted = [] if compression == "none" else {"float": [3], "complex": []}.get(kind, [2])
            yield from with_(
                "tifffile",
                turning(
                    [{"predictor": p} for p in [1, *predicted]],
                    byte_order=("little", "big") if len(dtype) % 2 else ("big", "little"),
                    layout=TILES[len(dtype) % 5 :],
                    bands=(1, 3),
                    interleave=INTERLEAVES if len(dtype) % 3 else ("band", "pixel"),
                    overviews=(1, 0) if len(compression) % 2 else (0, 2),
                    big=(False, True) if len(dtype + compression) % 2 else (False,),
                ),
                compression=compression,
                dtype=dtype,
            )
    yield from with_(
        "tifffile",
        product(big=[False, True], byte_order=ORDERS, layout=("tile32", "strip7")),
        compression="deflate",
        dtype="uint16",
        predictor=2,
        overviews=2,
        extras=("subifds",),
    )
