"""Warping against GDAL's warper: the same pixels of the same grids, valid in the same places.

rasterio's ``WarpedVRT`` takes a tolerance; at 1e-7 pixels GDAL's transformation is as exact as ours. (At its
default of an eighth of a pixel, which ``rasterio.warp.reproject`` always uses, two pixels in a thousand of a
scene differ from the exact ones.)
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasteret_sql.errors import ArgumentError, UnsupportedError
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.grid_mapping import Mapping
from rasteret_sql.raster.chip import Chip
from rasteret_sql.raster.warp.resample_area import REDUCTIONS
from rasteret_sql.raster.warp.warp import ALGORITHMS, algorithm, warp, warp_chip
from tests.raster.warping import (
    DEGREES,
    GLOBE,
    PAIRS,
    TURNED_PAIRS,
    UTM_32,
    Pixels,
    around,
    at_the_rim,
    distances_from_samples,
    gdal_warp,
    on_an_edge,
    our_warp,
    outline_shares,
    texture,
    turned,
)

pytestmark = pytest.mark.slow

PROJS_DIFFER_M = 0.001
"""The wheels of pyproj and rasterio bring different PROJs."""
UNDIVIDED = 1.1e-5
"""GDAL leaves sums alone whose weights are within 1e-5 of 1."""
KERNELS = ("bilinear", "cubic")
TURNING = ("globe to a disk", "globe to the pole")
"""Areas of target pixels are their outlines here, where the grids are turned; see below."""


def holes(pixels: Pixels, nodata: float, share: float = 0.1) -> Pixels:
    """Missing pixels here and there, and a corner of them."""
    rng = np.random.default_rng(5)
    rows, columns = pixels.shape[1:]
    y, x = np.mgrid[0:rows, 0:columns]
    return np.where((rng.random((rows, columns)) < share) | (x + y < 40), nodata, pixels).astype(pixels.dtype)


def compare(name: str, resampling: str, dtype: str, nodata: float | None) -> None:
    source, target = PAIRS[name]
    pixels = texture(source.height, source.width, dtype)
    if nodata is not None:
        pixels = holes(pixels, nodata)
    want, want_valid = gdal_warp(pixels, source, target, resampling, nodata)
    found, valid = our_warp(pixels, source, target, resampling, nodata)
    ties = on_an_edge(target, source)
    if resampling in REDUCTIONS:
        ties = at_the_rim(target, source) & want_valid
    assert ((valid != want_valid) & ~ties).sum() == 0
    compared = valid & want_valid
    assert compared.mean() > 0.3, "the grids overlap"
    assert (found[:, ~valid] == (nodata or 0)).all()
    if resampling == "average":
        compared &= ~at_the_rim(target, source)
    difference = np.abs(found.astype(float) - want.astype(float))[0]
    if resampling in ("nearest", "mode", "min", "max"):
        if resampling == "nearest":
            compared &= ~ties
        assert (difference[compared] > 0).sum() <= 2
    elif np.dtype(dtype).kind == "f":
        assert difference[compared].max() < 250 * UNDIVIDED
    else:
        assert difference[compared].max() <= 1
        assert (difference[compared] > 0).mean() < 2e-3, "halves that rounding decides"


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("nodata", [None, 0.0])
def test_nearest_is_gdals(name: str, nodata: float | None) -> None:
    compare(name, "nearest", "uint8", nodata)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("resampling", KERNELS)
@pytest.mark.parametrize(("dtype", "nodata"), [("int16", None), ("uint8", 120), ("float32", -9999.0)])
def test_kernels_are_gdals(name: str, resampling: str, dtype: str, nodata: float | None) -> None:
    compare(name, resampling, dtype, nodata)


@pytest.mark.parametrize("name", [name for name in PAIRS if name not in TURNING])
@pytest.mark.parametrize("resampling", REDUCTIONS)
@pytest.mark.parametrize(("dtype", "nodata"), [("uint8", None), ("uint8", 120)])
def test_areas_are_gdals(name: str, resampling: str, dtype: str, nodata: float | None) -> None:
    if name == "globe to zone 1":
        pytest.skip("GDAL's box of a pixel across the antimeridian has both ends of the globe")
    compare(name, resampling, dtype, nodata)


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("resampling", ALGORITHMS)
def test_dtypes(dtype: str, resampling: str) -> None:
    if resampling == "mode" and np.dtype(dtype).kind == "f":
        pytest.skip("GDAL counts the modes of floats otherwise")
    compare("next zone, coarser", resampling, dtype, None)


def test_every_band_is_what_it_is_alone() -> None:
    source, target = PAIRS["next zone, coarser"]
    pixels = texture(source.height, source.width, "float32", bands=3)
    pixels[0] = holes(pixels[:1], -1.0)[0]
    pixels[1, :30] = -1.0
    for resampling in ALGORITHMS:
        found, valid = our_warp(pixels, source, target, resampling, -1.0)
        alone = [our_warp(band[None], source, target, resampling, -1.0) for band in pixels]
        if resampling != "nearest":
            np.testing.assert_array_equal(found, np.concatenate([values for values, _ in alone]))
        np.testing.assert_array_equal(valid, np.any([good for _, good in alone], axis=0))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_random_grids(data: st.DataObject) -> None:
    """Any size, pixel and turn below 15 degrees, into another zone, degrees or Lambert's projection."""
    draw = data.draw
    angle = draw(st.sampled_from([0, 0, 90, 180])) + draw(st.floats(-12, 12))
    pixel = draw(st.floats(3, 40))
    columns, rows = draw(st.integers(2, 60)), draw(st.integers(2, 60))
    source = Grid(crs="EPSG:32632", transform=turned(angle, pixel), width=columns, height=rows)
    crs = draw(st.sampled_from(["EPSG:32632", "EPSG:32633", "EPSG:3035", "EPSG:4326"]))
    unit = 1e-5 if crs == "EPSG:4326" else 1.0
    target = around(crs, source, pixel * unit * draw(st.floats(0.4, 5)))
    resampling = draw(st.sampled_from([*KERNELS, "nearest"]))
    pixels = holes(texture(rows, columns, "float32", seed=draw(st.integers(0, 99))), -1.0, 0.2)
    want, want_valid = gdal_warp(pixels, source, target, resampling, -1.0)
    found, valid = our_warp(pixels, source, target, resampling, -1.0)
    off = 1e-6 if crs == source.crs else PROJS_DIFFER_M / pixel
    clear = ~on_an_edge(target, source, within=off)
    assert ((valid != want_valid) & clear).sum() == 0
    both = valid & want_valid & clear
    np.testing.assert_allclose(found[:, both], want[:, both], atol=250 * (UNDIVIDED + off))


