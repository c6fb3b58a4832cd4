"""Files whose CRS cannot be made out: pixels are read all the same, and an index row can name the CRS."""

import duckdb
import numpy as np
import pytest
from rasterio.warp import transform

from rasteret_sql.tiff.build import build_tiff
from tests.tiff.examples import image, tiff

PIXELS = np.arange(24 * 40, dtype="u1").reshape(24, 40)
UNKNOWN = {1024: 1, 1025: 1, 3072: 29999}
OTHER_ELLIPSOID = {
    1024: 1, 1025: 1, 2048: 4267, 3074: 32767, 3075: 1, 2057: 6378140.0, 2059: 298.257, 3080: 9.0,
    3082: 500000.0, 3092: 0.9996,
}  # fmt: skip
CASES = {
    "a code that PROJ does not know": (UNKNOWN, r"ProjectedCRSGeoKey \(3072\) is 29999"),
    "keys that contradict each other": (OTHER_ELLIPSOID, "GeoKeys contradict each other"),
    "a projection without its ellipsoid": ({1024: 1, 3075: 1}, "without GeogSemiMajorAxis"),
}
AT = 7, 20
"""Row and column."""


@pytest.fixture(params=CASES)
def case(request, tmp_path):
    keys, note = CASES[request.param]
    own = image(geo_keys=keys, tiled=False, tile_width=40, tile_height=24)
    path = tmp_path / "a.tif"
    path.write_bytes(build_tiff(tiff(own), [[PIXELS.tobytes()]]))
    return str(path), note


def lonlat() -> list[float]:
    x, y = transform("EPSG:32632", "EPSG:4326", [500005.0 + 10 * AT[1]], [5299995.0 - 10 * AT[0]])
    return [x[0], y[0]]


def test_the_header_has_all_but_the_crs(con, case):
    path, note = case
    row = con.execute("SELECT width, dtype, crs, error, transform FROM cog_header($1)", [path]).fetchone()
    assert row == (40, "uint8", None, None, pytest.approx((10, 0, 500000, 0, -10, 5300000)))
    (said,) = con.execute("SELECT crs_note FROM cog_header($1)", [path]).fetchone()
    assert note.replace("\\", "") in said


def test_pixels_are_read_by_window(con, case):
    path, _ = case
    con.execute("CREATE OR REPLACE TABLE idx AS FROM cog_header($1)", [path])
    window = "{'x_off': 3, 'y_off': 2, 'width': 5, 'height': 4}"
    part = PIXELS[2:6, 3:8]
    for raster, table in (("$1", ""), ("i", "FROM idx AS i WHERE i.href = $1")):
        values = con.execute(f"SELECT RS_ZonalStats({raster}, {window}, 'sum') {table}", [path]).fetchone()
        assert values == (float(part.sum()),)
    assert con.execute(f"SELECT data FROM read_cog($1, {window})", [path]).fetchone() == (part.tobytes(),)
    tiles = con.execute("SELECT count(data), any_value(crs) FROM read_cog_tiles($1)", [path]).fetchone()
    assert tiles == (1, None)
    assert con.execute("SELECT RS_Width($1), RS_CRS($1), RS_SRID($1)", [path]).fetchone() == (40, None, 0)


BOX = "[$1[1] - 1e-6, $1[2] - 1e-6, $1[1] + 1e-6, $1[2] + 1e-6]::DOUBLE[]"
QUERIES = (
    "SELECT RS_Value({raster}, $1::DOUBLE[]) {table}",
    f"SELECT RS_ZonalStats({{raster}}, {BOX}, 'sum') {{table}}",
    f"SELECT get_bit(c.data::BIT, 7)::INT FROM {{rows}} read_cog({{raster}}, {BOX}) AS c",
)


@pytest.mark.parametrize("query", QUERIES, ids=["value", "statistics", "chip"])
def test_a_place_is_an_error_with_the_reason_and_a_row_can_name_the_crs(con, case, query):
    path, note = case
    con.execute("CREATE OR REPLACE TABLE idx AS FROM cog_header($1)", [path])
    for raster, rows in ((f"'{path}'", ""), ("i", "idx AS i,")):
        table = "" if not rows else "FROM idx AS i"
        with pytest.raises(duckdb.InvalidInputException, match=rf"a\.tif has no CRS \(.*{note}.*REPLACE"):
            con.execute(query.format(raster=raster, table=table, rows=rows), [lonlat()]).fetchall()
    named = "(SELECT * REPLACE ('EPSG:32632' AS crs) FROM idx) AS i"
    found = con.execute(
        query.format(raster="i", table=f"FROM {named}", rows=f"{named},"), [lonlat()]
    ).fetchall()
    assert found == [(float(PIXELS[AT]) if "get_bit" not in query else int(PIXELS[AT]) & 1,)]


def test_an_old_index_without_the_column_is_read(con, case):
    path, _ = case
    con.execute(
        "CREATE OR REPLACE TABLE old AS SELECT * EXCLUDE (crs_note, mask_bands) FROM cog_header($1)", [path]
    )
    assert con.execute("SELECT c.data FROM old AS i, read_cog(i) AS c").fetchone() == (PIXELS.tobytes(),)
    with pytest.raises(duckdb.InvalidInputException, match=r"a\.tif has no CRS, so a point"):
        con.execute("SELECT RS_Value(i, [9.0, 47.8]) FROM old AS i").fetchall()


@pytest.mark.parametrize(
    "text",
    ['{"a":' * 5000 + "1" + "}" * 5000, "PROJCRS[" * 3000, "[" * 70_000, "EPSG:" + "1" * 70_000],
    ids=["deep JSON", "deep WKT", "long brackets", "a long code"],
)
def test_a_crs_that_is_too_long_or_too_deep_is_refused_by_name(con, case, text):
    path, _ = case
    con.execute("CREATE OR REPLACE TABLE idx AS FROM cog_header($1)", [path])
    told = r"the CRS .* (levels deep|at most 65,536 bytes)"
    query = "SELECT RS_Value(i, [9.0, 47.8]) FROM (SELECT * REPLACE ($1 AS crs) FROM idx) AS i"
    with pytest.raises(duckdb.InvalidInputException, match=told):
        con.execute(query, [text]).fetchall()
    named = "(SELECT * REPLACE ('EPSG:32632' AS crs) FROM idx) AS i"
    with pytest.raises(duckdb.InvalidInputException, match=told):
        con.execute(f"SELECT RS_Value(i, [9.0, 47.8], aoi_crs := $1) FROM {named}", [text]).fetchall()
