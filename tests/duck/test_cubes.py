"""read_cube: many scenes on one grid, beside rasterio's WarpedVRT, its masks and NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling
from rasterio.features import geometry_mask
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from shapely import Polygon, box, to_wkt

from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geo.grid_mapping import Mapping
from rasteret_sql.raster.warp.resample import filter_scale
from rasteret_sql.settings import configure
from tests.duck.band_files import write
from tests.duck.corpus import HEIGHT, UTM32, UTM33, WIDTH, texture
from tests.duck.corpus import write as write_cog
from tests.duck.refusals import message
from tests.raster.warping import EXACT
from tests.store.server import FaultServer

Array = npt.NDArray[Any]
DAY = datetime(2024, 5, 1, 10, 30, tzinfo=UTC)
CLEAR = (4, 5)
BANDS = ("red", "nir", "scl")
NEXT_ZONE = UTM33.translation(6_500, 1_460) @ UTM33
CRS = "aoi_crs := 'EPSG:32632'"


@dataclass(frozen=True)
class Scene:
    """What is written of one scene."""

    name: str
    time: datetime
    crs: str
    transform: Affine


SCENES = (
    Scene("a", DAY, "EPSG:32632", UTM32),
    Scene("b", DAY + timedelta(seconds=12), "EPSG:32632", UTM32 @ Affine.translation(100, 50)),
    Scene("c", DAY + timedelta(days=5), "EPSG:32633", NEXT_ZONE),
    Scene("d", DAY + timedelta(days=10), "EPSG:32632", UTM32 @ Affine.translation(0.3137, 0.2071)),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cubes")
    for seed, scene in enumerate(SCENES):
        for number, band in enumerate(BANDS[:2]):
            pixels = texture(1, "uint16", 10 * seed + number)
            write(folder / f"{scene.name}_{band}.tif", pixels, scene.transform, nodata=0, crs=scene.crs)
        classes = np.random.default_rng(seed).integers(3, 6, (1, HEIGHT // 2, WIDTH // 2)).astype(np.uint8)
        write(
            folder / f"{scene.name}_scl.tif",
            classes,
            scene.transform @ Affine.scale(2),
            nodata=0,
            crs=scene.crs,
        )
    return folder


def index(con: duckdb.DuckDBPyConnection, folder: Path, base: str = "") -> None:
    times = ", ".join(f"('{scene.name}', '{scene.time.isoformat()}'::TIMESTAMPTZ)" for scene in SCENES)
    con.execute(
        "CREATE OR REPLACE TABLE idx AS SELECT split_part(parse_filename(file), '_', 1) AS id, s.datetime, "
        "split_part(parse_filename(file, true), '_', 2) AS band, h.* FROM glob($1) AS g(file), "
        f"cog_header($2 || parse_filename(file)) AS h JOIN (VALUES {times}) AS s(id, datetime) "
        "ON s.id = split_part(parse_filename(file), '_', 1)",
        [str(folder / "[a-d]_*.tif"), base or f"{folder}/"],
    )


@pytest.fixture(scope="module")
def cube_con(module_con: duckdb.DuckDBPyConnection, folder: Path) -> duckdb.DuckDBPyConnection:
    index(module_con, folder)
    return module_con


def cubes(
    con: duckdb.DuckDBPyConnection, arguments: str, where: str = "true", order: str = "i.datetime"
) -> list[dict[str, Any]]:
    query = (
        f"SELECT c FROM (SELECT list(i ORDER BY {order}) AS scenes FROM idx AS i WHERE {where}) AS s, "
        f"read_cube(s.scenes, {arguments}) AS c"
    )
    return [c for (c,) in con.execute(query).fetchall()]


def cube(con: duckdb.DuckDBPyConnection, arguments: str, where: str = "true", **more: Any) -> dict[str, Any]:
    (found,) = cubes(con, arguments, where, **more)
    return found


def decoded(found: dict[str, Any]) -> tuple[Array, Array]:
    """Pixels (time, band, row, column) and which are valid (time, row, column)."""
    steps, _, rows, columns = found["shape"]
    data = np.frombuffer(found["data"], found["dtype"]).reshape(found["shape"])
    if found["valid"] is None:
        return data, np.ones((steps, rows, columns), bool)
    return data, np.frombuffer(found["valid"], bool).reshape(steps, rows, columns)


def warped(path: Path, found: dict[str, Any], resampling: str) -> tuple[Array, Array]:
    """One band on the grid of a cube, by GDAL with an exact transformation."""
    _, _, rows, columns = found["shape"]
    with rasterio.open(path) as dataset:
        source = Grid(
            crs=str(dataset.crs), transform=dataset.transform[:6], width=dataset.width, height=dataset.height
        )
        target = Grid(crs=found["crs"], transform=tuple(found["transform"]), width=columns, height=rows)
        scales = [
            repr(1 / step if step < 1 else filter_scale(step))
            for step in Mapping(target=target, source=source).scales()
        ]
        extra: dict[str, Any] = {} if resampling == "nearest" else {"XSCALE": scales[0], "YSCALE": scales[1]}
        with WarpedVRT(
            dataset, crs=found["crs"], transform=Affine(*found["transform"]), width=columns, height=rows,
            tolerance=EXACT, resampling=Resampling[resampling], **extra,
        ) as vrt:  # fmt: skip
            return vrt.read(1), vrt.dataset_mask() != 0


def expected(
    folder: Path,
    found: dict[str, Any],
    steps: Sequence[Sequence[str]],
    bands: Sequence[str],
    *,
    resampling: str = "nearest",
    masked: bool = False,
    inside: Array | None = None,
) -> tuple[Array, Array]:
    """The cube as NumPy puts it together from GDAL's pixels: the first valid scene of each step."""
    slices, masks = [], []
    for names in steps:
        out, seen = None, None
        for name in names:
            read = [warped(folder / f"{name}_{band}.tif", found, resampling) for band in bands]
            pixels = np.stack([one for one, _ in read]).astype(found["dtype"])
            valid = np.any([one for _, one in read], axis=0)
            if masked:
                classes, there = warped(folder / f"{name}_scl.tif", found, "nearest")
                valid &= there & np.isin(classes, CLEAR)
            if out is None:
                out, seen = pixels, valid
            else:
                taken = valid & ~seen
                out[:, taken], seen = pixels[:, taken], seen | valid
        slices.append(out)
        masks.append(seen if inside is None else seen & inside)
    return np.stack(slices), np.stack(masks)


