"""expression := and mask := of RS_ZonalStats, RS_ZonalStatsAll, RS_Value, RS_Values and read_cog.

The oracle is NumPy over the arrays that were written: a name is NULL where the file's mask says so, and where
its own band is nodata.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rasterio.features import geometry_mask
from shapely import Polygon, to_wkt

from tests.duck.band_files import pixels, write
from tests.duck.corpus import UTM32, texture
from tests.duck.refusals import message

NDVI = "(nir - red) / (nir + red)"
CLEAR = "qa & 8 = 0"
ZONE = Polygon([(700_030, 5_299_900), (701_500, 5_299_950), (701_200, 5_298_000), (700_111, 5_298_333)])
CRS = "aoi_crs := 'EPSG:32632'"
KINDS = ("nodata", "mask", "alpha")


@dataclass(frozen=True, kw_only=True)
class File:
    """A raster with the bands red, nir and qa, and what the names are there."""

    path: str
    red: Any
    nir: Any
    qa: Any
    shown: Any
    """Where the file's mask, or alpha, shows pixels."""
    nodata: float | None

    def there(self, *names: str) -> Any:
        """Where none of some names is NULL."""
        found = self.shown.copy()
        for name in names:
            found &= getattr(self, name) != self.nodata
        return found

    @property
    def ndvi(self) -> Any:
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.nir.astype(float) - self.red) / (self.nir.astype(float) + self.red)

    @property
    def clear(self) -> Any:
        return self.there("qa") & (self.qa & 8 == 0)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, File]:
    """Bands with holes where nodata decides which pixels are valid, or an internal mask, or alpha."""
    folder, rng = tmp_path_factory.mktemp("bands"), np.random.default_rng(2)
    bands = np.concatenate([texture(1, "uint16", seed)[:, :240] for seed in (0, 1)])
    bands = np.concatenate([bands, rng.integers(0, 64, (1, 240, 300)).astype(np.uint16)])
    bands[:, rng.random((240, 300)) < 0.05] = 0
    bands[0, rng.random((240, 300)) < 0.1] = 0
    shown = rng.random((240, 300)) < 0.8
    names = ("red", "nir", "qa")
    write(folder / "nodata.tif", bands, nodata=0, names=names)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write(folder / "mask.tif", bands, names=names, interleave="band")
        with rasterio.open(folder / "mask.tif", "r+") as dataset:
            dataset.write_mask(shown)
    alpha = np.concatenate([bands, shown[np.newaxis] * np.uint16(65535)])
    write(folder / "alpha.tif", alpha, names=(*names, "alpha"))
    with rasterio.open(folder / "alpha.tif", "r+") as dataset:
        dataset.colorinterp = [
            ColorInterp.gray,
            ColorInterp.undefined,
            ColorInterp.undefined,
            ColorInterp.alpha,
        ]
    return {
        kind: File(
            path=str(folder / f"{kind}.tif"), red=bands[0], nir=bands[1], qa=bands[2],
            shown=np.ones_like(shown) if kind == "nodata" else shown, nodata=0 if kind == "nodata" else None,
        )
        for kind in KINDS
    }  # fmt: skip


@pytest.fixture(params=KINDS)
def file(request: pytest.FixtureRequest, files: dict[str, File]) -> File:
    return files[request.param]


@pytest.fixture(scope="module")
def con(module_con: duckdb.DuckDBPyConnection, files: dict[str, File]) -> duckdb.DuckDBPyConnection:
    module_con.execute(
        "CREATE TABLE idx AS SELECT h.* FROM unnest($1) AS f(path), cog_header(path) AS h",
        [[file.path for file in files.values()]],
    )
    return module_con


def one(con: duckdb.DuckDBPyConnection, query: str, *values: Any) -> Any:
    row = con.execute(query, list(values)).fetchone()
    assert row is not None
    return row[0]


def same(found: Any, values: Any, valid: Any) -> None:
    """NaN, of 0 / 0, is not valid either."""
    valid = valid & ~np.isnan(values)
    np.testing.assert_array_equal(~np.ma.getmaskarray(found), valid)
    np.testing.assert_array_equal(found.data[valid], values[valid])


