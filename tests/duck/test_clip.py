"""RS_Clip and RS_Mosaic in SQL: the chips of read_cog, cut and put together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.mask import mask as rasterio_mask
from rasterio.merge import merge
from shapely import from_wkt
from shapely.geometry import mapping

from rasteret_sql.settings import configure
from tests.duck.corpus import NAMES
from tests.duck.refusals import message

TRIANGLE = "POLYGON ((700300 5299700, 701500 5299000, 700800 5298300, 700300 5299700))"
IN_UTM = "aoi_crs := 'EPSG:32632'"
GEOGRAPHIC = "POLYGON ((11.52 48.18, 11.6 48.1, 11.7 48.15, 11.52 48.18))"


def area(name: str) -> str:
    if name == "geographic":
        return f"'{GEOGRAPHIC}'"
    if name == "utm33_uint16":
        return "'POLYGON ((245300 5299700, 246500 5299000, 245800 5298300, 245300 5299700))', " + (
            "aoi_crs := 'EPSG:32633'"
        )
    return f"'{TRIANGLE}', {IN_UTM}"


def one(con: duckdb.DuckDBPyConnection, query: str, *values: Any) -> Any:
    return con.execute(query, list(values)).fetchone()


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_of_a_file_an_index_row_and_a_chip_is_what_read_cog_gives(
    con: duckdb.DuckDBPyConnection, corpus: Path, name: str
) -> None:
    path = f"'{corpus}/{name}.tif'"
    expected = one(con, f"SELECT c FROM read_cog({path}, {area(name)}) AS c")[0]
    assert expected["shape"][1] > 20
    of_file = one(con, f"SELECT RS_Clip({path}, {area(name)})")[0]
    of_row = one(con, f"SELECT RS_Clip(h, {area(name)}) FROM cog_header({path}) AS h")[0]
    assert repr(of_file) == repr(of_row) == repr(expected)  # NaN does not equal NaN
    of_chip = one(con, f"SELECT RS_Clip(c, {area(name)}) FROM read_cog({path}) AS c")[0]
    for key, value in of_chip.items():
        if key in ("transform", "bbox"):  # one multiplication more
            continue
        assert repr(value) == repr(expected[key]), key
    assert of_chip["transform"] == pytest.approx(expected["transform"], rel=1e-12)


@pytest.mark.parametrize("all_touched", [False, True])
@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("name", ["utm32_uint16", "bands_strips", "sparse"])
def test_a_clip_is_what_rasterio_masks(
    con: duckdb.DuckDBPyConnection, corpus: Path, name: str, crop: bool, all_touched: bool
) -> None:
    path = corpus / f"{name}.tif"
    with rasterio.open(path) as dataset:
        shape = [mapping(from_wkt(TRIANGLE))]
        expected, place = rasterio_mask(dataset, shape, crop=crop, all_touched=all_touched, nodata=9)
    options = f"crop := {crop}, all_touched := {all_touched}, nodata := 9, {IN_UTM}"
    row = one(con, f"SELECT unnest(RS_Clip('{path}', '{TRIANGLE}', {options}))")
    found = dict(zip([d[0] for d in con.description or []], row, strict=True))
    pixels = np.frombuffer(found["data"], found["dtype"]).reshape(found["shape"])
    assert found["nodata"] == 9
    assert tuple(place)[:6] == pytest.approx(found["transform"])
    assert pixels.shape == expected.shape
    inside = pixels != 9
    assert (pixels[inside] == expected[inside]).all()
    # rasterio leaves the file's own nodata inside the area, RS_Clip writes over it as well
    with rasterio.open(path) as dataset:
        assert set(np.unique(expected[~inside])) <= {9, dataset.nodata}


def test_bands_are_chosen_and_counted_as_read(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = corpus / "rgb_mask.tif"
    query = f"SELECT RS_Clip('{path}', '{TRIANGLE}', {IN_UTM}, bands := ['blue', 'red'])"
    blue, red = one(con, query)[0], one(con, query.replace("['blue', 'red']", "1"))[0]
    assert (blue["bands"], red["bands"]) == ([3, 1], [1])
    again = f"SELECT RS_Clip(c, c.bbox, bands := 2, {IN_UTM}) FROM read_cog('{path}', bands := [3, 1]) AS c"
    assert one(con, again)[0]["bands"] == [1]


def test_no_overlap_and_null_are_null(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = corpus / "utm32_uint16.tif"
    far = "'POINT (100 10)'"
    for crop in (True, False):
        assert one(con, f"SELECT RS_Clip('{path}', {far}, crop := {crop})") == (None,)
        assert one(con, f"SELECT RS_Clip(c, {far}, crop := {crop}) FROM read_cog('{path}') AS c") == (None,)
    assert one(con, f"SELECT RS_Clip('{path}', NULL)") == (None,)
    assert one(con, f"SELECT RS_Clip(NULL, '{TRIANGLE}', {IN_UTM})") == (None,)
    window = "{'x_off': 300, 'y_off': 0, 'width': 4, 'height': 4}"
    assert one(con, f"SELECT RS_Clip('{path}', {window}, crop := false)") == (None,)


def test_a_window_keeps_the_extent_without_crop(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    window = "{'x_off': 298, 'y_off': 259, 'width': 4, 'height': 4}"
    chip = one(con, f"SELECT RS_Clip('{corpus}/south_up.tif', {window}, crop := false)")[0]
    valid = np.frombuffer(chip["valid"], "u1").reshape(chip["shape"][1:])
    assert valid.shape == (260, 300)
    assert np.argwhere(valid).tolist() == [[259, 298], [259, 299]]


def test_many_rows_of_files_and_areas(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    files = [str(corpus / f"{name}.tif") for name in ("utm32_uint16", "motorola")]
    con.execute("CREATE TABLE idx AS SELECT h.* FROM unnest($1) AS f(href), cog_header(f.href) AS h", [files])
    query = """
        SELECT w.x_off, w.y_off, i.href, RS_Clip(i, w).data AS clipped, c.data
        FROM idx AS i, cog_windows(i, size := 50) AS w, read_cog(i, w) AS c
    """
    rows = con.execute(query).fetchall()
    assert len(rows) == 2 * 36
    assert all(clipped == data for *_, clipped, data in rows)


def test_what_cannot_be_clipped_is_an_error(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = corpus / "rgb_mask.tif"
    said = message(con, f"SELECT RS_Clip('{path}', 'POLYGON')")
    assert said.startswith("RS_Clip: aoi: ")
    said = message(con, f"SELECT RS_Clip('{path}', '{TRIANGLE}', {IN_UTM}, nodata := 256)")
    assert said == "RS_Clip: nodata := 256 does not fit uint8; pass one from 0 to 255"
    configure(max_read_bytes=1000)
    try:
        said = message(con, f"SELECT RS_Clip(c, c.bbox, {IN_UTM}) FROM (SELECT {CHIP_OF_ZEROS} AS c)")
    finally:
        configure(max_read_bytes=None)
    assert "pass max_read_bytes (0 MiB). Ask for smaller areas" in said


CHIP_OF_ZEROS = """{
    'dtype': 'uint8', 'shape': [1, 50, 50], 'data': repeat('\\x00'::BLOB, 2500), 'valid': NULL::BLOB,
    'transform': [10.0, 0, 6e5, 0, -10, 5e6], 'crs': 'EPSG:32632',
    'bbox': {'xmin': 6e5, 'ymin': 5e6 - 500, 'xmax': 6e5 + 500, 'ymax': 5e6}
}"""


MOSAIC_OF_SUBQUERIES = {
    "a field": "SELECT RS_Mosaic({chips}).data",
    "a value": "SELECT m.data FROM (SELECT RS_Mosaic({chips}) AS m)",
    "its columns": "SELECT data FROM (SELECT unnest(m) FROM (SELECT RS_Mosaic({chips}) AS m))",
    "a list": "SELECT RS_Mosaic(l).data FROM (SELECT {chips} AS l)",
    "a CTE": "WITH t AS (SELECT RS_Mosaic({chips}, method := 'max') AS m) SELECT m.data FROM t",
    "unnest": "SELECT data FROM (SELECT unnest(RS_Mosaic({chips})))",
}
"""Forms of a mosaic whose chips are scalar subqueries."""


@pytest.mark.parametrize("form", MOSAIC_OF_SUBQUERIES)
def test_a_mosaic_of_subqueries(con: duckdb.DuckDBPyConnection, corpus: Path, form: str) -> None:
    path = f"{corpus}/utm32_uint16.tif"
    left, right = ({"x_off": x, "y_off": 5, "width": 20, "height": 10} for x in (30, 50))
    chips = "[" + ", ".join(f"(SELECT c FROM read_cog('{path}', {w}) AS c)" for w in (left, right)) + "]"
    query = MOSAIC_OF_SUBQUERIES[form].format(chips=chips)
    if form == "unnest" and not unnests_structs_of_subqueries(con):
        with pytest.raises(duckdb.SerializationException, match="Cannot copy BoundSubqueryExpression"):
            con.execute(query)
        return
    with rasterio.open(path) as dataset:
        expected = dataset.read(window=rasterio.windows.Window(30, 5, 40, 10))
    assert one(con, query) == (expected.tobytes(),)


def unnests_structs_of_subqueries(con: duckdb.DuckDBPyConnection) -> bool:
    """What some releases of DuckDB cannot, without this package too."""
    try:
        con.execute("SELECT a FROM (SELECT unnest({'a': (SELECT 1), 'b': 2}))").fetchall()
    except duckdb.Error:
        return False
    return True


@pytest.mark.parametrize("method", ["first", "last", "min", "max"])
def test_windows_of_a_file_are_put_together_again(
    con: duckdb.DuckDBPyConnection, corpus: Path, method: str
) -> None:
    for name in ("utm32_uint16", "float32_nan", "rgb_mask", "rotated_float64", "south_up", "sparse"):
        path = f"'{corpus}/{name}.tif'"
        whole = one(con, f"SELECT data, shape, valid FROM read_cog({path})")
        query = f"""
            SELECT m.data, m.shape, m.valid FROM (
                SELECT RS_Mosaic(list(c ORDER BY w.y_off DESC, w.x_off), '{method}') AS m
                FROM cog_windows({path}, size := 90, stride := 70) AS w, read_cog(w.href, w) AS c
            )
        """
        data, shape, valid = one(con, query)
        assert (shape, valid) == whole[1:], name
        shown = np.ones(shape, bool)
        if valid is not None:  # below it are nodata or what was there
            shown &= np.frombuffer(valid, "u1").reshape(shape[1:]) > 0
        kind = one(con, f"SELECT dtype FROM cog_header({path})")[0]
        found, expected = (np.frombuffer(blob, kind).reshape(shape)[shown] for blob in (data, whole[0]))
        assert found.tobytes() == expected.tobytes(), name


def test_scenes_of_a_zone_are_merged_as_rasterio_does(
    con: duckdb.DuckDBPyConnection, corpus: Path, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{i}.tif" for i in range(3)]
    rng = np.random.default_rng(0)
    for i, path in enumerate(paths):
        place = rasterio.Affine(10, 0, 600_000 + 130 * i, 0, -10, 5_300_000 - 70 * i)
        pixels = rng.integers(0, 4, (1, 40, 50)).astype("uint16")
        with rasterio.open(
            path, "w", driver="GTiff", width=50, height=40, count=1, dtype="uint16", nodata=0,
            crs="EPSG:32632", transform=place,
        ) as dataset:  # fmt: skip
            dataset.write(pixels)
    for method in ("first", "last", "min", "max"):
        expected, _ = merge(paths, method=method)
        query = f"""
            SELECT RS_Mosaic(list(c ORDER BY c.href), '{method}')
            FROM (SELECT unnest($1) AS href) AS f, read_cog(f.href) AS c
        """
        chip = one(con, query, [str(path) for path in paths])[0]
        assert np.array_equal(np.frombuffer(chip["data"], "u2").reshape(chip["shape"]), expected)


def test_mosaics_of_groups_and_of_nothing(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    query = f"""
        SELECT w.y_off, RS_Mosaic(list(c)) AS m
        FROM cog_windows('{corpus}/utm32_uint16.tif', size := 64, edge := 'clip') AS w,
             read_cog(w.href, w) AS c
        GROUP BY w.y_off ORDER BY w.y_off
    """
    rows = con.execute(query).fetchall()
    assert [(y, tuple(m["shape"])) for y, m in rows] == [
        (y, (1, min(64, 260 - y), 300)) for y in range(0, 260, 64)
    ]
    chip = f"SELECT RS_Mosaic([NULL, c, NULL]) FROM read_cog('{corpus}/utm32_uint16.tif') AS c"
    assert tuple(one(con, chip)[0]["shape"]) == (1, 260, 300)
    assert one(con, "SELECT RS_Mosaic(NULL), RS_Mosaic([]), RS_Mosaic([NULL])") == (None, None, None)


def test_what_makes_no_mosaic_is_an_error(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    assert message(con, "SELECT RS_Mosaic(['a.tif'])") == (
        "RS_Mosaic: chips is a VARCHAR[]; a list of chips was expected, such as list(c ORDER BY i.datetime) "
        "with rows c of read_cog"
    )
    both = (
        f"(VALUES ('{corpus}/utm32_uint16.tif'), ('{corpus}/utm33_uint16.tif')) AS f(href), read_cog(f.href)"
    )
    said = message(con, f"SELECT RS_Mosaic(list(c ORDER BY c.href)) FROM {both} AS c")
    assert "has CRS 'EPSG:32632' and chip 2" in said
    assert "RS_ReprojectMatch" in said
    said = message(con, f"SELECT RS_Mosaic(list(c), 'mode') FROM {both} AS c")
    assert said.startswith("RS_Mosaic: method := 'mode': one of 'first', 'last', 'min'")
