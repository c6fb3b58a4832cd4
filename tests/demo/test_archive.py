"""The archive on disk, seen by programs that did not make it."""

from __future__ import annotations

import json

import duckdb
import numpy as np
import pytest
import rasterio
import rasterio.features
from rasterio.warp import transform_geom
from shapely.geometry import shape

from rasteret_sql.demo.archive import Archive, Pixels, encode
from rasteret_sql.demo.landscape import Landscape
from rasteret_sql.demo.scenes import BANDS, GRIDS, OFFSET, SCALE, SIZE, scenes


def test_scenes_are_two_utm_zones_on_six_dates(archive: Archive) -> None:
    assert len(archive.scenes) == 12
    assert {scene.grid.crs for scene in archive.scenes.values()} == {"EPSG:32632", "EPSG:32633"}
    assert len({scene.datetime.date() for scene in archive.scenes.values()}) == 6


@pytest.mark.parametrize("band", BANDS)
def test_every_file_is_a_cog_with_the_pixels_it_was_made_from(
    archive: Archive, truth: dict[str, Pixels], band: str
) -> None:
    for item_id, scene in archive.scenes.items():
        with rasterio.open(archive.cog(item_id, band)) as cog:
            assert cog.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert cog.crs.to_epsg() == scene.grid.epsg
            assert cog.transform[:6] == scene.grid.transform
            assert (cog.width, cog.height, cog.nodata) == (SIZE, SIZE, 0)
            assert cog.block_shapes == [(256, 256)]
            assert cog.overviews(1) == [2, 4]
            assert np.array_equal(cog.read(1), truth[item_id][band])


def test_reflectances_carry_their_scale_and_classes_do_not(archive: Archive) -> None:
    item_id = next(iter(archive.scenes))
    with rasterio.open(archive.cog(item_id, "red")) as red, rasterio.open(archive.cog(item_id, "scl")) as scl:
        assert (red.scales, red.offsets, red.descriptions) == ((SCALE,), (OFFSET,), ("red",))
        assert (scl.scales, scl.offsets, scl.descriptions) == ((1.0,), (0.0,), ("scl",))


def test_the_same_seed_gives_the_same_file_and_another_seed_another(archive: Archive) -> None:
    scene = scenes(Landscape(12))[1]
    pixels = scene.pixels()["nir"]
    assert encode(scene, "nir", pixels) == archive.cog(scene.id, "nir").read_bytes()
    other = scenes(Landscape(13))[1].pixels()["nir"]
    assert not np.array_equal(other, pixels)


def test_footprints_follow_the_edge_of_the_orbit(archive: Archive, truth: dict[str, Pixels]) -> None:
    cut = 0
    for item_id, scene in archive.scenes.items():
        share = float((truth[item_id]["red"] != 0).mean())
        assert share == pytest.approx(scene.data_footprint.area / (SIZE * 10) ** 2, abs=0.002)
        cut += share < 0.95
    assert cut == 6


def test_items_describe_their_files(archive: Archive, truth: dict[str, Pixels]) -> None:
    for item_id, scene in archive.scenes.items():
        item = json.loads((archive.folder / item_id / f"{item_id}.json").read_bytes())
        properties, outline = item["properties"], shape(item["geometry"])
        assert (item["id"], properties["proj:code"]) == (item_id, scene.grid.crs)
        assert properties["proj:transform"] == list(scene.grid.transform)
        assert item["bbox"] == pytest.approx(outline.bounds)
        assert outline.exterior.is_ccw
        assert set(item["assets"]) == set(BANDS)
        in_grid = shape(transform_geom("EPSG:4326", scene.grid.crs, item["geometry"]))
        assert in_grid.symmetric_difference(scene.data_footprint).area < 0.001 * scene.data_footprint.area
        scl = truth[item_id]["scl"]
        cloudy = 100 * np.isin(scl, (8, 9, 10)).sum() / (scl != 0).sum()
        assert properties["eo:cloud_cover"] == pytest.approx(cloudy, abs=0.01)


def test_one_date_is_too_cloudy_and_none_is_without_clouds(archive: Archive) -> None:
    covers = [
        json.loads((archive.folder / name / f"{name}.json").read_bytes())["properties"]["eo:cloud_cover"]
        for name in archive.scenes
    ]
    assert sum(cover > 50 for cover in covers) == 2
    assert min(covers) > 0


def test_fields_are_a_geoparquet_table_with_labels_and_splits(archive: Archive) -> None:
    with duckdb.connect() as con:
        path = str(archive.folder / "fields.parquet")
        (kind,) = con.execute("SELECT DISTINCT typeof(geom) FROM read_parquet(?)", [path]).fetchone() or ("",)
        counts = con.execute(
            "SELECT label, count(*) FROM read_parquet(?) GROUP BY label ORDER BY label", [path]
        ).fetchall()
        splits = con.execute("SELECT DISTINCT split FROM read_parquet(?) ORDER BY split", [path]).fetchall()
    assert kind == "GEOMETRY('OGC:CRS84')"
    assert counts == [("forest", 3), ("grass", 4), ("maize", 5), ("water", 2), ("wheat", 6)]
    assert splits == [("test",), ("train",), ("validation",)]


def test_fields_hold_one_label_each_and_some_lie_in_both_zones(
    archive: Archive, truth: dict[str, Pixels]
) -> None:
    clearest = {"EPSG:32632": "S2_32632_20240628", "EPSG:32633": "S2_32633_20240628"}
    ndvi = {}
    for grid in GRIDS:
        pixels = truth[clearest[grid.crs]]
        red, nir = (pixels[band] * SCALE + OFFSET for band in ("red", "nir"))
        ndvi[grid.crs] = np.where(np.isin(pixels["scl"], (4, 5, 6)), (nir - red) / (nir + red), np.nan)
    zones = []
    for field in archive.fields:
        seen = 0
        for grid in GRIDS:
            outline = transform_geom("OGC:CRS84", grid.crs, field.polygon.__geo_interface__)
            if not shape(outline).within(shape({"type": "Polygon", "coordinates": [_corners(grid.bounds)]})):
                continue
            transform = rasterio.Affine(*grid.transform)
            inside = ~rasterio.features.geometry_mask([outline], (SIZE, SIZE), transform)
            values = ndvi[grid.crs][inside]
            values = values[~np.isnan(values)]
            seen += 1
            if values.size:
                assert values.std() < 0.05, field
                assert (np.median(values) < 0) == (field.label == "water")
        zones.append(seen)
    assert min(zones) == 1
    assert zones.count(2) >= 5


def _corners(bounds: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    x0, y0, x1, y1 = bounds
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