# --- read_cog ----------------------------------------------------------------------------------------


def test_a_chip_of_an_expression(con: duckdb.DuckDBPyConnection, file: File) -> None:
    query = f"SELECT c FROM read_cog($1, expression := '{NDVI}', mask := '{CLEAR}') AS c"
    found = one(con, query, file.path)
    assert (found["bands"], found["dtype"], found["shape"]) == (None, "float64", [1, 240, 300])
    assert np.isnan(found["nodata"])
    same(pixels(found), file.ndvi, file.there("red", "nir") & file.clear)
    assert np.isnan(pixels(found).data[pixels(found).mask]).all()


def test_under_a_mask_alone_pixels_stay(con: duckdb.DuckDBPyConnection, file: File) -> None:
    """Where red is nodata it is not valid, though the band of the mask, read beside it, is not nodata."""
    query = f"SELECT c FROM idx AS i, read_cog(i, bands := 'red', mask := '{CLEAR}') AS c WHERE i.href = $1"
    found = one(con, query, file.path)
    assert (found["bands"], found["dtype"], found["nodata"]) == ([1], "uint16", file.nodata)
    same(pixels(found), file.red, file.there("red") & file.clear)
    np.testing.assert_array_equal(pixels(found).data, file.red)


def test_numbers_for_null_stay_inside_the_area(
    con: duckdb.DuckDBPyConnection, files: dict[str, File]
) -> None:
    file = files["nodata"]
    query = f"SELECT c FROM read_cog($1, $2, {CRS}, expression := 'coalesce(red, 7)') AS c"
    found = one(con, query, file.path, to_wkt(ZONE))
    window = (slice(found["y_off"], None), slice(found["x_off"], None))
    part = tuple(slice(s.start, s.start + n) for s, n in zip(window, found["shape"][1:], strict=True))
    inside = geometry_mask([ZONE], (240, 300), UTM32, invert=True)
    same(pixels(found), np.where(file.red == 0, 7, file.red).astype(float)[part], inside[part])
    assert (pixels(found).data[~inside[part]] == 0).all()


def test_expressions_come_before_resampling(con: duckdb.DuckDBPyConnection, files: dict[str, File]) -> None:
    """The mean of the clear pixels' NDVI, not the NDVI of means; flags are never blended."""
    file = files["nodata"]
    options = "resolution := 20, resampling := 'average'"
    query = f"SELECT c FROM read_cog($1, {options}, expression := '{NDVI}', mask := '{CLEAR}') AS c"
    found = one(con, query, file.path)
    ndvi = np.where(file.there("red", "nir") & file.clear, file.ndvi, np.nan)
    four = np.moveaxis(ndvi.reshape(120, 2, 150, 2), 2, 1).reshape(120, 150, 4)
    empty = np.isnan(four).all(axis=2)
    np.testing.assert_array_equal(np.ma.getmaskarray(pixels(found)), empty)
    np.testing.assert_allclose(pixels(found).data[~empty], np.nanmean(four[~empty], axis=1), rtol=1e-12)
    masked = one(con, f"SELECT c FROM read_cog($1, {options}, bands := 2, mask := '{CLEAR}') AS c", file.path)
    nir = np.where(file.there("nir") & file.clear, file.nir.astype(float), np.nan)
    four = np.moveaxis(nir.reshape(120, 2, 150, 2), 2, 1).reshape(120, 150, 4)
    there = ~np.isnan(four).all(axis=2)
    np.testing.assert_array_equal(~np.ma.getmaskarray(pixels(masked)), there)
    assert np.abs(pixels(masked).data[there] - np.nanmean(four[there], axis=1)).max() <= 0.5


