"""What is read at once: as many chips as fit into batch_bytes, whatever a vector of DuckDB holds."""

from __future__ import annotations

import tracemalloc
import warnings
from pathlib import Path

import duckdb
import numpy as np
import pytest

from rasteret_sql.duck.arguments import batches
from rasteret_sql.duck.arrow.arrays import blobs_of
from rasteret_sql.duck.kernels import chips
from rasteret_sql.errors import RasteretWarning
from rasteret_sql.geotiff.write.cog import write_cog
from rasteret_sql.geotiff.write.options import Description, Storage
from rasteret_sql.settings import configure

MIB = 1 << 20
SIDE = 2048
WINDOWS = 100
CHIP = "{'x_off': n, 'y_off': n, 'width': 512, 'height': 512}"
"""Of 512 KiB, and half of that for which pixels are valid."""
CHIP_BYTES = 3 * 512 * 512


def read(columns: str, tif: Path, more: str = "") -> str:
    return (
        f"SELECT n, {columns} FROM range({WINDOWS}) AS w(n), read_cog('{tif}', {CHIP}{more}) AS c ORDER BY n"
    )


@pytest.fixture(scope="module")
def tif(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pixels = np.random.default_rng(3).integers(0, 4000, (1, SIDE, SIDE)).astype(np.uint16)
    path = tmp_path_factory.mktemp("batches") / "scene.tif"
    placed = {"transform": (10, 0, 6e5, 0, -10, 5e6), "crs": 32632}
    path.write_bytes(write_cog(pixels, Description(**placed), Storage(tile_size=256, compression="none")))
    return path


@pytest.fixture
def batch_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many chips each call of the reading kernel reads."""
    seen: list[int] = []
    whole = chips.read_plans

    def looked_at(plans, arrays, **more):  # type: ignore[no-untyped-def]
        seen.append(len(plans))
        return whole(plans, arrays, **more)

    monkeypatch.setattr(chips, "read_plans", looked_at)
    return seen


@pytest.mark.parametrize("more", ["", ", crs := 'EPSG:32632', resolution := 20", ", expression := 'b1 + 1'"])
def test_batches_change_nothing_but_their_size(
    con: duckdb.DuckDBPyConnection, tif: Path, batch_rows: list[int], more: str
) -> None:
    query = read("c.shape, c.data, c.valid, c.error", tif, more)
    whole = con.execute(query).fetchall()
    assert batch_rows == [WINDOWS]
    batch_rows.clear()
    configure(batch_bytes=8 * CHIP_BYTES)
    assert con.execute(query).fetchall() == whole
    assert sum(batch_rows) == WINDOWS
    assert max(batch_rows) <= 10  # on a coarser grid they are smaller


def test_a_batch_is_half_of_what_may_be_in_flight(
    con: duckdb.DuckDBPyConnection, tif: Path, batch_rows: list[int]
) -> None:
    """DuckDB lets go of one answer when the next one is there."""
    configure(batch_bytes=20 * CHIP_BYTES)
    con.execute(read("c.data", tif)).fetchall()
    assert batch_rows == [10] * 10


def test_without_a_setting_a_quarter_of_memory_limit_is_in_flight(
    con: duckdb.DuckDBPyConnection, tif: Path, batch_rows: list[int]
) -> None:
    con.execute("SET memory_limit = '80MiB'")
    con.execute(read("octet_length(c.data)", tif)).fetchall()
    assert max(batch_rows) == pytest.approx(10 * MIB / CHIP_BYTES, abs=1)


def test_tiles_are_cut_into_batches_too(
    con: duckdb.DuckDBPyConnection, tif: Path, batch_rows: list[int]
) -> None:
    configure(batch_bytes=16 * 3 * 256 * 256)
    query = f"SELECT count(data), sum(octet_length(data)) FROM read_cog_tiles('{tif}', level := 0)"
    assert con.execute(query).fetchall() == [(64, 2 * SIDE * SIDE)]
    assert batch_rows == [8] * 8


def test_one_small_chip_a_batch_stays_alone_through_a_join(
    con: duckdb.DuckDBPyConnection, tif: Path, batch_rows: list[int]
) -> None:
    """DuckDB's filters and joins copy vectors of few rows into long ones, unless a list is among them."""
    configure(batch_bytes=2 * CHIP_BYTES)
    con.execute("CREATE TABLE hrefs AS SELECT $1 AS href", [str(tif)])
    joined: list[int] = []

    def count(data):  # type: ignore[no-untyped-def]
        joined.append(len(data))
        return data

    con.create_function("look_at", count, ["BLOB"], "BLOB", type="arrow", side_effects=True)
    con.execute(
        f"SELECT sum(octet_length(look_at(c.data))), max(n) FROM hrefs AS h, range({WINDOWS}) AS w(n), "
        f"read_cog(h.href, {CHIP}) AS c"
    ).fetchall()
    assert batch_rows == [1] * WINDOWS
    assert joined == [1] * WINDOWS


def test_where_lists_do_not_keep_short_vectors_a_batch_has_rows_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches.duckdb_version, "_followed", (1, 5, 6))
    large = {"held": 1 << 30}
    batches.take_places([large], batches.Batch(byte_count=MIB, total=MIB, query=None))
    assert batches.PLACES // len(large["places"]) >= batches.MIN_ROWS  # type: ignore[arg-type]


