"""GeoDataFrames from queries, and frames as tables of areas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import shapely

import rasteret_sql
from rasteret_sql.errors import ArgumentError

geopandas = pytest.importorskip("geopandas", reason="no geopandas")
pandas = pytest.importorskip("pandas", reason="no pandas")
polars = pytest.importorskip("polars", reason="no polars")

SHAPES = [shapely.Point(9.004, 47.85).buffer(0.0005), shapely.box(9.001, 47.846, 9.003, 47.848)]
"""In the scenes, in longitude and latitude; a third is beside them."""
LONLAT = [*SHAPES, shapely.Point(20, 20).buffer(1)]

CHIPS = "SELECT n, datetime, band, shape, data FROM read_chips('idx', 'areas') ORDER BY ALL"


def geo(crs: Any = "OGC:CRS84", **options: Any) -> Any:
    return geopandas.GeoDataFrame({"n": [1, 2, 3]}, geometry=LONLAT, crs=crs, **options)


@pytest.fixture(scope="module")
def expected(archive: duckdb.DuckDBPyConnection) -> list[Any]:
    """The chips of the areas in a plain Arrow table."""
    areas = pa.table({"n": [1, 2, 3], "geometry": [shape.wkt for shape in LONLAT]})
    rows = archive.sql(CHIPS).fetchall()
    assert len(rows) == 12, areas
    return rows


@pytest.mark.parametrize(
    "make",
    [
        lambda: geo(),
        lambda: geo("EPSG:4326").rename_geometry("geom"),
        lambda: geo(None),
        lambda: geo(index=[7, 8, 9]),
        lambda: geo().to_arrow(),
        lambda: pandas.DataFrame({"n": [1, 2, 3], "geom": [shape.wkt for shape in LONLAT]}),
        lambda: pandas.DataFrame({"n": [1, 2, 3], "geom": [shape.wkb for shape in LONLAT]}),
        lambda: pandas.DataFrame({"n": [1, 2, 3], "geom": pandas.Series(LONLAT, dtype=object)}),
        lambda: polars.DataFrame({"n": [1, 2, 3], "geom": [shape.wkt for shape in LONLAT]}),
        lambda: polars.DataFrame({"n": [1, 2, 3], "geom": [shape.wkb for shape in LONLAT]}).lazy(),
        lambda: polars.DataFrame({"n": [1, 2, 3], "geom": [shapely.to_geojson(shape) for shape in LONLAT]}),
    ],
)
def test_a_frame_of_any_kind_is_a_table_of_areas(
    archive: duckdb.DuckDBPyConnection, expected: list[Any], make: Callable[[], Any]
) -> None:
    areas = make()
    assert archive.sql(CHIPS).fetchall() == expected, areas


def test_points_and_boxes_of_frames_are_areas(archive: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT shape FROM read_chips('idx', 'areas', size := 8) WHERE band = 'red'"
    for value in ([9.004, 47.85], [9.001, 47.846, 9.003, 47.848]):
        for frame in (pandas, polars):
            areas = frame.DataFrame({"geom": [value]})
            assert archive.sql(query).fetchall() == [([1, 8, 8],)] * 3, areas


def test_a_geo_frame_in_metres_is_moved(archive: duckdb.DuckDBPyConnection, expected: list[Any]) -> None:
    areas = geo().to_crs("EPSG:32632")
    found = archive.sql(CHIPS).fetchall()
    assert [row[:4] for row in found] == [row[:4] for row in expected], areas


def test_geo_frames_are_found_in_every_scope(archive: duckdb.DuckDBPyConnection) -> None:
    areas = geo()
    kind = "SELECT any_value(typeof(geometry))[:8] FROM areas"
    assert archive.execute(kind).fetchall() == [("GEOMETRY",)]
    assert archive.cursor().sql(kind).fetchall() == [("GEOMETRY",)]
    assert archive.sql(f"{kind} WHERE n < $1", params=[9]).fetchall() == [("GEOMETRY",)]
    assert eval("con.sql(query).fetchall()", {"areas": areas}, {"con": archive, "query": kind}) == [
        ("GEOMETRY",)
    ]
    areas = 5  # shadows it
    with pytest.raises(duckdb.Error):
        archive.sql(kind).fetchall()


def test_a_geo_frame_is_registered_as_a_view() -> None:
    with rasteret_sql.connect() as con:
        assert con.register("shapes", geo(index=[4, 5, 6])) is con
        assert con.register("plain", pandas.DataFrame({"n": [1]})) is con
        (described,) = zip(*[row[:1] for row in con.execute("DESCRIBE shapes").fetchall()], strict=True)
        assert described == ("n", "geometry")
        assert con.execute("FROM plain").fetchall() == [(1,)]
        con.unregister("shapes")
        with pytest.raises(duckdb.CatalogException):
            con.execute("FROM shapes")


def test_to_geopandas_keeps_every_crs(archive: duckdb.DuckDBPyConnection) -> None:
    areas = geo()
    found = rasteret_sql.to_geopandas(
        archive.sql("SELECT n, ST_SetCRS(geometry, 'EPSG:32632') AS moved, geometry FROM areas")
    )
    assert found.geometry.name == "geometry"
    assert found.crs == "OGC:CRS84"
    assert found.moved.crs == "EPSG:32632"
    assert found.geometry.geom_equals(areas.geometry).all()
    other = rasteret_sql.to_geopandas(archive.sql("SELECT footprint, href FROM idx"), geometry="footprint")
    assert len(other) == 6
    assert other.crs == "OGC:CRS84"
    assert other.total_bounds[0] == pytest.approx(9.0, abs=1e-3)


def test_the_way_there_and_back_is_exact(archive: duckdb.DuckDBPyConnection) -> None:
    areas = geo("EPSG:3035").assign(at=pandas.Timestamp("2024-04-14", tz="UTC"), empty=None)
    areas.loc[1, "geometry"] = None
    back = rasteret_sql.to_geopandas(archive.sql("FROM areas"))
    assert back.crs == "EPSG:3035"
    assert back.geometry.isna().tolist() == [False, True, False]
    assert back.geometry[0].equals(areas.geometry[0])
    again = rasteret_sql.to_geopandas(archive.sql("FROM back").to_arrow_table())
    assert again.n.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("query", "geometry", "message"),
    [
        ("SELECT 1 AS a", None, r"no column is a GEOMETRY\. ST_GeomFromWKB"),
        ("SELECT footprint FROM idx", "href", "'href' is not a column of geometries; they are 'footprint'"),
    ],
)
def test_to_geopandas_says_what_is_missing(
    archive: duckdb.DuckDBPyConnection, query: str, geometry: str | None, message: str
) -> None:
    with pytest.raises(ArgumentError, match=f"to_geopandas: {message}"):
        rasteret_sql.to_geopandas(archive.sql(query), geometry=geometry)


def test_other_things_are_not_relations() -> None:
    with pytest.raises(ArgumentError, match=r"to_geopandas: list is not a relation: pass con\.sql"):
        rasteret_sql.to_geopandas([1])