# --- zones -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [f"expression := '{NDVI}', mask := '{CLEAR}'", f"mask := '{CLEAR}'"])
def test_statistics_of_what_is_made_of_the_bands(
    con: duckdb.DuckDBPyConnection, file: File, asked: str
) -> None:
    inside = geometry_mask([ZONE], (240, 300), UTM32, invert=True)
    values = file.ndvi if "expression" in asked else file.red
    counts = inside & file.clear & (file.there("red", "nir") if "expression" in asked else file.there("red"))
    values = values[counts & ~np.isnan(values)]
    found = one(con, f"SELECT RS_ZonalStatsAll($1, $2, {CRS}, {asked})", file.path, to_wkt(ZONE))
    assert (found["count"], found["pixels"]) == (values.size, inside.sum())
    expected = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max}
    assert {name: found[name] for name in expected} == pytest.approx(
        {name: function(values) for name, function in expected.items()}, rel=1e-12
    )
    ways = [
        f"SELECT RS_ZonalStats(i, $2, 'mean', {CRS}, {asked}) FROM idx AS i WHERE i.href = $1",
        f"SELECT RS_ZonalStats(c, $2, 'mean', {CRS}) FROM read_cog($1, bands := 1, {asked}) AS c",
    ]
    assert [one(con, way, file.path, to_wkt(ZONE)) for way in ways] == [found["mean"]] * 2


def test_nodata_that_is_not_excluded_is_a_number(
    con: duckdb.DuckDBPyConnection, files: dict[str, File]
) -> None:
    file, inside = files["nodata"], geometry_mask([ZONE], (240, 300), UTM32, invert=True)
    query = f"SELECT RS_ZonalStats($1, $2, 'sum', exclude_nodata := false, {CRS}, expression := 'red - nir')"
    assert one(con, query, file.path, to_wkt(ZONE)) == (file.red.astype(int) - file.nir)[inside].sum()


def test_several_rasters_by_name_as_in_map_algebra(
    con: duckdb.DuckDBPyConnection, files: dict[str, File], tmp_path: Path
) -> None:
    """Classes of 20 m under bands of 10 m, in zones of every size, beside a chip of RS_MapAlgebra."""
    file = files["nodata"]
    scl = np.random.default_rng(3).integers(0, 11, (1, 120, 150)).astype(np.uint8)
    write(tmp_path / "scl.tif", scl, UTM32 @ UTM32.scale(2))
    expression, mask = "(s.nir - s.red) * 1.0 / s.nir", "scl IN (4, 5, 6)"
    con.execute("CREATE TABLE scl AS FROM cog_header($1)", [str(tmp_path / "scl.tif")])
    con.execute(
        "CREATE TABLE zones AS SELECT n, [699_900 + n * 40, 5_298_000, 700_000 + n * 90, 5_300_030 - n * 30] "
        "AS zone FROM range(1, 20) AS r(n)"
    )
    rows = con.execute(
        "SELECT RS_ZonalStatsAll({'s': i, 'scl': s}, zone, "
        f"{CRS}, coverage := true, expression := $2, mask := $3), "
        f"RS_ZonalStatsAll(RS_MapAlgebra($2, map {{'s': i.href, 'scl': s.href}}, aoi := zone, {CRS}, "
        f"all_touched := true, mask := $3), zone, {CRS}, coverage := true) "
        "FROM zones, idx AS i, scl AS s WHERE i.href = $1 ORDER BY n",
        [file.path, expression, mask],
    ).fetchall()
    for found, chip in rows:
        told = {name: value for name, value in chip.items() if value is not None}
        assert {name: found[name] for name in told} == pytest.approx(told, rel=1e-12)
    whole = one(
        con, f"SELECT RS_ZonalStats({{'s': $1, 'scl': $2}}, $3, 'mean', {CRS}, expression := $4, mask := $5)",
        file.path, str(tmp_path / "scl.tif"), to_wkt(ZONE), expression, mask,
    )  # fmt: skip
    inside = geometry_mask([ZONE], (240, 300), UTM32, invert=True) & file.there("red", "nir")
    inside &= np.isin(np.kron(scl[0], np.ones((2, 2), np.uint8)), (4, 5, 6))
    red, nir = file.red[inside].astype(float), file.nir[inside].astype(float)
    assert whole == pytest.approx(((nir - red) / nir).mean(), rel=1e-12)