def test_threads_share_what_may_be_in_flight_once_they_are_several(con: duckdb.DuckDBPyConnection) -> None:
    configure(batch_bytes=80 * MIB)
    con.execute("SET threads = 4")
    asked = con.sql("SELECT _rasteret_asked(1) AS asked").to_arrow_table()["asked"]
    assert batches.batch_of(asked, batches.ROWS_OF_A_THREAD).byte_count == 40 * MIB
    assert batches.batch_of(asked, 1).byte_count == 10 * MIB


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (
            "read_cog",
            "read_cog: a chip takes 12.0 MiB of memory, more than batch_bytes (10.0 MiB), and is "
            "read by itself. Take read_cog_tiles, a smaller area, fewer bands or a coarser resolution, "
            "or raise the setting batch_bytes",
        ),
        ("read_cog_tiles", None),
    ],
)
def test_a_chip_larger_than_batch_bytes_says_so_once_a_query(
    con: duckdb.DuckDBPyConnection, tif: Path, function: str, said: str | None
) -> None:
    configure(batch_bytes=10 * MIB)
    query = f"SELECT {{}} FROM range(3) AS r(n), {function}('{tif}', level := 0)"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RasteretWarning)
        con.execute(query.format("sum(octet_length(data))")).fetchall()
    assert [str(warning.message) for warning in caught] == ([] if said is None else [said])
    # what is only planned is not warned of
    with warnings.catch_warnings():
        warnings.simplefilter("error", RasteretWarning)
        con.execute(query.format("count(x_off)")).fetchall()


@pytest.mark.parametrize(("given", "value"), [("auto", 0), (None, 0), ("64 MiB", 64 * MIB), (1, 1)])
def test_the_setting(given: object, value: int) -> None:
    assert configure(batch_bytes=given).batch_bytes == value


EACH_ROW = {
    "RS_Clip": "RS_Clip('{tif}', " + CHIP + ")",
    "RS_MapAlgebra": "RS_MapAlgebra('b1 + 1', '{tif}', aoi := " + CHIP + ")",
    "RS_Transform": "RS_Transform('{tif}', 'EPSG:32633', resolution := 30 + n // 1e9)",
    "RS_Resample": "RS_Resample('{tif}', 700, 700 + n * 0)",
    "RS_ReprojectMatch": "RS_ReprojectMatch('{tif}', '{tif}', bands := 1 + n * 0)",
    "RS_AsNPY": "RS_AsNPY('{tif}', scale := n < 0)",
    "RS_AsGeoTiff": "RS_AsGeoTiff('{tif}', compression := 'none', scale := n < 0)",
    "RS_AsPNG": "RS_AsPNG('{tif}', stretch := [[0, 4000 + n]])",
    "RS_AsArray": "RS_AsArray('{tif}', 1 + n * 0)",
    "RS_Mosaic": "RS_Mosaic([RS_Clip('{tif}', " + CHIP + ")])",
}
"""Functions whose answers of a vector DuckDB takes all at once."""


@pytest.mark.parametrize("function", EACH_ROW)
def test_answers_of_one_vector_take_a_quarter_of_memory_limit(
    con: duckdb.DuckDBPyConnection, tif: Path, function: str
) -> None:
    con.execute("SET memory_limit = '100MB'")
    call = EACH_ROW[function].replace("{tif}", str(tif))
    query = f"SELECT sum(length({call}::VARCHAR)) FROM range({WINDOWS}) AS w(n)"
    with pytest.raises(duckdb.InvalidInputException) as told:
        con.execute(query)
    spoke = "RS_Clip" if function == "RS_Mosaic" else function
    assert str(told.value) == (
        f"Invalid Input Error: {spoke}: the answers of one batch of {WINDOWS} rows pass a quarter of "
        "DuckDB's memory_limit (24 MiB). Ask for smaller areas or a coarser level, for fewer rows at once, "
        "use read_cog, whose batches end where their bytes do, or raise memory_limit"
    )


@pytest.mark.parametrize("function", ["RS_Clip", "RS_Transform", "RS_AsNPY"])
def test_one_answer_alone_may_take_more(con: duckdb.DuckDBPyConnection, tif: Path, function: str) -> None:
    con.execute("SET memory_limit = '20MB'")
    call = EACH_ROW[function].replace("{tif}", str(tif)).replace(CHIP, "'all'")
    assert con.execute(f"SELECT ({call}) IS NOT NULL FROM range(1) AS w(n)").fetchall() == [(True,)]


def test_where_memory_limit_is_large_max_read_bytes_bounds_them(
    con: duckdb.DuckDBPyConnection, tif: Path
) -> None:
    configure(max_read_bytes=20 * CHIP_BYTES)
    with pytest.raises(duckdb.InvalidInputException, match=r"pass max_read_bytes \(15 MiB\)"):
        con.execute(f"SELECT RS_Clip('{tif}', {CHIP}) FROM range({WINDOWS}) AS w(n)")


def test_answers_are_put_together_without_holding_them_twice() -> None:
    parts = [np.full(MIB, n, np.uint8) for n in range(50)]
    expected = [bytes(part) for part in parts]
    tracemalloc.start()
    try:
        given = [part.copy() for part in parts]
        del parts
        before = tracemalloc.get_traced_memory()[0]

        def taken():  # type: ignore[no-untyped-def]
            for place, part in enumerate(given):
                given[place] = None
                yield part

        found = blobs_of(taken())
        assert tracemalloc.get_traced_memory()[0] - before < 2 * MIB
    finally:
        tracemalloc.stop()
    assert found.to_pylist() == expected
