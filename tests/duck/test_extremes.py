"""Numbers that no raster can have, and texts that are too long or too deep, in every argument there is.

Whatever comes, the answer is rows, NULL, or an error of ours that starts with the function's name: never an
exception of Python, and never a bare "Conversion Error" of its own arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import numpy as np
import pytest

import rasteret_sql
from rasteret_sql.duck.declarations import Function, functions
from tests.duck.band_files import write

pytestmark = pytest.mark.slow

NUMBERS = (
    "2147483648", "-2147483649", "9007199254740993", "9223372036854775807", "-9223372036854775808",
    "18446744073709551615", "170141183460469231731687303715884105727", "-1", "0", "'nan'::DOUBLE",
    "'inf'::DOUBLE", "'-inf'::DOUBLE", "1e308", "1e-308", "-0.5", "0.3::DECIMAL(3, 1)", "NULL",
    "NULL::BIGINT", "NULL::DOUBLE",
)  # fmt: skip
"""In place of any argument that takes a number."""
NESTED = "[" * 3000 + "]" * 3000
TEXTS = (
    "''", "' '", "'x' || chr(1)", f"'{NESTED}'", f"'{{\"a\": {NESTED}}}'", f"'{'GEOGCS[' * 3000}'",
    f"'{'(' * 4000}'", f"'{'9' * 5000}'", "repeat('x', 70000)", "'EPSG:' || repeat('9', 5000)",
)  # fmt: skip
"""In place of any argument that takes a text."""
PAIRS = ("[{0}, 1]", "[1, {0}]", "[{0}, {0}]", "[{0}]", "[]", "[NULL, 1]")
WINDOWS = (
    "{{'x_off': {0}, 'y_off': 0, 'width': 1, 'height': 1}}",
    "{{'x_off': 0, 'y_off': {0}, 'width': 1, 'height': 1}}",
    "{{'x_off': 0, 'y_off': 0, 'width': {0}, 'height': 1}}",
    "{{'x_off': {0}, 'y_off': {0}, 'width': {0}, 'height': {0}}}",
    "{{'x_off': 0, 'y_off': 0, 'width': 1, 'height': 1, 'level': {0}}}",
    "[{0}, {0}, {0}, {0}]", "[0, 0, {0}, 1]", "{{'xmin': {0}, 'ymin': 0, 'xmax': 1, 'ymax': {0}}}",
    "'POINT (' || {0} || ' 0)'", "{0}",
)  # fmt: skip
POINTS = ("[{0}, 0]", "[0, {0}]", "{{'x': {0}, 'y': {0}}}", "[{0}]", "{0}")
RASTER = "'a.tif'"
WINDOW = "{'x_off': 0, 'y_off': 0, 'width': 4, 'height': 4}"
ARGUMENTS = {
    "raster": RASTER, "href": RASTER, "rasters": f"{{'blue': {RASTER}, 'red': {RASTER}, 'nir': {RASTER}, "
    f"'green': {RASTER}, 'swir16': {RASTER}, 'swir22': {RASTER}}}",
    "aoi": WINDOW, "zone": WINDOW, "point": "[12.0, 48.0]", "points": "[[12.0, 48.0]]",
    "band1": RASTER, "band2": RASTER, "band": "1", "reference": RASTER, "crs": "'EPSG:32633'",
    "widthOrScale": "4", "heightOrScale": "4", "zoom": "3", "x": "1", "y": "1",
    "expression": "'red'", "stat": "'mean'",
    "chips": f"[RS_Clip({RASTER}, {WINDOW})]", "stats": f"[RS_ZonalStatsAll({RASTER}, {WINDOW})]",
    "geometry": "'POINT (1 2)'::GEOMETRY",
    "scenes": f"[{{'datetime': TIMESTAMPTZ '2026-01-01', 'red': {RASTER}}}]",
    "shapes": "[{'geom': 'POINT (1 2)', 'value': 1}]", "grid": RASTER,
}  # fmt: skip
"""What a call takes where another argument is tried."""
ELSEWHERE = {
    "stac_search", "stac_read", "stac_collections", "stac_catalogs", "cog_index", "read_rasteret",
    "rasteret_explain", "rasteret_functions", "rasteret_requests", "rasteret_settings", "cog_files",
}  # fmt: skip
"""These take catalogues, files and queries, and have tests of their own."""
BOX = "[12.0, 48.0, 12.1, 48.1]"
NEAR = "[11.65, 47.8, 11.7, 47.85]"
BESIDE = {
    "aoi_crs": {"aoi": BOX, "zone": BOX},
    "size": {"aoi": NEAR},
    "resolution": {"aoi": NEAR, "crs": "'EPSG:3857'"},
    "widthOrScale": {"useScale": "true"},
}
"""What an argument needs beside it to be looked at."""
RASTERS = {
    "raster", "href", "rasters", "band1", "band2", "reference", "chips", "stats", "geometry",
}  # fmt: skip
TABLES = {"index": "'idx'", "areas": "'fields'", "zones": "'fields'", "points": "'fields'"}
"""Of functions over names."""
FLAGS = {"all_touched", "exclude_nodata", "lenient", "coverage", "histogram", "scale", "useScale", "crop"}


def cases(function: Function) -> Iterator[tuple[str, str]]:
    """Argument and call, for everything that is tried of a function."""
    by_name = function.parameters[0].name == "index" if function.parameters else False
    arguments = ARGUMENTS | TABLES if by_name else ARGUMENTS
    for parameter in function.parameters:
        name = parameter.name
        values: list[str] = []
        if by_name and name in TABLES:
            values = ["NULL"]
        elif name in RASTERS:
            values = [*TEXTS, *NUMBERS] if name in ("raster", "href") else ["NULL"]
        elif name in ("aoi", "zone"):
            values = [form.format(number) for form in WINDOWS for number in NUMBERS] + list(TEXTS)
        elif name in ("point", "points"):
            forms = [form if name == "point" else f"[{form}]" for form in POINTS]
            values = [form.format(number) for form in forms for number in NUMBERS] + list(TEXTS)
        elif name not in FLAGS:
            values = [*NUMBERS, *TEXTS, *(pair.format(number) for pair in PAIRS for number in NUMBERS)]
        else:
            values = ["2147483648", "'x'", "NULL"]
        for value in dict.fromkeys(values):
            given = {
                p.name: arguments[p.name] for p in function.parameters if p.default is None and p.name != name
            }
            there = {p.name for p in function.parameters}
            given |= {n: v for n, v in BESIDE.get(name, {}).items() if n in there}
            if function.name == "RS_ZonalStats" and name != "stat":
                given["stat"] = ARGUMENTS["stat"]
            positional = [p.name for p in function.parameters if p.default is None]
            listed = [given.get(p, value) for p in positional]
            named = [f"{n} := {v}" for n, v in {**given, name: value}.items() if n not in positional]
            yield name, f"{function.name}({', '.join([*listed, *named])})"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("extremes")
    pixels = np.arange(64 * 64, dtype=np.uint16).reshape(1, 64, 64)
    write(folder / "a.tif", pixels, nodata=0, scales=((0.5,), (1.0,)))
    with pytest.MonkeyPatch.context() as patch, rasteret_sql.connect() as con:
        patch.chdir(folder)
        con.execute("SET memory_limit = '2GB'")
        con.execute("CREATE TABLE idx AS FROM cog_header('a.tif')")
        con.execute(
            "CREATE TABLE fields AS "
            "SELECT 1 AS id, format('POINT ({} {})', b.xmin, b.ymin)::GEOMETRY AS geom "
            "FROM (SELECT rasteret_bbox(footprint) AS b FROM idx)"
        )
        yield con


DUCKDBS = (duckdb.BinderException, duckdb.ConversionException, duckdb.ParserException)
"""What DuckDB says of a call that never reaches a kernel."""
OURS = [function for function in functions() if function.public and function.name not in ELSEWHERE]
BARE = re.compile(
    r"Python exception|unexpected|Traceback|OverflowError|ValueError|TypeError|IndexError|KeyError"
    r"|RecursionError|Exceeds the limit|MemoryError|ArrowInvalid|ZeroDivision"
    r"|not supported between|cannot convert"
)


@pytest.mark.parametrize("function", OURS, ids=lambda function: function.name)
def test_no_argument_ends_in_an_exception_of_python(
    there: duckdb.DuckDBPyConnection, function: Function
) -> None:
    bad = []
    for argument, call in cases(function):
        query = f"FROM {call}" if function.kind == "table" else f"SELECT {call}"
        try:
            there.execute(query).fetchall()
        except duckdb.Error as error:
            text = str(error)
            ours = isinstance(error, duckdb.InvalidInputException) and not BARE.search(text)
            if not (ours or isinstance(error, DUCKDBS)):
                bad.append(f"{argument}: {call[:150]} -> {type(error).__name__} {text[:300]}")
        except Exception as error:  # what is not DuckDB's at all
            bad.append(f"{argument}: {call[:150]} -> {type(error).__name__}: {str(error)[:300]}")
    assert bad == []


DEEP = {
    "parentheses": "(" * 4990 + "b1" + ")" * 4990,
    "NOT": "NOT " * 2400 + "b1",
    "a chain of +": "+".join(["b1"] * 3000),
    "a chain of AND": " AND ".join(["b1"] * 1200),
    "CASE": "CASE WHEN b1 THEN " * 400 + "1" + " END" * 400,
    "functions": "abs(" * 1800 + "b1" + ")" * 1800,
    "casts": "b1" + "::INT" * 1900,
}


@pytest.mark.parametrize("kind", DEEP)
def test_a_deep_expression_is_refused_by_name(there: duckdb.DuckDBPyConnection, kind: str) -> None:
    for argument in ("expression", "mask"):
        with pytest.raises(duckdb.InvalidInputException, match=r"read_cog: .*is nested too deeply"):
            there.execute(
                f"SELECT c.data FROM read_cog('a.tif', {argument} := $1) AS c", [DEEP[kind]]
            ).fetchall()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "(" * 10_000 + "b1" + ")" * 10_000,
            "the expression has 20,002 characters; at most 10,000 are taken",
        ),
        ("b1 + " + "9" * 9000, "position 6 .*a number of 9,000 digits; at most 400 are taken"),
        ("b1 + 0." + "1" * 4000, "a number of 4,002 digits; at most 400 are taken"),
        ("b1 + 1e" + "9" * 300, "is not a number"),
        ("b1::DECIMAL(999999999999999999999, 1)", "is not a type of pixels"),
        ("b1 << 9223372036854775807", "position 1 .*<< takes stored numbers"),
    ],
)
def test_long_numbers_in_an_expression(there: duckdb.DuckDBPyConnection, text: str, said: str) -> None:
    with pytest.raises(duckdb.InvalidInputException, match=f"RS_MapAlgebra: .*{said}"):
        there.execute("SELECT RS_MapAlgebra($1, 'a.tif').data", [text]).fetchall()


@pytest.mark.parametrize("text", ['{"a": ' * 3000 + "1" + "}" * 3000, '{"a": [' + "[" * 9000, "x" * 70_000])
def test_a_crs_beyond_all_measure(there: duckdb.DuckDBPyConnection, text: str) -> None:
    for call in (
        "read_cog('a.tif', crs := $1)", "read_cog('a.tif', [12.0, 48.0, 12.1, 48.1], aoi_crs := $1)",
    ):  # fmt: skip
        with pytest.raises(duckdb.InvalidInputException, match=r"read_cog: .*CRS") as caught:
            there.execute(f"FROM {call}", [text]).fetchall()
        assert len(str(caught.value)) < 1000
        assert not BARE.search(str(caught.value))
    row = "(SELECT * REPLACE ($1 AS crs) FROM cog_header('a.tif')) AS i"
    with pytest.raises(duckdb.InvalidInputException, match="CRS") as caught:
        there.execute(
            f"SELECT c.data FROM {row}, read_cog(i, [12.0, 48.0, 12.1, 48.1]) AS c", [text]
        ).fetchall()
    assert not BARE.search(str(caught.value))


def test_sizes_say_what_is_expected(there: duckdb.DuckDBPyConnection) -> None:
    for size in ("0", "-1", "2147483648", "[9223372036854775807, 1]", "[1, NULL]", "'nan'::DOUBLE"):
        with pytest.raises(
            duckdb.InvalidInputException, match=r"read_cog: size := .* or \[columns, rows\]; at most"
        ):
            there.execute(f"FROM read_cog('a.tif', size := {size})").fetchall()
    with pytest.raises(
        duckdb.InvalidInputException, match=r"RS_AsGeoTiff: .*tile_size := 2147483648: expected a multiple"
    ):
        there.execute("SELECT RS_AsGeoTiff('a.tif', tile_size := 2147483648)").fetchall()
    with pytest.raises(
        duckdb.InvalidInputException, match="RS_Resample: gridX := inf: expected a finite number"
    ):
        there.execute("SELECT RS_Resample('a.tif', 4, 4, gridX := 'inf'::DOUBLE)").fetchall()
    with pytest.raises(duckdb.InvalidInputException, match="RS_Transform: pixels of 1e-308 are too small"):
        there.execute("SELECT RS_Transform('a.tif', 'EPSG:32633', resolution := 1e-308)").fetchall()
    with pytest.raises(
        duckdb.InvalidInputException, match=r"RS_ZonalStats: stat := \[1, 2\]: one of 'count'"
    ):
        there.execute("SELECT RS_ZonalStats('a.tif', [12, 48, 13, 49], 1, [1, 2])").fetchall()
