"""Bad arguments through SQL: the exact message, which says what was expected and what to do."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.duck.refusals import READERS, message

FORMS = (
    "expected WKB, WKT, GeoJSON text, a box [xmin, ymin, xmax, ymax] "
    "or {'xmin': …, 'ymin': …, 'xmax': …, 'ymax': …}, "
    "a point [x, y] or {'x': …, 'y': …}, or lists of STRUCT(x, y) as in GeoParquet's native encodings"
)
ANSWER_TO_A_BAND = "a band number from 1 or a band name, or a list of them, was expected"


ARGUMENTS = {
    "bands := 9": "{file} has no band 9; its only band is 1, without names",
    "bands := 0": "{file} has no band 0; its only band is 1, without names",
    "bands := 'nir'": "{file} has no band named 'nir'; its only band is 1, without names",
    "bands := []": "bands := [] asks for nothing; leave it out to read all bands",
    "bands := [1, NULL]": "bands := [1, NULL]: NULL is not a band; give numbers from 1, or names",
    "bands := 1.5": f"bands := 1.5: {ANSWER_TO_A_BAND}",
    "bands := [[1]]": f"bands := [[1]]: {ANSWER_TO_A_BAND}",
    "bands := 'nan'::DOUBLE": f"bands := nan: {ANSWER_TO_A_BAND}",
    "level := 9": "{file} has no level 9; its levels are 0: 300 x 260, 1: 150 x 130, 2: 75 x 65",
    "level := -1": "{file} has no level -1; its levels are 0: 300 x 260, 1: 150 x 130, 2: 75 x 65",
    "level := 'a'": "level := 'a': a whole number was expected",
    "level := [1]": "level := [1]: a whole number was expected",
    "level := 'inf'::DOUBLE": "level := inf: a whole number was expected",
    "level := 1, resolution := 20": "level := 1 and resolution := 20 exclude each other; give one",
    "level := 0, resolution := 20": "level := 0 and resolution := 20 exclude each other; give one",
    "resolution := 0": "resolution := 0: expected a pixel size greater than 0",
    "resolution := -2.5": "resolution := -2.5: expected a pixel size greater than 0",
    "resolution := 'nan'::DOUBLE": "resolution := nan: expected a pixel size greater than 0",
    "resolution := 'fine'": "resolution := 'fine': a number was expected",
    "resolution := DATE '2024-01-01'": "resolution := '2024-01-01': a number was expected",
    "on_error := 'ignore'": "on_error := 'ignore': one of 'fail', 'null' was expected",
    "on_error := 5": "on_error := 5: text was expected",
    "aoi_crs := 5": "aoi_crs := 5: text was expected",
    "aoi := {'x_off': 1.5, 'y_off': 0, 'width': 3, 'height': 4}":
        "a pixel window takes whole numbers x_off, y_off, width, height; got [1.5, 0, 3, 4]",
    "aoi := {'x_off': 'a', 'y_off': NULL, 'width': 3, 'height': 4}":
        "a pixel window takes whole numbers x_off, y_off, width, height; got ['a', NULL, 3, 4]",
    "aoi := {'x_off': 1, 'y_off': 0, 'width': 0, 'height': 4}": "a pixel window is at least 1 x 1; got 0 x 4",
    "aoi := {'x_off': 0, 'y_off': 0, 'width': 3, 'height': 4, 'level': 1}, level := 2":
        "level := 2, but the window counts pixels of level 1; leave level out, or cut windows of that level",
}  # fmt: skip


@pytest.mark.parametrize("function", READERS)
@pytest.mark.parametrize(("arguments", "expected"), ARGUMENTS.items(), ids=ARGUMENTS)
def test_an_argument(
    con: duckdb.DuckDBPyConnection, corpus: Path, function: str, arguments: str, expected: str
) -> None:
    file = str(corpus / "utm32_uint16.tif")
    found = message(con, f"FROM {function}($1, {arguments})", file)
    assert found == f"{function}: {expected.format(file=file)}"


def test_all_touched_is_true_or_false(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    query = "FROM read_cog($1, all_touched := {})"
    file = str(corpus / "big.tif")
    assert (
        message(con, query.format("'yes'"), file)
        == "read_cog: all_touched := 'yes': true or false was expected"
    )
    assert message(con, query.format("1"), file) == "read_cog: all_touched := 1: true or false was expected"


def test_band_names_are_told(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    file = str(corpus / "rgb_mask.tif")
    expected = f"read_cog: {file} has no band named 'nir'; its bands are 1 to 3, named 'red', 'green', 'blue'"
    assert message(con, "FROM read_cog($1, bands := ['red', 'nir'])", file) == expected


GEOMETRIES = {
    "'POLYGON((0 0,'":
        f"'POLYGON((0 0,' is not valid WKT (Expected number but encountered end of stream); {FORMS}",
    "''": f"'' is not valid WKT (Expected word but encountered end of stream); {FORMS}",
    """'{"type": "Poly"}'""":
        f"""'{{"type": "Poly"}}' is not valid GeoJSON (Unknown geometry type!); {FORMS}""",
    "'abc'::BLOB": f"3 bytes (616263) is not valid WKB (Unexpected EOF parsing WKB); {FORMS}",
    "'POLYGON EMPTY'": "POLYGON EMPTY is empty; an area has at least one point",
    "'POINT(NaN 3)'": "the coordinate (nan, 3) is not a place; coordinates are finite and below 1e+12",
    "'POINT(48 95)'":
        "latitude 95 is outside -90 to 90 in CRS OGC:CRS84; x is longitude and y is latitude, "
        "were they swapped?",
    "'POINT(700000 5300000)'":
        "latitude 5.3e+06 is outside -90 to 90 in CRS OGC:CRS84; x is longitude and y is latitude, "
        "or give the CRS of these coordinates with aoi_crs",
    "42": f"int 42 is not an area; {FORMS}",
    "[1, 2, 3]":
        "expected a box of four numbers xmin, ymin, xmax, ymax, or a point of two, x and y; "
        "got [1.0, 2.0, 3.0]",
    "['a', 'b', 'c', 'd']":
        "expected a box of four numbers xmin, ymin, xmax, ymax, or a point of two, x and y; "
        "got ['a', 'b', 'c', 'd']",
    "[1, 5, 2, 3]": "the box [1.0, 5.0, 2.0, 3.0] has ymin 5 above ymax 3",
    "{'xmin': 1}": f"{{'xmin': 1.0}} has no ymin, xmax, ymax; {FORMS}",
    "'POINT(1 2)', aoi_crs := 'EPSG:99999'":
        "unknown CRS 'EPSG:99999': give an authority code such as 'EPSG:32632', WKT or PROJJSON",
}  # fmt: skip


@pytest.mark.parametrize(("geometry", "expected"), GEOMETRIES.items(), ids=GEOMETRIES)
def test_an_area(con: duckdb.DuckDBPyConnection, corpus: Path, geometry: str, expected: str) -> None:
    for function in READERS:
        found = message(con, f"FROM {function}($1, {geometry})", str(corpus / "utm32_uint16.tif"))
        assert found == f"{function}: aoi: {expected}"
    found = message(con, f"FROM stac_search('http://127.0.0.1:1/', intersects := {geometry})")
    assert found == f"stac_search: aoi: {expected}"


def test_an_area_outside_is_no_row_and_no_error(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    for function in READERS:
        query = f"FROM {function}($1, {{}})"
        for area in ("[0, 0, 1, 1]", "{'x_off': 300, 'y_off': 0, 'width': 5, 'height': 5}"):
            assert con.execute(query.format(area), [str(corpus / "utm32_uint16.tif")]).fetchall() == []


WINDOWS = {
    "size := 0": "size := 0: a window is at least 1 pixel wide and high",
    "size := NULL": "size := NULL: a window is at least 1 pixel wide and high",
    "size := 1.5": "size := 1.5: a whole number was expected",
    "stride := 0": "stride := 0: windows are at least 1 pixel apart",
    "edge := 'wrap'": "edge := 'wrap': one of 'shift', 'clip', 'drop' was expected",
    "level := 7": "{file} has no level 7; its levels are 0: 300 x 260, 1: 150 x 130, 2: 75 x 65",
}


@pytest.mark.parametrize(("arguments", "expected"), WINDOWS.items(), ids=WINDOWS)
def test_windows(con: duckdb.DuckDBPyConnection, corpus: Path, arguments: str, expected: str) -> None:
    file = str(corpus / "utm32_uint16.tif")
    assert (
        message(con, f"FROM cog_windows($1, {arguments})", file)
        == f"cog_windows: {expected.format(file=file)}"
    )


def test_a_row_that_is_no_chip(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    file = str(corpus / "utm32_uint16.tif")
    assert message(con, "SELECT RS_AsArray(t) FROM read_cog_tiles($1) AS t", file).startswith(
        "RS_AsArray: the raster is a row with data, but without the column valid: pass a row of read_cog; "
        "its columns are: href, bands, level, tile_col,"
    )
    query = "SELECT RS_AsArray({{'data': {}, 'shape': {}, 'dtype': {}, 'valid': NULL}})"
    whole = "pass a row of read_cog as it is"
    assert message(con, query.format("'ab'::BLOB", "[1, 2, 3]", "'uint8'")) == (
        f"RS_AsArray: the chip has 2 bytes of data, which do not fit its shape [1, 2, 3] of uint8; {whole}"
    )
    assert message(con, query.format("'ab'::BLOB", "[1, 2]", "'bool'")) == (
        f"RS_AsArray: the chip has dtype 'bool' and shape [1, 2]; {whole}"
    )
    assert message(con, query.format("7", "[1, 2, 3]", "'uint8'")) == (
        f"RS_AsArray: the chip's column data is INTEGER, where read_cog gives BLOB; {whole}"
    )


@pytest.mark.parametrize("function", ["read_cog", "read_cog_tiles", "cog_windows", "cog_header"])
@pytest.mark.parametrize(
    ("value", "kind"),
    [("5", "INTEGER"), ("'x'::BLOB", "BLOB"), ("['x']", "VARCHAR[]"), ("1.5", "DECIMAL(2,1)")],
)
def test_a_raster_of_another_type(
    con: duckdb.DuckDBPyConnection, function: str, value: str, kind: str
) -> None:
    row = "a row with an href" if function == "cog_header" else "a row of an index"
    assert message(con, f"FROM {function}({value})") == (
        f"{function}: the raster is a value of type {kind}: an href (VARCHAR) or {row} was expected"
    )


def test_a_row_without_href(con: duckdb.DuckDBPyConnection) -> None:
    assert message(con, "FROM cog_header({'url': 'a.tif', 'band': 'red'})") == (
        "cog_header: the row has no href column; its columns are: url, band"
    )
    found = con.execute("SELECT href, error FROM cog_header({'href': NULL::VARCHAR})").fetchall()
    assert found == [(None, "the href is NULL")]


MOMENT = (
    "expected a moment such as 2024-05-31T10:15:00Z, a day, month or year, "
    "or an interval such as 2024-01-01/2024-06-30 or 2024-01-01/..;"
)
SEARCHES = {
    "datetime := 'yesterday'": f"datetime 'yesterday': {MOMENT} found 'yesterday'",
    "datetime := '2024-13-01'": f"datetime '2024-13-01': {MOMENT} '2024-13-01': month must be in 1..12",
    "datetime := '2024-06-30/2024-01-01'": "datetime '2024-06-30/2024-01-01' ends before it starts",
    "datetime := 5": "datetime := 5: text such as '2024-01-01/2024-06-30' was expected",
    "bbox := [1, 5, 2, 3]":
        "bbox is xmin, ymin, xmax, ymax, but its lower side is above its upper side: "
        "found [1.0, 5.0, 2.0, 3.0]",
    "bbox := [1, 2, 3]":
        "bbox needs 4 numbers (xmin, ymin, xmax, ymax) or 6 with heights, found [1.0, 2.0, 3.0]",
    "bbox := ['a', 'b', 'c', 'd']":
        "bbox := ['a', 'b', 'c', 'd']: [xmin, ymin, xmax, ymax] in degrees was expected",
    "bbox := [1, 2, 3, NULL]":
        "bbox := [1.0, 2.0, 3.0, NULL]: [xmin, ymin, xmax, ymax] in degrees was expected",
    "bbox := '1,2,3,4'": "bbox := '1,2,3,4': [xmin, ymin, xmax, ymax] in degrees was expected",
    "ids := [1, 2]": "ids := [1, 2]: text, or a list of texts, was expected",
    "filter := 5": "filter := 5: text was expected",
    "max_items := -1": "max_items must be 0 or more, found -1; leave it out for all items",
    "intersects := {'x_off': 0, 'y_off': 0, 'width': 5, 'height': 5}":
        "intersects takes a geometry or a box, not a pixel window",
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "expected"), SEARCHES.items(), ids=SEARCHES)
def test_a_search(con: duckdb.DuckDBPyConnection, arguments: str, expected: str) -> None:
    assert message(con, f"FROM stac_search('http://127.0.0.1:1/', {arguments})") == f"stac_search: {expected}"


def test_a_fault_of_ours_is_told_in_a_sentence(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(*_: object) -> None:
        raise KeyError("no such thing,\n  nowhere")

    monkeypatch.setattr("rasteret_sql.duck.kernels.files.cog_files", fault)
    with caplog.at_level("DEBUG"), pytest.raises(duckdb.InvalidInputException) as told:
        con.execute("FROM cog_files('*.tif')")
    assert str(told.value) == (
        "Invalid Input Error: cog_files: failed unexpectedly (KeyError: 'no such thing,\\n nowhere')"
    )
    assert "in fault" in caplog.text
