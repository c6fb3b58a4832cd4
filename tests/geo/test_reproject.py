"""Areas in the CRS of a raster, and where on the globe rasters lie."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer
from shapely.geometry import box

from rasteret_sql.errors import ArgumentError
from rasteret_sql.geo.aoi import Aoi, parse_aoi
from rasteret_sql.geo.crs import transformer
from rasteret_sql.geo.reprojection.reproject import footprint, project, project_all

LONLAT = "OGC:CRS84"
UTM_32 = "EPSG:32632"


def area(geometry: Any, crs: str = LONLAT) -> Aoi:
    return Aoi(geometry=geometry, crs=crs)


def moved(geometry: Any, source: str, target: str) -> Any:
    """Vertex by vertex through PROJ."""
    there = Transformer.from_crs(source, target, always_xy=True)
    return shapely.transform(geometry, lambda xy: np.column_stack(there.transform(xy[:, 0], xy[:, 1])))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (LONLAT, LONLAT),
        (LONLAT, "EPSG:4326"),
        ("EPSG:4326", LONLAT),
        (UTM_32, CRS(32632).to_wkt()),
        (UTM_32, CRS(32632).to_json()),
    ],
)
def test_crss_with_the_same_coordinates_give_the_very_geometry(source: str, target: str) -> None:
    geometry = shapely.Polygon([(9.1, 47.3), (9.2, 47.3), (9.2, 47.4)])
    assert project(area(geometry, source), target, tolerance=1) is geometry


def test_x_stays_longitude_whatever_the_order_of_the_authority() -> None:
    for source in (LONLAT, "EPSG:4326"):
        point = project(area(shapely.Point(9, 50), source), UTM_32, tolerance=1)
        assert (round(point.x), round(point.y)) == (500_000, 5_538_631)


PAIRS = [
    (LONLAT, UTM_32, 1.25),
    (UTM_32, "EPSG:32633", 1.25),
    ("EPSG:3857", UTM_32, 0.1),
    (UTM_32, LONLAT, 1e-5),
    (LONLAT, "EPSG:3035", 5.0),
    ("EPSG:3035", "EPSG:3857", 1.0),
    (LONLAT, "EPSG:3413", 1.0),
]


@pytest.mark.parametrize(("source", "target", "tolerance"), PAIRS)
def test_no_edge_strays_from_its_true_curve(source: str, target: str, tolerance: float) -> None:
    rng = random.Random(f"{source} {target}")
    added = 0
    for _ in range(15):
        x, y, size = rng.uniform(3, 15), rng.uniform(40, 75), 10 ** rng.uniform(-3, 0.6)
        corners = [(x + rng.uniform(-size, size), y + rng.uniform(-size, size)) for _ in range(4)]
        ring = shapely.get_coordinates(moved(shapely.LinearRing(corners), LONLAT, source))
        found = project(area(shapely.Polygon(ring), source), target, tolerance=tolerance)
        fine = shapely.segmentize(shapely.LineString(ring), shapely.length(shapely.LineString(ring)) / 400)
        curve = shapely.points(shapely.get_coordinates(moved(fine, source, target)))
        assert shapely.distance(curve, shapely.boundary(found)).max() < tolerance
        added += shapely.get_num_coordinates(found) - 5
    assert added > 0


def test_small_fields_get_no_vertices() -> None:
    field = shapely.Point(9.3, 47.2).buffer(0.001)
    found = project(area(field), UTM_32, tolerance=1.25)
    assert shapely.equals_exact(found, moved(field, LONLAT, UTM_32), tolerance=1e-9)


@pytest.mark.parametrize(
    "geometry",
    [
        shapely.Point(9, 47),
        shapely.MultiPoint([(9, 47), (10, 48)]),
        shapely.LineString([(6, 47), (12, 49)]),
        shapely.MultiLineString([[(6, 47), (12, 49)], [(7, 50), (8, 51)]]),
        shapely.Polygon(box(6, 46, 12, 50).exterior, [box(7, 47, 11, 49).exterior]),
        shapely.MultiPolygon([box(6, 46, 8, 50), box(9, 46, 12, 50)]),
        shapely.GeometryCollection([shapely.Point(9, 47), box(6, 46, 12, 50)]),
    ],
)
def test_types_and_rings_are_kept(geometry: Any) -> None:
    found = project(area(geometry), UTM_32, tolerance=1)
    assert found.geom_type == geometry.geom_type
    assert shapely.get_num_geometries(found) == shapely.get_num_geometries(geometry)
    assert shapely.get_num_interior_rings(found) == shapely.get_num_interior_rings(geometry)
    back = project(area(found, UTM_32), LONLAT, tolerance=1e-5)
    assert shapely.hausdorff_distance(back, geometry, densify=0.05) < 1e-4


def test_many_areas_at_once_equal_one_by_one() -> None:
    rng = random.Random(2)
    areas = [
        area(box(x, y, x + w, y + w), crs)
        for crs in (LONLAT, "EPSG:4258", UTM_32)
        for x, y, w in (
            (rng.uniform(6, 12), rng.uniform(40, 60), 10 ** rng.uniform(-3, 0)) for _ in range(20)
        )
    ]
    together = project_all(areas, UTM_32, tolerance=1)
    assert together == [project(one, UTM_32, tolerance=1) for one in areas]


def test_the_whole_world_is_cut_to_where_the_crs_is_used() -> None:
    world = parse_aoi([-180, -90, 180, 90])
    zone = project(world, UTM_32, tolerance=100)
    assert shapely.covers(zone, box(200_000, 10_000, 800_000, 9_300_000))
    assert zone.area < 1e14
    mercator = project(world, "EPSG:3857", tolerance=100)
    assert shapely.covers(mercator, box(-20_037_508, -20_037_508, 20_037_508, 20_037_508))
    arctic = project(world, "EPSG:3413", tolerance=100)
    assert shapely.contains_xy(shapely.make_valid(arctic), 1_000, 1_000)


def test_an_area_on_the_other_side_of_the_globe_is_empty() -> None:
    assert project(parse_aoi([100, 0, 101, 1]), UTM_32, tolerance=1).is_empty


def test_an_area_across_the_antimeridian_is_placed_on_both_sides() -> None:
    zone_1 = area(box(-100_000, 1_000_000, 400_000, 1_100_000), "EPSG:32601")
    lonlat = project(zone_1, LONLAT, tolerance=1e-3)
    east, west = sorted(lonlat.geoms, key=lambda part: -part.bounds[0])
    assert east.bounds[2] == 180
    assert west.bounds[0] == -180
    assert lonlat.area == pytest.approx(4.1, abs=0.1)
    mercator = project(zone_1, "EPSG:3857", tolerance=10)
    assert mercator.geom_type == "MultiPolygon"
    assert mercator.area < 1e11
    box_180 = project(parse_aoi([170, -1, -170, 1]), "EPSG:32601", tolerance=10)
    assert box_180.bounds[0] < 166_000 < box_180.bounds[2]


def test_a_polygon_that_crosses_itself_can_be_cut() -> None:
    bow_tie = shapely.Polygon([(-180, -60), (180, 60), (180, -60), (-180, 60)])
    assert project(area(bow_tie), UTM_32, tolerance=100).area > 0


def test_what_has_no_image_is_an_error_with_both_crss() -> None:
    with pytest.raises(ArgumentError) as caught:
        project(parse_aoi("POINT (100 0)"), "+proj=tmerc +lon_0=9 +datum=WGS84", tolerance=1)
    assert "an area in CRS OGC:CRS84 has no image in +proj=tmerc +lon_0=9 +datum=WGS84" in str(caught.value)


def test_an_unknown_target_is_an_error_of_each_area() -> None:
    found = project_all([area(shapely.Point(1, 2)), area(shapely.Point(3, 4))], "EPSG:1", tolerance=1)
    assert [str(error) for error in found] == [
        "unknown CRS 'EPSG:1': give an authority code such as 'EPSG:32632', WKT or PROJJSON"
    ] * 2


def test_a_tolerance_is_above_0() -> None:
    with pytest.raises(ArgumentError, match="tolerance of a reprojection is above 0; got 0"):
        project(area(shapely.Point(1, 2)), UTM_32, tolerance=0)


def test_threads_share_the_transformers() -> None:
    points = [shapely.Point(6 + i / 100, 50) for i in range(400)]
    expected = [project(area(point), UTM_32, tolerance=1) for point in points]
    transformer.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda point: project(area(point), UTM_32, tolerance=1), points))
    assert found == expected


Raster = tuple[tuple[float, ...], tuple[int, int], str]
METRES = (1_000.0, 0.0, -3e6, 0.0, -1_000.0, 3e6)
MERCATOR = (2_504_688.542848654, 0, -20_037_508.342789244, 0, -2_504_688.542848654, 20_037_508.342789244)
RASTERS: dict[str, Raster] = {
    "a Sentinel-2 scene": ((10, 0, 600_000, 0, -10, 5_000_040), (10_980, 10_980), UTM_32),
    "a rotated raster": ((8, 6, 600_000, 6, -8, 5_000_000), (500, 400), UTM_32),
    "across the antimeridian": ((10, 0, 150_000, 0, -10, 1_000_000), (20_980, 10_980), "EPSG:32601"),
    "web mercator of the world": (MERCATOR, (16, 16), "EPSG:3857"),
    "around the north pole": (METRES, (6_000, 6_000), "EPSG:3413"),
    "around the south pole": (METRES, (6_000, 6_000), "EPSG:3031"),
    "longitudes from 0 to 360": ((0.25, 0, -0.125, 0, -0.25, 90.125), (1_440, 721), "EPSG:4326"),
    "the world in degrees": ((0.25, 0, -180, 0, -0.25, 90), (1_440, 720), "EPSG:4326"),
    "east of 180 degrees": ((0.25, 0, 175, 0, -0.25, 10), (40, 40), "EPSG:4326"),
}
OUTLINES: dict[str, tuple[str, tuple[float, float, float, float]]] = {
    "a Sentinel-2 scene": ("Polygon", (10.25, 44.135, 11.668, 45.147)),
    "a rotated raster": ("Polygon", (10.272, 45.116, 10.352, 45.173)),
    "across the antimeridian": ("MultiPolygon", (-180, 8.041, 180, 9.044)),
    "web mercator of the world": ("Polygon", (-180, -85.051, 180, 85.051)),
    "around the north pole": ("Polygon", (-180, 52.212, 180, 90)),
    "around the south pole": ("Polygon", (-180, -90, 180, -52.317)),
    "longitudes from 0 to 360": ("Polygon", (-180, -90, 180, 90)),
    "the world in degrees": ("Polygon", (-180, -90, 180, 90)),
    "east of 180 degrees": ("MultiPolygon", (-180, 0, 180, 10)),
}


@pytest.mark.parametrize("name", RASTERS)
def test_footprints_lie_where_the_raster_lies(name: str) -> None:
    (transform, (width, height), crs), (geom_type, bounds) = RASTERS[name], OUTLINES[name]
    outline = shapely.from_wkb(footprint(transform, width, height, crs))
    assert outline.geom_type == geom_type
    assert outline.is_valid
    assert outline.bounds == pytest.approx(bounds, abs=0.01)
    # Pixels well inside the raster are inside the footprint, wherever they are.
    a, b, c, d, e, f = transform
    column, row = np.meshgrid(np.linspace(0.02, 0.98, 25) * width, np.linspace(0.02, 0.98, 25) * height)
    there = Transformer.from_crs(crs, LONLAT, always_xy=True)
    x, y = there.transform(c + a * column + b * row, f + d * column + e * row)
    assert shapely.intersects_xy(outline, (x.ravel() + 180) % 360 - 180, y.ravel()).all()


def test_footprints_have_points_only_where_they_bend() -> None:
    small = shapely.from_wkb(footprint((10, 0, 600_000, 0, -10, 5_000_040), 100, 100, UTM_32))
    assert shapely.get_num_coordinates(small) == 5
    scene = (10.0, 0.0, 600_000.0, 0.0, -10.0, 5_000_040.0)
    outline = shapely.from_wkb(footprint(scene, 10_980, 10_980, UTM_32))
    edges = shapely.segmentize(box(600_000, 4_890_240, 709_800, 5_000_040).exterior, 1_000)
    true_edges = shapely.points(shapely.get_coordinates(moved(edges, UTM_32, LONLAT)))
    assert shapely.distance(true_edges, outline.exterior).max() < 2 * 10 / 111_000
    assert shapely.get_num_coordinates(outline) < 40


def test_a_full_disk_image_has_a_box_around_what_it_sees() -> None:
    disk = "+proj=geos +h=35786023 +lon_0=-75 +sweep=x +ellps=GRS80"
    seen = shapely.from_wkb(footprint((20_040, 0, -5_434_894, 0, -20_040, 5_434_894), 542, 542, disk))
    west, south, east, north = seen.bounds
    assert west < -150 < -75 < 0 < east
    assert south < -77 < 77 < north


def test_no_crs_or_no_place_is_no_footprint() -> None:
    assert footprint((1, 0, 0, 0, 1, 0), 10, 10, None) is None
    assert footprint((1, 0, 1e8, 0, -1, 1e8), 10, 10, "+proj=geos +h=35786023 +lon_0=-75") is None