def test_longitudes_past_180_are_found_on_either_side() -> None:
    """A globe from 0 to 360 degrees is one from -180 to 180 whose halves are swapped; GDAL finds one half."""
    pixels = texture(180, 360, "uint8")
    _, target = PAIRS["globe to zone 1"]
    other = Grid(crs="EPSG:4326", transform=(1.0, 0.0, 0.0, 0.0, -1.0, 90.0), width=360, height=180)
    want, _ = our_warp(pixels, GLOBE, target, "nearest")
    found, valid = our_warp(np.roll(pixels, 180, axis=2), other, target, "nearest")
    assert valid.all()
    np.testing.assert_array_equal(found, want)
    turn_earlier = Grid(crs="EPSG:4326", transform=(1.0, 0.0, -190.0, 0.0, -1.0, 5.0), width=20, height=10)
    turn_later = Grid(crs="EPSG:4326", transform=(1.0, 0.0, 170.0, 0.0, -1.0, 5.0), width=20, height=10)
    for one in (turn_earlier, turn_later):
        found, valid = our_warp(pixels, GLOBE, one, "nearest")
        assert valid.all()
        np.testing.assert_array_equal(found[0], np.roll(pixels[0], -350, axis=1)[85:95, :20])


def test_no_box_of_a_pixel_runs_around_the_globe() -> None:
    """The pixels left and right of the antimeridian are at its two ends in a source from -180 to 180."""
    pixels = np.tile(np.arange(360, dtype=np.int16), (1, 180, 1))
    source, target = PAIRS["globe to zone 1"]
    found, _ = our_warp(pixels, source, target, "average")
    assert set(np.unique(found)) <= {*range(10), *range(350, 360)}


