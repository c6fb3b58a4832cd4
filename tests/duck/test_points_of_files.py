"""Values at points of random files, of real ones, and of SedonaDB: the independent oracles of RS_Value(s)."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.transform import rowcol
from rasterio.windows import Window

import rasteret_sql
from tests.duck.corpus import NAMES
from tests.duck.random_files import write_random
from tests.duck.refusals import message
from tests.duck.test_random_files import gdal_valid
from tests.geo.gdal_points import interpolate

READ = "SELECT RS_Values($1, $2, $3, $4, level := $5, aoi_crs := $6)"


@pytest.fixture(scope="module")
def connection() -> Any:
    with rasteret_sql.connect() as con:
        yield con


def floats(values: list[float | None]) -> np.ndarray[Any, Any]:
    """NULL as NaN: files hold NaN too, and ``there`` says which is which."""
    return np.array([np.nan if value is None else value for value in values], float)


def there(values: list[float | None]) -> np.ndarray[Any, Any]:
    return np.array([value is not None for value in values])


@pytest.mark.parametrize("seed", range(100, 160))
def test_a_random_file(connection: duckdb.DuckDBPyConnection, tmp_path: Path, seed: int) -> None:
    """Every level, a random band, both interpolations; points on all sides of the raster."""
    path = tmp_path / "a.tif"
    about = write_random(path, seed)
    print(about)
    choose = random.Random(seed)
    with rasterio.open(path) as dataset:
        levels = [None, *range(len(dataset.overviews(1)))]
    for level, overview in enumerate(levels):
        options = {} if overview is None else {"overview_level": overview}
        with rasterio.open(path, **options) as dataset:
            compare(connection, path, dataset, level, choose.randint(1, dataset.count), about)


def compare(con: Any, path: Path, dataset: Any, level: int, band: int, about: dict[str, Any]) -> None:
    rng = np.random.default_rng(about["seed"])
    columns, rows = rng.uniform(-0.2, 1.2, (2, 500)) * [[dataset.width], [dataset.height]]
    xy = np.column_stack(dataset.transform @ (columns, rows))
    arguments = [str(path), xy.tolist(), band]
    if np.dtype(about["dtype"]).kind == "c":
        assert "pixels are not numbers" in message(con, READ, *arguments, "nearest", level, about["crs"])
        return
    window = Window(0, 0, dataset.width, dataset.height)
    pixels, valid = dataset.read(band), gdal_valid(dataset, [band], window, about)
    found = con.execute(READ, [*arguments, "nearest", level, about["crs"]]).fetchone()[0]
    row, column = (np.array(numbers) for numbers in rowcol(dataset.transform, *xy.T))
    inside = (row >= 0) & (row < dataset.height) & (column >= 0) & (column < dataset.width)
    want = np.zeros(len(xy), bool)
    want[inside] = valid[row[inside], column[inside]]
    np.testing.assert_array_equal(there(found), want)
    np.testing.assert_array_equal(floats(found)[want], pixels[row[want], column[want]].astype(float))
    mixed = con.execute(READ, [*arguments, "bilinear", level, about["crs"]]).fetchone()[0]
    left, top = np.floor(columns - 0.5).astype(int), np.floor(rows - 0.5).astype(int)
    good, total = inside.copy(), np.zeros(len(xy))
    with np.errstate(invalid="ignore", over="ignore"):
        for down in (0, 1):
            for across in (0, 1):
                at = np.clip(top + down, 0, dataset.height - 1), np.clip(left + across, 0, dataset.width - 1)
                share_x = np.abs(1 - across - (columns - 0.5 - left))
                share_y = np.abs(1 - down - (rows - 0.5 - top))
                good &= valid[at]
                total += pixels[at].astype(float) * share_x * share_y
    np.testing.assert_array_equal(there(mixed), good)
    np.testing.assert_allclose(floats(mixed)[good], total[good], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["utm32_uint16", "bands_strips", "geographic", "south_up", "big"])
def test_bilinear_of_files_is_gdals(con: duckdb.DuckDBPyConnection, corpus: Path, name: str) -> None:
    """Through its own places of the points; what nodata does to a value included."""
    path = corpus / f"{name}.tif"
    rng = np.random.default_rng(8)
    with rasterio.open(path) as dataset:
        columns, rows = rng.uniform(0, dataset.width, 3000), rng.uniform(0, dataset.height, 3000)
        xy = np.column_stack(dataset.transform @ (columns, rows)).tolist()
        crs = dataset.crs.to_string()
    found = con.execute(READ, [str(path), xy, 1, "bilinear", 0, crs]).fetchone()[0]
    want = interpolate(path, 1, list(zip(columns.tolist(), rows.tolist(), strict=True)))
    np.testing.assert_array_equal(there(found), there(want))
    np.testing.assert_allclose(floats(found), floats(want), rtol=1e-7, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
def test_real_files(
    con: duckdb.DuckDBPyConnection, shared_data: Path, cog_manifest: list[dict[str, Any]]
) -> None:
    """Every real file with a CRS that rasterio places and reads whole: values and validity at 400 points."""
    compared = 0
    for about in cog_manifest:
        path = shared_data / "cog" / about["file"]
        if not about["ifds"] or not any("sha256" in level for level in about.get("pixels", ())):
            continue
        with rasterio.open(path) as dataset:
            placed = dataset.crs is not None and not dataset.transform.is_identity
            sampled = placed and dataset.crs.to_epsg() is not None
            chroma = dataset.compression is not None and dataset.compression.name == "jpeg"
            if not sampled or chroma or dataset.dtypes[0].startswith("complex"):
                continue  # chroma is upsampled in another way by rasterio's libjpeg
            rng = np.random.default_rng(compared)
            margin = 0 if dataset.crs.is_geographic else 0.05  # there is no latitude of 91
            places = rng.uniform(-margin, 1 + margin, (2, 400)) * [[dataset.width], [dataset.height]]
            x, y = dataset.transform @ places
            want = list(dataset.sample(zip(x, y, strict=True), indexes=1, masked=True))
            crs = f"EPSG:{dataset.crs.to_epsg()}"
        found = con.execute(READ, [str(path), np.column_stack((x, y)).tolist(), 1, "nearest", 0, crs])
        values = found.fetchone()[0]
        expected = [None if value.mask.all() else float(value.data[0]) for value in want]
        np.testing.assert_array_equal(floats(values), floats(expected), err_msg=about["file"])
        compared += 1
    assert compared > 30


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("rgb_mask", "rgba_alpha", "float32_nan")])
def test_sedonadb_gives_the_same(con: duckdb.DuckDBPyConnection, corpus: Path, name: str) -> None:
    """It heeds nodata, but neither masks nor alpha, and NaN as nodata equals nothing there."""
    sedona = pytest.importorskip("sedonadb").connect()
    path = corpus / f"{name}.tif"
    rng = np.random.default_rng(9)
    with rasterio.open(path) as dataset:
        xy = np.column_stack(dataset.transform @ rng.uniform(-10, 310, (2, 60))).tolist()
        crs = dataset.crs.to_string()
    points = " UNION ALL ".join(
        f"SELECT {number} AS n, ST_SetCRS(ST_Point({x!r}, {y!r}), '{crs}') AS point"
        for number, (x, y) in enumerate(xy)
    )
    query = f"SELECT n, RS_Value(RS_FromPath('{path}'), point, 1) AS value FROM ({points}) ORDER BY n"
    want = sedona.sql(query).to_arrow_table()["value"].to_pylist()
    found = con.execute(READ, [str(path), xy, 1, "nearest", 0, crs]).fetchone()[0]
    assert found == want
