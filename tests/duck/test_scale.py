"""Physical values: what a band's name stands for, and what pixels are with scale := true, beside rasterio.

Right values are NumPy's of what rasterio reads: ``read(band) * scale + offset``, NULL where a mask is 0.
"""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import imagecodecs
import numpy as np
import pytest
import rasterio
import tifffile
from rasterio.io import MemoryFile

from tests.duck.band_files import pixels, write
from tests.duck.corpus import UTM32, texture
from tests.duck.refusals import message

SCALES = {"red": (0.0001, -0.1), "nir": (0.0002, 0.05), "cold": (-0.5, 200.0), "height": (0.25, 0.0)}
WINDOW = "{'x_off': 40, 'y_off': 30, 'width': 90, 'height': 70}"
PART = np.s_[30:100, 40:130]
CENTRE = "POINT (701405 5299005)"
"""The middle of column 144 and row 103."""


def bright(seed: int) -> np.ndarray[Any, Any]:
    """Stored numbers whose physical values lie above 0, so that an index has one everywhere."""
    data = texture(1, "uint16", seed)[:, :240] % 6000
    return np.where(data == 0, 0, data + 1200).astype(np.uint16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scale")
    stored = {name: bright(seed) for seed, name in enumerate(("red", "nir", "cold"))}
    stored["height"] = bright(5).astype(np.float32) + np.float32(0.5)
    stored["height"][stored["height"] < 1] = 0
    for name, data in stored.items():
        scale, offset = SCALES[name]
        write(folder / f"{name}.tif", data, nodata=0, scales=((scale,), (offset,)))
    scl = np.random.default_rng(3).integers(0, 11, (1, 120, 150)).astype(np.uint8)
    write(folder / "scl.tif", scl, UTM32 @ UTM32.scale(2))
    write(folder / "plain.tif", stored["red"], nodata=0)
    three = np.concatenate([stored["red"], stored["nir"], stored["red"] % 7])
    scales = ((0.0001, 0.0002, 1.0), (-0.1, 0.05, 0.0))
    write(
        folder / "three.tif", three, nodata=0, names=("red", "nir", "class"), scales=scales, interleave="band"
    )
    return folder


@pytest.fixture
def con(con: duckdb.DuckDBPyConnection, folder: Path) -> duckdb.DuckDBPyConnection:
    con.execute(
        "CREATE TABLE idx AS SELECT split_part(parse_filename(file), '.', 1) AS band, h.* "
        "FROM glob($1) AS g(file), cog_header(file) AS h",
        [str(folder / "*.tif")],
    )
    con.execute("CREATE TABLE scene AS SELECT map(list(band), list(i)) AS bands FROM idx AS i")
    return con


def one(con: duckdb.DuckDBPyConnection, query: str, *values: Any) -> Any:
    found = con.execute(query, list(values)).fetchone()
    assert found is not None
    return found[0]


def truth(folder: Path, name: str, band: int = 1, *, scaled: bool = True) -> np.ma.MaskedArray[Any, Any]:
    """Rasterio's pixels, times its scale, plus its offset."""
    with rasterio.open(folder / f"{name}.tif") as file:
        data, shown = file.read(band), file.read_masks(band) != 0
        if scaled:
            data = data.astype(np.float64) * file.scales[band - 1] + file.offsets[band - 1]
    return np.ma.array(data, mask=~shown)


def same(found: np.ma.MaskedArray[Any, Any], expected: np.ma.MaskedArray[Any, Any]) -> None:
    np.testing.assert_array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(expected))
    np.testing.assert_array_equal(found.compressed(), expected.compressed())


def ndvi(folder: Path, *, scaled: bool = True) -> np.ma.MaskedArray[Any, Any]:
    red, nir = (truth(folder, band, scaled=scaled).astype(float) for band in ("red", "nir"))
    return np.ma.masked_invalid((nir - red) / (nir + red))


FORMULA = "'(nir - red) / (nir + red)'"
OVER_ROWS = [
    f"RS_MapAlgebra({FORMULA}, bands@) FROM scene",
    f"RS_MapAlgebra({FORMULA}, {{'nir': n.href, 'red': r.href}}@) FROM idx AS n, idx AS r "
    "WHERE (n.band, r.band) = ('nir', 'red')",
    f"RS_MapAlgebra({FORMULA}, {{'nir': n, 'red': r.href}}@) FROM idx AS n, idx AS r "
    "WHERE (n.band, r.band) = ('nir', 'red')",
    f"RS_MapAlgebra({FORMULA}, i@) FROM idx AS i WHERE band = 'three'",
    f"RS_MapAlgebra({FORMULA}, href@) FROM idx WHERE band = 'three'",
    "RS_MapAlgebra('(b2 - b1) / (b2 + b1)', c@) FROM idx AS i, read_cog(i) AS c WHERE i.band = 'three'",
    "RS_MapAlgebra('(b1 - b2) / (b1 + b2)', c@) FROM idx AS i, read_cog(i, bands := ['nir', 'red']) AS c "
    "WHERE i.band = 'three'",
    f"RS_MapAlgebra({FORMULA}, {{'nir': n, 'red': r}}@) FROM "
    "(SELECT n FROM idx AS i, read_cog(i) AS n WHERE i.band = 'nir'), "
    "(SELECT r FROM idx AS i, read_cog(i) AS r WHERE i.band = 'red')",
    f"RS_MapAlgebra({FORMULA}, {{'nir': n, 'red': r}}@) FROM idx AS r, "
    "(SELECT n FROM idx AS i, read_cog(i, mask := 'b1 > -10') AS n WHERE i.band = 'nir') "
    "WHERE r.band = 'red'",
    "RS_NDVI(bands@) FROM scene",
    "RS_NormalizedDifference(bands['red'], bands['nir']@) FROM scene",
    f"c FROM idx AS i, read_cog(i, expression := {FORMULA}@) AS c WHERE i.band = 'three'",
    f"c FROM idx AS i, read_cog(i.href, expression := {FORMULA}@) AS c WHERE i.band = 'three'",
]