def same(found: dict[str, Any], pixels: Array, valid: Array) -> None:
    data, seen = decoded(found)
    np.testing.assert_array_equal(seen, valid)
    np.testing.assert_array_equal(data, pixels)


AREA = Polygon([UTM32 * at for at in ((30.2, 40.7), (180.3, 60.1), (140.8, 170.2), (50.4, 130.9))])
WKT = f"'{to_wkt(AREA, rounding_precision=-1)}'"


def test_scenes_on_the_pixels_of_the_first(cube_con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    found = cube(cube_con, f"{WKT}, {CRS}, bands := ['nir', 'red']", "i.id IN ('a', 'b', 'd')")
    assert found["bands"] == ["nir", "red"]
    assert found["shape"] == [3, 2, 131, 151]
    assert found["crs"] == "EPSG:32632"
    assert Affine(*found["transform"]) == UTM32 @ UTM32.translation(30, 40)
    assert found["time"] == [scene.time for scene in SCENES if scene.name != "c"]
    assert (found["dtype"], found["nodata"], found["errors"]) == ("uint16", 0, None)
    inside = geometry_mask([AREA], (131, 151), Affine(*found["transform"]), invert=True)
    same(found, *expected(folder, found, ["a", "b", "d"], ["nir", "red"], inside=inside))


def test_the_window_of_one_scene_is_that_of_read_cog(cube_con: duckdb.DuckDBPyConnection) -> None:
    found = cube(cube_con, f"{WKT}, {CRS}, bands := ['red']", "i.id = 'a'")
    (chip,) = cube_con.execute(
        f"SELECT c FROM idx AS i, read_cog(i, {WKT}, {CRS}) AS c WHERE i.id = 'a' AND i.band = 'red'"
    ).fetchall()[0]
    for name in ("transform", "crs", "bbox", "dtype", "nodata", "data", "valid"):
        assert found[name] == chip[name], name
    assert found["shape"] == [1, *chip["shape"]]


def test_two_zones_meet_in_the_zone_of_the_area(cube_con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    found = cube(cube_con, f"{WKT}, {CRS}, bands := 'red', resolution := 20")
    assert found["crs"] == "EPSG:32632"
    assert found["transform"][0] == 20
    inside = geometry_mask([AREA], found["shape"][2:], Affine(*found["transform"]), invert=True)
    same(found, *expected(folder, found, ["a", "b", "c", "d"], ["red"], inside=inside))
    east = cube(cube_con, "[11.68, 47.8, 12.4, 47.82], bands := 'red', resolution := 100")
    assert east["crs"] == "EPSG:32633"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_areas_dates_zones_and_masks(
    cube_con: duckdb.DuckDBPyConnection, folder: Path, data: st.DataObject
) -> None:
    names = data.draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True))
    bands = data.draw(st.sampled_from([["red"], ["nir", "red"], ["red", "scl"]]))
    corner = st.tuples(st.floats(-20, WIDTH + 60), st.floats(-20, HEIGHT + 60))
    area = Polygon([UTM32 * at for at in data.draw(st.lists(corner, min_size=3, max_size=5))])
    if area.area < 1_000:
        area = box(*(UTM32 * (40.3, 90.1)), *(UTM32 * (90.9, 30.2)))
    grid = data.draw(
        st.sampled_from(
            ["", "resolution := 20", "crs := 'EPSG:32633', resolution := 15", "size := 64, resolution := 10"]
        )
    )
    resampling = data.draw(st.sampled_from(["nearest", "bilinear", "cubic"]))
    masked, touched = data.draw(st.booleans()), data.draw(st.booleans())
    fuse = data.draw(st.sampled_from([None, "solar_day", "datetime"]))
    listed = ", ".join(f"'{name}'" for name in names)
    order = f"list_position([{listed}], i.id)"
    ways = [f"bands := {bands}", f"resampling := '{resampling}'", f"all_touched := {touched}", grid]
    ways += ["mask := 'scl IN (4, 5)'"] if masked else []
    ways += [f"fuse := '{fuse}'"] if fuse else []
    wkt = to_wkt(area, rounding_precision=-1)
    arguments = f"'{wkt}', aoi_crs := 'EPSG:32632', {', '.join(filter(None, ways))}"
    found = cubes(cube_con, arguments, f"i.id IN ({listed})", order=order)
    if not found:
        assert not any(expected_anything(folder, name, area, bands) for name in names), (
            "a scene has pixels in the area"
        )
        return
    steps: dict[Any, list[str]] = {}
    for name in names:
        time = next(scene.time for scene in SCENES if scene.name == name)
        steps.setdefault(time.date() if fuse == "solar_day" else name, []).append(name)
    ordered = [steps[key] for key in sorted(steps, key=lambda key: min(steps[key]))]
    inside = None
    if found[0]["crs"] == "EPSG:32632":
        inside = geometry_mask(
            [area], found[0]["shape"][2:], Affine(*found[0]["transform"]), all_touched=touched, invert=True
        )
    pixels, valid = expected(
        folder, found[0], ordered, bands, resampling=resampling, masked=masked, inside=inside
    )
    seen, mask = decoded(found[0])
    seen = seen.copy()
    if inside is None:  # the area in another zone: its edge is not compared
        centre = mask.any(axis=0)
        np.testing.assert_array_equal(mask & centre, valid & centre)
    else:
        np.testing.assert_array_equal(mask, valid)
    if fuse:  # where no scene is valid, whose pixel it is means nothing
        for some in (seen, pixels):
            some[~np.broadcast_to(mask[:, np.newaxis], some.shape)] = 0
    np.testing.assert_array_equal(seen, pixels)


