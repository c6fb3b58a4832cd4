"""Statistics of zones through SQL: which pixels count, what they add up to, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import rasterio
import shapely

from rasteret_sql.blocks.block_cache import BLOCKS
from rasteret_sql.raster.zones import footprints, statistics
from tests.duck.corpus import NAMES
from tests.duck.refusals import message
from tests.store.server import FaultServer
from tests.zonal import peers

STAR = [(0.5, 0.02), (0.6, 0.4), (0.98, 0.45), (0.7, 0.6), (0.8, 0.95), (0.5, 0.7), (0.1, 0.9), (0.3, 0.5)]
"""In parts of the raster's width and height."""
FIELD = "POLYGON((700100 5299900, 701800 5299700, 701500 5298000, 700200 5298300, 700100 5299900))"
CRS = "aoi_crs := 'EPSG:32632'"


def star(path: Path) -> tuple[Any, str]:
    """A polygon over most of a raster, in its CRS."""
    with rasterio.open(path) as dataset:
        corners = [dataset.transform @ (x * dataset.width, y * dataset.height) for x, y in STAR]
        return shapely.Polygon(corners), f"EPSG:{dataset.crs.to_epsg()}"


def assert_alike(found: Any, expected: Any) -> None:
    """Equal but for the rounding of sums in another order."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == (value if value is None else pytest.approx(value, rel=1e-12)), name


def one(con: duckdb.DuckDBPyConnection, query: str, *given: Any) -> Any:
    row = con.execute(query, list(given)).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def field(con: duckdb.DuckDBPyConnection, corpus: Path) -> str:
    """SQL that names a raster: an index row with alias i."""
    con.execute("CREATE TABLE i AS FROM cog_header($1)", [str(corpus / "utm32_uint16.tif")])
    return "i"


@pytest.mark.parametrize("all_touched", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_every_file_of_the_corpus_has_numpys_statistics(
    con: duckdb.DuckDBPyConnection, corpus: Path, name: str, all_touched: bool
) -> None:
    path = corpus / f"{name}.tif"
    zone, crs = star(path)
    query = "SELECT RS_ZonalStatsAll($1, $2, all_touched := $3, percentiles := [90], aoi_crs := $4)"
    found = one(con, query, str(path), shapely.to_wkb(zone), all_touched, crs)
    found["percentile_90"] = found["percentiles"][0]
    expected = peers.numpy_itself(path, zone, all_touched=all_touched)
    assert expected is not None
    assert expected["count"] > 50
    assert {key: found[key] for key in expected} == pytest.approx(expected, rel=1e-12)
    assert found["valid_fraction"] == expected["count"] / expected["pixels"]


@pytest.mark.parametrize("options", ["", ", all_touched := true", ", coverage := true"])
@pytest.mark.parametrize("name", ["utm32_uint16", "float32_nan", "rgb_mask", "bands_strips", "sparse"])
def test_a_zone_in_pieces_has_the_statistics_of_the_whole(
    con: duckdb.DuckDBPyConnection, corpus: Path, monkeypatch: pytest.MonkeyPatch, name: str, options: str
) -> None:
    path = corpus / f"{name}.tif"
    zone, crs = star(path)
    query = f"SELECT RS_ZonalStatsAll($1, $2, histogram := $4, aoi_crs := $3{options})"
    given = (str(path), shapely.to_wkb(zone), crs, name != "float32_nan")
    whole = one(con, query, *given)
    monkeypatch.setattr(footprints, "PIECE_PIXELS", 2_500)
    monkeypatch.setattr(footprints, "MASK_BYTES", 100)
    monkeypatch.setattr(statistics, "GROUP_BYTES", 8_000)
    footprints.CACHE.clear()
    cut = one(con, query, *given)
    assert_alike(cut, whole)
    if not options and name == "utm32_uint16":
        assert cut == whole


def test_sedonas_forms(con: duckdb.DuckDBPyConnection, field: str) -> None:
    wkb = shapely.to_wkb(shapely.set_srid(shapely.from_wkt(FIELD), 32632), include_srid=True)
    forms = [
        "RS_ZonalStats(i, $1, 1, 'mean', false, true, true)",
        "RS_ZonalStats(i, $1, 1, 'mean', false, true)",
        "RS_ZonalStats(i, $1, 1, 'mean', false)",
        "RS_ZonalStats(i, $1, 1, 'mean')",
        "RS_ZonalStats(i, $1, 'mean')",
        "RS_ZonalStats(i, $1, 1, 'AVG')",
        "RS_ZonalStatsAll(i, $1, 1, false, true, true).mean",
        "RS_ZonalStatsAll(i, $1).mean",
    ]
    found = {form: one(con, f"SELECT {form} FROM i", wkb) for form in forms}
    assert len(set(found.values())) == 1
    assert found[forms[0]] > 100


def test_one_statistic_is_that_of_all(con: duckdb.DuckDBPyConnection, field: str) -> None:
    everything = one(con, f"SELECT RS_ZonalStatsAll(i, '{FIELD}', percentiles := [12.5], {CRS}) FROM i")
    for name, value in everything.items():
        if name not in ("percentiles", "histogram", "coverage"):
            assert one(con, f"SELECT RS_ZonalStats(i, '{FIELD}', 1, '{name}', {CRS}) FROM i") == value
    query = f"SELECT RS_ZonalStats(i, '{FIELD}', 1, 'percentile_12.5', {CRS}) FROM i"
    assert one(con, query) == everything["percentiles"][0]


def test_a_level_or_a_resolution_counts_the_pixels_of_an_overview(
    con: duckdb.DuckDBPyConnection, corpus: Path, field: str
) -> None:
    with rasterio.open(corpus / "utm32_uint16.tif", overview_level=0) as dataset:
        pixels = dataset.read(1)
    usable = pixels[pixels != 0]
    for which in ("level := 1", "resolution := 25"):
        window = "{'x_off': 0, 'y_off': 0, 'width': 999, 'height': 999}"
        found = one(con, f"SELECT RS_ZonalStatsAll(i, {window}, {which}) FROM i")
        assert (found["count"], found["pixels"]) == (usable.size, pixels.size)
        assert found["sum"] == usable.sum()


def test_a_chip_counts_like_the_file_it_came_from(con: duckdb.DuckDBPyConnection, field: str) -> None:
    whole = one(con, f"SELECT RS_ZonalStatsAll(i, '{FIELD}', coverage := true, {CRS}) FROM i")
    query = f"SELECT RS_ZonalStatsAll(c, '{FIELD}', coverage := true, {CRS}) FROM i, read_cog(i) AS c"
    assert_alike(one(con, query), whole)
    narrow = one(con, f"SELECT RS_ZonalStatsAll(i, '{FIELD}', {CRS}) FROM i")
    query = f"SELECT RS_ZonalStatsAll(c, '{FIELD}', {CRS}) FROM i, read_cog(i, '{FIELD}', {CRS}) AS c"
    assert one(con, query) == narrow


def test_nodata_counts_only_when_asked_to(con: duckdb.DuckDBPyConnection, corpus: Path, field: str) -> None:
    with rasterio.open(corpus / "utm32_uint16.tif") as dataset:
        pixels = dataset.read(1)
    window = "{'x_off': 0, 'y_off': 0, 'width': 300, 'height': 260}"
    found = one(con, f"SELECT RS_ZonalStatsAll(i, {window}, exclude_nodata := false) FROM i")
    assert (found["count"], found["min"], found["sum"]) == (pixels.size, 0, pixels.sum())
    assert found["valid_fraction"] == 1.0
    found = one(con, f"SELECT RS_ZonalStatsAll(i, {window}) FROM i")
    assert (found["count"], found["min"]) == ((pixels != 0).sum(), pixels[pixels != 0].min())


def test_a_mask_and_alpha_leave_pixels_out(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    for name in ("rgb_mask", "rgba_alpha"):
        window = "{'x_off': 90, 'y_off': 30, 'width': 120, 'height': 70}"
        query = f"SELECT RS_ZonalStatsAll($1, {window}, 2)"
        found = one(con, query, str(corpus / f"{name}.tif"))
        assert (found["pixels"], found["count"]) == (120 * 70, 120 * 70 - 50 * 100)


def test_where_no_pixel_counts_there_is_a_count_of_0_and_nothing_else(
    con: duckdb.DuckDBPyConnection, field: str
) -> None:
    corner = "{'x_off': 0, 'y_off': 0, 'width': 5, 'height': 5}"
    found = one(con, f"SELECT RS_ZonalStatsAll(i, {corner}, percentiles := [5], histogram := true) FROM i")
    known = {name: value for name, value in found.items() if value is not None}
    assert known == {"count": 0.0, "pixels": 25.0, "valid_fraction": 0.0, "coverage": False}
    assert one(con, f"SELECT RS_ZonalStats(i, {corner}, 'count') FROM i") == 0.0
    assert one(con, f"SELECT RS_ZonalStats(i, {corner}, 'median') FROM i") is None
    assert one(con, f"SELECT RS_Histogram(i, zone := {corner}) FROM i") == []


def test_no_overlap_and_null_are_null(con: duckdb.DuckDBPyConnection, field: str) -> None:
    assert one(con, "SELECT RS_ZonalStatsAll(i, [0, 0, 1, 1]) FROM i") is None
    assert one(con, "SELECT RS_ZonalStats(i, [0, 0, 1, 1], 1, 'count') FROM i") is None
    assert one(con, "SELECT RS_ZonalStatsAll(i, NULL::BLOB) FROM i") is None
    assert one(con, f"SELECT RS_ZonalStatsAll(NULL::VARCHAR, '{FIELD}')") is None
    assert one(con, "SELECT RS_Histogram(i, zone := NULL::VARCHAR) FROM i") is None
    query = "SELECT RS_ZonalStatsAll(i, [0, 0, 1, 1], lenient := false) FROM i"
    assert "does not overlap" in message(con, query)


def test_rows_come_back_in_their_order(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    """They are read file by file."""
    con.execute(
        "CREATE TABLE idx AS SELECT n, h.* FROM (SELECT unnest([$1, $2]) AS href, unnest([1, 2]) AS n) AS f, "
        "cog_header(f.href) AS h",
        [str(corpus / "utm32_uint16.tif"), str(corpus / "south_up.tif")],
    )
    query = """
        SELECT i.n, x_off, y_off, RS_ZonalStats(i, w, 'sum') AS sum
        FROM (
            SELECT (range * 37) % 290 AS x_off, (range * 53) % 250 AS y_off, 9 AS width, 7 AS height
            FROM range(1500)
        ) AS w, idx AS i
    """
    pixels = {}
    for number, name in ((1, "utm32_uint16"), (2, "south_up")):
        with rasterio.open(corpus / f"{name}.tif") as dataset:
            pixels[number] = dataset.read(1, masked=True).filled(0).astype(np.int64)
    rows = con.execute(query).fetchall()
    assert len(rows) == 3_000
    for number, x, y, total in rows:
        assert (total or 0) == pixels[number][y : y + 7, x : x + 9].sum()


def test_the_same_field_on_other_scenes_is_placed_once(
    con: duckdb.DuckDBPyConnection, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = []
    footprint = footprints._footprint
    monkeypatch.setattr(footprints, "_footprint", lambda *given: placed.append(given) or footprint(*given))
    files = [str(corpus / f"{name}.tif") for name in ("utm32_uint16", "rgb_mask", "sparse")]
    query = f"SELECT count(RS_ZonalStats(href, '{FIELD}', 'count', {CRS})) FROM (SELECT unnest($1) AS href)"
    assert one(con, query, files) == 3
    assert len(placed) == 1


def test_tiles_that_zones_share_are_fetched_once(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = corpus / "utm32_uint16.tif"
    BLOCKS.clear()
    with FaultServer({path.name: path.read_bytes()}) as server:
        con.execute("CREATE TABLE idx AS FROM cog_header($1)", [server.url(path.name)])
        tiles = one(con, "SELECT sum(byte_count) FROM idx, read_cog_tiles(idx)")
        server.clear()
        con.execute("SET threads = 1")
        zones_of = (
            "SELECT x AS x_off, x * 61 % 250 AS y_off, 40 AS width, 30 AS height FROM range(200) AS r(x)"
        )
        query = f"SELECT sum(RS_ZonalStats(idx, w, 'sum')) FROM idx, ({zones_of}) AS w"
        con.execute(f"EXPLAIN {query}").fetchall()
        assert server.requests == []
        assert one(con, query) > 0
        fetched = one(
            con,
            "SELECT sum(byte_count) FROM rasteret_requests() WHERE kind = 'tile' AND url = $1",
            server.url(path.name),
        )
    BLOCKS.clear()
    assert tiles / 2 < fetched < tiles * 1.1


def test_statistics_merge_to_those_of_all_pixels(con: duckdb.DuckDBPyConnection, field: str) -> None:
    query = """
        SELECT RS_StatsMerge(list(s), percentiles := [10, 90])
        FROM (
            SELECT RS_ZonalStatsAll(i, w, histogram := $1) AS s
            FROM i, (
                SELECT unnest([0, 60, 120, 180, 240, 900]) AS x_off, 0 AS y_off, 60 AS width, 999 AS height
            ) AS w
        )
    """
    window = "{'x_off': 0, 'y_off': 0, 'width': 300, 'height': 999}"
    whole = one(
        con, f"SELECT RS_ZonalStatsAll(i, {window}, percentiles := [10, 90], histogram := true) FROM i"
    )
    assert_alike(one(con, query, True), whole)
    without = one(con, query, False)
    spread = ("median", "mode", "majority", "minority", "unique_count", "percentiles", "histogram")
    assert {name: without[name] for name in spread} == dict.fromkeys(spread)
    assert_alike(without, whole | dict.fromkeys(spread))


def test_merged_statistics_merge_again_and_outlive_a_table(
    con: duckdb.DuckDBPyConnection, field: str
) -> None:
    con.execute(
        "CREATE TABLE kept AS SELECT x, RS_ZonalStatsAll(i, [x, 5298000, x + 87, 5299000]::DOUBLE[4], "
        f"coverage := true, histogram := true, {CRS}) AS s "
        "FROM i, (SELECT unnest(range(700000, 702000, 87)) AS x)"
    )
    at_once = one(con, "SELECT RS_StatsMerge(list(s ORDER BY x)) FROM kept")
    query = "SELECT RS_StatsMerge(list(s)) FROM (SELECT RS_StatsMerge(list(s)) AS s FROM kept GROUP BY x % 4)"
    assert_alike(one(con, query), at_once)
    assert at_once["coverage"]


def test_nothing_merges_to_null(con: duckdb.DuckDBPyConnection, field: str) -> None:
    assert one(con, "SELECT RS_StatsMerge(NULL)") is None
    assert one(con, "SELECT RS_StatsMerge([NULL])") is None
    assert one(con, "SELECT RS_StatsMerge([RS_ZonalStatsAll(i, [0, 0, 1, 1])]) FROM i") is None
    corner = "{'x_off': 0, 'y_off': 0, 'width': 5, 'height': 5}"
    empty = one(con, f"SELECT RS_StatsMerge([RS_ZonalStatsAll(i, {corner}), NULL]) FROM i")
    assert (empty["count"], empty["pixels"], empty["mean"]) == (0, 25, None)


def test_a_histogram_is_numpys(con: duckdb.DuckDBPyConnection, corpus: Path, field: str) -> None:
    with rasterio.open(corpus / "utm32_uint16.tif") as dataset:
        pixels = dataset.read(1)
    usable = pixels[pixels != 0]
    for arguments, expected in {
        "": np.histogram(usable),
        ", bins := 7, range := [500, 2500.5]": np.histogram(usable, 7, (500, 2500.5)),
    }.items():
        rows = one(con, f"SELECT RS_Histogram(i, 1{arguments}) FROM i")
        assert [row["count"] for row in rows] == expected[0].tolist()
        assert [row["lower"] for row in rows] == expected[1][:-1].tolist()
        assert [row["upper"] for row in rows] == expected[1][1:].tolist()


def test_values_are_counted_one_by_one(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    window = "{'x_off': 0, 'y_off': 100, 'width': 80, 'height': 120}"
    path = str(corpus / "sparse.tif")
    query = f"SELECT RS_ZonalStatsAll($1, {window}, exclude_nodata := false, histogram := true).histogram"
    assert one(con, query, path) == {-5.0: 80 * 120 - 50 * 70, 77.0: 50 * 70}


REFUSED = {
    "RS_ZonalStats(i, [0, 0, 1, 1], 1, 'medain')": "stat := 'medain'.*'median'.*'percentile_90'",
    "RS_ZonalStats(i, [0, 0, 1, 1], 1)": "stat := NULL: one of",
    "RS_ZonalStats(i, [0, 0, 1, 1], 1, 'percentile_101')": "101 is not a percentile",
    "RS_ZonalStatsAll(i, [0, 0, 1, 1], percentiles := [-1])": "-1 is not a percentile",
    "RS_ZonalStatsAll(i, [0, 0, 1, 1], percentiles := 50)": "percentiles := 50: a list of numbers",
    f"RS_ZonalStatsAll(i, '{FIELD}', 2, {CRS})": r"utm32_uint16\.tif has no band 2; its only band is 1",
    f"RS_ZonalStatsAll(i, '{FIELD}', 'nir', {CRS})": "has no band named 'nir'",
    f"RS_ZonalStatsAll(i, '{FIELD}', [1, 1], {CRS})": "expected one band number or name",
    f"RS_ZonalStatsAll(i, '{FIELD}', all_touched := true, coverage := true, {CRS})": "exclude each other",
    f"RS_ZonalStatsAll(i, 'POINT(700200 5299000)', coverage := true, {CRS})": "a Point has no area",
    "RS_ZonalStatsAll(i, 'POLYGON EMPTY')": "is empty",
    "RS_ZonalStatsAll(i, 'nonsense')": "is not valid WKT",
    f"RS_ZonalStatsAll(i, '{FIELD}')": "latitude 5.2999e.06 is outside",
    f"RS_ZonalStatsAll(i, '{FIELD}', aoi_crs := 'EPSG:999999')": "EPSG:999999",
    f"RS_ZonalStatsAll(i, '{FIELD}', level := 9, {CRS})": "has no level 9",
    "RS_ZonalStatsAll(7, [0, 0, 1, 1])": "the raster is a value of type INTEGER",
    "RS_Histogram(i, bins := 0)": "bins := 0",
    "RS_Histogram(i, range := [5, 5])": r"range := \[5.0, 5.0\]",
    "RS_StatsMerge([1, 2])": "a list of values of RS_ZonalStatsAll was expected",
    "RS_StatsMerge([{'count': 1}])": "it lacks sum, mean",
}


@pytest.mark.parametrize("call", REFUSED)
def test_refusals_say_what_is_wrong(con: duckdb.DuckDBPyConnection, field: str, call: str) -> None:
    name = call.partition("(")[0]
    with pytest.raises(duckdb.Error, match=f"(?s)^[^:]+: {name}: .*{REFUSED[call]}"):
        con.execute(f"SELECT {call} FROM i").fetchall()


def test_statistics_made_in_two_ways_do_not_merge(con: duckdb.DuckDBPyConnection, field: str) -> None:
    window = "{'x_off': 99, 'y_off': 99, 'width': 5, 'height': 5}"
    way = f"RS_ZonalStatsAll(i, {window}, coverage :="
    query = f"SELECT RS_StatsMerge([{way} false), {way} true)]) FROM i"
    assert "coverage := true" in message(con, query)


def test_a_map_of_too_many_values_points_to_bins(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    query = f"SELECT RS_ZonalStatsAll('{corpus / 'rotated_float64.tif'}', $1, histogram := true)"
    window = "{'x_off': 0, 'y_off': 0, 'width': 999, 'height': 999}"
    assert "RS_Histogram" in message(con, query.replace("$1", window))
