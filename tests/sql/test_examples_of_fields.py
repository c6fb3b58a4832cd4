"""What the examples of fields answer is what rasterio and NumPy make of the same files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
from rasterio.vrt import WarpedVRT

import rasteret_sql
from rasteret_sql.demo import Demo
from rasteret_sql.demo.scenes import CLEAR_SCL, OFFSET, SCALE
from tests.sql.true_ndvi import Seen, fields, true_ndvi

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).resolve().parents[2] / "sql/examples"
Rows = list[dict[str, Any]]


class Season:
    """The archive's folder, a connection that keeps the tables of the examples, and what each showed last."""

    def __init__(self, folder: Path, con: duckdb.DuckDBPyConnection) -> None:
        self.folder, self.con = folder, con
        self.shown: dict[str, Rows] = {}
        for path in sorted(EXAMPLES.glob("*.sql")):
            if path.stem.startswith("01") or path.stem >= "10":
                for statement in con.extract_statements(path.read_text("utf-8")):
                    self.shown[path.stem[:2]] = self.rows(statement)

    def rows(self, query: str | duckdb.Statement, *values: Any) -> Rows:
        cursor = self.con.execute(query, list(values))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def scene(self, name: str, band: str) -> str:
        return str(self.folder / name / f"{band}.tif")


@pytest.fixture(scope="module")
def season(demo: Demo) -> Iterator[Season]:
    with chdir(demo.folder), rasteret_sql.connect() as con:
        yield Season(demo.folder, con)


def test_ndvi_of_a_field_is_that_of_its_clear_pixels(season: Season) -> None:
    """The pixels of the scene that sees most of the field, by rasterio; a field without any is not shown."""
    scenes = season.rows("SELECT DISTINCT id, datetime::DATE AS day FROM idx ORDER BY id")
    shown = {(row["field_id"], row["day"]): row for row in season.shown["10"]}
    assert len(shown) > 60
    wrong = 0
    for field in fields(season.folder).values():
        best: dict[Any, Seen] = {}
        for scene in scenes:
            seen = true_ndvi(season.folder, scene["id"], field, CLEAR_SCL)
            if seen is not None and seen.pixels > (best[scene["day"]].pixels if scene["day"] in best else 0):
                best[scene["day"]] = seen
        expected = {day: (seen.ndvi, seen.share) for day, seen in best.items() if seen.share >= 0.5}
        wrong += sum(abs(seen.stored - seen.ndvi) > 0.1 for seen in best.values())
        found = {day: row for (number, day), row in shown.items() if number == field["id"]}
        assert found.keys() == expected.keys()
        for day, (ndvi, share) in expected.items():
            assert found[day]["ndvi"] == pytest.approx(ndvi, abs=6e-4)
            assert found[day]["clear"] == pytest.approx(share, abs=6e-3)
            assert found[day]["label"] == field["properties"]["label"]
    assert wrong > 30, "stored numbers would show"


def test_each_label_has_the_clear_scene_nearest_in_time(season: Season) -> None:
    chosen = season.rows("""
        SELECT n.field_id, n.visited, n.datetime, min(abs(epoch(c.datetime - n.visited))) AS least
        FROM nearest AS n JOIN clear_scenes AS c USING (field_id)
        GROUP BY ALL
    """)
    assert len(chosen) == 20
    apart = [(row["datetime"] - row["visited"]).total_seconds() for row in chosen]
    assert [abs(seconds) for seconds in apart] == [row["least"] for row in chosen]
    assert min(apart) < 0 < max(apart), "scenes before and after"
    bands = [row["band"] for row in season.shown["11"]]
    assert bands == ["nir", "red"] * 20