def expected_anything(folder: Path, name: str, area: Polygon, bands: Sequence[str]) -> bool:
    with rasterio.open(folder / f"{name}_{bands[0]}.tif") as dataset:
        if dataset.crs.to_epsg() != 32632:
            return False
        return bool(box(*dataset.bounds).buffer(-20).intersects(area.envelope.buffer(-20)))


def test_the_resolution_picks_an_overview(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    write_cog(tmp_path / "a.tif", texture(1, "uint16", 3), nodata=0)
    scenes = f"[{{'datetime': DATE '2024-05-01', 'raster': '{tmp_path / 'a.tif'}'}}]"
    ((found,),) = con.execute(f"SELECT c FROM read_cube({scenes}, resolution := 20) AS c").fetchall()
    with rasterio.open(tmp_path / "a.tif", overview_level=0) as dataset:
        pixels, valid = dataset.read(), dataset.dataset_mask() != 0
    same(found, pixels[np.newaxis], valid[np.newaxis])


FORMS = {
    "rasters": "{'datetime': datetime, 'rasters': map(list(band), list(i))}",
    "hrefs": "{'datetime': datetime, 'rasters': map(list(band), list(i.href))}",
    "struct": "{'datetime': datetime::TIMESTAMP, 'rasters': {'red': any_value(i) FILTER (band = 'red'), "
    "'scl': any_value(i) FILTER (band = 'scl'), 'nir': any_value(i.href) FILTER (band = 'nir')}}",
}


@pytest.mark.parametrize("form", FORMS)
def test_scenes_in_every_form(cube_con: duckdb.DuckDBPyConnection, form: str) -> None:
    rows = f"SELECT {FORMS[form]} AS s FROM idx AS i WHERE id IN ('a', 'b') GROUP BY id, datetime"
    asked = f"{WKT}, {CRS}, bands := ['nir', 'red'], mask := 'scl IN (4, 5)'"
    cube_con.execute("SET TimeZone = 'Europe/Berlin'")  # a TIMESTAMP without a zone is UTC
    moved = rows.replace("datetime::TIMESTAMP", "datetime AT TIME ZONE 'UTC'")
    query = (
        f"SELECT c FROM (SELECT list(s ORDER BY s.datetime) AS s FROM ({moved})), read_cube(s, {asked}) AS c"
    )
    ((found,),) = cube_con.execute(query).fetchall()
    cube_con.execute("SET TimeZone = 'UTC'")
    other = cube(cube_con, asked, "i.id IN ('a', 'b')")
    assert found == other


def test_a_raster_of_several_bands(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    write(tmp_path / "rgb.tif", texture(3, "uint8", 4), names=("R", "G", None))
    scenes = f"[{{'datetime': '2024-05-01'::TIMESTAMPTZ, 'raster': '{tmp_path / 'rgb.tif'}'}}]"
    window = "{'x_off': 5, 'y_off': 7, 'width': 20, 'height': 10}"
    ((found,),) = con.execute(f"SELECT c FROM read_cube({scenes}, {window}) AS c").fetchall()
    assert found["bands"] == ["R", "G", "b3"]
    assert found["valid"] is None
    np.testing.assert_array_equal(decoded(found)[0][0], texture(3, "uint8", 4)[:, 7:17, 5:25])
    ((two,),) = con.execute(f"SELECT c FROM read_cube({scenes}, {window}, bands := [3, 1]) AS c").fetchall()
    assert two["bands"] == ["b3", "R"]
    np.testing.assert_array_equal(decoded(two)[0][0], texture(3, "uint8", 4)[[2, 0], 7:17, 5:25])
    assert two["byte_count"] == found["byte_count"]  # the bands share their tiles


def test_an_expression_over_the_bands_of_each_scene(
    cube_con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    asked = "resolution := 10, mask := 'scl = 4', expression := '(nir - red) / (nir + red)'"
    found = cube(cube_con, f"{WKT}, {CRS}, {asked}", "i.id IN ('a', 'c')")
    assert found["bands"] == ["(nir - red) / (nir + red)"]
    assert (found["dtype"], found["shape"][:2]) == ("float64", [2, 1])
    inside = geometry_mask([AREA], found["shape"][2:], Affine(*found["transform"]), invert=True)
    data, valid = decoded(found)
    for step, name in enumerate("ac"):
        (red, seen), (nir, there), (scl, classed) = (
            warped(folder / f"{name}_{band}.tif", found, "nearest") for band in ("red", "nir", "scl")
        )
        with np.errstate(invalid="ignore"):
            ndvi = (nir.astype(float) - red) / (nir.astype(float) + red)
        kept = seen & there & classed & (scl == 4)
        np.testing.assert_array_equal(valid[step], kept & inside)
        np.testing.assert_array_equal(data[step, 0], np.where(kept, ndvi, np.nan))


def test_physical_values(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for name, offset in (("a", -0.1), ("b", 0.0)):
        write(tmp_path / f"{name}.tif", texture(1, "int16", 5), nodata=0, scales=((0.0001,), (offset,)))
    one, two = (f"{{'datetime': DATE '2024-05-0{day}', 'raster': '{tmp_path / name}'}}" for day, name in
                ((1, "a.tif"), (2, "b.tif")))  # fmt: skip
    said = message(con, f"SELECT data FROM read_cube([{one}, {two}])")
    assert (
        "band b1 of scene 1 has scale 0.0001 and offset -0.1, that of scene 2 scale 0.0001 and offset 0"
        in said
    )
    ((found,),) = con.execute(f"SELECT c FROM read_cube([{one}, {two}], scale := true) AS c").fetchall()
    stored = texture(1, "int16", 5)
    values = np.stack([0.0001 * stored + offset for offset in (-0.1, 0.0)])
    values[:, stored == 0] = np.nan
    np.testing.assert_allclose(decoded(found)[0], values, rtol=1e-15)
    assert (found["dtype"], found["scales"]) == ("float64", None)
    ((plain,),) = con.execute(f"SELECT c FROM read_cube([{one}, {two}], scale := false) AS c").fetchall()
    assert (plain["dtype"], plain["scales"]) == ("int16", None)
    ((alone,),) = con.execute(f"SELECT c FROM read_cube([{one}]) AS c").fetchall()
    assert (alone["scales"], alone["offsets"]) == ([0.0001], [-0.1])


def test_a_bad_scene_is_a_slice_that_is_not_valid(
    cube_con: duckdb.DuckDBPyConnection, folder: Path, tmp_path: Path
) -> None:
    rows = "SELECT i.* REPLACE (CASE WHEN id = 'b' THEN '/nowhere/b.tif' ELSE href END AS href) FROM idx AS i"
    query = (
        "SELECT c FROM (SELECT list(i ORDER BY datetime) AS s "
        f"FROM ({rows}) AS i WHERE id IN ('a', 'b', 'd')), "
        f"read_cube(s, {WKT}, {CRS}, bands := 'red'{{}}) AS c"
    )
    assert "/nowhere/b.tif" in message(cube_con, query.format(""))
    ((found,),) = cube_con.execute(query.format(", on_error := 'null'")).fetchall()
    inside = geometry_mask([AREA], (131, 151), Affine(*found["transform"]), invert=True)
    good = expected(folder, found, ["a", "d"], ["red"], inside=inside)
    data, valid = decoded(found)
    np.testing.assert_array_equal(data[[0, 2]], good[0])
    np.testing.assert_array_equal(valid[[0, 2]], good[1])
    assert not valid[1].any()
    assert (data[1] == 0).all()
    assert [error is None for error in found["errors"]] == [True, False, True]
    assert "/nowhere/b.tif" in found["errors"][1]
    fused = query.format(", on_error := 'null', fuse := 'solar_day'")
    ((day,),) = cube_con.execute(fused).fetchall()
    assert day["errors"][0] == found["errors"][1]
    np.testing.assert_array_equal(decoded(day)[0][0], data[0])


def test_headers_that_cannot_be_read_are_errors_too(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    good, bad = (
        f"{{'datetime': DATE '2024-05-0{day}', 'raster': '{href}'}}"
        for day, href in ((2, folder / "a_red.tif"), (1, "/nowhere/a.tif"))
    )
    window = "{'x_off': 0, 'y_off': 0, 'width': 4, 'height': 3}"
    query = f"SELECT c FROM read_cube([$scenes], {window}, on_error := 'null') AS c"
    ((found,),) = con.execute(query.replace("$scenes", f"{bad}, {good}")).fetchall()
    assert found["shape"] == [2, 1, 3, 4]
    assert found["errors"][1] is None
    assert "/nowhere/a.tif" in found["errors"][0]
    ((alone,),) = con.execute(query.replace("$scenes", bad)).fetchall()
    assert (alone["data"], alone["shape"], len(alone["time"])) == (None, None, 1)
    assert "/nowhere/a.tif" in alone["errors"][0]


def test_no_scenes_no_area_and_no_overlap_are_no_rows(cube_con: duckdb.DuckDBPyConnection) -> None:
    some = "(SELECT list(i) FROM idx AS i WHERE band = 'red')"
    for scenes, area in (
        ("NULL", "[11.7, 47.8]"),
        ("[]", "[11.7, 47.8]"),
        (some, "NULL"),
        (some.replace("'red'", "'blue'"), "[11.7, 47.8]"),
        (f"{some}[1:2]", "[10.7, 47.8, 10.71, 47.81]"),
    ):
        query = f"SELECT count(*) FROM (SELECT {scenes} AS s), read_cube(s, {area}) AS c"
        assert cube_con.execute(query).fetchall() == [(0,)], scenes


REFUSALS = {
    "[1, 2]": "scenes is a list of INTEGER; expected a list of index rows",
    "'x'": "scenes is a value of type VARCHAR; expected a list of index rows",
    "[{'raster': 'x.tif'}]": "the scenes have no column datetime, only raster; expected",
    "[{'datetime': 1, 'raster': 'x.tif'}]": "datetime is a value of type INTEGER; expected TIMESTAMP",
    "[{'datetime': NULL::DATE, 'raster': 'x.tif'}]": "scene 1 has no datetime",
    "[{'datetime': DATE '2024-05-01', 'href': 1}]": "the scenes have neither tile_offsets nor rasters",
    "(SELECT list(i) FROM (FROM idx UNION ALL FROM idx) AS i)": " twice, in /",
    "(SELECT list(i) FROM (SELECT * REPLACE ('x' AS id, now() AS datetime) FROM idx) AS i)": "tells scenes",
    "(SELECT list(i) FROM idx AS i WHERE id = 'a' OR band = 'red')": "name those of the cube in bands",
}


@pytest.mark.parametrize("scenes", REFUSALS)
def test_refusals(cube_con: duckdb.DuckDBPyConnection, scenes: str) -> None:
    said = message(cube_con, f"SELECT data FROM (SELECT {scenes} AS s), read_cube(s, {WKT}, {CRS})")
    assert said.startswith("read_cube: ")
    assert REFUSALS[scenes] in said


WAYS = {
    "fuse := 'day'": "fuse := 'day': one of 'none', 'solar_day', 'datetime' was expected",
    "bands := 'blue'": "scene a of 2024-05-01T10:30:00Z: there is no raster 'blue'; there are",
    "expression := 'nir / red', resampling := 'cubic'": "resampling := 'cubic' beside expression",
    "expression := 'nir / red', bands := ['nir']": "whose answer has one band; leave the band out",
    "mask := 'qa = 0'": "no raster is named qa",
    "crs := 'EPSG:4326'": "give resolution := or size := too",
    "resolution := 0": "resolution := 0: expected a pixel size greater than 0",
}


@pytest.mark.parametrize("asked", WAYS)
def test_refusals_of_what_is_asked(cube_con: duckdb.DuckDBPyConnection, asked: str) -> None:
    said = message(
        cube_con,
        "SELECT data FROM (SELECT list(i ORDER BY datetime) AS s FROM idx AS i), "
        f"read_cube(s, {WKT}, {CRS}, {asked})",
    )
    assert WAYS[asked] in said


@pytest.fixture
def served(con: duckdb.DuckDBPyConnection, folder: Path) -> Iterator[FaultServer]:
    """A server that has forgotten how a table ``idx`` of its files was made."""
    with FaultServer({path.name: path.read_bytes() for path in folder.glob("*.tif")}) as server:
        index(con, folder, server.url(""))
        server.clear()
        configure(tile_cache_bytes=0)
        yield server
    configure(tile_cache_bytes=None)
    BLOCKS.clear()


def test_the_cost_is_known_without_a_request(con: duckdb.DuckDBPyConnection, served: FaultServer) -> None:
    rows = "SELECT list(i) AS s FROM idx AS i WHERE id = 'a' AND band <> 'scl'"
    total = con.execute(f"SELECT sum(byte_count) FROM ({rows}), read_cube(s, {WKT}, {CRS})").fetchall()
    tiles = con.execute(
        f"SELECT sum(t.byte_count) FROM idx AS i, read_cog_tiles(i, {WKT}, {CRS}) AS t "
        "WHERE i.id = 'a' AND i.band <> 'scl'"
    ).fetchall()
    assert served.requests == []
    assert total == tiles
    assert total[0][0] > 0


def test_each_tile_is_read_once_for_all_areas(con: duckdb.DuckDBPyConnection, served: FaultServer) -> None:
    found = con.execute(
        "WITH s AS (SELECT list(i) AS s FROM idx AS i WHERE id IN ('a', 'c')), "
        "areas AS (SELECT [11.67 + x / 1000, 47.81, 11.671 + x / 1000, 47.811] AS g FROM range(25) AS r(x)) "
        "SELECT count(c.data) FROM areas, s, read_cube("
        "s.s, g, bands := ['red', 'nir'], resolution := 10, mask := 'scl = 4 AND red > 5') AS c"
    ).fetchall()
    assert found == [(25,)]
    ranges = [(request.target, request.range) for request in served.requests]
    assert len(ranges) == len(set(ranges)) > 0
    assert {target for target, _ in ranges} == {f"/{n}_{band}.tif" for n in "ac" for band in BANDS}
