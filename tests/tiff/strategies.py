"""What hypothesis draws: images with any tags, and files of them."""

from __future__ import annotations

from hypothesis import strategies as st

from rasteret_sql.tiff.image import Image, Tiff
from tests.tiff.examples import COG_GHOST, NO_TABLE

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0|"), min_size=1, max_size=20)
NUMBER = st.floats(allow_nan=False)
SAMPLES = st.sampled_from(
    [
        ("uint8", 8, "uint"),
        ("uint8", 1, "uint"),
        ("uint16", 12, "uint"),
        ("int16", 16, "int"),
        ("float16", 16, "float"),
        ("float32", 24, "float"),
        ("float64", 64, "float"),
        ("complex64", 32, "complex_int"),
        ("complex128", 128, "complex"),
    ]
)


@st.composite
def images(draw) -> Image:
    width, height, bands = draw(st.integers(1, 70)), draw(st.integers(1, 70)), draw(st.integers(1, 4))
    tiled = draw(st.booleans())
    dtype, bits, sample_format = draw(SAMPLES)
    extra = ("unspecified", "associated_alpha", "unassociated_alpha")
    keys = st.dictionaries(
        st.integers(1024, 5000),
        st.one_of(st.integers(0, 65535), NUMBER, TEXT, st.tuples(NUMBER, NUMBER, NUMBER)),
        max_size=5,
    )
    geo_keys = draw(keys)
    return Image(
        width=width,
        height=height,
        tile_width=draw(st.sampled_from([16, 32])) if tiled else width,
        tile_height=draw(st.sampled_from([16, 48])) if tiled else draw(st.integers(1, height)),
        tiled=tiled,
        band_count=bands,
        dtype=dtype,
        bits_per_sample=bits,
        sample_format=sample_format,
        compression=draw(st.sampled_from(["none", "deflate", "lzw", "zstd", "lerc", "unknown (60000)"])),
        predictor=draw(st.integers(1, 3)),
        interleave=draw(st.sampled_from(["pixel", "band"])),
        photometric=draw(st.sampled_from(["minisblack", "rgb", "palette", "mask", "unknown (77)"])),
        fill_order=draw(st.integers(1, 2)),
        extra_samples=tuple(draw(st.lists(st.sampled_from(extra), max_size=bands))),
        subfile_type=draw(st.integers(0, 7)),
        tile_offsets=NO_TABLE,
        tile_byte_counts=NO_TABLE,
        jpeg_tables=draw(st.none() | st.binary(min_size=1, max_size=40)),
        lerc_parameters=draw(st.none() | st.tuples(st.integers(0, 9), st.integers(0, 2))),
        colormap=draw(st.none() | st.tuples(*[st.integers(0, 65535)] * 6)),
        gdal_nodata=draw(st.none() | TEXT),
        gdal_metadata=draw(st.none() | TEXT),
        model_tiepoint=draw(st.none() | st.tuples(*[NUMBER] * 6)),
        model_pixel_scale=draw(st.none() | st.tuples(*[NUMBER] * 3)),
        model_transformation=draw(st.none() | st.tuples(*[NUMBER] * 16)),
        geo_keys=geo_keys,
        geo_minor_revision=draw(st.integers(0, 1)) if geo_keys else 0,
    )


@st.composite
def files(draw) -> tuple[Tiff, list[list[bytes | None]]]:
    own = tuple(draw(st.lists(images(), min_size=1, max_size=3)))
    block = st.none() | st.binary(min_size=1, max_size=9)
    blocks = [[draw(block) for _ in range(min(i.block_count, 6))] for i in own]
    blocks = [(b * i.block_count)[: i.block_count] for b, i in zip(blocks, own, strict=True)]
    ghost = draw(st.sampled_from([{}, COG_GHOST, {**COG_GHOST, "MASK_INTERLEAVED_WITH_IMAGERY": "YES"}]))
    order = draw(st.sampled_from(["little", "big"]))
    return Tiff(byte_order=order, big=draw(st.booleans()), images=own, ghost=ghost), blocks