# --- points ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [f"expression := '{NDVI}', mask := '{CLEAR}'", f"mask := '{CLEAR}'"])
def test_values_at_points(con: duckdb.DuckDBPyConnection, file: File, asked: str) -> None:
    rng = np.random.default_rng(5)
    rows, columns = rng.integers(0, 240, 300), rng.integers(0, 300, 300)
    points = [[UTM32.c + 10 * c + 3, UTM32.f - 10 * r - 8] for r, c in zip(rows, columns, strict=True)]
    made = "expression" in asked
    values = (file.ndvi if made else file.red.astype(float))[rows, columns]
    valid = (file.clear & file.there(*("red", "nir")[: 1 + made]))[rows, columns] & ~np.isnan(values)
    expected = [float(value) if there else None for value, there in zip(values, valid, strict=True)]
    assert one(con, f"SELECT RS_Values($1, $2::DOUBLE[][], {CRS}, {asked})", file.path, points) == expected
    each = (
        f"SELECT list(RS_Value(i, p::DOUBLE[], {CRS}, {asked}) ORDER BY n) FROM idx AS i, "
        "(SELECT unnest($2) AS p, generate_subscripts($2, 1) AS n) WHERE i.href = $1"
    )
    assert one(con, each, file.path, points) == expected
    chip = f"SELECT RS_Values(c, $2::DOUBLE[][], {CRS}) FROM read_cog($1, bands := 1, {asked}) AS c"
    assert one(con, chip, file.path, points) == expected


def test_between_pixels_the_answer_is_interpolated(
    con: duckdb.DuckDBPyConnection, files: dict[str, File]
) -> None:
    """Half of four answers, and nothing where one of them is masked out."""
    file = files["nodata"]
    ok = file.there("red", "nir") & file.clear & ~np.isnan(file.ndvi)
    four = ok[:-1, :-1] & ok[1:, :-1] & ok[:-1, 1:] & ok[1:, 1:]
    query = (
        f"SELECT RS_Value($1, [$2::DOUBLE, $3::DOUBLE], {CRS}, interpolation := 'bilinear', "
        f"expression := '{NDVI}', mask := '{CLEAR}')"
    )
    for wanted in (four, ~four):
        row, column = np.argwhere(wanted)[100]
        at = UTM32.c + 10 * (column + 1), UTM32.f - 10 * (row + 1)
        mean = file.ndvi[row : row + 2, column : column + 2].mean()
        expected = pytest.approx(mean, rel=1e-12) if wanted is four else None
        assert one(con, query, file.path, *at) == expected


# --- what is asked for before and beside -------------------------------------------------------------

CALLS = {
    "read_cog": "SELECT c.data FROM m, read_cog(m, {options}) AS c",
    "RS_ZonalStats": "SELECT RS_ZonalStats(m, 'all', 'mean', {options}) FROM m",
    "RS_ZonalStatsAll": "SELECT RS_ZonalStatsAll(m, 'all', {options}) FROM m",
    "RS_Value": f"SELECT RS_Value(m, [{UTM32.c + 5}, {UTM32.f - 5}], {CRS}, {{options}}) FROM m",
    "RS_Values": f"SELECT RS_Values(m, [[{UTM32.c + 5}, {UTM32.f - 5}]], {CRS}, {{options}}) FROM m",
}
REFUSALS = {
    "expression := 'nir - blue'": "expression 'nir - blue', position 7 (blue): mask.tif has no band blue; "
    "its bands are red, nir, qa, or b1 to b3",
    "mask := 'b4 > 0'": "expression 'b4 > 0', position 1 (b4): mask.tif has no band b4; its bands are red",
    "expression := 'nir +'": "expression 'nir +', position 5 (+): a value is missing",
    "expression := 'red', mask := 'sum(qa)'": "position 1 (sum(qa)): unknown function sum; there are abs,",
    "expression := '1'": "expression '1' names no band",
    "mask := 8": "mask := 8: text was expected",
}


@pytest.fixture
def masked(con: duckdb.DuckDBPyConnection, files: dict[str, File]) -> str:
    """The table m has the row of this file."""
    con.execute("CREATE OR REPLACE TABLE m AS FROM idx WHERE href = $1", [files["mask"].path])
    return files["mask"].path


@pytest.mark.parametrize("function", CALLS)
def test_what_is_not_there_is_an_error_before_a_request(
    con: duckdb.DuckDBPyConnection, function: str, masked: str
) -> None:
    asked = "SELECT max(id) FROM rasteret_requests()"
    before = one(con, asked)
    for options, said in REFUSALS.items():
        text = message(con, CALLS[function].format(options=options))
        assert text.startswith(f"{function}: ")
        assert said in text.replace(masked, "mask.tif")
    assert one(con, asked) == before


