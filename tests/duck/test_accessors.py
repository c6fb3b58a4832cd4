"""What headers and chips say of themselves with Sedona's names; pixels as rows; map tiles as areas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
import shapely
from pyproj import Transformer
from rasterio.transform import xy

from rasteret_sql.store.request_log import snapshot
from tests.duck.corpus import NAMES
from tests.duck.refusals import message

ACCESSORS = [
    "RS_Width", "RS_Height", "RS_NumBands", "RS_CRS", "RS_SRID", "RS_UpperLeftX", "RS_UpperLeftY",
    "RS_ScaleX", "RS_ScaleY", "RS_SkewX", "RS_SkewY", "RS_BandNoDataValue", "RS_BandPixelType",
]  # fmt: skip
SHAPES = ["RS_Envelope", "RS_ConvexHull"]
WINDOW = "{'x_off': 20, 'y_off': 30, 'width': 9, 'height': 7}"


def said(con: duckdb.DuckDBPyConnection, raster: str, names: list[str] = ACCESSORS) -> dict[str, Any]:
    calls = ", ".join(f"{name}(r)" for name in names)
    (row,) = con.execute(f"SELECT {calls} FROM (SELECT r FROM {raster} AS r)").fetchall()
    return dict(zip(names, row, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_accessors_say_what_rasterio_says(con: duckdb.DuckDBPyConnection, corpus: Path, name: str) -> None:
    path = corpus / f"{name}.tif"
    with rasterio.open(path) as dataset:
        a, b, c, d, e, f = tuple(dataset.transform)[:6]
        expected = {
            "RS_Width": dataset.width,
            "RS_Height": dataset.height,
            "RS_NumBands": dataset.count,
            "RS_CRS": f"EPSG:{dataset.crs.to_epsg()}",
            "RS_SRID": dataset.crs.to_epsg(),
            "RS_UpperLeftX": c, "RS_UpperLeftY": f, "RS_ScaleX": a, "RS_ScaleY": e, "RS_SkewX": b,
            "RS_SkewY": d,
            "RS_BandNoDataValue": dataset.nodata,
            "RS_BandPixelType": {
                "uint8": "UNSIGNED_8BITS", "uint16": "UNSIGNED_16BITS", "int16": "SIGNED_16BITS",
                "int32": "SIGNED_32BITS", "uint32": "UNSIGNED_32BITS", "float32": "REAL_32BITS",
                "float64": "REAL_64BITS",
            }[dataset.dtypes[0]],
        }  # fmt: skip
    found = said(con, f"cog_header('{path}')")
    assert {key: repr(value) for key, value in found.items()} == {
        key: repr(value) for key, value in expected.items()
    }
    of_chip = said(con, f"read_cog('{path}')")
    assert repr(of_chip) == repr(found)


def test_an_href_answers_as_its_header_does(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = corpus / "utm32_uint16.tif"
    calls = ", ".join(f"{name}($1)" for name in ACCESSORS)
    row = con.execute(f"SELECT {calls}", [str(path)]).fetchone()
    assert row == tuple(said(con, f"cog_header('{path}')").values())


@pytest.mark.parametrize("name", NAMES)
def test_outlines_are_those_of_the_corners(con: duckdb.DuckDBPyConnection, corpus: Path, name: str) -> None:
    path = corpus / f"{name}.tif"
    for raster, window in (
        (f"cog_header('{path}')", (0, 0, 300, 260)),
        (f"read_cog('{path}', {WINDOW})", (20, 30, 9, 7)),
    ):
        calls = "ST_AsWKB(RS_Envelope(r)), ST_AsWKB(RS_ConvexHull(r))"
        (envelope, hull) = con.execute(f"SELECT {calls} FROM {raster} AS r").fetchone()
        x, y, width, height = window
        with rasterio.open(path) as dataset:
            corners = [
                dataset.transform @ corner
                for corner in ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
            ]
        expected = shapely.Polygon(corners)
        assert shapely.from_wkb(hull).equals_exact(expected, 1e-6)
        assert shapely.from_wkb(envelope).bounds == pytest.approx(expected.bounds)
        assert shapely.from_wkb(envelope).area == pytest.approx(shapely.box(*expected.bounds).area)


def test_sedonadb_says_the_same(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    sedona = pytest.importorskip("sedonadb", reason="SedonaDB is not installed").connect()
    for name in NAMES:
        path = corpus / f"{name}.tif"
        names = [n for n in ACCESSORS if n != "RS_CRS"]  # PROJJSON there
        calls = ", ".join(f"{n}(r, 1)" if "Band" in n and "Num" not in n else f"{n}(r)" for n in names)
        theirs = sedona.sql(f"SELECT {calls} FROM (SELECT RS_FromPath('{path}') AS r)").to_arrow_table()
        expected = {n: column[0].as_py() for n, column in zip(names, theirs.columns, strict=True)}
        found = said(con, f"cog_header('{path}')", names)
        if name == "big":  # it has no name for uint32 beside ours
            expected.pop("RS_BandPixelType")
            found.pop("RS_BandPixelType")
        assert repr(found) == repr(expected), name


def test_null_is_null(con: duckdb.DuckDBPyConnection) -> None:
    for name in ACCESSORS + SHAPES:
        assert con.execute(f"SELECT {name}(NULL)").fetchone() == (None,)


def test_an_index_row_and_a_chip_ask_for_nothing(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    con.execute(f"CREATE TABLE idx AS FROM cog_header('{corpus}/utm32_uint16.tif')")
    con.execute("CREATE TABLE chips AS SELECT c FROM idx AS i, read_cog(i) AS c")
    before = len(snapshot())
    said(con, "idx", ACCESSORS + SHAPES)
    calls = ", ".join(f"{name}(c)" for name in ACCESSORS + SHAPES)
    con.execute(f"SELECT {calls} FROM chips").fetchall()
    assert len(snapshot()) == before


def test_a_band_that_is_not_there(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    for name in ("RS_BandNoDataValue", "RS_BandPixelType"):
        for band in (0, 2):
            text = message(con, f"SELECT {name}('{corpus}/utm32_uint16.tif', {band})")
            assert f"has no band {band}; its only band is 1" in text


@pytest.mark.parametrize("name", NAMES)
def test_pixels_are_rows_with_the_centres_that_rasterio_gives(
    con: duckdb.DuckDBPyConnection, corpus: Path, name: str
) -> None:
    query = f"""
        SELECT p.x, p.y, p.value, p.col, p.row
        FROM read_cog('{corpus}/{name}.tif', {WINDOW}) AS c,
             RS_PixelAsCentroids(c, exclude_nodata := false) AS p
        ORDER BY p.row, p.col
    """
    x, y, value, col, row = (
        np.array(column, float) for column in zip(*con.execute(query).fetchall(), strict=True)
    )
    with rasterio.open(corpus / f"{name}.tif") as dataset:
        window = rasterio.windows.Window(20, 30, 9, 7)
        pixels = dataset.read(1, window=window).astype(float)
        pixels[dataset.dataset_mask(window=window) == 0] = np.nan
        expected = xy(dataset.window_transform(window), row, col)
    assert len(x) == 63
    assert (row * 9 + col == np.arange(63)).all()
    np.testing.assert_array_equal(value, pixels.ravel())
    np.testing.assert_allclose(x, expected[0], rtol=1e-12)
    np.testing.assert_allclose(y, expected[1], rtol=1e-12)


def test_rows_of_valid_pixels_alone(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    query = f"SELECT count(value), count(*) FROM RS_PixelAsCentroids('{corpus}/rgb_mask.tif', 2)"
    with rasterio.open(corpus / "rgb_mask.tif") as dataset:
        valid = int((dataset.dataset_mask() > 0).sum())
        total = int(dataset.read(2)[dataset.dataset_mask() > 0].sum())
    assert con.execute(query).fetchone() == (valid, valid)
    assert con.execute(query.replace("count(value)", "sum(value)")).fetchone() == (total, valid)
    pixels = f"RS_PixelAsCentroids('{corpus}/rotated_float64.tif')"
    (geom, x, y) = con.execute(
        f"SELECT ST_AsWKB(geom), x, y FROM {pixels} WHERE row = 9 AND col = 7"
    ).fetchone()
    assert shapely.get_coordinates(shapely.from_wkb(geom)).tolist() == [[x, y]]


def test_pixels_of_no_chip_and_of_many(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    assert con.execute("FROM RS_PixelAsCentroids(NULL)").fetchall() == []
    query = f"""
        SELECT w.x_off + p.col AS col, w.y_off + p.row AS row, p.value
        FROM cog_windows('{corpus}/motorola.tif', size := 37, edge := 'clip') AS w,
             read_cog(w.href, w) AS c, RS_PixelAsCentroids(c) AS p
        ORDER BY row, col
    """
    found = np.array(con.execute(query).fetchall())
    with rasterio.open(corpus / "motorola.tif") as dataset:
        assert (found[:, 2] == dataset.read(1).ravel()).all()


def test_pixels_that_are_no_doubles_are_refused(con: duckdb.DuckDBPyConnection) -> None:
    chip = """(
        SELECT 'uint64' AS dtype, [1, 1, 1] AS shape, repeat('\\xFF'::BLOB, 8) AS data, NULL::BLOB AS valid,
               [1.0, 0, 0, 0, -1, 0] AS transform
    )"""
    text = message(con, f"SELECT p FROM {chip} AS c, RS_PixelAsCentroids(c) AS p")
    assert text.startswith("RS_PixelAsCentroids: uint64 pixels beyond 2^53 are not exact as DOUBLE")


TO_DEGREES = Transformer.from_crs("EPSG:3857", "OGC:CRS84", always_xy=True)


@pytest.mark.parametrize(
    ("zoom", "x", "y"), [(0, 0, 0), (1, 1, 0), (5, 17, 11), (14, 8738, 5696), (22, 1, 4_194_303)]
)
def test_tiles_are_those_of_web_maps(con: duckdb.DuckDBPyConnection, zoom: int, x: int, y: int) -> None:
    query = "SELECT typeof(g), ST_AsWKB(g) FROM (SELECT RS_TileEnvelope($1, $2, $3) AS g)"
    kind, wkb = con.execute(query, [zoom, x, y]).fetchone()
    assert kind == "GEOMETRY('EPSG:3857')"
    west, south, east, north = TO_DEGREES.transform_bounds(*shapely.from_wkb(wkb).bounds)
    # the slippy-map formulae
    count = 2**zoom
    latitude = [np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * row / count)))) for row in (y + 1, y)]
    assert (west, east) == pytest.approx((x / count * 360 - 180, (x + 1) / count * 360 - 180))
    assert (south, north) == pytest.approx(latitude)


def test_neighbouring_tiles_share_an_edge_and_a_margin_widens(con: duckdb.DuckDBPyConnection) -> None:
    def bounds(arguments: str) -> tuple[float, ...]:
        (wkb,) = con.execute(f"SELECT ST_AsWKB(RS_TileEnvelope({arguments}))").fetchone()
        return tuple(shapely.from_wkb(wkb).bounds)

    one, right, below = bounds("9, 270, 170"), bounds("9, 271, 170"), bounds("9, 270, 171")
    assert one[2] == right[0]
    assert one[1] == below[3]
    size = one[2] - one[0]
    wide = bounds("9, 270, 170, margin := 0.25")
    assert np.subtract(wide, one).tolist() == pytest.approx([-size / 4, -size / 4, size / 4, size / 4])
    world = 20037508.342789244
    assert bounds("0, 0, 0, margin := 0.5")[1::2] == (-world, world)


def test_a_tile_is_an_area_of_read_cog(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    """The tiles around a file cover it, each with the pixels that read_cog gives of its square."""
    path = corpus / "utm32_uint16.tif"
    tiles = "(SELECT x, y FROM range(8700, 8770) AS a(x), range(5660, 5740) AS b(y)) AS t"
    rows = con.execute(
        f"""
        SELECT t.x, t.y, c.data, c.shape
        FROM {tiles}, read_cog('{path}', RS_TileEnvelope(14, t.x, t.y)) AS c
        """
    ).fetchall()
    assert 4 <= len(rows) <= 25
    assert sum(shape[1] * shape[2] for *_, shape in rows) >= 300 * 260
    for x, y, data, _ in rows:
        square = "ST_AsWKB(RS_TileEnvelope(14, $1, $2)), aoi_crs := 'EPSG:3857'"
        assert con.execute(f"SELECT data FROM read_cog('{path}', {square})", [x, y]).fetchall() == [(data,)]


def test_a_tile_that_does_not_exist(con: duckdb.DuckDBPyConnection) -> None:
    assert message(con, "SELECT RS_TileEnvelope(3, 8, 0)") == (
        "RS_TileEnvelope: there is no tile 3/8/0 with margin 0.0: zoom is 0 to 30, x and y are 0 to "
        "2^zoom - 1, margin is a finite number above -0.5"
    )
    assert con.execute("SELECT RS_TileEnvelope(3, NULL, 0)").fetchone() == (None,)
