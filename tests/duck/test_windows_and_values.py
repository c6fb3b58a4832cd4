"""Windows cut for training, pixels as numbers, and every value that crosses between Python and DuckDB."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.windows import Window

from rasteret_sql.duck.arrow import types
from rasteret_sql.duck.arrow.arrays import NUMBERS, array_of
from rasteret_sql.duck.arrow.duck_types import DuckType, declared
from rasteret_sql.duck.kernels.headers import EDGES, _steps
from rasteret_sql.stac.items.item_type import ITEM_TYPE
from tests.duck.corpus import NAMES
from tests.duck.refusals import message

LENGTHS = st.integers(1, 400)


@given(length=LENGTHS, size=LENGTHS, step=LENGTHS, edge=st.sampled_from(EDGES))
def test_steps_along_an_axis(length: int, size: int, step: int, edge: str) -> None:
    steps = _steps(length, size, step, edge)
    starts = [start for start, _ in steps]
    assert starts == sorted(set(starts))
    assert all(0 <= start < start + run <= length for start, run in steps)
    whole = [(start, size) for start in range(0, length - size + 1, step)]
    assert [s for s in steps if s in whole] == whole, "all windows that fit are there"
    if edge == "drop":
        assert steps == whole
    if edge == "shift":
        assert {run for _, run in steps} == {min(size, length)}
        assert len(steps) - len(whole) in (0, 1)
    if edge == "clip":
        assert all(start % step == 0 for start in starts)
        assert all(run == min(size, length - start) for start, run in steps)
    if edge != "drop" and step <= size:
        assert {at for start, run in steps for at in range(start, start + run)} == set(range(length))


WINDOWS = """
SELECT w.x_off, w.y_off, w.width, w.height, w.level, w.transform, w.bbox, c
FROM idx AS i, cog_windows(i, size := $1, stride := $2, edge := $3, level := $4) AS w, read_cog(i, w) AS c
"""


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize(("size", "stride"), [(64, None), (64, 40), (50, 90), (280, None), (1000, None)])
def test_windows_cut_what_rasterio_reads(
    con: duckdb.DuckDBPyConnection, corpus: Path, size: int, stride: int | None, edge: str, level: int
) -> None:
    path = corpus / "utm32_uint16.tif"
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [str(path)])
    options = {} if level == 0 else {"overview_level": level - 1}
    rows = con.execute(WINDOWS, [size, stride, edge, level]).fetchall()
    with rasterio.open(path, **options) as dataset:
        covered = np.zeros(dataset.shape, bool)
        for x, y, width, height, own_level, transform, bbox, chip in rows:
            window = Window(x, y, width, height)
            assert own_level == chip["level"] == level
            assert (chip["x_off"], chip["y_off"], *chip["shape"]) == (x, y, 1, height, width)
            assert transform == chip["transform"]
            np.testing.assert_allclose(transform, dataset.window_transform(window)[:6], rtol=1e-12)
            np.testing.assert_allclose(list(bbox.values()), dataset.window_bounds(window), rtol=1e-12)
            pixels = np.frombuffer(chip["data"], np.uint16).reshape(chip["shape"])
            np.testing.assert_array_equal(pixels, dataset.read(window=window))
            covered[window.toslices()] = True
    steps = [_steps(length, size, stride or size, edge) for length in (dataset.width, dataset.height)]
    assert len(rows) == len(steps[0]) * len(steps[1])
    assert covered.all() or edge == "drop" or (stride or 0) > size


def test_a_window_brings_its_level(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = str(corpus / "utm32_uint16.tif")
    query = "SELECT c.level, c.data FROM cog_windows($1, size := 65, level := 2) AS w, read_cog($1, w{}) AS c"
    want = con.execute("SELECT level, data FROM read_cog($1, level := 2)", [path]).fetchall()
    window = "{'x_off': 0, 'y_off': 0, 'width': 75, 'height': 65}"
    plain = f"SELECT c.level, c.data FROM read_cog($1, {window}, level := 2) AS c"
    assert con.execute(plain, [path]).fetchall() == want
    first, second = con.execute(query.format(""), [path]).fetchall()
    assert first[0] == second[0] == 2
    assert sorted([first, second]) == sorted(con.execute(query.format(", level := 2"), [path]).fetchall())
    assert message(con, query.format(", level := 0"), path) == (
        "read_cog: level := 0, but the window counts pixels of level 2; "
        "leave level out, or cut windows of that level"
    )


def numbers(pixels: Any, mask: Any) -> list[list[float | None]]:
    return [
        [float(p) if m else None for p, m in zip(*row, strict=True)] for row in zip(pixels, mask, strict=True)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_rasterios_with_null_for_nodata(
    con: duckdb.DuckDBPyConnection, corpus: Path, name: str
) -> None:
    path = corpus / f"{name}.tif"
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [str(path)])
    with rasterio.open(path) as dataset:
        last = dataset.count
        whole = numbers(dataset.read(last), dataset.read_masks(last) > 0)
        window = Window(20, 30, 70, 50)
        part = numbers(dataset.read(1, window=window), dataset.dataset_mask(window=window) > 0)
    if (
        name != "rgba_alpha" and name != "rgba_nodata"
    ):  # the mask of an alpha band itself is GDAL's own matter
        assert con.execute("SELECT RS_AsArray($1, $2)", [str(path), last]).fetchall() == [(whole,)]
        assert con.execute("SELECT RS_AsArray(i, $1) FROM idx AS i", [last]).fetchall() == [(whole,)]
    area = "{'x_off': 20, 'y_off': 30, 'width': 70, 'height': 50}"
    assert con.execute(f"SELECT RS_AsArray(c) FROM idx AS i, read_cog(i, {area}) AS c").fetchall() == [
        (part,)
    ]


def test_bands_of_a_chip_are_counted_as_they_were_read(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    path = str(corpus / "rgb_mask.tif")
    query = "SELECT RS_AsArray(c, 2) FROM read_cog($1, bands := ['blue', 'red']) AS c"
    assert con.execute(query, [path]).fetchall() == con.execute("SELECT RS_AsArray($1, 1)", [path]).fetchall()


def test_what_is_not_there_is_null(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    assert con.execute("SELECT RS_AsArray(NULL), RS_MetaData(NULL)").fetchall() == [(None, None)]
    con.execute("CREATE TABLE paths AS SELECT unnest([$1, NULL, $1]) AS path", [str(corpus / "big.tif")])
    rows = con.execute("SELECT len(RS_AsArray(path)), RS_MetaData(path).srid FROM paths").fetchall()
    assert rows == [(260, 32632), (None, None), (260, 32632)]
    query = "SELECT RS_AsArray(c) FROM read_cog('nowhere.tif', on_error := 'null') AS c"
    assert con.execute(query).fetchall() == [(None,)]


def test_the_largest_numbers_matter_only_where_valid(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """The smallest int64 is a common nodata value, and no DOUBLE problem while it is one."""
    path = tmp_path / "a.tif"
    pixels = np.array([[[-(2**63), 2**53, 5]]], np.int64)
    profile = {"driver": "GTiff", "count": 1, "height": 1, "width": 3, "dtype": "int64", "nodata": -(2**63)}
    with rasterio.open(path, "w", **profile, crs="EPSG:32632", transform=(10, 0, 0, 0, -10, 0)) as dataset:
        dataset.write(pixels)
    assert con.execute("SELECT RS_AsArray($1)", [str(path)]).fetchall() == [([[None, 2.0**53, 5.0]],)]


@pytest.mark.parametrize("name", NAMES)
def test_metadata(con: duckdb.DuckDBPyConnection, corpus: Path, name: str) -> None:
    path = corpus / f"{name}.tif"
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [str(path)])

    def expected(transform: Any, width: int, height: int, tile: tuple[int, int]) -> dict[str, Any]:
        a, b, c, d, e, f = transform[:6]
        corner = {"upperLeftX": c, "upperLeftY": f, "gridWidth": width, "gridHeight": height}
        scale = {"scaleX": a, "scaleY": e, "skewX": b, "skewY": d, "srid": dataset.crs.to_epsg()}
        tiles = {"tileWidth": tile[0], "tileHeight": tile[1]}
        return corner | scale | {"numSampleDimensions": dataset.count} | tiles

    with rasterio.open(path) as dataset:
        whole = expected(dataset.transform, dataset.width, dataset.height, dataset.block_shapes[0][::-1])
        part = expected(dataset.window_transform(Window(20, 30, 70, 50)), 70, 50, (70, 50))
    queries = {
        "SELECT RS_MetaData(href) FROM idx": whole,
        "SELECT RS_MetaData(i) FROM idx AS i": whole,
        "SELECT RS_MetaData(c) FROM idx AS i, "
        "read_cog(i, {'x_off': 20, 'y_off': 30, 'width': 70, 'height': 50}) AS c": part,
    }
    for query, want in queries.items():
        found = con.execute(query).fetchone()
        assert found is not None
        assert found[0].keys() == want.keys()
        np.testing.assert_allclose(list(found[0].values()), list(want.values()), rtol=1e-12, err_msg=query)


TYPES = {
    name: getattr(types, name)
    for name in (
        "HEADER", "CHIP_PLAN", "TILE_PLAN", "PIXELS", "WINDOW_ROW", "METADATA", "CATALOG", "FUNCTION",
        "REQUEST",
    )
} | {"ITEM": ITEM_TYPE, "GRID": "DOUBLE[][]"}  # fmt: skip


def values(kind: DuckType) -> st.SearchStrategy[Any]:
    """Anything that ``array_of`` takes for a type, NULL too."""
    return st.none() | _present(kind)


def _present(kind: DuckType) -> st.SearchStrategy[Any]:
    if kind.id in NUMBERS:
        dtype = np.dtype(NUMBERS[kind.id][1])
        if dtype.kind == "f":
            return st.floats(allow_nan=False, width=64 if dtype.itemsize == 8 else 32)
        return st.integers(int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    if kind.id == "struct":
        return st.fixed_dictionaries({}, optional={name: values(c) for name, c in kind.children.items()})
    if kind.id == "array":
        return st.lists(values(kind.children["child"]), min_size=kind.size, max_size=kind.size)
    if kind.id == "list":
        return st.lists(values(kind.children["child"]), max_size=3)
    if kind.id == "map":
        return st.dictionaries(_present(kind.children["key"]), values(kind.children["value"]), max_size=3)
    return SIMPLE[kind.id]


SIMPLE: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "varchar": st.text(max_size=4),
    "blob": st.binary(max_size=4),
    "timestamp with time zone": st.datetimes(
        datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)
    ),
}


def as_fetched(value: Any, kind: DuckType) -> Any:
    """What DuckDB's Python client gives for a value."""
    if value is None:
        return None
    if kind.id == "struct":
        return {name: as_fetched(value.get(name), child) for name, child in kind.children.items()}
    if kind.id in ("list", "array"):
        found = [as_fetched(v, kind.children["child"]) for v in value]
        return tuple(found) if kind.id == "array" else found
    if kind.id == "map":
        return {key: as_fetched(item, kind.children["value"]) for key, item in value.items()}
    return value


