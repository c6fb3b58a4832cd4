"""Index rows as bytes, and what must hold of any: values or a named error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import duckdb
import fsspec
import pyarrow as pa

import rasteret_sql
from tests.fuzz.checks import MESSAGE_CHARACTERS, Finding
from tests.fuzz.seeds import tiff_seeds

PLACE = "memory://rasteret-fuzz"
AREA = """
    SELECT c.x_off, c.crs, octet_length(c.data), octet_length(c.valid)
    FROM stranger, read_cog(stranger.i, {'xmin': 3, 'ymin': 2, 'xmax': 40, 'ymax': 30}) AS c
"""
WHOLE = "SELECT c.shape, octet_length(c.data) FROM stranger, read_cog(stranger.i) AS c"
NUMBERS = (
    "SELECT RS_Width(i), RS_CRS(i), RS_NumBands(i), RS_Value(i, [10, 10], aoi_crs := RS_CRS(i)) FROM stranger"
)
LEFT_OUT = ("footprint", "etag", "last_modified", "error")


@lru_cache(maxsize=1)
def connection() -> duckdb.DuckDBPyConnection:
    """One for all inputs; a small file is not a reason to wait."""
    con = rasteret_sql.connect()
    con.execute("SET threads = 1")
    return con


def row_seeds() -> Iterator[tuple[str, bytes]]:
    """Rows of the seeds of the parser that have pixels, their files left in memory for the reading."""
    files = fsspec.filesystem("memory")
    for name, data in tiff_seeds():
        files.pipe(f"/rasteret-fuzz/{name}", data)
        ((row,),) = connection().execute("SELECT h FROM cog_header($1) AS h", [f"{PLACE}/{name}"]).fetchall()
        if row.get("error") is None:
            kept = {key: value for key, value in row.items() if key not in LEFT_OUT}
            yield name, json.dumps(kept, default=lambda blob: blob.decode("latin-1")).encode()


def row_words() -> str:
    """Numbers and words that rows are made of, as libFuzzer's dictionary."""
    words = (
        "null", "-1", "0", "1e308", "NaN", "9223372036854775807", "18446744073709551615", "4294967296",
        "[]", "{}", "deflate", "jpeg", "lerc", "webp", "jpeg2000", "uint8", "float64", "complex64",
        "EPSG:4326", "EPSG:3857", "tile_offsets", "tile_byte_counts", "overviews", "mask", "transform",
        "nodata", "scales", "offsets",
    )  # fmt: skip
    return "\n".join('"' + word.replace('"', '\\"') + '"' for word in words) + "\n"


def check_row(data: bytes) -> object:
    """Chips, headers and values of one row of an index."""
    table = _table(data)
    if table is None:
        return None
    con = connection()
    con.register("stranger", table)
    for query in (AREA, WHOLE, NUMBERS):
        try:
            con.execute(query).fetchall()
        except duckdb.Error as error:
            _check_message(str(error))
    return None


def _table(data: bytes) -> pa.Table | None:
    """The row as Arrow infers it; None where the bytes are not a JSON object that Arrow takes."""
    try:
        row: dict[str, Any] = dict(json.loads(data))
        row["href"] = row["href"] if str(row["href"]).startswith(f"{PLACE}/") else f"{PLACE}/none.tif"
        return pa.Table.from_pylist([{"i": row}])
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        OverflowError,
        pa.ArrowException,
    ):
        return None


def _check_message(text: str) -> None:
    if "Python exception" in text or "unexpectedly" in text or "INTERNAL" in text:
        raise Finding(f"an error without a name: {text[-300:]}")
    if len(text) > 2 * MESSAGE_CHARACTERS:
        raise Finding(f"a message of {len(text)} characters: {text[:200]}")
