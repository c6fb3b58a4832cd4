"""Rasters on other grids, in SQL: read_cog with crs, resolution and size; RS_ReprojectMatch and its kin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
import shapely
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.features import geometry_mask
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from shapely.geometry import box

import rasteret_sql
from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.grid_mapping import Mapping
from rasteret_sql.raster.warp.resample import filter_scale
from tests.duck.corpus import HEIGHT, UTM32, WIDTH, texture, write
from tests.duck.refusals import message
from tests.store.server import FaultServer

TILE = 128
SCENES = ("a", "b", "c")
"""Two dates of zone 32 and one of zone 33, over the same ground."""


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    middle = UTM32 * (WIDTH / 2, HEIGHT / 2)
    x, y = Transformer.from_crs("EPSG:32632", "EPSG:32633", always_xy=True).transform(*middle)
    corner = round(x / 10) * 10 - WIDTH * 5, round(y / 10) * 10 + HEIGHT * 5
    for seed, name in enumerate(SCENES):
        zone = (
            {"crs": "EPSG:32633", "transform": Affine(10, 0, corner[0], 0, -10, corner[1])}
            if name == "c"
            else {}
        )
        write(folder / f"{name}.tif", texture(2, "uint16", seed), nodata=0, COMPRESS="DEFLATE", **zone)
    return folder


@pytest.fixture
def server(scenes: Path) -> Iterator[FaultServer]:
    with FaultServer({path.name: path.read_bytes() for path in scenes.glob("*.tif")}) as running:
        yield running


@pytest.fixture
def indexed(con: duckdb.DuckDBPyConnection, server: FaultServer) -> duckdb.DuckDBPyConnection:
    con.execute("CREATE TABLE hrefs AS SELECT unnest($1) AS href", [[server.url(f"{n}.tif") for n in SCENES]])
    con.execute("CREATE TABLE idx AS SELECT h.* FROM hrefs, cog_header(href) AS h")
    server.clear()
    return con


def chip(con: duckdb.DuckDBPyConnection, query: str, *values: Any) -> dict[str, Any]:
    """The only row of a query as a dict, its pixels and mask as arrays."""
    cursor = con.execute(query, list(values))
    names = [column[0] for column in cursor.description or ()]
    rows = cursor.fetchall()
    assert len(rows) == 1
    row = dict(zip(names, rows[0], strict=True))
    return arrays(row["m"] if names == ["m"] else row)


def arrays(row: dict[str, Any]) -> dict[str, Any]:
    shape = row["shape"]
    valid = np.ones(shape[1:], bool)
    if row["valid"] is not None:
        valid = np.frombuffer(row["valid"], np.uint8).reshape(shape[1:]) > 0
    return row | {"pixels": np.frombuffer(row["data"], row["dtype"]).reshape(shape), "valid": valid}


def gdal(path: Path, found: dict[str, Any], resampling: str = "nearest") -> tuple[Any, Any]:
    """GDAL's pixels and mask on the grid of a chip, read from full resolution."""
    _, rows, columns = found["shape"]
    with rasterio.open(path) as dataset:
        source = Grid(
            crs=str(dataset.crs), transform=dataset.transform[:6], width=dataset.width, height=dataset.height
        )
        target = Grid(crs=found["crs"], transform=found["transform"], width=columns, height=rows)
        steps = Mapping(target=target, source=source).scales()
        scales = [repr(1 / step if step < 1 else filter_scale(step)) for step in steps]
        extra: dict[str, Any] = dict(zip(("XSCALE", "YSCALE"), scales, strict=True))
        with WarpedVRT(
            dataset, crs=found["crs"], transform=Affine(*found["transform"]), width=columns, height=rows,
            tolerance=1e-7, resampling=Resampling[resampling], **(extra if resampling != "nearest" else {}),
        ) as warped:  # fmt: skip
            return warped.read(), warped.dataset_mask() > 0


GRID = "crs := 'EPSG:32632', resolution := 10"
BOX = "[11.685, 47.806, 11.7, 47.8135]"


