"""Whatever the layout of a file, parsing gives the images and blocks that it was made of."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rasteret_sql.tiff.image import Image
from tests.fuzz.checks import check_tiff, within_limits
from tests.tiff.arranged import arranged, arrangements
from tests.tiff.examples import assert_same_blocks, assert_same_image, parse_in_rounds
from tests.tiff.strategies import files, images


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_layout_of_a_file_makes_no_difference(data):
    expected, blocks = data.draw(files())
    how = data.draw(arrangements(expected, blocks))
    stored = arranged(expected, blocks, how)
    found, _ = parse_in_rounds(
        stored, data.draw(st.integers(0, len(stored))), size_known=data.draw(st.booleans())
    )
    assert (found.byte_order, found.big) == (expected.byte_order, expected.big)
    assert len(found.images) == len(expected.images), "SubIFDs follow the image that names them"
    for ours, theirs, own in zip(found.images, expected.images, blocks, strict=True):
        assert_same_image(ours, theirs, but=("tile_offsets", "tile_byte_counts"))
        assert_same_blocks(ours, own, stored)
        assert [count == 0 for count in ours.tile_byte_counts] == [block is None for block in own]


@settings(max_examples=100, deadline=None)
@given(images())
def test_blocks_partition_the_image(image: Image):
    """Every pixel of every band lies in exactly one block."""
    covered = 0
    for row in range(image.tiles_down):
        for column in range(image.tiles_across):
            height = min(image.tile_height, image.height - row * image.tile_height)
            width = min(image.tile_width, image.width - column * image.tile_width)
            assert height > 0, "a row of blocks below the image"
            assert width > 0, "a column of blocks beside the image"
            covered += height * width
    planes = image.band_count if image.interleave == "band" else 1
    assert covered == image.width * image.height
    assert image.block_count == image.tiles_across * image.tiles_down * planes


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_is_a_value_or_a_named_error(data):
    """One byte changed, then the end cut off: as the fuzz target holds it, for any layout."""
    expected, blocks = data.draw(files())
    stored = bytearray(arranged(expected, blocks, data.draw(arrangements(expected, blocks))))
    position = data.draw(st.integers(0, len(stored) - 1))
    stored[position] = data.draw(st.integers(0, 255))
    within_limits(check_tiff, bytes(stored[: data.draw(st.integers(0, len(stored)))]))
