"""read_cog of several rasters under names, beside rasterio and NumPy."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.features import geometry_mask
from rasterio.vrt import WarpedVRT
from shapely import Polygon, to_wkt

from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.settings import configure
from tests.duck.band_files import write as write_plain
from tests.duck.corpus import HEIGHT, UTM32, UTM33, WIDTH, texture, write
from tests.duck.refusals import message
from tests.raster.warping import EXACT
from tests.store.server import FaultServer

Array = npt.NDArray[Any]
Band = tuple[Array, Array]
"""Pixels and which are valid, ``(rows, columns)``."""
LEFT, DOWN = 100, 50
"""Pixels of red before ``part`` begins."""
NEXT_ZONE = UTM33.translation(6_500, 1_460) @ UTM33
"""Over a part of the same place."""
CRS = "aoi_crs := 'EPSG:32632'"
WINDOW = "{'x_off': 22, 'y_off': 31, 'width': 75, 'height': 64}"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stacked")
    write(folder / "red.tif", texture(1, "uint16", 1), nodata=0, names=("B04",))
    write(folder / "nir.tif", texture(1, "uint16", 2), nodata=0)
    coarse = UTM32 @ UTM32.scale(2)
    write(folder / "swir.tif", texture(1, "int16", 3)[:, ::2, ::2] - 1, nodata=-1, transform=coarse)
    classes = np.random.default_rng(4).integers(0, 11, (1, HEIGHT // 2, WIDTH // 2)).astype(np.uint8)
    write(folder / "scl.tif", classes, transform=coarse)
    shifted = UTM32 @ UTM32.translation(LEFT, DOWN)
    write(folder / "part.tif", texture(1, "float32", 5), nodata=-9999, transform=shifted)
    write(folder / "zone.tif", texture(1, "uint16", 6), nodata=0, crs="EPSG:32633", transform=NEXT_ZONE)
    write(folder / "rgb.tif", texture(3, "uint8", 7), names=("R", "G", "B"))
    mask = np.random.default_rng(8).integers(0, 2, (HEIGHT, WIDTH)).astype(bool)
    write(folder / "masked.tif", texture(1, "uint16", 8), mask=mask)
    write_plain(folder / "local.tif", texture(1, "uint16", 9), crs=None)
    write_plain(folder / "local20.tif", texture(1, "uint16", 10)[:, ::2, ::2], coarse, crs=None)
    write_plain(folder / "dn.tif", texture(1, "int16", 11), nodata=0, scales=((0.0001,), (-0.1,)))
    return folder


@pytest.fixture
def con(con: duckdb.DuckDBPyConnection, scene: Path) -> duckdb.DuckDBPyConnection:
    con.execute(
        "CREATE TABLE idx AS SELECT split_part(parse_filename(file), '.', 1) AS band, h.* "
        "FROM glob($1) AS g(file), cog_header(file) AS h",
        [str(scene / "*.tif")],
    )
    con.execute("CREATE TABLE scene AS SELECT map(list(band), list(i)) AS rasters FROM idx AS i")
    con.execute("CREATE TABLE hrefs AS SELECT map(list(band), list(href)) AS rasters FROM idx AS i")
    return con


def chips(con: duckdb.DuckDBPyConnection, arguments: str, rows: str = "scene") -> list[dict[str, Any]]:
    return [c for (c,) in con.execute(f"SELECT c FROM {rows}, read_cog({arguments}) AS c").fetchall()]


def chip(con: duckdb.DuckDBPyConnection, arguments: str, rows: str = "scene") -> dict[str, Any]:
    (found,) = chips(con, arguments, rows)
    assert found["error"] is None
    return found


def decoded(found: dict[str, Any]) -> tuple[Array, Array]:
    """Pixels ``(bands, rows, columns)`` and which are valid."""
    shape = found["shape"]
    assert shape == [len(found["bands"]), found["height"], found["width"]]
    data = np.frombuffer(found["data"], found["dtype"]).reshape(shape)
    seen = found["valid"]
    return data, np.ones(shape[1:], bool) if seen is None else np.frombuffer(seen, bool).reshape(shape[1:])


def same(found: dict[str, Any], bands: list[Band], dtype: str, inside: Array | None = None) -> None:
    data, valid = decoded(found)
    assert found["dtype"] == dtype
    np.testing.assert_array_equal(data, np.stack([pixels for pixels, _ in bands]).astype(dtype))
    expected = np.any([seen for _, seen in bands], axis=0)
    np.testing.assert_array_equal(valid, expected if inside is None else expected & inside)


def own(scene: Path, name: str, band: int = 1) -> Band:
    with rasterio.open(scene / f"{name}.tif") as dataset:
        return dataset.read(band), dataset.dataset_mask() != 0


def on_red(scene: Path, name: str) -> Band:
    """A raster on the grid of red, all of it."""
    pixels, valid = own(scene, name)
    if name in ("swir", "scl", "local20"):
        return (np.repeat(np.repeat(pixels, 2, 0), 2, 1), np.repeat(np.repeat(valid, 2, 0), 2, 1))
    if name == "part":
        moved, seen = np.full((HEIGHT, WIDTH), -9999, pixels.dtype), np.zeros((HEIGHT, WIDTH), bool)
        moved[DOWN:, LEFT:] = pixels[: HEIGHT - DOWN, : WIDTH - LEFT]
        seen[DOWN:, LEFT:] = valid[: HEIGHT - DOWN, : WIDTH - LEFT]
        return moved, seen
    return pixels, valid


def warped(path: Path, crs: str, transform: Any, size: tuple[int, int], resampling: str) -> Band:
    """By GDAL with an exact transformation."""
    with (
        rasterio.open(path) as dataset,
        WarpedVRT(
            dataset, crs=crs, transform=transform, width=size[0], height=size[1], tolerance=EXACT,
            resampling=Resampling[resampling],
        ) as vrt,
    ):  # fmt: skip
        return vrt.read(1), vrt.dataset_mask() != 0


def cut(band: Band, rows: slice, columns: slice) -> Band:
    return band[0][rows, columns], band[1][rows, columns]


WAYS = [
    ("rasters", "scene"),
    ("rasters", "hrefs"),
    ("{'nir': n, 'red': r}", "idx AS n JOIN idx AS r ON (n.band, r.band) = ('nir', 'red')"),
    ("{'nir': n.href, 'red': r.href}", "idx AS n JOIN idx AS r ON (n.band, r.band) = ('nir', 'red')"),
    ("{'nir': n.href, 'red': r}", "idx AS n JOIN idx AS r ON (n.band, r.band) = ('nir', 'red')"),
    ("map(list_concat(['none'], map_keys(rasters)), list_concat([NULL], map_values(rasters)))", "scene"),
]


@pytest.mark.parametrize(("rasters", "rows"), WAYS)
def test_rasters_in_every_form(con: duckdb.DuckDBPyConnection, scene: Path, rasters: str, rows: str) -> None:
    found = chip(con, f"{rasters}, bands := ['red', 'nir']", rows)
    same(found, [own(scene, "red"), own(scene, "nir")], "uint16")
    assert found["href"] == str(scene / "red.tif")
    assert found["band_names"] == ["red", "nir"]
    assert (found["nodata"], found["level"], found["x_off"], found["y_off"]) == (0, 0, 0, 0)


NAMES = [["nir", "red"], ["red", "red"], ["red", "swir", "red"], ["red", "part"], ["red", "scl"], ["red"]]
NAMES += [["swir", "scl"], ["red", "masked", "swir"], ["local", "local20"], ["local20"]]


@pytest.mark.parametrize("names", NAMES, ids="+".join)
@pytest.mark.parametrize("window", [True, False])
def test_bands_in_any_order(
    con: duckdb.DuckDBPyConnection, scene: Path, names: list[str], window: bool
) -> None:
    found = chip(con, f"rasters, {WINDOW if window else repr('all')}, bands := {names}")
    rows, columns = (slice(31, 95), slice(22, 97)) if window else (slice(None), slice(None))
    coarse = names[0] in ("swir", "local20")
    bands = [cut(own(scene, n) if coarse else on_red(scene, n), rows, columns) for n in names]
    dtype = np.result_type(*(pixels.dtype for pixels, _ in bands)).name
    same(found, bands, dtype)
    nodatas = {"red": 0, "nir": 0, "swir": -1, "part": -9999}
    common = {nodatas.get(name) for name in names}
    assert found["nodata"] == (common.pop() if len(common) == 1 else None)


def test_a_finer_raster_gives_the_pixel_at_the_centre_of_the_first(
    con: duckdb.DuckDBPyConnection, scene: Path
) -> None:
    found = chip(con, "rasters, bands := ['swir', 'red']")
    red = own(scene, "red")
    same(found, [own(scene, "swir"), cut(red, slice(1, None, 2), slice(1, None, 2))], "int32")


def test_another_zone_is_warped_by_the_nearest_pixel(con: duckdb.DuckDBPyConnection, scene: Path) -> None:
    found = chip(con, "rasters, bands := ['red', 'zone']")
    zone = warped(scene / "zone.tif", "EPSG:32632", UTM32, (WIDTH, HEIGHT), "nearest")
    assert 0 < zone[1].sum() < WIDTH * HEIGHT
    same(found, [own(scene, "red"), zone], "uint16")


AREA = Polygon([UTM32 * at for at in ((30.2, 40.7), (180.3, 60.1), (140.8, 170.2), (50.4, 130.9))])


@pytest.mark.parametrize("touched", [False, True])
@pytest.mark.parametrize("names", [["red", "nir", "swir"], ["nir", "part"], ["red", "masked"]])
def test_areas(con: duckdb.DuckDBPyConnection, scene: Path, names: list[str], touched: bool) -> None:
    arguments = f"rasters, '{to_wkt(AREA, rounding_precision=-1)}', {CRS}, all_touched := {touched}"
    found = chip(con, f"{arguments}, bands := {names}")
    rows, columns = slice(40, 171), slice(30, 181)
    assert (found["x_off"], found["y_off"], found["width"], found["height"]) == (30, 40, 151, 131)
    inside = geometry_mask(
        [AREA], (131, 151), UTM32 @ UTM32.translation(30, 40), all_touched=touched, invert=True
    )
    bands = [cut(on_red(scene, name), rows, columns) for name in names]
    same(found, bands, np.result_type(*(pixels.dtype for pixels, _ in bands)).name, inside)


@pytest.mark.parametrize("more", ["level := 1", "resolution := 20"])
def test_overviews(con: duckdb.DuckDBPyConnection, scene: Path, more: str) -> None:
    """The first raster's level; of the others the coarsest that is no coarser."""
    found = chip(con, f"rasters, bands := ['red', 'nir', 'swir'], {more}")
    levels = []
    for name in ("red", "nir"):
        with rasterio.open(scene / f"{name}.tif", overview_level=0) as dataset:
            levels.append((dataset.read(1), dataset.dataset_mask() != 0))
    same(found, [*levels, own(scene, "swir")], "int32")
    assert (found["level"], found["width"], found["height"]) == (1, WIDTH // 2, HEIGHT // 2)


GRIDS = [
    ("nearest", f"{WINDOW}, crs := 'EPSG:32633', resolution := 15"),
    ("bilinear", f"{WINDOW}, resampling := 'bilinear', resolution := 10"),
    ("average", f"'{to_wkt(AREA)}', {CRS}, resampling := 'average', resolution := 40"),
    ("nearest", f"[{AREA.centroid.x}, {AREA.centroid.y}], {CRS}, size := 64"),
]


@pytest.mark.parametrize(("resampling", "more"), GRIDS)
def test_grids(con: duckdb.DuckDBPyConnection, scene: Path, resampling: str, more: str) -> None:
    """Each raster is warped onto the one grid from its own pixels, as it is alone."""
    names = ["red", "swir", "zone"]
    found = chip(con, f"rasters, {more}, bands := {names}")
    place = rasterio.Affine(*found["transform"])
    bands = []
    for name in names:
        grid = f"crs := '{found['crs']}', resampling := '{resampling}'"
        box = ", ".join(repr(found["bbox"][side]) for side in ("xmin", "ymin", "xmax", "ymax"))
        size = f"[{found['width']}, {found['height']}]"
        rows = f"(FROM idx WHERE band = '{name}') AS i"
        (alone,) = chips(con, f"i, [{box}], aoi_crs := '{found['crs']}', {grid}, size := {size}", rows)
        assert rasterio.Affine(*alone["transform"]).almost_equals(place, 1e-6)
        data, valid = decoded(alone)
        bands.append((data[0], valid))
        if resampling == "nearest":
            gdal = warped(
                scene / f"{name}.tif", found["crs"], place, (found["width"], found["height"]), "nearest"
            )
            np.testing.assert_array_equal(gdal[0], data[0])
    inside = None
    if "POLYGON" in more:
        inside = geometry_mask([AREA], (found["height"], found["width"]), place, invert=True)
    same(found, bands, "int32", inside)
    assert (found["x_off"], found["y_off"]) == (None, None)


def test_longitudes_that_differ_by_a_turn(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Rasters from -180 to 180 and from 0 to 360 degrees are stacked place by place."""
    numbers = np.arange(360 * 180, dtype=np.uint16).reshape(1, 180, 360)
    for name, west in (("west", -180), ("east", 0)):
        transform = rasterio.Affine(1, 0, west, 0, -1, 90)
        write_plain(
            tmp_path / f"{name}.tif", np.roll(numbers, -180 - west, axis=2), transform, crs="EPSG:4326"
        )
    files = [f"'{tmp_path / name}.tif'" for name in ("west", "east")]
    for first, second in (files, files[::-1]):
        for box in ("-100, 10, -95, 12", "170, 10, 190, 12", "-10, 10, 10, 12", "170, 10, -170, 12"):
            found = chips(con, f"{{'a': {first}, 'b': {second}}}, [{box}]::DOUBLE[]", "range(1)")
            assert found
            for one in found:
                data, valid = decoded(one)
                assert valid.all()
                np.testing.assert_array_equal(data[0], data[1])


def test_a_raster_with_nothing_there_is_nodata(con: duckdb.DuckDBPyConnection, scene: Path) -> None:
    area = "{'x_off': 0, 'y_off': 0, 'width': 40, 'height': 40}"
    for grid in ("", ", size := 40"):
        found = chip(con, f"rasters, {area}, bands := ['red', 'part']{grid}")
        part = np.full((40, 40), -9999, np.float32), np.zeros((40, 40), bool)
        same(found, [cut(own(scene, "red"), slice(0, 40), slice(0, 40)), part], "float32")


def test_no_overlap_gives_no_row(con: duckdb.DuckDBPyConnection) -> None:
    far = "[0.0, 0.0, 1.0, 1.0]"
    assert chips(con, f"rasters, {far}, bands := ['red', 'nir']") == []
    assert (
        chips(con, f"rasters, {far}, bands := ['red', 'nir'], crs := 'EPSG:32632', resolution := 1e4") == []
    )
    assert chips(con, "rasters, NULL, bands := ['red', 'nir']") == []
    assert chips(con, "NULL::MAP(VARCHAR, VARCHAR)", "range(1)") == []


def test_numbers_count_the_rasters(con: duckdb.DuckDBPyConnection, scene: Path) -> None:
    rasters = f"map(['b', 'a'], ['{scene}/nir.tif', '{scene}/red.tif'])"
    for bands, names, numbers in (
        ("", "ba", [1, 2]),
        (", bands := [2, 1]", "ab", [2, 1]),
        (", band := 2", "a", [2]),
    ):
        found = chip(con, rasters + bands, "range(1)")
        files = {"a": own(scene, "red"), "b": own(scene, "nir")}
        same(found, [files[name] for name in names], "uint16")
        assert (found["band_names"], found["bands"]) == (list(names), numbers)


def test_rasters_of_several_bands(con: duckdb.DuckDBPyConnection, scene: Path) -> None:
    found = chip(con, "rasters, bands := ['rgb.b3', 'red', 'rgb.R', 'red.b1']")
    bands = [own(scene, "rgb", 3), own(scene, "red"), own(scene, "rgb", 1), own(scene, "red")]
    same(found, bands, "uint16")
    assert found["band_names"] == ["rgb.b3", "red", "rgb.R", "red.b1"]
    assert found["colorinterp"] == ["blue", "gray", "red", "gray"]
    text = message(con, "SELECT data FROM scene, read_cog(rasters, bands := ['red', 'rgb'])")
    assert text.startswith("read_cog: rgb (")
    assert "has 3 bands, R, G, B, or b1 to b3: name one in bands, such as 'rgb.b1'" in text


REFUSED = [
    ("rasters, bands := ['red', 'nix']", "there is no raster 'nix'; there are "),
    ("rasters, bands := 99", "there is no raster 99; there are "),
    ("rasters, bands := 0", "there is no raster 0; there are "),
    ("rasters, bands := ['red.b2']", "has no band 'b2'; its bands are B04, or b1"),
    ("rasters, bands := []::VARCHAR[]", "bands := [] asks for nothing"),
    ("map(['a'], [NULL::VARCHAR])", "the raster a is NULL"),
    ("map([]::VARCHAR[], []::VARCHAR[])", "the MAP of rasters is empty"),
    ("map([1], ['red.tif'])", "names are VARCHAR"),
    ("rasters, bands := 'red', mask := 'nix = 4'", "no raster is named nix; there are "),
    ("rasters, bands := 'red', expression := 'red + 1'", "RS_MapAlgebra('red + 1', rasters, aoi)"),
    ("{'red': c}, bands := 'red'", "red is a chip"),
    ("rasters, bands := ['red', 'local']", "local"),
    ("rasters, bands := 'red', level := 1, resolution := 20", "exclude each other"),
]


@pytest.mark.parametrize(("arguments", "expected"), REFUSED)
def test_what_is_not_there(con: duckdb.DuckDBPyConnection, arguments: str, expected: str) -> None:
    rows = "scene, (SELECT c FROM idx AS i, read_cog(i) AS c WHERE i.band = 'red')"
    text = message(con, f"SELECT r.data FROM {rows}, read_cog({arguments}) AS r")
    assert text.startswith("read_cog: ")
    assert expected in text
    if expected.endswith("there are "):
        assert "red" in text.split("there are ")[1]


def test_an_error_in_a_row(con: duckdb.DuckDBPyConnection, scene: Path) -> None:
    (scene / "cut.tif").write_bytes((scene / "nir.tif").read_bytes()[:9000])
    try:
        rasters = f"map(['red', 'nir'], ['{scene}/red.tif', '{scene}/' || name])"
        rows = "(VALUES ('nir.tif'), ('none.tif'), ('cut.tif')) AS n(name)"
        found = chips(con, f"{rasters}, on_error := 'null'", rows)
    finally:
        (scene / "cut.tif").unlink()
    errors = {one["error"] for one in found if one["data"] is None}
    assert len(found) == 3
    assert len(errors) == 2
    assert any("none.tif" in error for error in errors)
    assert all(one["href"] == f"{scene}/red.tif" for one in found)


def test_a_mask_by_name(con: duckdb.DuckDBPyConnection, scene: Path) -> None:
    found = chip(con, f"rasters, {WINDOW}, bands := ['red', 'nir'], mask := 'scl IN (4, 5)'")
    rows, columns = slice(31, 95), slice(22, 97)
    bands = [cut(own(scene, name), rows, columns) for name in ("red", "nir")]
    classes = on_red(scene, "scl")[0][rows, columns]
    same(found, bands, "uint16", np.isin(classes, (4, 5)))
    mixed = chip(con, f"rasters, {WINDOW}, bands := ['red', 'scl'], mask := 'scl > 3 AND rgb.b2 > red'")
    data, valid = decoded(mixed)
    green = own(scene, "rgb", 2)[0][rows, columns]
    np.testing.assert_array_equal(valid, (classes > 3) & (green > bands[0][0]) & bands[0][1])
    np.testing.assert_array_equal(data[1], classes)


def test_classes_of_a_mask_are_not_blended(con: duckdb.DuckDBPyConnection, scene: Path) -> None:
    grid = f"{WINDOW}, resolution := 7, resampling := 'bilinear'"
    plain, masked = (
        chip(con, f"rasters, {grid}, bands := ['red']{more}") for more in ("", ", mask := 'scl = 4'")
    )
    size = plain["width"], plain["height"]
    classes, seen = warped(
        scene / "scl.tif", plain["crs"], rasterio.Affine(*plain["transform"]), size, "nearest"
    )
    assert plain["data"] == masked["data"]
    np.testing.assert_array_equal(decoded(masked)[1], decoded(plain)[1] & seen & (classes == 4))


def test_physical_values(con: duckdb.DuckDBPyConnection, scene: Path) -> None:
    stored = chip(con, "rasters, bands := ['dn', 'red']")
    assert (stored["dtype"], stored["scales"], stored["offsets"]) == ("int32", [0.0001, 1.0], [-0.1, 0.0])
    found = chip(con, "rasters, bands := ['dn', 'red', 'part'], scale := true")
    bands = []
    for name in ("dn", "red", "part"):
        pixels, valid = on_red(scene, name)
        physical = pixels * 0.0001 - 0.1 if name == "dn" else pixels.astype(float)
        bands.append((np.where(valid, physical, np.nan), valid))
    same(found, bands, "float64")
    assert math.isnan(found["nodata"])
    assert found["scales"] is None
    masked = chip(con, "rasters, bands := ['red'], mask := 'dn < 0.05'")
    np.testing.assert_array_equal(decoded(masked)[1], own(scene, "red")[1] & (bands[0][0] < 0.05))


def test_a_chip_of_several_rasters_in_other_functions(con: duckdb.DuckDBPyConnection, scene: Path) -> None:
    rows = f"scene, read_cog(rasters, {WINDOW}, bands := ['red', 'nir']) AS c"
    query = f"SELECT RS_MapAlgebra('(nir - red) / (nir + red)', c), RS_AsGeoTiff(c) FROM {rows}"
    ((algebra, file),) = con.execute(query).fetchall()
    (red, _), (nir, seen) = (cut(own(scene, n), slice(31, 95), slice(22, 97)) for n in ("red", "nir"))
    ratio = np.frombuffer(algebra["data"], "f8").reshape(64, 75)
    seen = seen & (red != 0)
    red_seen, nir_seen = red[seen].astype(float), nir[seen].astype(float)
    np.testing.assert_array_equal(ratio[seen], (nir_seen - red_seen) / (nir_seen + red_seen))
    with rasterio.MemoryFile(file).open() as dataset:
        np.testing.assert_array_equal(dataset.read(), [red, nir])
        assert dataset.descriptions == ("red", "nir")


def test_a_palette_is_the_first_bands(con: duckdb.DuckDBPyConnection, scene: Path, tmp_path: Path) -> None:
    """A GeoTIFF has a colour table for its first band alone, and every chip can be written."""
    path = tmp_path / "palette.tif"
    write_plain(path, texture(1, "uint8", 12))
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {i: (i, 0, 255 - i, 255) for i in range(256)})
    for names, colours, length in (("pr", ["palette", "gray"], 768), ("rp", ["gray", "undefined"], None)):
        files = {"p": path, "r": scene / "red.tif"}
        rasters = ", ".join(f"'{name}': '{files[name]}'" for name in names)
        query = f"SELECT colorinterp, len(colormap), RS_AsGeoTiff(c) FROM read_cog({{{rasters}}}) AS c"
        ((found, entries, file),) = con.execute(query).fetchall()
        assert (found, entries) == (colours, length)
        with rasterio.MemoryFile(file).open() as dataset:
            assert [colour.name for colour in dataset.colorinterp] == colours
            np.testing.assert_array_equal(
                dataset.read(), np.stack([own(files[n].parent, files[n].stem)[0] for n in names])
            )


@pytest.fixture
def served(con: duckdb.DuckDBPyConnection, scene: Path) -> Any:
    BLOCKS.clear()
    with FaultServer({path.name: path.read_bytes() for path in scene.glob("*.tif")}) as server:
        names = json.dumps(["red", "nir", "swir", "scl"]).replace('"', "'")
        con.execute(
            f"CREATE TABLE far AS SELECT n AS band, h.* FROM (SELECT unnest({names}) AS n), "
            "cog_header($1 || n || '.tif') AS h",
            [server.url("")],
        )
        server.clear()
        yield server
    BLOCKS.clear()


def test_planning_reads_no_pixels(con: duckdb.DuckDBPyConnection, served: FaultServer) -> None:
    rows = "(SELECT map(list(band), list(i)) AS rasters FROM far AS i)"
    (plan,) = con.execute(f"SELECT shape FROM {rows}, read_cog(rasters, bands := ['red', 'swir'])").fetchall()
    assert plan == ([2, HEIGHT, WIDTH],)
    assert served.requests == []


def test_only_what_is_asked_for_is_opened(con: duckdb.DuckDBPyConnection, served: FaultServer) -> None:
    rasters = "(SELECT map(list(band), list(href || '?new')) AS rasters FROM far)"
    query = f"SELECT dtype FROM {rasters}, read_cog(rasters, bands := 'red', mask := 'scl = 4')"
    assert con.execute(query).fetchall() == [("uint16",)]
    assert {request.target for request in served.requests} == {"/red.tif?new", "/scl.tif?new"}


def test_each_tile_is_read_once(con: duckdb.DuckDBPyConnection, served: FaultServer) -> None:
    """Chips share tiles, a band is asked for twice and masked by a third."""
    rows = "(SELECT map(list(band), list(i)) AS rasters FROM far AS i), range(30) AS r(n)"
    window = "{'x_off': 3 * n, 'y_off': 2 * n, 'width': 60, 'height': 60}"
    configure(tile_cache_bytes=0)
    try:
        query = (
            f"SELECT count(data) FROM {rows}, "
            f"read_cog(rasters, {window}, bands := ['red', 'swir', 'red'], mask := 'scl > 3 AND red > 0')"
        )
        assert con.execute(query).fetchall() == [(30,)]
    finally:
        configure(tile_cache_bytes=None)
    asked = [(request.target, request.range) for request in served.requests]
    assert len(asked) == len(set(asked))
    assert len({target for target, _ in asked}) == 3
    assert len(asked) <= 6


def test_many_rows(con: duckdb.DuckDBPyConnection, scene: Path) -> None:
    """Maps of several rows, some NULL, in one vector."""
    rows = (
        f"(SELECT n, CASE WHEN n % 3 > 0 THEN map(['a', 'b'], ['{scene}/red.tif', '{scene}/' || "
        "['nir.tif', 'swir.tif'][n % 2 + 1]]) END AS rasters FROM range(60) AS r(n))"
    )
    window = "{'x_off': n, 'y_off': 0, 'width': 20, 'height': 10}"
    found = con.execute(f"SELECT n, c FROM {rows}, read_cog(rasters, {window}) AS c ORDER BY n").fetchall()
    assert [n for n, _ in found] == [n for n in range(60) if n % 3]
    for n, one in found:
        bands = [
            cut(on_red(scene, name), slice(0, 10), slice(n, n + 20))
            for name in ("red", ("nir", "swir")[n % 2])
        ]
        same(one, bands, "int32" if n % 2 else "uint16")


def test_tiles_of_several_rasters_are_refused(con: duckdb.DuckDBPyConnection) -> None:
    text = message(con, "SELECT data FROM scene, read_cog_tiles(rasters)")
    assert "a MAP of rasters" in text
    assert "read_cog" in text
    assert len(text) < 300
