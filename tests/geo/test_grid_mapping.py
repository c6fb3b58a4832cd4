"""Where the pixels of a grid lie in another one, and which pixels of that one they need."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.grid_mapping import MAX_POINTS_ONE_BY_ONE, Mapping
from rasteret_sql.geo.window import Window
from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.read_headers import read_headers
from rasteret_sql.raster.warp.resample import filter_scale, reach
from rasteret_sql.raster.warp.source_blocks import boxes, keep_blocks_touching, window_of
from rasteret_sql.raster.warp.warp import ALGORITHMS
from rasteret_sql.raster.warp.warp_plan import plan_warp
from tests.raster.warping import DEGREES, GLOBE, PAIRS, UTM_32, Floats, around, places

TILE = 16


def all_places(target: Grid, source: Grid, shift: float = 0.5) -> tuple[Floats, Floats]:
    columns, rows = np.meshgrid(np.arange(target.width) + shift, np.arange(target.height) + shift)
    return places(target, source, columns, rows)


@pytest.mark.parametrize("name", PAIRS)
def test_polynomials_are_as_good_as_proj(name: str) -> None:
    source, target = PAIRS[name]
    x, y = Mapping(target=target, source=source).centres(target.window)
    want_x, want_y = all_places(target, source)
    finite = np.isfinite(want_x) & np.isfinite(want_y)
    np.testing.assert_array_equal(np.isfinite(x) & np.isfinite(y), finite)
    if source == GLOBE or source.crs == "EPSG:4326":  # a column to either side of the antimeridian
        turn = 360 / source.transform[0]
        x, want_x = np.mod(x + 1, turn), np.mod(want_x + 1, turn)
    assert np.abs(x - want_x)[finite].max() < 2e-4
    assert np.abs(y - want_y)[finite].max() < 2e-4


def test_a_scene_is_exact_to_a_millionth_of_a_pixel_for_145_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tile of 256 x 256 pixels between two UTM zones: 81 points of PROJ, and 64 that prove them enough."""
    asked = []
    exact = Mapping.at

    def counted(self: Mapping, columns: Floats, rows: Floats) -> tuple[Floats, Floats]:
        asked.append(columns.size)
        return exact(self, columns, rows)

    source = Grid(
        crs="EPSG:32632", transform=(10.0, 0.0, 699_960.0, 0.0, -10.0, 5_300_040.0), width=9, height=9
    )
    target = Grid(
        crs="EPSG:32633", transform=(10.0, 0.0, 250_000.0, 0.0, -10.0, 5_290_000.0), width=256, height=256
    )
    mapping = Mapping(target=target, source=source)
    want = all_places(target, source)
    monkeypatch.setattr(Mapping, "at", counted)
    found = mapping.centres(target.window)
    assert asked == [145]
    for one, other in zip(found, want, strict=True):
        assert np.abs(one - other).max() < 1e-6


def test_small_grids_are_asked_for_pixel_by_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Grid(
        crs="EPSG:32633", transform=(10.0, 0.0, 250_000.0, 0.0, -10.0, 5_290_000.0), width=12, height=12
    )
    assert target.width * target.height <= MAX_POINTS_ONE_BY_ONE
    x, y = Mapping(target=target, source=UTM_32).centres(target.window)
    want_x, want_y = all_places(target, UTM_32)
    np.testing.assert_allclose((x, y), (want_x, want_y), rtol=1e-12)


def test_windows_are_parts_of_the_whole() -> None:
    source, target = PAIRS["next zone"]
    mapping = Mapping(target=target, source=source)
    whole = mapping.centres(target.window)
    corners = mapping.corners(Window(x_off=20, y_off=30, width=40, height=50))
    part = mapping.centres(Window(x_off=20, y_off=30, width=40, height=50))
    for axis in (0, 1):
        np.testing.assert_allclose(part[axis], whole[axis][30:80, 20:60], atol=1e-6)
        assert corners[axis].shape == (51, 41)
        middle = (corners[axis][1:, 1:] + corners[axis][:-1, :-1]) / 2
        np.testing.assert_allclose(middle, part[axis], atol=1e-6)