def test_chips_of_two_zones_lie_on_one_grid(indexed: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    query = f"SELECT c.* FROM idx AS i, read_cog(i, {BOX}, {GRID}) AS c ORDER BY c.href"
    cursor = indexed.execute(query)
    names = [column[0] for column in cursor.description or ()]
    rows = [arrays(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    assert len(rows) == len(SCENES)
    assert len({(row["crs"], tuple(row["transform"]), tuple(row["shape"])) for row in rows}) == 1
    assert rows[0]["transform"][2] % 10 == rows[0]["transform"][5] % 10 == 0
    for name, row in zip(SCENES, rows, strict=True):
        want, mask = gdal(scenes / f"{name}.tif", row)
        area = box(*row["bbox"].values())  # a box of longitudes is not a box here: its sides lean
        assert row["valid"].mean() > 0.8
        assert (row["valid"] <= mask).all()
        np.testing.assert_array_equal(row["pixels"], want)
        assert area.area == pytest.approx(row["width"] * row["height"] * 100)
        assert (row["x_off"], row["y_off"], row["level"]) == (None, None, 0)


def test_a_plan_costs_nothing(indexed: duckdb.DuckDBPyConnection, server: FaultServer) -> None:
    plan = f"SELECT c.crs, c.shape, c.bbox FROM idx AS i, read_cog(i, {BOX}, {GRID}) AS c"
    assert len(indexed.execute(plan).fetchall()) == len(SCENES)
    assert server.requests == []


def tiles_under(path: Path, grid: Grid) -> set[tuple[int, int]]:
    """Tiles of a file that hold the pixels under the centres of a grid, by pyproj alone."""
    with rasterio.open(path) as dataset:
        there = Transformer.from_crs(grid.crs, dataset.crs, always_xy=True)
        columns, rows = np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5)
        x, y = Affine(*grid.transform) * (columns.ravel(), rows.ravel())
        column, row = ~dataset.transform * there.transform(x, y)
        inside = (column >= 0) & (row >= 0) & (column < dataset.width) & (row < dataset.height)
        tiles = zip(
            (row[inside] // TILE).astype(int).tolist(),
            (column[inside] // TILE).astype(int).tolist(),
            strict=True,
        )
        return set(tiles)


def test_only_tiles_under_the_grid_are_read_and_all_at_once(
    indexed: duckdb.DuckDBPyConnection, server: FaultServer, scenes: Path
) -> None:
    """One request for each tile of each scene that holds a pixel of the grid, and none before."""
    query = (
        f"SELECT c.href, c.crs, c.transform, c.shape, c.data FROM idx AS i, read_cog(i, {BOX}, {GRID}) AS c"
    )
    rows = indexed.execute(query).fetchall()
    for href, crs, transform, (_, height, width), _ in rows:
        name = Path(href).name
        tiles = tiles_under(scenes / name, Grid(crs=crs, transform=transform, width=width, height=height))
        got = [request for request in server.requests if request.target.endswith(name)]
        assert 0 < len(got) <= len(tiles)


def test_a_small_reference_does_not_read_the_scene(
    indexed: duckdb.DuckDBPyConnection, server: FaultServer
) -> None:
    indexed.execute(
        "CREATE TABLE ref AS FROM read_cog((SELECT i FROM idx AS i WHERE href LIKE '%/a.tif'), "
        "{'x_off': 10, 'y_off': 10, 'width': 20, 'height': 20})"
    )
    server.clear()
    BLOCKS.clear()
    query = "SELECT RS_ReprojectMatch(i, r).shape FROM idx AS i, ref AS r WHERE i.href LIKE '%/b.tif'"
    assert indexed.execute(query).fetchall() == [([2, 20, 20],)]
    assert len(server.requests) == 1


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic", "average", "mode", "min", "max"])
def test_every_algorithm_is_gdals(con: duckdb.DuckDBPyConnection, scenes: Path, resampling: str) -> None:
    path = scenes / "c.tif"
    found = chip(
        con, f"FROM read_cog($1, {BOX}, crs := 'EPSG:32632', resolution := 25, resampling := $2, level := 0)",
        str(path), resampling,
    )  # fmt: skip
    want, mask = gdal(path, found, resampling)
    inside = found["valid"]
    assert inside.mean() > 0.8
    assert (inside <= mask).all()
    difference = np.abs(found["pixels"].astype(int) - want)[:, inside]
    assert difference.max() <= (1 if resampling in ("bilinear", "cubic", "average") else 0)
    assert (difference > 0).mean() < 1e-3


def test_a_polygon_masks_the_grid(con: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    field = "POLYGON((11.687 47.807, 11.697 47.808, 11.692 47.813, 11.687 47.807))"
    path = str(scenes / "a.tif")
    found = chip(con, f"FROM read_cog($1, $2, {GRID})", path, field)
    there = Transformer.from_crs("OGC:CRS84", "EPSG:32632", always_xy=True)
    moved = shapely.transform(shapely.from_wkt(field), lambda xy: np.column_stack(there.transform(*xy.T)))
    inside = geometry_mask([moved], found["valid"].shape, Affine(*found["transform"]), invert=True)
    _, mask = gdal(scenes / "a.tif", found)
    assert ((inside & mask) != found["valid"]).sum() <= 2, "sides that bend a tenth of a pixel"


def test_size_is_around_a_point_which_does_not_mask(con: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    query = f"FROM read_cog($1, 'POINT(11.691 47.809)', {GRID}, size := $2)"
    for size, shape in ((32, [2, 32, 32]), ([40, 24], [2, 24, 40])):
        found = chip(con, query, str(scenes / "a.tif"), size)
        assert found["shape"] == shape
        np.testing.assert_array_equal(found["valid"], gdal(scenes / "a.tif", found)[1])
    found = chip(con, f"FROM read_cog($1, {BOX}, size := 50)", str(scenes / "c.tif"))
    assert found["shape"] == [2, 50, 50]
    assert found["crs"] == "EPSG:32633", "the raster's own"


def test_a_grid_wider_than_the_scene_is_not_valid_outside(
    con: duckdb.DuckDBPyConnection, scenes: Path
) -> None:
    path = scenes / "a.tif"
    found = chip(con, f"FROM read_cog($1, 'POINT(11.6737 47.8135)', {GRID}, size := 100)", str(path))
    want, mask = gdal(path, found)
    assert 0 < found["valid"].mean() < 0.7
    np.testing.assert_array_equal(found["valid"], mask)
    np.testing.assert_array_equal(found["pixels"], want)


def test_windows_are_places_on_a_grid_too(con: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    path = str(scenes / "a.tif")
    query = """
        SELECT c.* FROM cog_windows($1, size := 100) AS w, read_cog($1, w, resampling := 'cubic') AS c
        WHERE w.x_off = 0 AND w.y_off = 0
    """
    found = chip(con, query, path)
    assert found["shape"] == [2, 100, 100]
    want = con.execute(
        "SELECT data FROM read_cog($1, {'x_off': 0, 'y_off': 0, 'width': 100, 'height': 100})", [path]
    )
    assert found["transform"] == list(UTM32[:6])
    pixels = np.frombuffer(want.fetchall()[0][0], np.uint16).reshape(2, 100, 100)
    np.testing.assert_array_equal(found["pixels"], pixels)


def test_a_resolution_alone_picks_a_level_as_ever(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = str(tmp_path / "large.tif")
    write(Path(path), np.kron(texture(1, "uint16"), np.ones((1, 1, 1), np.uint16)), nodata=0)
    plain = chip(con, "FROM read_cog($1, resolution := 10)", path)
    assert (plain["x_off"], plain["y_off"], plain["level"]) == (0, 0, 0)
    found = chip(con, "FROM read_cog($1, resolution := 25, resampling := 'nearest')", path)
    assert found["transform"][0] == 25


def test_levels_serve_the_resolution(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "overviews.tif"
    write(path, np.tile(texture(1, "uint16"), (1, 2, 2))[:, :HEIGHT, :WIDTH], nodata=0)
    levels = con.execute("SELECT len(overviews) FROM cog_header($1)", [str(path)]).fetchone()
    assert levels is not None
    for resolution in (10, 20, 45):
        found = chip(con, "FROM read_cog($1, crs := 'EPSG:32633', resolution := $2)", str(path), resolution)
        assert found["level"] == min(levels[0], {10: 0, 20: 1, 45: 2}[resolution])


def test_null_areas_and_no_overlap_are_no_rows(con: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    path = str(scenes / "a.tif")
    query = f"SELECT count(width) FROM read_cog($1, $2::VARCHAR, {GRID})"
    assert con.execute(query, [path, None]).fetchall() == [(0,)]
    assert con.execute(query, [path, "POINT(11.9 40)"]).fetchall() == [(0,)]


def test_on_error_null_tells_why(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "nowhere.tif"
    write(path, texture(1, "uint8"), cog=False, crs=None)
    query = f"SELECT href, data, error FROM read_cog($1, {GRID}, on_error := 'null')"
    ((href, data, error),) = con.execute(query, [str(path)]).fetchall()
    assert (href, data) == (str(path), None)
    assert "has no CRS, so it cannot be placed on another grid" in error


REFUSALS = {
    "resampling := 'lanczos'": "unknown resampling 'lanczos'; choose nearest, bilinear, cubic",
    "size := 0": "size := 0: a number of pixels above 0 was expected, or [columns, rows]",
    "size := [1, 2, 3]": "size := [1, 2, 3]: a number of pixels above 0 was expected",
    "size := 2.5": "size := 2.5: a number of pixels above 0",
    "crs := 'EPSG:4326'": "counts in metre and crs := 'EPSG:4326' in degree: give resolution :=",
    "crs := 'EPSG:1'": "unknown CRS 'EPSG:1'",
    "crs := 4326": "crs := 4326: text was expected",
    "size := 8, resolution := -1": "resolution := -1: expected a pixel size greater than 0",
    "size := 8, level := 9": "has no level 9; its levels are",
    "crs := 'EPSG:32632', resolution := 1e-7": "is the resolution in units of CRS EPSG:32632?",
}


@pytest.mark.parametrize("asked", REFUSALS)
def test_refusals(con: duckdb.DuckDBPyConnection, scenes: Path, asked: str) -> None:
    said = message(con, f"SELECT data FROM read_cog($1, {BOX}, {asked})", str(scenes / "a.tif"))
    assert said.startswith("read_cog: ")
    assert REFUSALS[asked] in said


def test_a_grid_too_large_to_hold_is_refused_before_it_is_read(
    con: duckdb.DuckDBPyConnection, scenes: Path
) -> None:
    said = message(
        con, "SELECT data FROM read_cog($1, crs := 'EPSG:32632', resolution := 0.01)", str(scenes / "a.tif")
    )
    assert "over max_read_bytes" in said


MATCH = "SELECT RS_ReprojectMatch({}, {}) AS m"


@pytest.mark.parametrize("raster", ["href", "row", "chip"])
@pytest.mark.parametrize("reference", ["href", "row", "chip", "plan"])
def test_match_takes_any_raster_and_any_reference(
    con: duckdb.DuckDBPyConnection, scenes: Path, raster: str, reference: str
) -> None:
    for name, letter in (("r", "c"), ("g", "a")):
        path = scenes / f"{letter}.tif"
        con.execute(f"CREATE TABLE {name}_row AS FROM cog_header('{path}')")
        con.execute(f"CREATE TABLE {name}_chip AS FROM read_cog('{path}')")
        con.execute(f"CREATE TABLE {name}_href AS SELECT '{path}' AS href")
    con.execute("CREATE TABLE g_plan AS SELECT crs, transform, shape FROM g_chip")
    one = "r_href.href" if raster == "href" else f"r_{raster}"
    other = "g_href.href" if reference == "href" else f"g_{reference}"
    query = f"{MATCH.format(one, other)} FROM r_{raster}, g_{reference}"
    found = chip(con, query)
    assert found["shape"] == [2, HEIGHT, WIDTH]
    assert (found["crs"], found["transform"]) == ("EPSG:32632", list(UTM32[:6]))
    want, mask = gdal(scenes / "c.tif", found)
    np.testing.assert_array_equal(found["pixels"], want)
    np.testing.assert_array_equal(found["valid"], mask)
    assert found["href"].endswith("c.tif")
    assert found["bands"] == [1, 2]


def test_match_of_null_and_of_what_is_elsewhere_is_null(con: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    path = str(scenes / "a.tif")
    assert con.execute(
        "SELECT RS_ReprojectMatch(NULL, $1), RS_ReprojectMatch($1, NULL)", [path]
    ).fetchall() == [(None, None)]
    far = (
        "{'crs': 'EPSG:32632', 'transform': [10, 0, 0, 0, -10, 0]::DOUBLE[6], 'shape': [1, 5, 5]::INTEGER[3]}"
    )
    assert con.execute(f"SELECT RS_ReprojectMatch($1, {far})", [path]).fetchall() == [(None,)]
    chips = f"SELECT RS_ReprojectMatch(c, {far}) FROM read_cog($1) AS c"
    assert con.execute(chips, [path]).fetchall() == [(None,)]


def test_bands_and_levels_of_a_match(con: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    path = str(scenes / "a.tif")
    both = chip(con, "SELECT RS_ReprojectMatch($1, $1) AS m", path)
    one = chip(con, "SELECT RS_ReprojectMatch($1, $1, bands := 2) AS m", path)
    assert one["bands"] == [2]
    np.testing.assert_array_equal(one["pixels"][0], both["pixels"][1])
    of_chip = chip(con, "SELECT RS_ReprojectMatch(c, $1, bands := 2) AS m FROM read_cog($1) AS c", path)
    np.testing.assert_array_equal(of_chip["pixels"], one["pixels"])
    said = message(con, "SELECT RS_ReprojectMatch(c, $1, level := 1) FROM read_cog($1) AS c", path)
    assert said == "RS_ReprojectMatch: level := 1, but a chip has no levels; leave it out"
    said = message(con, "SELECT RS_ReprojectMatch($1, $1, 'lanczos')", path)
    assert said.startswith("RS_ReprojectMatch: unknown resampling 'lanczos'")


@pytest.mark.parametrize("of", ["href", "chip"])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32633", "EPSG:3857"])
def test_transform_is_what_gdal_suggests(
    con: duckdb.DuckDBPyConnection, scenes: Path, of: str, crs: str
) -> None:
    path = scenes / "a.tif"
    query = {
        "href": "SELECT RS_Transform($1, $2) AS m",
        "chip": "SELECT RS_Transform(c, $2) AS m FROM read_cog($1) AS c",
    }
    found = chip(con, query[of], str(path), crs)
    with rasterio.open(path) as dataset, WarpedVRT(dataset, crs=crs, tolerance=1e-7) as warped:
        assert found["shape"] == [2, warped.height, warped.width]
        np.testing.assert_allclose(found["transform"], warped.transform[:6], rtol=1e-9)
        different = (found["pixels"] != warped.read()).mean()
    assert different < 1e-3, "the corner differs in its last digits, so some pixels at edges do"


def test_transform_to_a_resolution_lies_on_its_lines(con: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    found = chip(con, "SELECT RS_Transform($1, 'EPSG:3035', 'average', 30) AS m", str(scenes / "a.tif"))
    assert found["transform"][0] == 30
    assert found["transform"][2] % 30 == found["transform"][5] % 30 == 0
    assert con.execute("SELECT RS_Transform($1, NULL)", [str(scenes / "a.tif")]).fetchall() == [(None,)]


def literal(pixels: Any, transform: str) -> str:
    bands, rows, columns = pixels.shape
    text = pixels.astype("<f8").tobytes().hex()
    return (
        f"{{'dtype': 'float64', 'shape': [{bands}, {rows}, {columns}]::INTEGER[3], "
        f"'data': from_hex('{text}'), "
        f"'valid': NULL::BLOB, 'transform': {transform}::DOUBLE[6], 'crs': 'EPSG:3857'}}"
    )


SEDONA = np.array([[[1, 2, 3, 5], [4, 5, 6, 9], [7, 8, 9, 10]]])
"""The raster of the examples in Sedona's documentation of RS_Resample, whose answers these are."""


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ("6, 5, gridX := 1, gridY := -1", ["112335", "112335", "445669", "77899:", "77899:"]),
        ("1.2, -1.4, true, gridX := 1, gridY := -1", ["1123355", "1123355", "4456699", "77899::", "77899::"]),
    ],
)
def test_resample_is_sedonas(con: duckdb.DuckDBPyConnection, arguments: str, rows: list[str]) -> None:
    given = literal(SEDONA, "[2, 0, 0, 0, -2, 0]")
    found = chip(con, f"SELECT RS_Resample({given}, {arguments}) AS m")
    want = [[ord(digit) - ord("0") for digit in row] for row in rows]
    np.testing.assert_array_equal(found["pixels"][0], want)


def test_resample_keeps_the_ground(con: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    path = scenes / "a.tif"
    found = chip(con, "SELECT RS_Resample($1, 60, 52, algorithm := 'average', level := 0) AS m", str(path))
    assert found["shape"] == [2, 52, 60]
    assert found["transform"] == [50, 0, UTM32.c, 0, -50, UTM32.f]
    with rasterio.open(path) as dataset:
        pixels = np.ma.masked_equal(dataset.read().astype(float), 0)
    blocks = pixels.reshape(2, 52, 5, 60, 5).mean(axis=(2, 4))
    np.testing.assert_array_equal(found["valid"], ~np.ma.getmaskarray(blocks)[0])
    difference = np.abs(found["pixels"] - blocks.filled(0))
    assert difference.max() <= 0.5 + 1e-9
    said = message(con, "SELECT RS_Resample($1, 0.5, 10)", str(path))
    assert said.startswith("RS_Resample: 0.5 x 10 pixels: columns and rows are at least 1 each")
    said = message(con, "SELECT RS_Resample($1, 0, 10, true)", str(path))
    assert said == "RS_Resample: pixels of 0 x 10: a scale is a number other than 0"


SMALL = 3_000_000
"""Bytes of the real files that are compared."""
EASE_GRID = "FROM read_cog($1, crs := 'EPSG:6931', size := 150, resampling := $2, level := 0)"


def real_files(con: duckdb.DuckDBPyConnection, folder: Path) -> list[Path]:
    """Small ones that lie somewhere; JPEG is decoded otherwise by GDAL."""
    paths = [str(path) for path in sorted(folder.rglob("*.tif")) if path.stat().st_size < SMALL]
    query = """
        SELECT p.path FROM unnest($1) AS p(path), cog_header(p.path) AS h
        WHERE h.error IS NULL AND NOT contains(h.crs, 'EUROPA')
          AND h.compression <> 'jpeg' AND NOT starts_with(h.dtype, 'complex')
          AND h.width::BIGINT * h.height < 2_000_000
        ORDER BY p.path
    """
    return [Path(path) for (path,) in con.execute(query, [paths]).fetchall()]


def near_an_edge(path: Path, found: dict[str, Any]) -> Any:
    """Pixels that look at an edge, to 3 mm: the wheels of pyproj and rasterio bring PROJs that far apart."""
    with rasterio.open(path) as dataset:
        there = Transformer.from_crs(found["crs"], dataset.crs, always_xy=True)
        columns, rows = np.meshgrid(np.arange(found["width"]) + 0.5, np.arange(found["height"]) + 0.5)
        x, y = Affine(*found["transform"]) * (columns, rows)
        place = np.stack(~dataset.transform * there.transform(x, y))
        metres = dataset.crs.linear_units_factor[1] if dataset.crs.is_projected else 111_000
        slack = 0.003 / metres / abs(dataset.transform.determinant) ** 0.5
        return (np.abs(place - np.round(place)) < slack).any(axis=0)


@pytest.mark.parametrize("resampling", ["nearest", "bilinear"])
def test_real_files(con: duckdb.DuckDBPyConnection, shared_data: Path, resampling: str) -> None:
    """Fitted to 150 x 150 pixels of another projection, they are what GDAL makes of them."""
    compared = 0
    for path in real_files(con, shared_data / "cog"):
        found = chip(con, EASE_GRID, str(path), resampling)
        if resampling != "nearest" and found["nodata"] is not None and len(found["pixels"]) > 1:
            continue  # where one band is nodata GDAL blends nodata into it
        want, mask = gdal(path, found, resampling)
        good = found["valid"]
        ours, theirs = (pixels[:, good].astype(float) for pixels in (found["pixels"], want))
        step = 1.0 if resampling != "nearest" and found["pixels"].dtype.kind in "iu" else 0.0
        close = np.isclose(ours, theirs, rtol=1.1e-5, atol=step, equal_nan=True)
        close |= near_an_edge(path, found)[good]
        assert (~close).sum() <= close.size // 1000, path.name
        assert (good & ~mask).sum() <= 2, "fitted to the edges, where rounding decides"
        compared += 1
    assert compared >= 20


def test_cursors_share_nothing(con: duckdb.DuckDBPyConnection, scenes: Path) -> None:
    with closing(con.cursor()) as cursor:
        rasteret_sql.register(cursor)
        query = f"SELECT md5(data) FROM read_cog($1, {BOX}, {GRID})"
        assert (
            cursor.execute(query, [str(scenes / "a.tif")]).fetchall()
            == con.execute(query, [str(scenes / "a.tif")]).fetchall()
        )