@pytest.mark.parametrize("resampling", REDUCTIONS)
@pytest.mark.parametrize("degrees", [20, 30, 45, 70, 135])
def test_turned_areas_are_outlines(resampling: str, degrees: float) -> None:
    """Where GDAL's box, that of a diagonal, has next to no width: every pixel by its part in the outline."""
    source = Grid(crs="EPSG:32632", transform=turned(degrees), width=30, height=30)
    target = around(source.crs, source, 33.0)
    pixels = np.random.default_rng(1).integers(0, 5, (1, 30, 30)).astype(np.float64)
    found, valid = our_warp(pixels, source, target, resampling)
    for row in range(target.height):
        for column in range(target.width):
            shares = outline_shares(target, source, column, row)
            touched = pixels[0][shares > 1e-8]
            assert valid[row, column] == (touched.size > 0)
            answer = found[0, row, column]
            if not touched.size:
                continue
            if resampling == "average":
                assert answer == pytest.approx(np.average(pixels[0], weights=shares), abs=1e-6)
            elif resampling == "mode":
                areas = [shares[pixels[0] == value].sum() for value in range(5)]
                assert areas[int(answer)] == pytest.approx(max(areas), abs=1e-8)
            else:
                assert answer == (touched.min() if resampling == "min" else touched.max())