def test_the_plan_reads_nothing_and_pixels_only_the_bands_that_are_named(
    con: duckdb.DuckDBPyConnection, files: dict[str, File], tmp_path: Path
) -> None:
    file, window = files["nodata"], "{'x_off': 64, 'y_off': 64, 'width': 64, 'height': 64}"
    calls = {
        "read_cog": f"SELECT data FROM i, read_cog(i, {window}, expression := 'qa::FLOAT') AS c",
        "RS_ZonalStats": f"SELECT RS_ZonalStats(i, {window}, 'mean', expression := 'qa::FLOAT') FROM i",
        "RS_Value": f"SELECT RS_Value(i, [700700, 5299320], {CRS}, mask := 'qa > 0', band := 3) FROM i",
    }
    for name, call in calls.items():
        path = tmp_path / f"{name}.tif"
        write(path, np.stack([file.red, file.nir, file.qa]), names=("red", "nir", "qa"), interleave="band")
        con.execute(f"CREATE OR REPLACE TABLE i AS FROM cog_header('{path}')")
        tile = con.execute(f'SELECT "offset", byte_count FROM i, read_cog_tiles(i, {window}, bands := 3)')
        asked = 'SELECT id, "offset", byte_count FROM rasteret_requests() ORDER BY id DESC LIMIT 2'
        (offset, byte_count), (before, *_) = tile.fetchall()[0], con.execute(asked).fetchall()[0]
        if name == "read_cog":
            plan = con.execute(call.replace("data", "c.dtype, c.shape, isnan(c.nodata), c.bands")).fetchone()
            assert plan == ("float32", [1, 64, 64], True, None)
            assert con.execute(asked).fetchall()[0][0] == before
        assert con.execute(call).fetchall()[0][0] is not None
        found, last = con.execute(asked).fetchall()
        assert (found[1], last[0]) == (offset, before), "one request"
        assert found[2] == byte_count or name == "RS_Value"


def test_every_row_may_ask_for_something_else(con: duckdb.DuckDBPyConnection, files: dict[str, File]) -> None:
    """NULL asks for nothing: the plain band."""
    window = "{'x_off': 0, 'y_off': n, 'width': 300, 'height': 1}"
    point = f"[{UTM32.c} + 10 * n + 5, {UTM32.f} - 10 * n - 5]"
    rows = con.execute(
        f"SELECT RS_ZonalStats(i, {window}, 'sum', expression := text, mask := kept), "
        f"RS_Value(i, {point}, {CRS}, expression := text, mask := kept), c "
        "FROM idx AS i, (SELECT n, if(n % 3 = 1, 'nir * ' || n, NULL) AS text, "
        "if(n % 2 = 0, 'qa > ' || n, NULL) AS kept FROM range(60) AS r(n)), "
        f"read_cog(i, {window}, bands := 1, expression := text, mask := kept) AS c "
        "WHERE i.href = $1 ORDER BY n",
        [files["nodata"].path],
    ).fetchall()
    red, nir, qa = (getattr(files["nodata"], name).astype(int) for name in ("red", "nir", "qa"))
    for n, (total, value, chip) in enumerate(rows):
        made, valid = (nir[n] * n, nir[n] != 0) if n % 3 == 1 else (red[n], red[n] != 0)
        valid = valid & (qa[n] > n) if n % 2 == 0 else valid
        same(pixels(chip)[0], made.astype(float), valid)
        assert total == (made[valid].sum() if valid.any() else None)
        assert value == (made[n] if valid[n] else None)


def test_errors_of_numbers_name_the_file(con: duckdb.DuckDBPyConnection, masked: str) -> None:
    options = "expression := '(red + 300)::UTINYINT'"
    said = f"{masked}: expression '(red + 300)::UTINYINT': "
    for call in CALLS.values():
        assert said in message(con, call.format(options=options))
    query = f"SELECT c.error FROM m, read_cog(m, {options}, on_error := 'null') AS c"
    assert one(con, query).startswith(said)
