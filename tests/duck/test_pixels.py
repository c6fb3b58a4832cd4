"""Pixels and masks equal rasterio's, bit for bit: every file of the corpus, areas, bands and levels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.features import geometry_mask, geometry_window
from rasterio.windows import Window

from tests.duck.corpus import HEIGHT, NAMES, WIDTH

READ = """
SELECT level, x_off, y_off, width, height, transform, dtype, shape, data, valid
FROM read_cog($1, ST_GeomFromWKB($2::BLOB), aoi_crs := $3, level := $4, all_touched := $5)
"""


def pixel_shapes() -> dict[str, Any]:
    """Areas in pixel coordinates of the full resolution."""
    rng = np.random.default_rng(7)
    star = [
        (150 + r * np.cos(t), 120 + r * np.sin(t))
        for t, r in zip(np.linspace(0, 6.1, 14), rng.uniform(20, 90, 14), strict=True)
    ]
    return {
        "inside one tile": shapely.Polygon([(20.3, 30.2), (90.1, 25.7), (70.4, 110.9), (15.8, 88.8)]),
        "over four tiles": shapely.box(100.5, 101.5, 160.25, 190.75),
        "a star": shapely.Polygon(star),
        "with a hole": shapely.Polygon(
            shapely.box(60, 60, 200, 200).exterior, [shapely.box(90, 95, 150, 140).exterior.coords]
        ),
        "two parts": shapely.MultiPolygon([shapely.box(5, 5, 40, 40), shapely.box(230, 200, 299, 259)]),
        "over the edge": shapely.box(250.2, 220.4, 400, 400),
        "corner of the image": shapely.box(-50, -50, 30.5, 20.5),
        "less than a pixel": shapely.box(140.1, 140.2, 140.4, 140.3),
        "a point": shapely.Point(33.3, 44.4),
        "a line": shapely.LineString([(10.5, 200.2), (120.7, 30.1)]),
        "everything": shapely.box(-10, -10, WIDTH + 10, HEIGHT + 10),
    }


def affine(t: Any, xy: Any) -> Any:
    return t.a * xy[:, 0] + t.b * xy[:, 1] + t.c, t.d * xy[:, 0] + t.e * xy[:, 1] + t.f


def placed(shape: Any, transform: Any) -> Any:
    return shapely.transform(shape, lambda xy: np.column_stack(affine(transform, xy)))


@pytest.mark.parametrize("area", list(pixel_shapes()))
@pytest.mark.parametrize("name", NAMES)
def test_chips_equal_rasterio(con: duckdb.DuckDBPyConnection, corpus: Path, name: str, area: str) -> None:
    path = corpus / f"{name}.tif"
    with rasterio.open(path) as dataset:
        geometry = placed(pixel_shapes()[area], dataset.transform)
        levels = [None, *range(len(dataset.overviews(1)))]
        crs = dataset.crs.to_string()
    for number, overview in enumerate(levels):
        options = {} if overview is None else {"overview_level": overview}
        with rasterio.open(path, **options) as dataset:
            for touched in (False, True):
                row = con.execute(READ, [str(path), geometry.wkb, crs, number, touched]).fetchone()
                assert row is not None
                _, x, y, width, height, transform, dtype, shape, data, valid = row
                window = geometry_window(dataset, [geometry])
                if geometry.area > 0:
                    assert (x, y, width, height) == (
                        window.col_off,
                        window.row_off,
                        window.width,
                        window.height,
                    )
                window = Window(x, y, width, height)
                want = dataset.read(window=window)
                got = np.frombuffer(data, dtype).reshape(shape)
                assert got.dtype == want.dtype
                np.testing.assert_array_equal(got, want)
                own = rasterio.Affine(*transform)
                assert own.almost_equals(dataset.window_transform(window), 1e-9)
                mask = dataset.dataset_mask(window=window) > 0
                mask &= geometry_mask([geometry], (height, width), own, all_touched=touched, invert=True)
                flags = (
                    np.ones((height, width), bool)
                    if valid is None
                    else np.frombuffer(valid, np.uint8).reshape(height, width) > 0
                )
                np.testing.assert_array_equal(flags, mask)


@pytest.mark.parametrize("name", NAMES)
def test_tiles_put_together_are_the_image(con: duckdb.DuckDBPyConnection, corpus: Path, name: str) -> None:
    path = corpus / f"{name}.tif"
    with rasterio.open(path) as dataset:
        want = dataset.read()
    got = np.zeros_like(want)
    covered = np.zeros(want.shape, int)
    query = "SELECT bands, x_off, y_off, width, height, shape, dtype, data FROM read_cog_tiles($1)"
    for bands, x, y, width, height, shape, dtype, data in con.execute(query, [str(path)]).fetchall():
        at = np.ix_([b - 1 for b in bands], range(y, y + height), range(x, x + width))
        got[at] = np.frombuffer(data, dtype).reshape(shape)
        covered[at] += 1
    np.testing.assert_array_equal(got, want)
    assert (covered == 1).all()


def test_bands_come_in_the_order_asked_by_number_or_name(
    con: duckdb.DuckDBPyConnection, corpus: Path
) -> None:
    path = str(corpus / "rgb_mask.tif")
    with rasterio.open(path) as dataset:
        want = dataset.read([3, 1])
    for bands in ("[3, 1]", "['blue', 'red']"):
        shape, data = con.execute(
            f"SELECT shape, data FROM read_cog($1, bands := {bands})", [path]
        ).fetchone()
        np.testing.assert_array_equal(np.frombuffer(data, np.uint8).reshape(shape), want)
    single = con.execute("SELECT bands, shape FROM read_cog($1, bands := 'green')", [path]).fetchone()
    assert single == ([2], [1, HEIGHT, WIDTH])


def test_the_area_may_be_any_geometry_form(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = str(corpus / "geographic.tif")
    box = shapely.box(11.6, 48.05, 11.65, 48.1)
    forms = {
        "GEOMETRY": f"'{box.wkt}'::GEOMETRY",
        "WKT": f"'{box.wkt}'",
        "GeoJSON": f"'{shapely.to_geojson(box)}'",
        "WKB": f"from_hex('{box.wkb_hex}')",
        "DOUBLE[4]": "[11.6, 48.05, 11.65, 48.1]::DOUBLE[4]",
        "a list": "[11.6, 48.05, 11.65, 48.1]",
        "STRUCT": "{'xmin': 11.6, 'ymin': 48.05, 'xmax': 11.65, 'ymax': 48.1}",
    }
    rows = {
        form: con.execute(
            f"SELECT x_off, y_off, width, height, data, valid FROM read_cog($1, {sql})", [path]
        ).fetchall()
        for form, sql in forms.items()
    }
    assert len(rows["WKT"]) == 1
    for form, found in rows.items():
        assert found == rows["WKT"], form


def test_a_geometry_brings_its_own_crs(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = str(corpus / "utm32_uint16.tif")
    query = "SELECT x_off, y_off, width, height FROM read_cog($1, {})"
    own = query.format(
        f"ST_SetCRS('{shapely.box(700960, 5298040, 701960, 5299040).wkt}'::GEOMETRY, 'EPSG:32632')"
    )
    told = query.format("[700960, 5298040, 701960, 5299040], aoi_crs := 'EPSG:32632'")
    assert (
        con.execute(own, [path]).fetchall() == con.execute(told, [path]).fetchall() == [(100, 100, 100, 100)]
    )


def test_one_area_over_two_utm_zones(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    """The same longitude and latitude, each raster in its own CRS; reprojected exactly as pyproj does."""
    from pyproj import Transformer

    area = shapely.box(11.665, 47.81, 11.68, 47.82)
    for name in ("utm32_uint16", "utm33_uint16"):
        path = str(corpus / f"{name}.tif")
        with rasterio.open(path) as dataset:
            to_raster = Transformer.from_crs("OGC:CRS84", dataset.crs, always_xy=True)
            dense = shapely.segmentize(area, 0.0001)
            projected = shapely.transform(
                dense, lambda xy, t=to_raster: np.column_stack(t.transform(xy[:, 0], xy[:, 1]))
            )
            row = con.execute(
                "SELECT x_off, y_off, width, height, dtype, shape, data FROM read_cog($1, $2)",
                [path, area.wkt],
            ).fetchone()
            if row is None:
                assert not shapely.box(*dataset.bounds).intersects(projected)
                continue
            window = geometry_window(dataset, [projected])
            assert row[:4] == (window.col_off, window.row_off, window.width, window.height)
            np.testing.assert_array_equal(
                np.frombuffer(row[6], row[4]).reshape(row[5]), dataset.read(window=window)
            )


def test_resolution_picks_the_overview_that_is_fine_enough(
    con: duckdb.DuckDBPyConnection, corpus: Path
) -> None:
    path = str(corpus / "utm32_uint16.tif")
    for resolution, level in ((5, 0), (10, 0), (19.9, 0), (20, 1), (25, 1), (40, 1), (1_000, 1)):
        found = con.execute("SELECT level FROM read_cog($1, resolution := $2)", [path, resolution]).fetchone()
        sizes = con.execute("SELECT len(overviews) FROM cog_header($1)", [path]).fetchone()[0]
        assert found[0] == min(level, sizes) or (resolution >= 40 and found[0] == sizes)


def test_no_overlap_is_no_row(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = str(corpus / "utm32_uint16.tif")
    for function in ("read_cog", "read_cog_tiles"):
        assert con.execute(f"SELECT * FROM {function}($1, [0, 0, 1, 1])", [path]).fetchall() == []
        assert con.execute(f"SELECT * FROM {function}($1, NULL::GEOMETRY)", [path]).fetchall() == []
        assert con.execute(f"SELECT * FROM {function}(NULL)").fetchall() == []


def test_two_areas_over_a_full_tile_width_do_not_disturb_each_other(
    con: duckdb.DuckDBPyConnection, corpus: Path
) -> None:
    """Uncompressed and predicted tiles are shared: undoing a predictor twice would show here."""
    for name in ("geographic", "utm32_uint16"):
        path = str(corpus / f"{name}.tif")
        con.execute(
            "CREATE OR REPLACE TABLE w AS SELECT {'x_off': 0, 'y_off': y, 'width': 128, 'height': h} AS w "
            "FROM (VALUES (0, 128), (5, 100), (0, 128)) AS v(y, h)"
        )
        with rasterio.open(path) as dataset:
            full = dataset.read(1)
        for y, shape, dtype, data in con.execute(
            "SELECT y_off, shape, dtype, data FROM w, read_cog($1, w)", [path]
        ).fetchall():
            np.testing.assert_array_equal(
                np.frombuffer(data, dtype).reshape(shape)[0], full[y : y + shape[1], :128]
            )
