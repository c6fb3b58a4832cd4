"""What opening a raster costs in requests, counted by a server: one for a COG, never one a tag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile

from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.read_headers import read_headers
from rasteret_sql.tiff import directory, head
from rasteret_sql.tiff.build import build_tiff
from tests.geotiff.test_open_real import FILES, FOLDER, directories_lead
from tests.geotiff.test_read_headers import Memory
from tests.store.server import FaultServer
from tests.tiff.examples import image, tiff


def requests_of(files: Mapping[str, bytes]) -> Counter[str]:
    """Requests a file, all of them opened at once over HTTP."""
    with FaultServer(files) as server:
        found = read_headers([server.url(name) for name in files])
        assert all(isinstance(header, Header) for header in found)
        return Counter(request.target.lstrip("/") for request in server.requests)


def test_real_files_take_one_request_if_they_are_laid_out_as_cogs_and_two_if_not(cog_manifest) -> None:
    files = {entry["file"]: (FOLDER / entry["file"]).read_bytes() for entry in FILES}
    counted = requests_of(files)
    cogs = [name for name, data in files.items() if directories_lead(data)]
    said = [entry["file"] for entry in FILES if entry["rasterio"]["layout"] == "COG"]
    assert set(said) <= set(cogs)
    assert len(cogs) > 60
    assert sum(counted[name] == 1 for name in cogs) >= 0.95 * len(cogs)
    assert sum(counted[name] == 1 for name in said) >= 0.95 * len(said)
    assert max(counted.values()) == 2


SIZES = {8192: 0.80, 16384: 0.95, 32768: 1.0}
"""First read in bytes, and the least share of the real COGs that it opens at once; 65,536 opens no more."""


@pytest.mark.parametrize("size", SIZES)
def test_the_size_of_the_first_read_was_measured(
    cog_manifest, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    for module in (head, directory):
        monkeypatch.setattr(module, "READ_AHEAD", size)
    files = {entry["file"]: (FOLDER / entry["file"]).read_bytes() for entry in FILES}
    cogs = {name: data for name, data in files.items() if directories_lead(data)}
    memory = Memory(cogs)
    read_headers(list(cogs), fetch=memory)
    counted = Counter(request.href for request in memory.requests)
    assert sum(count == 1 for count in counted.values()) >= SIZES[size] * len(cogs)


def test_tables_beyond_the_first_read_take_a_second_request_for_all_of_them() -> None:
    levels = [image(width=3200 >> n, height=3200 >> n, subfile_type=int(n > 0)) for n in range(5)]
    data = build_tiff(tiff(*levels), [[b"x"] * own.block_count for own in levels])
    assert requests_of({"a.tif": data}) == {"a.tif": 2}


def test_tables_beyond_the_second_read_take_a_third() -> None:
    """Nothing says beforehand that the next directory's tables are as long as the first's."""
    pages = [image(width=3200, height=3200), image(width=3200, height=3200, subfile_type=4)]
    data = build_tiff(tiff(*pages), [[b"x"] * own.block_count for own in pages])
    assert requests_of({"a.tif": data}) == {"a.tif": 3}


def written_by_gdal(levels: list[int]) -> bytes:
    """Not a COG: overviews, and their directories, lie behind the pixels, megabytes apart."""
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=1500, height=1500, count=1, dtype="uint8", crs="EPSG:32632",
            transform=rasterio.Affine(10, 0, 0, 0, -10, 0), tiled=True, nodata=0,
        ) as dataset:  # fmt: skip
            dataset.write(np.ones((1, 1500, 1500), np.uint8))
            dataset.build_overviews(levels, rasterio.enums.Resampling.nearest)
            dataset.update_tags(note="x" * 3000)
            dataset.set_band_description(1, "a name")
        return bytes(memory.read())


@pytest.mark.parametrize("levels", [[2], [2, 4, 8]])
def test_directories_far_apart_take_one_request_each_and_not_one_a_tag(levels: list[int]) -> None:
    assert requests_of({"a.tif": written_by_gdal(levels)})["a.tif"] <= 2 + len(levels)


def test_one_bad_file_does_not_make_the_others_dearer() -> None:
    own = image()
    good = build_tiff(tiff(own), [[b"x" * 256] * own.block_count])
    with FaultServer({"a.tif": good, "b.tif": good[:100], "c.tif": good}) as server:
        found = read_headers([server.url(name) for name in ("a.tif", "b.tif", "c.tif")])
        assert [isinstance(header, Header) for header in found] == [True, False, True]
        assert len(server.requests) == 3