def cross(rows: Sequence[Any], kind: DuckType) -> list[Any]:
    """Python values through Arrow and DuckDB, and back."""
    array = array_of(rows, kind.text)
    array.validate(full=True)
    with duckdb.connect() as con:
        relation = con.from_arrow(pa.table({"v": array}))
        assert relation.types[0] == duckdb.type(kind.text.replace(" JSON", " VARCHAR"))  # JSON is its alias
        return [value for (value,) in relation.fetchall()]


@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_values_cross_unharmed(name: str, data: st.DataObject) -> None:
    kind = declared(TYPES[name])
    rows = data.draw(st.lists(values(kind), max_size=4))
    assert cross(rows, kind) == [as_fetched(row, kind) for row in rows]


def some(kind: DuckType, choose: random.Random) -> Any:
    """A value of a type, by a quick choice."""
    if choose.random() < 0.2:
        return None
    if kind.id == "struct":
        return {name: some(child, choose) for name, child in kind.children.items()}
    if kind.id in ("list", "array"):
        size = kind.size if kind.id == "array" else choose.randrange(4)
        return [some(kind.children["child"], choose) for _ in range(size)]
    if kind.id == "map":
        return {f"k{n}": some(kind.children["value"], choose) for n in range(choose.randrange(3))}
    ready: dict[str, Any] = {
        "boolean": choose.random() < 0.5,
        "varchar": "grün",
        "blob": b"\0\xff",
        "timestamp with time zone": datetime(2024, 5, 6, tzinfo=UTC),
    }
    return ready.get(kind.id, choose.randrange(100))


