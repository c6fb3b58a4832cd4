"""An index is the user's own table: what is wrong with a column is told before anything is read."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.duck.refusals import READERS, message

AGAIN = "build the index again with cog_header"
SQUARE = "{'x_off': 0, 'y_off': 0, 'width': 9, 'height': 9}"


@pytest.fixture
def idx(con: duckdb.DuckDBPyConnection, corpus: Path) -> str:
    """The href in the one row of table ``idx``: three bands, a mask, two overviews."""
    href = str(corpus / "rgb_mask.tif")
    con.execute("CREATE TABLE idx AS FROM cog_header($1)", [href])
    return href


TYPES = {
    "tile_offsets::VARCHAR[] AS tile_offsets": "tile_offsets is VARCHAR[], where cog_header writes UBIGINT[]",
    "tile_offsets::DOUBLE[] AS tile_offsets": "tile_offsets is DOUBLE[], where cog_header writes UBIGINT[]",
    "tile_offsets::VARCHAR AS tile_offsets": "tile_offsets is VARCHAR, where cog_header writes UBIGINT[]",
    "width::VARCHAR AS width": "width is VARCHAR, where cog_header writes INTEGER",
    "width::DOUBLE AS width": "width is DOUBLE, where cog_header writes INTEGER",
    "transform::VARCHAR AS transform": "transform is VARCHAR, where cog_header writes DOUBLE[]",
    "'yes' AS tiled": "tiled is VARCHAR, where cog_header writes BOOLEAN",
    "4326 AS crs": "crs is INTEGER, where cog_header writes VARCHAR",
    "'none' AS nodata": "nodata is VARCHAR, where cog_header writes DOUBLE",
    "[1, 2, 3] AS band_names": "band_names is INTEGER[], where cog_header writes VARCHAR[]",
    "5 AS mask": "mask is INTEGER, where cog_header writes "
    "STRUCT(width INTEGER, height INTEGER, tile_width INTEGER, t…",
    "list_transform(overviews, lambda o: struct_update(o, width := 'x')) AS overviews":
        "overviews.width is VARCHAR, where cog_header writes INTEGER",
}  # fmt: skip
VALUES = {
    "list_transform(tile_offsets, lambda o: -o::BIGINT) AS tile_offsets":
        "tile_offsets holds the negative number -{last}",
    "tile_offsets || [NULL] AS tile_offsets": "tile_offsets holds a list with NULL in it",
    "transform[1:5] AS transform":
        "transform holds [10.0, 0.0, 699960.0, 0.0, -10.0], "
        "where an affine of six finite numbers was expected",
    "[1, 2, 3, 4, 5, NULL] AS transform":
        "transform holds [1, 2, 3, 4, 5, NULL], where an affine of six finite numbers was expected",
    "[1, 2, 0, 2, 4, 0] AS transform":
        "transform holds [1, 2, 0, 2, 4, 0], "
        "where an affine that does not map all pixels to one line was expected",
    "0 AS width": "width holds 0, where 1 to 2,147,483,647 was expected",
    "5000000000 AS height": "height holds 5,000,000,000, where 1 to 2,147,483,647 was expected",
    "-1 AS file_size": "file_size holds -1, where 0 to 18,446,744,073,709,551,615 was expected",
    "'middle' AS byte_order": "byte_order holds 'middle', where 'little' or 'big' was expected",
    "'BAND' AS interleave": "interleave holds 'BAND', where 'pixel' or 'band' was expected",
    "NULL AS compression": "compression is NULL",
    "{'width': 300} AS mask": "mask.height is NULL",
    "struct_update(mask, width := mask.width - 1) AS mask":
        "mask holds a mask of 299 x 260 pixels, where 300 x 260 was expected",
    "list_transform(overviews, lambda o: struct_update(o, mask := struct_update(o.mask, height := 129)))"
    " AS overviews":
        "overviews.mask holds a mask of 150 x 129 pixels, where 150 x 130 was expected",
    "[NULL] AS overviews": "overviews holds a list with NULL in it",
}  # fmt: skip
TABLES = {
    "NULL AS tile_offsets": "this index row has no tile tables (tile_offsets is NULL)",
    "[]::UBIGINT[] AS tile_offsets":
        "this index row says 3 x 3 tiles (9), but has 0 tile_offsets and 9 tile_byte_counts",
    "tile_offsets[2:] AS tile_offsets":
        "this index row says 3 x 3 tiles (9), but has 8 tile_offsets and 9 tile_byte_counts",
    "tile_offsets || tile_offsets AS tile_offsets":
        "this index row says 3 x 3 tiles (9), but has 18 tile_offsets and 9 tile_byte_counts",
    "'band' AS interleave":
        "this index row says 3 x 3 tiles of 3 bands (27), but has 9 tile_offsets and 9 tile_byte_counts",
}  # fmt: skip


@pytest.mark.parametrize("function", READERS)
@pytest.mark.parametrize("replacement", [*TYPES, *VALUES, *TABLES])
def test_a_column(con: duckdb.DuckDBPyConnection, idx: str, function: str, replacement: str) -> None:
    first = con.execute("SELECT tile_offsets FROM idx").fetchone()
    assert first is not None
    told = TABLES.get(replacement) or f"the index column {(TYPES | VALUES)[replacement]}"
    level = 1 if "overviews" in replacement else 0
    query = (
        f"FROM (SELECT * REPLACE ({replacement}) FROM idx) AS i, {function}(i, {SQUARE}, level := {level})"
    )
    assert message(con, query) == f"{function}: {idx}: {told.format(last=max(first[0]))}; {AGAIN}"


def test_columns_that_are_not_there(con: duckdb.DuckDBPyConnection, idx: str) -> None:
    left = "href, width, height, tile_offsets, tile_byte_counts, crs"
    for function in (*READERS, "cog_windows"):
        assert message(con, f"FROM (SELECT {left} FROM idx) AS i, {function}(i)") == (
            f"{function}: the raster is a row without the columns band_count, dtype, tile_width, "
            "tile_height, tiled, compression, predictor, interleave, byte_order, bits_per_sample, transform: "
            "pass a row of an index built with cog_header (SELECT h.* FROM …, cog_header(href) AS h), "
            "or an href; "
            f"its columns are: {left}"
        )
    query = "FROM (SELECT * EXCLUDE (tile_offsets) FROM idx) AS i, read_cog(i)"
    assert message(con, query).startswith(
        "read_cog: the raster is a row without the column tile_offsets: pass a row"
    )


@pytest.mark.parametrize(
    ("replacement", "told"),
    [
        ("NULL AS href", "the index column href is NULL"),
        ("7 AS href", "the index column href is INTEGER, where cog_header writes VARCHAR"),
    ],
)
def test_a_row_that_names_no_file(
    con: duckdb.DuckDBPyConnection, idx: str, replacement: str, told: str
) -> None:
    query = f"FROM (SELECT * REPLACE ({replacement}) FROM idx) AS i, read_cog(i)"
    assert message(con, query) == f"read_cog: {told}; {AGAIN}"


def test_a_row_whose_header_could_not_be_read(con: duckdb.DuckDBPyConnection, corpus: Path) -> None:
    gone = str(corpus / "gone.tif")
    con.execute("CREATE TABLE failed AS FROM cog_header($1)", [gone])
    for function in READERS:
        assert message(con, f"FROM failed AS i, {function}(i)") == (
            f"{function}: {gone}: its header could not be read when it was indexed (there is no such file); "
            "leave such rows out with WHERE error IS NULL"
        )


@pytest.mark.parametrize(
    "harmless",
    [
        "SELECT * REPLACE (width::BIGINT AS width, tile_offsets::BIGINT[] AS tile_offsets) FROM idx",
        "SELECT * REPLACE (NULL AS etag, NULL AS nodata, NULL AS fill_order, NULL AS last_modified) FROM idx",
        "SELECT * REPLACE (0.25 AS error) FROM idx",
        "SELECT *, 'train' AS split, {'a': 1} AS labels, 'wheat'::ENUM('wheat', 'maize') AS crop FROM idx",
        "SELECT * EXCLUDE (fill_order, photometric, footprint, ghost, overviews, error, file_size) FROM idx",
        "SELECT * REPLACE (dtype::ENUM('uint8', 'int8') AS dtype) FROM idx",
    ],
)
def test_what_may_differ(con: duckdb.DuckDBPyConnection, idx: str, harmless: str) -> None:
    want = con.execute("SELECT data, valid FROM idx AS i, read_cog(i)").fetchall()
    assert con.execute(f"SELECT data, valid FROM ({harmless}) AS i, read_cog(i)").fetchall() == want


def test_one_bad_row_leaves_the_others(con: duckdb.DuckDBPyConnection, idx: str) -> None:
    con.execute("INSERT INTO idx SELECT * REPLACE (NULL AS tile_offsets) FROM idx")
    for function, count in (("read_cog", 1), ("read_cog_tiles", 9)):
        rows = con.execute(
            f"""
            SELECT c.error, count(c.width), count(c.data)
            FROM idx AS i, {function}(i, on_error := 'null') AS c
            GROUP BY ALL ORDER BY ALL
            """
        ).fetchall()
        told = f"{idx}: this index row has no tile tables (tile_offsets is NULL); {AGAIN}"
        assert rows == [(told, 0, 0), (None, count, count)]


def test_addresses_in_an_index_are_told_without_secrets(con: duckdb.DuckDBPyConnection, idx: str) -> None:
    signed = "'https://user:PASSWORD@host/a.tif?sig=SECRET' AS href, NULL AS tile_offsets"
    assert message(con, f"FROM (SELECT * REPLACE ({signed}) FROM idx) AS i, read_cog(i)") == (
        "read_cog: https://host/a.tif?sig=…: "
        f"this index row has no tile tables (tile_offsets is NULL); {AGAIN}"
    )


@pytest.mark.parametrize("none", ["[]", "NULL"])
def test_an_empty_list_of_overviews_is_none(con: duckdb.DuckDBPyConnection, idx: str, none: str) -> None:
    query = f"FROM (SELECT * REPLACE ({none} AS overviews) FROM idx) AS i"
    warped = con.execute(f"SELECT RS_Transform(i, 'EPSG:3857', resolution := 1000).level {query}").fetchall()
    read = con.execute(f"SELECT c.level {query}, read_cog(i, resolution := 1000) AS c").fetchall()
    assert warped == read == [(0,)]


@pytest.mark.parametrize("other", ["[]::VARCHAR[]", "[]::INTEGER[]"])
def test_an_empty_list_of_another_type_is_no_overviews(
    con: duckdb.DuckDBPyConnection, idx: str, other: str
) -> None:
    call = "RS_Transform(i, 'EPSG:3857', resolution := 1000)"
    told = message(con, f"SELECT {call} FROM (SELECT * REPLACE ({other} AS overviews) FROM idx) AS i")
    assert "the index column overviews is " in told
