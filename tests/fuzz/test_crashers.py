"""Inputs that once broke something, replayed: ``tests/data/crashers/<reason>/*``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import seeds
from tests.fuzz.checks import check_tiff, check_tile, within_limits
from tests.fuzz.findings import reason_of, shrunk
from tests.fuzz.geometry_input import check_geometry
from tests.fuzz.href_check import check_href
from tests.fuzz.metadata_input import check_metadata
from tests.fuzz.row_input import check_row
from tests.fuzz.stac_check import check_stac
from tests.fuzz.tile_input import pack, unpack

FOLDER = Path(__file__).resolve().parents[1] / "data" / "crashers"
CHECKS = {
    ".tif": check_tiff,
    ".tile": check_tile,
    ".row": check_row,
    ".json": check_stac,
    ".geometry": check_geometry,
    ".href": check_href,
    ".metadata": check_metadata,
}
SEEDS = dict(seeds.tiff_seeds())
CRASHERS = sorted(path for path in FOLDER.glob("*/*") if path.suffix in CHECKS)


def test_there_are_crashers_of_all_targets() -> None:
    assert {path.suffix for path in CRASHERS} == set(CHECKS)


@pytest.mark.parametrize("path", CRASHERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_crasher_is_a_value_or_a_named_error(path: Path) -> None:
    within_limits(CHECKS[path.suffix], path.read_bytes())


@pytest.mark.parametrize("name", SEEDS)
def test_the_seeds_of_the_parser_hold(name: str) -> None:
    within_limits(check_tiff, SEEDS[name])


def test_the_seeds_of_the_decoders_decode() -> None:
    """Every codec of the tables is reached by pixels, not by refusals alone."""
    reached = set()
    for _, data in seeds.tile_seeds():
        tile = unpack(data)
        assert tile is not None
        assert unpack(pack(tile.layout, tile.block)) == tile
        if not isinstance(check_tile(data), Exception):
            reached.add(tile.layout.compression)
    assert {"deflate", "lzw", "zstd", "packbits", "lzma", "jpeg", "jpeg2000", "jpegxl"} <= reached


def test_a_finding_is_named_by_its_place_and_made_small() -> None:
    def fails_on_a_dollar(data: bytes) -> None:
        if b"$" in data:
            raise KeyError("nobody expected a dollar")

    reason = reason_of(fails_on_a_dollar, b"a lot of text with a $ in it")
    assert reason is not None
    assert reason.startswith("KeyError-test_crashers-")
    assert reason.endswith("-nobody-expected-dollar")
    small = shrunk(b"a lot of text with a $ in it", lambda d: reason_of(fails_on_a_dollar, d) == reason)
    assert small == b"$"
    assert reason_of(fails_on_a_dollar, b"no such text") is None