@pytest.mark.parametrize("resampling", REDUCTIONS)
@pytest.mark.parametrize("name", TURNED_PAIRS)
def test_turned_areas_are_nearer_to_the_truth_than_gdals(name: str, resampling: str) -> None:
    source, target = TURNED_PAIRS[name]
    y, x = np.mgrid[0 : source.height, 0 : source.width]
    waves = 100 + 50 * np.sin(x / 3) * np.cos(y / 5) + x * 0.1
    classes = ((x // 3 + y // 4 * 2) % 7).astype(np.uint8)
    pixels = (classes if resampling == "mode" else waves)[None]
    ours, gdals = distances_from_samples(pixels, source, target, resampling)
    assert ours < gdals


def test_a_pixel_is_the_same_in_whatever_grid_it_lies() -> None:
    """Whether it is turned is its own: grids through a pole turn from pixel to pixel."""
    source = Grid(crs="EPSG:4326", transform=(0.25, 0, -30, 0, -0.25, 82), width=480, height=60)
    whole = around("EPSG:3413", source, 30_000.0)
    pixels = texture(source.height, source.width, "float64")
    a, _, c, _, e, f = whole.transform
    part = Grid(crs=whole.crs, transform=(a, 0, c + 20 * a, 0, e, f + 10 * e), width=30, height=40)
    found, valid = our_warp(pixels, source, whole, "average")
    again, there = our_warp(pixels, source, part, "average")
    assert valid[10:50, 20:50].mean() > 0.2
    assert (there == valid[10:50, 20:50]).mean() > 0.99
    both = there & valid[10:50, 20:50]
    np.testing.assert_allclose(again[:, both], found[:, 10:50, 20:50][:, both], atol=0.01)


def test_nothing_computed_is_nodata_by_accident() -> None:
    """The mean of 0 and 2 is valid, and would be nodata 1; of integers GDAL makes its neighbour too."""
    row = Grid(crs="EPSG:32632", transform=(10.0, 0.0, 0.0, 0.0, -10.0, 0.0), width=2, height=2)
    one = Grid(crs="EPSG:32632", transform=(20.0, 0.0, 0.0, 0.0, -20.0, 0.0), width=1, height=1)
    for dtype in ("uint8", "int16", "float32", "float64"):
        pixels = np.array([[[0, 2], [0, 2]]], dtype)
        found, valid = our_warp(pixels, row, one, "average", 1.0)
        want, _ = gdal_warp(pixels, row, one, "average", 1.0)
        assert valid.all()
        assert found != 1
        assert found == want or found.dtype.kind == "f"


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint64", "int64"])
def test_overshoot_is_clamped(dtype: str) -> None:
    limits = np.iinfo(dtype)
    pixels = np.full((1, 40, 40), limits.min, dtype)
    pixels[:, :, 20:] = limits.max
    source = Grid(crs="EPSG:32632", transform=(10.0, 0.0, 0.0, 0.0, -10.0, 400.0), width=40, height=40)
    found, _ = our_warp(pixels, source, around("EPSG:32632", source, 4.0), "cubic")
    assert found.min() == limits.min
    assert found.max() == limits.max


def test_complex_pixels_are_picked_but_not_blended() -> None:
    pixels = texture(160, 180).astype(np.complex64) * 1j
    chip = Chip(pixels=pixels, valid=None, transform=UTM_32.transform, crs=UTM_32.crs, nodata=None)
    target = PAIRS["next zone"][1]
    found = warp_chip(chip, target, "nearest")
    assert found is not None
    want, _ = our_warp(pixels.imag, UTM_32, target, "nearest")
    np.testing.assert_array_equal(found.pixels.imag, want)
    with pytest.raises(UnsupportedError, match=r"the chip has complex64 pixels, .* not resampled by average"):
        warp_chip(chip, target, "average")


def test_a_chip_keeps_what_it_is_of() -> None:
    chip = Chip(
        pixels=texture(160, 180, "uint8", bands=2), valid=None, transform=UTM_32.transform, crs=UTM_32.crs,
        nodata=None, href="a.tif", bands=(4, 2), level=1, x_off=3, y_off=5,
    )  # fmt: skip
    target = PAIRS["next zone"][1]
    found = warp_chip(chip, target, "nearest")
    assert found is not None
    assert (found.href, found.bands, found.level) == ("a.tif", (4, 2), 1)
    assert (found.x_off, found.y_off) == (None, None), "the pixels are not the file's own"
    assert (found.crs, found.transform) == (target.crs, target.transform)
    far = Grid(crs="EPSG:32632", transform=(10.0, 0.0, 0.0, 0.0, -10.0, 0.0), width=5, height=5)
    assert warp_chip(chip, far, "nearest") is None


def test_names_of_algorithms() -> None:
    assert [algorithm(name) for name in ("NearestNeighbor", "Bilinear", "Bicubic", "AVERAGE")] == [
        "nearest", "bilinear", "cubic", "average",
    ]  # fmt: skip
    with pytest.raises(
        ArgumentError, match="unknown resampling 'lanczos'; choose nearest, bilinear, cubic, aver"
    ):
        algorithm("lanczos")


def test_one_pixel_may_hold_all() -> None:
    pixels = texture(160, 180, "float64")
    xmin, ymin, xmax, ymax = DEGREES.bounds
    one = Grid(crs="EPSG:4326", transform=(xmax - xmin, 0.0, xmin, 0.0, ymin - ymax, ymax), width=1, height=1)
    assert our_warp(pixels, DEGREES, one, "average")[0].item() == pytest.approx(pixels.mean())
    assert our_warp(pixels, DEGREES, one, "max")[0].item() == pixels.max()


def test_views_are_warped_too() -> None:
    """Chips that were clipped are views with gaps between their rows."""
    source, target = PAIRS["next zone"]
    pixels = texture(source.height, 2 * source.width, "uint16", bands=2)[:, :, ::2]
    out = np.empty((2, target.height, target.width), np.uint16)
    mapping = Mapping(target=target, source=source)
    warp(pixels, None, mapping, out=out, resampling="bilinear", nodata=None)
    np.testing.assert_array_equal(out, our_warp(pixels.copy(), source, target, "bilinear")[0])