def test_edges_that_meet_do() -> None:
    """Far from the origin, two grids of the same lines: whole numbers, not nearly so."""
    source = Grid(
        crs="EPSG:32632", transform=(10.0, 0.0, 699_960.0, 0.0, -10.0, 9_300_040.0), width=9, height=9
    )
    target = Grid(
        crs="EPSG:32632", transform=(20.0, 0.0, 699_960.0, 0.0, -20.0, 9_300_040.0), width=99, height=9
    )
    x, y = Mapping(target=target, source=source).corners(target.window)
    np.testing.assert_array_equal(x[0], np.arange(100) * 2.0)
    np.testing.assert_array_equal(y[:, 0], np.arange(10) * 2.0)


def test_steps_are_source_pixels_a_target_pixel() -> None:
    source = Grid(crs="EPSG:32632", transform=(10.0, 0.0, 0.0, 0.0, -5.0, 0.0), width=9, height=9)
    target = Grid(crs="EPSG:32632", transform=(20.0, 0.0, 0.0, 0.0, -20.0, 0.0), width=5, height=5)
    assert Mapping(target=target, source=source).scales() == pytest.approx((2, 4))
    steps = Mapping(target=around("EPSG:32633", UTM_32, 10.0), source=UTM_32).scales()
    assert steps == pytest.approx((1, 1), abs=0.01), "whatever the angle between the zones"


def test_scales_of_filters() -> None:
    """GDAL's: none for finer targets, and 1 / n for nearly n."""
    assert [filter_scale(step) for step in (0.3, 1.0, 2.04, 1.97, 2.5)] == [1.0, 1.0, 0.5, 0.5, 0.4]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Header]:
    """Headers of files on the source grids, in tiles of 16 pixels."""
    folder = tmp_path_factory.mktemp("needed")
    paths = {}
    for number, (name, (source, _)) in enumerate(PAIRS.items()):
        paths[name] = folder / f"{number}.tif"
        write(paths[name], source)
    headers = read_headers([str(path) for path in paths.values()])
    assert all(isinstance(header, Header) for header in headers)
    return dict(zip(paths, headers, strict=True))  # type: ignore[arg-type]


def write(path: Path, grid: Grid) -> None:
    with rasterio.open(
        path, "w", driver="GTiff", width=grid.width, height=grid.height, count=1, dtype="uint8", crs=grid.crs,
        transform=Affine(*grid.transform), tiled=True, blockxsize=TILE, blockysize=TILE,
    ) as dataset:  # fmt: skip
        dataset.write(np.ones((1, grid.height, grid.width), np.uint8))


def looked_at(target: Grid, source: Grid, resampling: str) -> set[tuple[int, int]]:
    """Source pixels under target pixels, and around them as far as the kernel goes, by pyproj alone."""
    x, y = (side.ravel() for side in all_places(target, source))
    good = np.isfinite(x) & np.isfinite(y)
    x, y = x[good], y[good]
    if source.crs == "EPSG:4326":
        middle = source.width / 2
        x = x + 360 / source.transform[0] * np.round((middle - x) * source.transform[0] / 360)
    inside = (x >= 0) & (x < source.width) & (y >= 0) & (y < source.height)
    x, y = x[inside], y[inside]
    step = max(Mapping(target=target, source=source).scales())
    taps = [0.0]
    if resampling in ("bilinear", "cubic"):
        far = reach(resampling, step)
        taps = np.arange(-far, far + 0.5).tolist()
    pixels = {
        (row, column)
        for dx in taps
        for dy in taps
        for row, column in zip(
            np.floor(y + dy).astype(int).tolist(), np.floor(x + dx).astype(int).tolist(), strict=True
        )
    }
    return {(r, c) for r, c in pixels if 0 <= r < source.height and 0 <= c < source.width}