@pytest.mark.parametrize("query", OVER_ROWS)
def test_a_name_stands_for_the_physical_value(
    con: duckdb.DuckDBPyConnection, folder: Path, query: str
) -> None:
    """The offset does not cancel, and neither do scales that differ from band to band."""
    right, stored = ndvi(folder), ndvi(folder, scaled=False)
    assert abs(right.mean() - stored.mean()) > 0.1, "a wrong scale would show"
    for argument in ("", ", scale := true", ", scale := NULL"):
        same(pixels(one(con, "SELECT " + query.replace("@", argument))), right)
    same(pixels(one(con, "SELECT " + query.replace("@", ", scale := false"))), stored)


def test_bound_arguments(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    query = f"SELECT RS_MapAlgebra({FORMULA}, bands, scale := $1) FROM scene"
    same(pixels(one(con, query, None)), ndvi(folder))
    same(pixels(one(con, query, False)), ndvi(folder, scaled=False))
    assert "scale := 'yes': true or false was expected" in message(con, query, "yes")


def test_each_row_may_ask_for_its_own(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    query = (
        "SELECT RS_ZonalStats(i, {'x_off': 40, 'y_off': 30, 'width': 90, 'height': 70}, 'mean', scale := s) "
        "FROM idx AS i, unnest([true, false, NULL]) AS u(s) WHERE band = 'red' ORDER BY s NULLS LAST"
    )
    found = [mean for (mean,) in con.execute(query).fetchall()]
    stored = truth(folder, "red", scaled=False)[PART].mean()
    assert found == pytest.approx([stored, stored * 0.0001 - 0.1, stored], rel=1e-12)


@pytest.mark.parametrize("coverage", [False, True])
@pytest.mark.parametrize("window", [WINDOW, "'all'"], ids=["small", "whole"])
@pytest.mark.parametrize("band", ["red", "cold", "height"])
def test_statistics_of_physical_values(
    con: duckdb.DuckDBPyConnection, folder: Path, band: str, window: str, coverage: bool
) -> None:
    """A negative scale turns minimum and maximum round, and 10 percent into 90."""
    values = truth(folder, band)[PART if window == WINDOW else np.s_[:]].compressed()
    found = one(
        con,
        f"SELECT RS_ZonalStatsAll(i, {window}, percentiles := [10, 90], histogram := {band != 'height'}, "
        f"scale := true, coverage := {coverage}) FROM idx AS i WHERE band = '{band}'",
    )
    assert found["count"] == len(values)
    ends = {"min": values.min(), "max": values.max()}
    assert {name: found[name] for name in ends} == ends
    expected = {
        "sum": values.sum(), "mean": values.mean(), "variance": values.var(ddof=0 if coverage else 1),
        "m2": values.var() * len(values),
    }  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert found["stddev"] == pytest.approx(math.sqrt(expected["variance"]), rel=1e-9)
    numbers, counts = np.unique(values, return_counts=True)
    if not coverage:
        assert found["median"] == pytest.approx(np.median(values), rel=1e-12)
        assert found["percentiles"] == pytest.approx(np.percentile(values, [10, 90]).tolist(), rel=1e-12)
    assert found["unique_count"] == len(numbers)
    assert found["mode"] == numbers[counts == counts.max()].max()
    assert found["majority"] == numbers[counts == counts.max()].min()
    assert found["minority"] == numbers[counts == counts.min()].min()
    if band != "height":
        assert found["histogram"] == dict(zip(numbers.tolist(), counts.tolist(), strict=True))


STATISTICS = [
    f"RS_ZonalStats(bands, {WINDOW}, 'mean', expression := {FORMULA}@) FROM scene",
    f"RS_ZonalStatsAll(bands, {WINDOW}, expression := {FORMULA}@).mean FROM scene",
    f"RS_ZonalStatsAll(i, {WINDOW}, expression := {FORMULA}@).mean FROM idx AS i WHERE band = 'three'",
    f"RS_ZonalStatsAll(i.href, {WINDOW}, expression := {FORMULA}@).mean FROM idx AS i WHERE band = 'three'",
    f"RS_ZonalStatsAll(c, {WINDOW}, expression := '(b2 - b1) / (b2 + b1)'@).mean "
    "FROM idx AS i, read_cog(i) AS c WHERE i.band = 'three'",
    f"RS_StatsMerge([RS_ZonalStatsAll(bands, {WINDOW}, expression := {FORMULA}@), NULL]).mean FROM scene",
    f"RS_ZonalStatsAll(RS_NDVI(bands@), {WINDOW}).mean FROM scene",
    f"RS_ZonalStatsAll(RS_NDVI(bands@), {WINDOW}, scale := true).mean FROM scene",
]


@pytest.mark.parametrize("query", STATISTICS)
def test_statistics_of_an_expression(con: duckdb.DuckDBPyConnection, folder: Path, query: str) -> None:
    assert one(con, "SELECT " + query.replace("@", "")) == pytest.approx(ndvi(folder)[PART].mean(), rel=1e-12)
    stored = ndvi(folder, scaled=False)[PART].mean()
    assert one(con, "SELECT " + query.replace("@", ", scale := false")) == pytest.approx(stored, rel=1e-12)


def test_a_mask_speaks_of_physical_values_and_the_pixels_stay(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    red, physical = truth(folder, "red", scaled=False)[PART], truth(folder, "red")[PART]
    bright = np.ma.array(red, mask=np.ma.getmaskarray(red) | ~(physical.data > 0.2))
    assert 0 < bright.count() < red.count()
    chip = f"SELECT c FROM idx AS i, read_cog(i, {WINDOW}, mask := '@'#) AS c WHERE i.band = 'red'"
    zone = f"SELECT RS_ZonalStats(i, {WINDOW}, 'mean', mask := '@'#) FROM idx AS i WHERE band = 'red'"
    for text, argument in (("b1 > 0.2", ""), ("b1 > 3000", ", scale := false")):
        query = chip.replace("@", text).replace("#", argument)
        found = one(con, query)
        same(pixels(found), bright)
        assert (found["dtype"], found["scales"], found["offsets"]) == ("uint16", [0.0001], [-0.1])
        mean = one(con, zone.replace("@", text).replace("#", argument))
        assert mean == pytest.approx(bright.mean(), rel=1e-12)
    scaled = one(con, chip.replace("@", "b1 > 0.2").replace("#", ", scale := true"))
    same(pixels(scaled), np.ma.array(physical.data, mask=np.ma.getmaskarray(bright)))
    mean = one(con, zone.replace("@", "b1 > 0.2").replace("#", ", scale := true"))
    assert mean == pytest.approx(bright.mean() * 0.0001 - 0.1, rel=1e-12)


def test_classes_in_a_mask_are_as_they_are(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The reflectances are scaled, their classification is not."""
    scl = np.kron(truth(folder, "scl", scaled=False).data, np.ones((2, 2), np.uint8))
    clear = np.isin(scl, (4, 5, 6))
    right = np.ma.array(ndvi(folder), mask=np.ma.getmaskarray(ndvi(folder)) | ~clear)
    for mask in ("scl IN (4, 5, 6)", "scl & 4 = 4 AND scl < 7"):
        found = one(con, f"SELECT RS_NDVI(bands, mask := '{mask}') FROM scene")
        same(pixels(found), right)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("red & 8 = 8", "position 1 (red): & takes stored numbers, but red has a scale"),
        ("red IN (3, 8)", "IN takes stored numbers, but red has a scale and an offset"),
        ("coalesce(red, 0) NOT IN (3, 8)", "IN takes stored numbers"),
        ("red::USMALLINT & 1", "& takes stored numbers"),
        ("(-red) IN (1)", "IN takes stored numbers"),
        ("1 IN (2, red)", "IN takes stored numbers"),
        ("red << 2", "<< takes stored numbers"),
        ("red >> 2", ">> takes stored numbers"),
        ("~red", "~ takes stored numbers"),
        ("red | 1", "| takes stored numbers"),
        ("xor(red, 1)", "xor takes stored numbers"),
        ("bit_count(red)", "bit_count takes stored numbers"),
        ("red * 10000 IN (3500)", "IN takes stored numbers"),
        ("CASE WHEN nir > 0 THEN red END IN (1)", "IN takes stored numbers"),
        ("three.nir & 1", "three.nir has a scale"),
    ],
)
def test_bits_and_lists_of_a_scaled_band_are_refused(
    con: duckdb.DuckDBPyConnection, text: str, place: str
) -> None:
    for argument in (f"expression := '{text}'", f"expression := 'scl', mask := '{text}'"):
        said = message(con, f"SELECT RS_ZonalStatsAll(bands, {WINDOW}, {argument}) FROM scene")
        assert place in said
        assert "pass scale := false" in said
    allowed = f"SELECT RS_ZonalStatsAll(bands, {WINDOW}, expression := '{text}', scale := false) FROM scene"
    assert con.execute(allowed).fetchall()


@pytest.mark.parametrize(
    "text",
    [
        "floor(red * 10) IN (1, 2)", "(red * 10000)::INTEGER & 1", "scl IN (4, 5)", "scl & 1",
        "class.b1 IN (1)", "(red > 0.2) IN (true)", "CASE WHEN red > 0.2 THEN 1 ELSE 0 END IN (1)",
        "if(red > 0.2, 4, scl) IN (4)",
    ],
)  # fmt: skip
def test_classes_made_of_physical_values_are_counted(con: duckdb.DuckDBPyConnection, text: str) -> None:
    query = (
        f"SELECT RS_ZonalStatsAll(map_concat(bands, map {{'class': bands['plain']}}), {WINDOW}, "
        f"expression := '{text}') FROM scene"
    )
    assert one(con, query)["count"] > 0


def test_pixels_stay_stored_unless_they_are_asked_for(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for argument in ("", ", scale := false", ", scale := NULL"):
        found = one(con, f"SELECT c FROM idx AS i, read_cog(i, {WINDOW}{argument}) AS c WHERE i.band = 'red'")
        same(pixels(found), truth(folder, "red", scaled=False)[PART])
        assert (found["dtype"], found["nodata"]) == ("uint16", 0)
        assert (found["scales"], found["offsets"]) == ([0.0001], [-0.1])
    found = one(
        con, f"SELECT c FROM idx AS i, read_cog(i, {WINDOW}, scale := true) AS c WHERE i.band = 'red'"
    )
    expected = truth(folder, "red")[PART]
    same(pixels(found), expected)
    assert np.isnan(pixels(found).data[np.ma.getmaskarray(expected)]).all()
    assert (found["dtype"], found["scales"], found["offsets"]) == ("float64", None, None)
    assert math.isnan(found["nodata"])
    plain = one(
        con, f"SELECT c FROM idx AS i, read_cog(i, {WINDOW}, scale := true) AS c WHERE i.band = 'plain'"
    )
    same(pixels(plain), truth(folder, "plain", scaled=False)[PART])
    assert (plain["dtype"], plain["nodata"]) == ("uint16", 0), "there is nothing to apply"


def test_a_chip_is_never_scaled_twice(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Of stored numbers the scale goes along; physical values have none."""
    right = ndvi(folder)[PART]
    for argument in ("", ", scale := true", ", scale := false"):
        query = (
            f"WITH c AS (SELECT map(list(i.band), list(c)) AS bands FROM idx AS i, "
            f"read_cog(i, {WINDOW}{argument}) AS c WHERE i.band IN ('red', 'nir')) "
        )
        same(pixels(one(con, query + "SELECT RS_NDVI(bands) FROM c")), right)
        same(pixels(one(con, query + "SELECT RS_NDVI(bands, scale := true) FROM c")), right)
        flat = "SELECT RS_AsArray(bands['red'], scale := true) FROM c"
        listed = np.array(one(con, query + flat), float)
        np.testing.assert_array_equal(listed, truth(folder, "red")[PART].filled(np.nan))


def test_a_table_of_chips_keeps_their_scale(
    con: duckdb.DuckDBPyConnection, folder: Path, tmp_path: Path
) -> None:
    """Through a table, a Parquet file, and a GeoTIFF."""
    con.execute(f"CREATE TABLE chips AS SELECT i.band, c.* FROM idx AS i, read_cog(i, {WINDOW}) AS c")
    con.execute(f"COPY chips TO '{tmp_path}/chips.parquet'")
    right = ndvi(folder)[PART]
    for source in ("chips", f"'{tmp_path}/chips.parquet'"):
        query = f"SELECT RS_NDVI(map(list(band), list(c))) FROM {source} AS c WHERE band IN ('red', 'nir')"
        same(pixels(one(con, query)), right)
    data = one(con, "SELECT RS_AsGeoTiff(c) FROM chips AS c WHERE band = 'nir'")
    with MemoryFile(data) as memory, memory.open() as file:
        assert (file.scales, file.offsets, file.dtypes) == ((0.0002,), (0.05,), ("uint16",))
    data = one(con, "SELECT RS_AsGeoTiff(c, scale := true) FROM chips AS c WHERE band = 'nir'")
    with MemoryFile(data) as memory, memory.open() as file:
        assert (file.scales, file.offsets, file.dtypes) == ((1.0,), (0.0,), ("float64",))
        same(file.read(1, masked=True), truth(folder, "nir")[PART])


def test_a_chip_without_scales_says_so(con: duckdb.DuckDBPyConnection) -> None:
    bare = (
        "SELECT c.dtype, c.shape, c.data, c.valid, c.transform, c.crs "
        "FROM idx AS i, read_cog(i) AS c WHERE i.band = 'red'"
    )
    for call in (
        "RS_MapAlgebra('b1', c, scale := true)",
        "RS_MapAlgebra('a', {'a': c}, scale := true)",
        "RS_AsArray(c, scale := true)",
        f"RS_ZonalStats(c, {WINDOW}, 'mean', scale := true)",
        "RS_Clip(c, [12, 47, 13, 48], scale := true)",
    ):
        assert "scale := true: the chip has no columns scales and offsets" in message(
            con, f"SELECT {call} FROM ({bare}) AS c"
        )
    for without, named in (("(scales, offsets)", "scales and offsets"), ("(offsets)", "offsets")):
        cut = f"SELECT * EXCLUDE {without} FROM cog_header((SELECT href FROM idx WHERE band = 'red'))"
        for call in (
            "RS_MapAlgebra('b1', h, scale := true)",
            "RS_MapAlgebra('a', {'a': h}, scale := true)",
            f"RS_ZonalStats(h, {WINDOW}, 'mean', scale := true)",
            f"RS_Value(h, '{CENTRE}', aoi_crs := 'EPSG:32632', scale := true)",
        ):
            expected = f"scale := true: the index row has no columns {named}"
            assert expected in message(con, f"SELECT {call} FROM ({cut}) AS h")
    wrong = "SELECT RS_AsArray(c) FROM (SELECT c.* REPLACE ([1.0, 2.0] AS scales) FROM ({}) AS c) AS c"
    rows = "SELECT c.* FROM idx AS i, read_cog(i) AS c WHERE i.band = 'red'"
    assert "the chip has 1 bands and scales [1.0, 2.0]" in message(con, wrong.format(rows))


def test_bands_of_one_file_with_scales_of_their_own(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The class has none: as DOUBLE beside the others it is the same number. Nodata of one band is NaN."""
    for bands in ([1, 2, 3], [3, 1]):
        call = f"read_cog(i, bands := {bands}, scale := true)"
        found = one(con, f"SELECT c FROM idx AS i, {call} AS c WHERE i.band = 'three'")
        data = np.frombuffer(found["data"]).reshape(found["shape"])
        with rasterio.open(folder / "three.tif") as file:
            stored = file.read(bands)
        for layer, band, raw in zip(data, bands, stored, strict=True):
            scale, offset = ((0.0001, -0.1), (0.0002, 0.05), (1.0, 0.0))[band - 1]
            np.testing.assert_array_equal(layer, np.where(raw == 0, np.nan, raw * scale + offset))
        valid = np.ones(stored.shape[1:], bool)
        if found["valid"] is not None:
            valid = np.frombuffer(found["valid"], bool).reshape(stored.shape[1:])
        np.testing.assert_array_equal(valid, (stored != 0).any(axis=0))
    alone = one(
        con, "SELECT c FROM idx AS i, read_cog(i, bands := 3, scale := true) AS c WHERE i.band = 'three'"
    )
    assert (alone["dtype"], alone["nodata"]) == ("uint16", 0)


def test_a_chip_of_several_bands_counts_each_by_its_own_nodata_and_name(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    """As the file does: the class is 0, which is nodata, where the other bands hold data."""
    path = str(folder / "three.tif")
    con.execute("CREATE OR REPLACE TEMP TABLE kept AS SELECT * FROM read_cog($1, bands := [3, 1, 2])", [path])
    with rasterio.open(path) as file:
        stored = dict(zip(file.descriptions, file.read().astype(float), strict=True))
    assert ((stored["class"] == 0) & (stored["red"] != 0)).any()
    physical = {name: data * s + o for (name, data), (s, o) in zip(
        stored.items(), ((0.0001, -0.1), (0.0002, 0.05), (1, 0)), strict=True
    )}  # fmt: skip
    for number, name in enumerate(("class", "red", "nir"), 1):
        own = stored[name] != 0
        for band in (str(number), f"'{name}'"):
            found = one(con, f"SELECT RS_ZonalStatsAll(k, 'all', {band}, scale := true) FROM kept AS k")
            assert found["count"] == own.sum()
            assert found["mean"] == pytest.approx(physical[name][own].mean(), rel=1e-12)
            assert one(con, f"SELECT RS_ZonalStats(k, 'all', {band}, 'count') FROM kept AS k") == own.sum()
            bins = one(con, f"SELECT RS_Histogram(k, {band}, bins := 5) FROM kept AS k")
            assert [b["count"] for b in bins] == np.histogram(stored[name][own], 5)[0].tolist()
            sample = f"SELECT RS_Value(k, '{CENTRE}', {band}, aoi_crs := 'EPSG:32632') FROM kept AS k"
            expected = stored[name][103, 144]
            assert one(con, sample) == (expected or None)
        masked = f"SELECT RS_ZonalStats(k, 'all', {number}, 'count', mask := 'red > 0.2') FROM kept AS k"
        assert one(con, masked) == (own & (physical["red"] > 0.2) & (stored["red"] != 0)).sum()
    everything = "SELECT RS_ZonalStats(k, 'all', 1, 'count', exclude_nodata := false) FROM kept AS k"
    assert one(con, everything) == np.any([data != 0 for data in stored.values()], axis=0).sum()
    both = (stored["red"] != 0) & (stored["nir"] != 0)
    ndvi = ((physical["nir"] - physical["red"]) / (physical["nir"] + physical["red"]))[both]
    for query in (
        "SELECT RS_ZonalStats(k, 'all', 'mean', expression := '(nir - red) / (nir + red)') FROM kept AS k",
        "SELECT list_avg(flatten(RS_AsArray(RS_NDVI(k)))) FROM kept AS k",
        "SELECT list_avg(flatten(RS_AsArray(RS_MapAlgebra('(k.nir - k.red) / (k.nir + k.b2)', {'k': k})))) "
        "FROM kept AS k",
    ):
        assert one(con, query) == pytest.approx(ndvi.mean(), rel=1e-12), query


def test_tiles(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    rows = con.execute(
        "SELECT t.bands[1], t.x_off, t.y_off, t.dtype, t.shape, t.scales, t.data, s.data AS stored, s.scales "
        "FROM idx AS i, read_cog_tiles(i, scale := true) AS t, read_cog_tiles(i) AS s "
        "WHERE i.band = 'three' AND (t.tile_col, t.tile_row, t.bands) = (s.tile_col, s.tile_row, s.bands)"
    ).fetchall()
    assert len(rows) == 3 * 20
    with rasterio.open(folder / "three.tif") as file:
        for band, x, y, dtype, (_, height, width), scales, data, stored, before in rows:
            raw = file.read(band, window=((y, y + height), (x, x + width)))
            np.testing.assert_array_equal(np.frombuffer(stored, "u2").reshape(raw.shape), raw)
            assert before == [file.scales[band - 1]]
            found = np.frombuffer(data, dtype).reshape(raw.shape)
            if band == 3:
                assert (dtype, scales) == ("uint16", [1.0])
                np.testing.assert_array_equal(found, raw)
            else:
                right = raw * file.scales[band - 1] + file.offsets[band - 1]
                assert (dtype, scales) == ("float64", None)
                np.testing.assert_array_equal(found, np.where(raw == 0, np.nan, right))


POINTS = [
    "RS_Value(i, '{p}', aoi_crs := 'EPSG:32632'@)", "RS_Value(i.href, '{p}', aoi_crs := 'EPSG:32632'@)",
    "RS_Values(i, ['{p}'], aoi_crs := 'EPSG:32632'@)[1]", "RS_Value(c, '{p}', aoi_crs := 'EPSG:32632'@)",
]  # fmt: skip


@pytest.mark.parametrize("call", POINTS)
def test_samples(con: duckdb.DuckDBPyConnection, folder: Path, call: str) -> None:
    """Between pixels, physical values are interpolated."""
    stored, right = (truth(folder, "red", scaled=scaled) for scaled in (False, True))
    column, row = (~UTM32) @ (701405, 5299005)
    at = int(row), int(column)
    where = " FROM idx AS i, read_cog(i) AS c WHERE i.band = 'red'"
    call = call.replace("{p}", CENTRE)

    def ask(more: str) -> float:
        return float(one(con, "SELECT " + call.replace("@", more) + where))

    assert ask("") == ask(", scale := false") == stored[at]
    assert ask(", scale := true") == right[at]
    assert ask(", expression := 'b1'") == right[at]
    assert ask(", expression := 'b1', scale := false") == stored[at]
    assert ask(f", mask := 'b1 < {right[at] + 0.01}'") == stored[at]
    assert ask(f", mask := 'b1 < {right[at] + 0.01}', scale := true") == right[at]
    call = call.replace(CENTRE, "POINT (701408 5299003)")
    top, left = int((~UTM32 @ (701408, 5299003))[1] - 0.5), int((~UTM32 @ (701408, 5299003))[0] - 0.5)
    across, down = (~UTM32 @ (701408, 5299003))[0] - 0.5 - left, (~UTM32 @ (701408, 5299003))[1] - 0.5 - top
    weights = np.outer([1 - down, down], [1 - across, across])
    between = float((right[top : top + 2, left : left + 2] * weights).sum())
    assert ask(", interpolation := 'bilinear', scale := true") == pytest.approx(between, rel=1e-12)
    assert ask(", interpolation := 'bilinear', expression := 'b1'") == pytest.approx(between, rel=1e-12)


def test_bins(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for band in ("red", "cold", "height"):
        values = truth(folder, band).compressed()
        for span in (None, (float(np.percentile(values, 20)), float(np.percentile(values, 80)))):
            given = "NULL" if span is None else list(span)
            call = f"RS_Histogram(i, bins := 7, range := {given}, scale := true)"
            query = f"SELECT {call} FROM idx AS i WHERE band = '{band}'"
            counts, edges = np.histogram(values, 7, span)
            found = one(con, query)
            assert [one_bin["count"] for one_bin in found] == counts.tolist()
            assert [b["lower"] for b in found] == pytest.approx(edges[:-1].tolist(), rel=1e-12)
            assert found[-1]["upper"] == pytest.approx(edges[-1], rel=1e-12)
    stored = one(con, "SELECT RS_Histogram(i, bins := 7) FROM idx AS i WHERE band = 'red'")
    assert stored[-1]["upper"] == truth(folder, "red", scaled=False).max()


@pytest.mark.parametrize("way", ["nearest", "bilinear", "cubic", "average", "max"])
def test_other_grids(con: duckdb.DuckDBPyConnection, folder: Path, tmp_path: Path, way: str) -> None:
    """What is resampled is the physical value: as a file of them is, whose warps are compared with GDAL's."""
    write(tmp_path / "physical.tif", truth(folder, "red").filled(np.nan)[np.newaxis], nodata=np.nan)
    grid = f"crs := 'EPSG:32633', resolution := 17, resampling := '{way}'"
    right = one(con, f"SELECT c FROM read_cog($1, {WINDOW}, {grid}) AS c", str(tmp_path / "physical.tif"))
    assert pixels(right).std() > 0.01
    for asked in ("scale := true", "expression := 'b1'"):
        query = f"SELECT c FROM idx AS i, read_cog(i, {WINDOW}, {grid}, {asked}) AS c WHERE i.band = 'red'"
        found = one(con, query)
        same(pixels(found), pixels(right))
        assert (found["dtype"], found["scales"], found["transform"]) == ("float64", None, right["transform"])


CHIPS = [
    "RS_Clip({}, {'x_off': 0, 'y_off': 0, 'width': 90, 'height': 70}@)",
    "RS_Resample({}, 300, 240@)",
    "RS_ReprojectMatch({}, idx.href@)",
    "RS_Transform({}, 'EPSG:32632', resolution := 10@)",
]


@pytest.mark.parametrize("call", CHIPS)
@pytest.mark.parametrize("given", ["idx", "idx.href", "c"])
def test_functions_that_give_chips(
    con: duckdb.DuckDBPyConnection, folder: Path, call: str, given: str
) -> None:
    part = np.s_[:70, :90] if "Clip" in call else np.s_[:]
    where = " FROM idx, read_cog(idx) AS c WHERE idx.band = 'red'"
    call = call.replace("{}", given)
    stored = one(con, "SELECT " + call.replace("@", "") + where)
    same(pixels(stored), truth(folder, "red", scaled=False)[part])
    assert (stored["scales"], stored["offsets"]) == ([0.0001], [-0.1])
    right = one(con, "SELECT " + call.replace("@", ", scale := true") + where)
    same(pixels(right), truth(folder, "red")[part])
    assert (right["scales"], right["offsets"]) == (None, None)
    again = one(con, "SELECT RS_AsArray(" + call.replace("@", "") + ", scale := true)" + where)
    np.testing.assert_array_equal(np.array(again, float), truth(folder, "red")[part].filled(np.nan))


@pytest.mark.parametrize("given", ["i", "i.href", "c"])
def test_functions_that_give_values(con: duckdb.DuckDBPyConnection, folder: Path, given: str) -> None:
    where = "FROM idx AS i, read_cog(i) AS c WHERE i.band = 'red'"
    right, stored = (truth(folder, "red", scaled=scaled) for scaled in (True, False))
    for argument, expected in (("", stored), (", scale := true", right), (", scale := false", stored)):
        listed = one(con, f"SELECT RS_AsArray({given}{argument}) {where}")
        np.testing.assert_array_equal(np.array(listed, float), expected.astype(float).filled(np.nan))
        rows = con.execute(
            f"SELECT p.value FROM idx AS i, read_cog(i) AS c, RS_PixelAsCentroids({given}{argument}) AS p "
            "WHERE i.band = 'red' ORDER BY p.row, p.col"
        ).fetchall()
        assert [value for (value,) in rows] == expected.compressed().tolist()
        saved = one(con, f"SELECT RS_AsNPY({given}{argument}) {where}")
        (array,) = np.load(BytesIO(saved))
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array[~expected.mask], expected.compressed())
    drawn = [
        imagecodecs.png_decode(one(con, f"SELECT RS_AsPNG({given}, {options}) {where}")).astype(int)
        for options in ("stretch := [1000, 5000]", "stretch := [0.0, 0.4], scale := true")
    ]
    assert np.abs(drawn[0] - drawn[1]).max() <= 1, "a rounding"
    assert drawn[0].std() > 50


def test_chips_of_different_scales_are_not_one_mosaic(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Of two processing baselines the same number is another reflectance."""
    chips = "list(c ORDER BY i.band) FROM idx AS i, read_cog(i) AS c WHERE i.band IN ('nir', 'red')"
    said = message(
        con, f"SELECT RS_Mosaic(c, 'mean') FROM (SELECT {chips.replace(' FROM', ' AS c FROM', 1)})"
    )
    assert (
        "band 1 of chip 1 has scale 0.0002 and offset 0.05, that of chip 2 scale 0.0001 and offset -0.1"
        in said
    )
    assert "pass scale := true" in said
    query = (
        f"SELECT RS_Mosaic(c, 'mean', scale := true) FROM (SELECT {chips.replace(' FROM', ' AS c FROM', 1)})"
    )
    red, nir = truth(folder, "red"), truth(folder, "nir")
    found = pixels(one(con, query))
    expected = np.ma.mean(np.ma.array([red, nir]), axis=0)
    np.testing.assert_array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(expected))
    np.testing.assert_allclose(found.compressed(), expected.compressed(), rtol=1e-12)
    alike = "SELECT RS_Mosaic([c, c], 'max') FROM idx AS i, read_cog(i) AS c WHERE i.band = 'red'"
    kept = one(con, alike)
    same(pixels(kept), truth(folder, "red", scaled=False))
    assert (kept["scales"], kept["offsets"]) == ([0.0001], [-0.1])
    counted = one(con, alike.replace("max", "count"))
    assert counted["scales"] is None
    assert one(con, f"SELECT RS_Mosaic(c, 'count') FROM (SELECT {chips.replace(' FROM', ' AS c FROM', 1)})")


def test_an_index_row_says_its_scale(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """As rows of cog_index do, whose files have none: the item's scale is in the row."""
    row = "(SELECT * REPLACE ([0.0001] AS scales, [-0.1] AS \"offsets\") FROM idx WHERE band = 'plain') AS i"
    right = truth(folder, "red")
    same(pixels(one(con, f"SELECT RS_MapAlgebra('b1', i) FROM {row}")), right)
    same(pixels(one(con, f"SELECT RS_MapAlgebra('b1', c) FROM {row}, read_cog(i) AS c")), right)
    offset = row.replace("[0.0001] AS scales", "NULL::DOUBLE[] AS scales")
    same(pixels(one(con, f"SELECT RS_MapAlgebra('b1', i) FROM {offset}")), truth(folder, "plain") - 0.1)
    short = row.replace("[0.0001]", "[0.0001, 0.0001]")
    assert "scales" in message(con, f"SELECT RS_MapAlgebra('b1', i) FROM {short}")


@pytest.mark.parametrize(("tag", "value"), [("scale", 0.5), ("offset", 3.0)])
def test_a_scale_without_offset_and_an_offset_without_scale(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, tag: str, value: float
) -> None:
    """Of a file and of a row: what is not said is 1 and 0, for GDAL too, of bands without either as well."""
    items = f'<Item name="{tag.upper()}" sample="1" role="{tag}">{value}</Item>'
    text = f"<GDALMetadata>{items}</GDALMetadata>".encode()
    path, stored = tmp_path / "one.tif", np.arange(32, dtype=np.uint16).reshape(2, 4, 4)
    place = [(33550, "d", 3, (10.0, 10.0, 0.0)), (33922, "d", 6, (0.0, 0.0, 0.0, 6e5, 5e6, 0.0))]
    extra = [*place, (42112, "s", len(text) + 1, text)]
    tifffile.imwrite(path, stored, planarconfig="separate", photometric="minisblack", extratags=extra)
    with rasterio.open(path) as file:
        scales, offsets = file.scales, file.offsets
        assert (scales, offsets) == (((1.0, value), (0.0, 0.0)) if tag == "scale" else ((1, 1), (0.0, value)))
    none = {"scale": '"offsets"', "offset": "scales"}[tag]
    row = f"(SELECT h FROM cog_header('{path}') AS h)"
    assert one(con, f"SELECT h.{none} FROM {row}") is None
    for band in (1, 2):
        right = stored[band - 1] * scales[band - 1] + offsets[band - 1]
        for raster in ("h.href", "h"):
            found = one(con, f"SELECT RS_AsArray({raster}, {band}, scale := true) FROM {row}")
            np.testing.assert_array_equal(np.array(found), right)


def test_whole_numbers_stay_whole_where_nothing_is_scaled(con: duckdb.DuckDBPyConnection) -> None:
    for text in ("b1 - 1", "b1 & 1", "b1 // 2", "b1"):
        query = f"SELECT RS_MapAlgebra('{text}', i@) FROM idx AS i WHERE band = 'plain'"
        found, stored = (one(con, query.replace("@", f", scale := {scale}")) for scale in (True, False))
        assert found == stored
        assert found["dtype"] in ("int32", "uint16")
    mixed = one(con, "SELECT RS_MapAlgebra('plain - 1', bands) FROM scene")
    assert mixed["dtype"] == "int32"


def test_pixels_that_are_not_real_have_no_scale(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    data = np.ones((1, 64, 64), np.complex64)
    write(tmp_path / "c.tif", data, scales=((2.0,), (1.0,)))
    path = str(tmp_path / "c.tif")
    for call in (
        "SELECT c.data FROM read_cog($1, scale := true) AS c",
        "SELECT RS_AsArray($1, scale := true)",
        "SELECT RS_MapAlgebra('b1', $1)",
        "SELECT RS_Clip($1, {'x_off': 0, 'y_off': 0, 'width': 1, 'height': 1}, scale := true)",
    ):
        assert "complex64" in message(con, call, path)