@pytest.mark.parametrize("name", TYPES)
def test_five_thousand_values_cross_unharmed(name: str) -> None:
    """More than two vectors of DuckDB."""
    kind, choose = declared(TYPES[name]), random.Random(5)
    rows = [some(kind, choose) for _ in range(50)]
    assert cross(rows * 100, kind) == [as_fetched(row, kind) for row in rows] * 100


@pytest.mark.parametrize("dtype", [dtype for _, dtype in NUMBERS.values()])
def test_numpy_arrays_cross_as_lists(dtype: str) -> None:
    """Tile tables are handed over as they are, many to a column."""
    kind = next(name for name, (_, code) in NUMBERS.items() if code == dtype)
    tables = [np.arange(n).astype(dtype) for n in (0, 3, 1)]
    found = cross([tables[0], None, tables[1], tables[2]], declared(f"{kind.upper()}[]"))
    assert found == [[], None, [0, 1, 2], [0]]
    assert cross([tables[0], tables[0]], declared(f"{kind.upper()}[]")) == [[], []]


@pytest.mark.parametrize(
    "chosen",
    [
        "SET arrow_large_buffer_size = true",
        "SET arrow_lossless_conversion = true",
        "SET arrow_output_version = '1.4'; SET produce_arrow_string_view = true",
        "SET arrow_output_version = '1.5'; SET arrow_output_list_view = true",
    ],
)
def test_how_duckdb_writes_arrow_changes_nothing(
    con: duckdb.DuckDBPyConnection, corpus: Path, chosen: str
) -> None:
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [str(corpus / "rgb_mask.tif")])
    queries = (
        "SELECT c.* FROM idx AS i, read_cog(i, [11.68, 47.8, 11.69, 47.81], bands := ['red']) AS c",
        "SELECT RS_AsArray(c, 2), RS_MetaData(c) FROM idx AS i, cog_windows(i) AS w, read_cog(i, w) AS c "
        "ORDER BY w.x_off, w.y_off",
        "SELECT count(data), sum(byte_count) FROM idx AS i, read_cog_tiles(i, level := 1)",
        "SELECT href, width, error FROM cog_header('nowhere.tif')",
    )
    want = [con.execute(query).fetchall() for query in queries]
    con.execute(chosen)
    assert [con.execute(query).fetchall() for query in queries] == want
