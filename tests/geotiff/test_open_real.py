"""Every real file beside its manifest: directories, CRS, affine, nodata, overviews, and requests."""

import json
import warnings
from typing import Any

import numpy as np
import pytest
import rasterio
from pyproj import CRS
from rasterio.errors import NotGeoreferencedWarning

from rasteret_sql.errors import MalformedError
from rasteret_sql.geotiff.from_tiff import overviews_of
from rasteret_sql.geotiff.georef.georeference import crs_of, nodata_of, transform_of
from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.read_headers import read_headers
from rasteret_sql.tiff.image import Tiff
from tests.conftest import SHARED
from tests.geotiff.test_read_headers import Memory
from tests.tiff.examples import parse_all

FOLDER = SHARED / "data" / "cog"
MANIFEST = FOLDER / "manifest.json"
FILES: list[dict[str, Any]] = json.loads(MANIFEST.read_text())["files"] if MANIFEST.is_file() else []

COMPRESSIONS = {"1": "none", "ADOBE_DEFLATE": "deflate"}
SAMPLE_FORMATS = {"1": "uint", "UINT": "uint", "INT": "int", "IEEEFP": "float", "COMPLEXINT": "complex_int"}
EXTRA_SAMPLES = {0: "unspecified", 1: "associated_alpha", 2: "unassociated_alpha"}
DTYPES = {"bool": "uint8", "complex_int16": "complex64"}
CRS_OF_CONTROL_POINTS = {
    "rio-tiler/cog_gcps.tif",
    "rio-tiler/cog_gcps_ovr.tif",
    "rio-cogeo/slc.tif",
}
"""rasterio gives no CRS where the GeoKeys' CRS is that of ground control points."""


@pytest.fixture(params=FILES or [None], ids=lambda entry: entry["file"] if entry else "no data")
def entry(request: pytest.FixtureRequest, cog_manifest: list[dict[str, Any]]) -> dict[str, Any]:
    return request.param


def tiff_of(entry: dict[str, Any]) -> Tiff:
    return parse_all((FOLDER / entry["file"]).read_bytes())


def test_directories(entry):
    found = tiff_of(entry)
    assert (found.big, found.byte_order) == (entry["bigtiff"], entry["endian"])
    assert bool(found.ghost) == entry["ghost"]
    assert len(found.images) == len(entry["ifds"])
    for own, listed in zip(found.images, entry["ifds"], strict=True):
        planar = {1: "pixel", 2: "band"}[listed["planar"]]
        assert {
            "w": own.width,
            "h": own.height,
            "spp": own.band_count,
            "bits": own.bits_per_sample,
            "sf": own.sample_format,
            "dtype": own.dtype,
            "comp": own.compression,
            "pred": own.predictor,
            "planar": own.interleave,
            "tiled": own.tiled,
            "nblocks": len(own.tile_offsets),
            "empty": int((own.tile_byte_counts == 0).sum()),
            "subfile": own.subfile_type,
            "photometric": own.photometric.upper(),
            "jpegtables": own.jpeg_tables is not None,
            "extrasamples": list(own.extra_samples),
        } == {
            **{key: listed[key] for key in ("w", "h", "spp", "bits", "pred", "tiled", "nblocks", "empty")},
            "subfile": listed["subfile"],
            "photometric": listed["photometric"],
            "jpegtables": listed["jpegtables"],
            "sf": SAMPLE_FORMATS[listed["sf"]],
            "dtype": DTYPES.get(listed["dtype"], listed["dtype"]),
            "comp": COMPRESSIONS.get(listed["comp"], listed["comp"].lower()),
            "planar": planar,
            "extrasamples": [EXTRA_SAMPLES[code] for code in listed["extrasamples"]],
        }
        if own.tiled:
            assert [own.tile_width, own.tile_height] == listed["block"]


def test_georeference(entry):
    own, theirs = tiff_of(entry).images[0], entry["rasterio"]
    assert list(transform_of(own) or (1, 0, 0, 0, 1, 0)) == theirs["transform"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(FOLDER / entry["file"]) as dataset:
            crs = dataset.crs
    if entry["file"] in CRS_OF_CONTROL_POINTS:
        assert (crs, len(own.model_tiepoint), transform_of(own)) == (None, 210 * 6, None)
    elif crs is None:
        assert crs_of(own) is None
    else:
        assert CRS(crs_of(own)).equals(CRS(crs.to_wkt()), ignore_axis_order=True)
        assert "32767" not in crs_of(own)
        if theirs["crs"].startswith("EPSG:"):
            assert crs_of(own) == theirs["crs"]


def test_nodata(entry):
    theirs = entry["rasterio"]["nodata"]
    np.testing.assert_equal(nodata_of(tiff_of(entry).images[0]), None if theirs is None else float(theirs))


def test_overviews(entry):
    found = tiff_of(entry)
    full = found.images[0]
    assert [round(full.width / o.width) for o in overviews_of(found)] == entry["rasterio"]["overviews"]


def test_headers_of_all_files_at_once(cog_manifest):
    files = {entry["file"]: (FOLDER / entry["file"]).read_bytes() for entry in FILES}
    memory = Memory(files)
    headers = read_headers(list(files), fetch=memory)
    assert [type(header) for header in headers] == [Header] * len(FILES)
    for header, entry in zip(headers, FILES, strict=True):
        theirs = entry["rasterio"]
        assert header.href == entry["file"]
        assert [header.full.height, header.full.width] == theirs["shape"]
        assert header.band_count == theirs["count"]
        listed = len(theirs["scales"])  # three bands at most
        assert list(header.scales or [1.0] * listed)[:listed] == theirs["scales"]
        assert list(header.offsets or [0.0] * listed)[:listed] == theirs["offsets"]
        assert (header.full.mask is not None) == (theirs["masks"] == ["per_dataset"])
        if header.full.mask is None:  # GDAL names the mask alone where there is alpha too
            assert (header.alpha_band is not None) == ("alpha" in theirs["masks"])
    assert memory.rounds <= 2


def test_cogs_take_one_request(cog_manifest):
    files = {entry["file"]: (FOLDER / entry["file"]).read_bytes() for entry in FILES}
    cogs = {name: data for name, data in files.items() if directories_lead(data)}
    assert len(cogs) > 40
    memory = Memory(cogs)
    read_headers(list(cogs), fetch=memory)
    again = {request.href for request in memory.requests if request.start > 0}
    assert len(again) <= 0.05 * len(cogs), again


def directories_lead(data: bytes) -> bool:
    """Whether the directories alone, cut off before the first block, parse: the layout of a COG."""
    stored = [int(offset) for own in parse_all(data).images for offset in own.tile_offsets if offset]
    try:
        parse_all(data[: min(stored, default=len(data))])
    except MalformedError:
        return False
    return True


def test_tables_are_numpy_arrays_of_64_bits(cog_manifest):
    for own in tiff_of(FILES[0]).images:
        assert own.tile_offsets.dtype == own.tile_byte_counts.dtype == np.uint64