def level_grid(header: Header) -> Grid:
    """As the file says it: CRSs without a code come back as WKT, and affines as they are stored."""
    assert header.crs is not None
    return Grid(
        crs=header.crs, transform=header.transform, width=header.full.width, height=header.full.height
    )


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic"])
def test_all_that_is_needed_is_planned_and_little_else(
    files: dict[str, Header], name: str, resampling: str
) -> None:
    _, target = PAIRS[name]
    source = level_grid(files[name])
    rng = random.Random(name)
    for _ in range(6):  # windows of the target: small, and anywhere
        width, height = rng.randint(1, 30), rng.randint(1, 30)
        x, y = rng.randrange(target.width), rng.randrange(target.height)
        a, b, c, d, e, f = target.transform
        part = Grid(crs=target.crs, transform=(a, b, c + a * x, d, e, f + e * y), width=width, height=height)
        needed = looked_at(part, source, resampling)
        found = plan_warp(files[name], part, resampling)
        if found is None:
            assert not needed
            continue
        window, selection = found[1].source.window, found[1].source.selection
        tiles = {selection.stored.image.place(int(block))[1:] for block in selection.blocks}
        for row, column in needed:
            assert window.x_off <= column < window.x_off + window.width
            assert window.y_off <= row < window.y_off + window.height
        wanted = {(row // TILE, column // TILE) for row, column in needed}
        assert wanted <= tiles
        if resampling == "nearest" and needed:
            rows, columns = zip(*wanted, strict=True)
            assert all(min(rows) - 1 <= row <= max(rows) + 1 for row, _ in tiles)
            assert len(tiles) <= 2 * len(wanted) + 4 or len({max(columns) - min(columns)}) > 1


def test_blocks_between_two_parts_are_left_out() -> None:
    """A grid across the antimeridian needs both ends of a globe, and nothing between them."""
    source, target = PAIRS["globe to zone 1"]
    found = boxes(Mapping(target=target, source=source), 0.5, corners=False)
    window = window_of(found, source.width, source.height)
    assert window is not None
    assert (window.x_off, window.width) == (0, 360)
    touched = np.zeros(360, bool)
    for xmin, _, xmax, _ in found:
        touched[max(0, int(xmin)) : max(0, int(xmax) + 1)] = True
    assert touched[:5].all()
    assert touched[-5:].all()
    assert not touched[20:340].any()


def test_only_blocks_on_both_ends_are_read(files: dict[str, Header]) -> None:
    header = files["globe to zone 1"]
    found = plan_warp(header, PAIRS["globe to zone 1"][1], "nearest")
    assert found is not None
    columns = {
        found[1].source.selection.stored.image.place(int(block))[2]
        for block in found[1].source.selection.blocks
    }
    assert columns <= {0, 21, 22}


def test_nothing_is_planned_where_nothing_is() -> None:
    far = Grid(crs="EPSG:32632", transform=(10.0, 0.0, 0.0, 0.0, -10.0, 0.0), width=50, height=50)
    found = boxes(Mapping(target=far, source=UTM_32), 0, corners=True)
    assert window_of(found, UTM_32.width, UTM_32.height) is None


def test_a_grid_with_no_image_at_all_needs_nothing() -> None:
    space = Grid(
        crs="+proj=ortho +lat_0=45 +lon_0=10", transform=(1e4, 0.0, 7e6, 0.0, -1e4, 7e6), width=50, height=50
    )
    for corners in (False, True):
        found = boxes(Mapping(target=space, source=DEGREES), 0, corners=corners)
        assert window_of(found, DEGREES.width, DEGREES.height) is None


def test_narrow_keeps_the_blocks_that_boxes_touch(files: dict[str, Header]) -> None:
    found = plan_warp(files["next zone"], level_grid(files["next zone"]), "nearest")
    assert found is not None
    selection = found[1].source.selection
    assert len(selection.blocks) == 12 * 10
    some = keep_blocks_touching(selection, np.array([[0.5, 0.5, 15.5, 0.6], [100.0, 40.0, 120.0, 47.9]]))
    assert [selection.stored.image.place(int(b))[1:] for b in some.blocks] == [(0, 0), (2, 6), (2, 7)]
    assert len(some.offsets) == len(some.byte_counts) == 3


def test_every_algorithm_reads_overviews_that_serve(tmp_path: Path) -> None:
    """As ``gdalwarp -ovr AUTO``: the coarsest level that is no coarser than the target, but for a tenth."""
    path = tmp_path / "overviews.tif"
    grid = Grid(crs="EPSG:32632", transform=UTM_32.transform, width=256, height=256)
    write(path, grid)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 8])
    (header,) = read_headers([str(path)])
    assert isinstance(header, Header)
    for resampling in ALGORITHMS:
        levels = []
        for pixel in (5.0, 10.0, 18.0, 19.5, 30.0, 40.0, 70.0, 500.0):
            found = plan_warp(header, around(grid.crs, grid, pixel), resampling)
            assert found is not None
            levels.append(found[0])
        assert levels == [0, 0, 0, 1, 1, 2, 2, 3]
    asked = plan_warp(header, around(grid.crs, grid, 40.0), "average", level=0)
    assert asked is not None
    assert asked[0] == 0, "where the user knows better"
    assert asked[1].steps == pytest.approx((4, 4))