def test_statistics_of_a_thousand_fields_are_those_of_each(season: Season) -> None:
    counts = season.rows("SELECT count(DISTINCT parcel_id) AS parcels, count(*) AS rows FROM parcel_stats")
    assert counts[0]["parcels"] == 1000
    assert counts[0]["rows"] > 8000
    assert [row["parcels"] > 800 for row in season.shown["12"]] == [True] * 6
    some = season.rows("""
        SELECT
            {'count': s.count, 'mean': s.mean, 'percentiles': s.percentiles} AS nir,
            RS_ZonalStatsAll(i.href, p.geom, percentiles := [10, 90]) AS alone
        FROM parcels AS p
        JOIN idx AS i ON i.footprint && p.geom AND i.band = 'nir'
        JOIN parcel_stats AS s ON s.parcel_id = p.parcel_id AND s.id = i.id
        WHERE p.parcel_id % 97 = 5
    """)
    assert len(some) > 50
    assert all(row["nir"] == {name: row["alone"][name] for name in row["nir"]} for row in some)


def test_the_mosaic_is_the_median_of_clear_pixels(season: Season) -> None:
    """GDAL reads the file, warps the scenes, and NumPy takes the median."""
    scenes = season.rows("SELECT DISTINCT id FROM idx WHERE cloud_cover < 30")
    with rasterio.open(season.folder / "median_nir.tif") as made:
        pixels, grid = made.read(1), {"crs": made.crs, "transform": made.transform}
        assert (made.nodata is not None and np.isnan(made.nodata), made.dtypes) == (True, ("float32",))
    grid |= {"width": pixels.shape[1], "height": pixels.shape[0], "tolerance": 1e-7}
    stack = []
    for scene in scenes:
        nir, scl = (warped(season.scene(scene["id"], band), grid) for band in ("nir", "scl"))
        stack.append(np.where(np.isin(scl, CLEAR_SCL), nir * SCALE + OFFSET, np.nan))
    middle = np.s_[100:-100, 100:-100]  # the area leans in this CRS, so corners are empty
    clear = np.ma.masked_invalid([nir[middle] for nir in stack])
    expected = np.ma.median(clear, axis=0).filled(np.nan)
    different = ~np.isclose(pixels[middle], expected, rtol=1e-6, atol=1e-7, equal_nan=True)
    assert different.mean() < 1e-3, "ties of the nearest pixel"
    assert (pixels[middle] > 0).mean() > 0.8
    with rasterio.open(season.folder / "median_red.tif") as made:
        red = made.read(1).astype(float)
    ndvi = (pixels - red) / (pixels + red)
    (shown,) = season.shown["13"]
    assert shown["clear_pixels"] == np.isfinite(ndvi).sum()
    assert shown["mean_ndvi"] == pytest.approx(np.nanmean(ndvi), abs=6e-4)


def warped(path: str, grid: dict[str, Any]) -> Any:
    with rasterio.open(path) as dataset, WarpedVRT(dataset, **grid) as vrt:
        return vrt.read(1)


def test_train_and_validation_lie_apart(season: Season) -> None:
    chips = season.rows("SELECT split, id, band, transform, shape, dtype, data FROM training")
    assert {tuple(row["shape"]) for row in chips} == {(1, 64, 64)}
    places = {
        split: np.unique([row["transform"][2::3] for row in chips if row["split"] == split], axis=0)
        for split in ("train", "validation")
    }
    between = np.abs(places["train"][:, None] - places["validation"][None]).max(axis=-1) - 640
    assert between.min() >= 640, "metres from edge to edge"
    assert min(len(place) for place in places.values()) > 30
    scl = {row["id"]: season.scene(row["id"], "scl") for row in chips}
    for row in chips[::50]:
        grid = {
            "crs": "EPSG:3035", "transform": rasterio.Affine(*row["transform"]), "width": 64, "height": 64,
            "tolerance": 1e-7,
        }  # fmt: skip
        assert np.isin(warped(scl[row["id"]], grid), CLEAR_SCL).mean() > 0.97
        expected = warped(season.scene(row["id"], row["band"]), grid)
        found = np.frombuffer(row["data"], row["dtype"]).reshape(64, 64)
        assert (found != expected).sum() <= 2, "ties"
