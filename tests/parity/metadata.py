"""What a raster says of itself, and tiles of web maps."""

from __future__ import annotations

import numpy as np
import rasterio
import shapely
from pyproj import Transformer

from tests.duck.corpus import NAMES
from tests.duck.test_accessors import ACCESSORS, SHAPES, said
from tests.parity.comparison import Comparison, Ground, Tally

PIXEL_TYPES = {
    "uint8": "UNSIGNED_8BITS", "uint16": "UNSIGNED_16BITS", "int16": "SIGNED_16BITS",
    "int32": "SIGNED_32BITS", "uint32": "UNSIGNED_32BITS", "float32": "REAL_32BITS", "float64": "REAL_64BITS",
}  # fmt: skip


def headers(ground: Ground) -> Tally:
    """Every accessor of every file of the corpus."""
    tally = Tally()
    for name in NAMES:
        path = ground.corpus / f"{name}.tif"
        found = said(ground.con, f"cog_header('{path}')")
        with rasterio.open(path) as dataset:
            a, b, c, d, e, f = tuple(dataset.transform)[:6]
            epsg = dataset.crs.to_epsg()
            expected = dict(
                zip(
                    ACCESSORS,
                    (
                        dataset.width, dataset.height, dataset.count, f"EPSG:{epsg}", epsg, c, f, a, e, b, d,
                        dataset.nodata, PIXEL_TYPES[dataset.dtypes[0]],
                    ),
                    strict=True,
                )
            )  # fmt: skip
        for accessor in ACCESSORS:
            tally.add_equal(found[accessor], expected[accessor], f"{name} {accessor}")
        sizes = ground.one(
            "SELECT [m.gridWidth, m.gridHeight, m.numSampleDimensions] FROM (SELECT RS_MetaData($1) AS m)",
            str(path),
        )
        tally.add(sizes, (dataset.width, dataset.height, dataset.count), f"{name} RS_MetaData")
    return tally


def sedona_headers(ground: Ground) -> Tally:
    """The same accessors, by SedonaDB."""
    import sedonadb

    sedona, tally = sedonadb.connect(), Tally()
    names = [name for name in ACCESSORS if name != "RS_CRS"]
    for name in NAMES:
        path = ground.corpus / f"{name}.tif"
        calls = ", ".join(f"{n}(r, 1)" if n.startswith("RS_Band") else f"{n}(r)" for n in names)
        theirs = sedona.sql(f"SELECT {calls} FROM (SELECT RS_FromPath('{path}') AS r)").to_arrow_table()
        found = said(ground.con, f"cog_header('{path}')", names)
        for accessor, column in zip(names, theirs.columns, strict=True):
            if (name, accessor) != ("big", "RS_BandPixelType"):
                tally.add_equal(found[accessor], column[0].as_py(), f"{name} {accessor}")
    return tally


def outlines(ground: Ground) -> Tally:
    """Corners by the affine; boxes of them by shapely."""
    tally = Tally(relative=True)
    for name in NAMES:
        path = ground.corpus / f"{name}.tif"
        with rasterio.open(path) as dataset:
            width, height = dataset.width, dataset.height
            ring = [dataset.transform @ at for at in ((0, 0), (width, 0), (width, height), (0, height))]
        expected = shapely.Polygon(ring)
        box, hull = (
            shapely.from_wkb(ground.one(f"SELECT ST_AsWKB({function}($1))", str(path))) for function in SHAPES
        )
        tally.add(box.bounds, expected.bounds, name)
        tally.add(shapely.get_coordinates(hull), shapely.get_coordinates(expected), name)
    return tally


def map_tiles(ground: Ground) -> Tally:
    """Corners in longitude and latitude by the formulae of the tile scheme."""
    tally, rng = Tally(), np.random.default_rng(5)
    to_degrees = Transformer.from_crs("EPSG:3857", "OGC:CRS84", always_xy=True)
    for zoom in range(23):
        x, y = rng.integers(0, 2**zoom, 2).tolist()
        wkb = ground.one(f"SELECT ST_AsWKB(RS_TileEnvelope({zoom}, {x}, {y}))")
        west, south, east, north = to_degrees.transform_bounds(*shapely.from_wkb(wkb).bounds)
        low, high = (np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * row / 2**zoom)))) for row in (y + 1, y))
        expected = (x / 2**zoom * 360 - 180, low, (x + 1) / 2**zoom * 360 - 180, high)
        tally.add((west, south, east, north), expected, f"{zoom}/{x}/{y}")
    return tally


COMPARISONS = (
    Comparison(
        functions=(*ACCESSORS, "RS_MetaData"), peer="rasterio", library="rasterio", run=headers, limit=0,
        cases="every generated file",
    ),
    Comparison(
        functions=tuple(name for name in ACCESSORS if name != "RS_CRS"), peer="SedonaDB", library="sedonadb",
        run=sedona_headers, limit=0, cases="every generated file",
        why="RS_CRS is PROJJSON there, and uint32 has no name",
    ),
    Comparison(
        functions=tuple(SHAPES), peer="shapely, of rasterio's corners", library="shapely", run=outlines,
        limit=1e-12, cases="every generated file",
    ),
    Comparison(
        functions=("RS_TileEnvelope",), peer="the scheme's formulae and PROJ", library="pyproj",
        run=map_tiles, limit=1e-9, cases="a random tile of each zoom, in degrees", why="rounding",
    ),
)  # fmt: skip
