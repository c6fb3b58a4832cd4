"""What an index keeps of its searches, as bytes of a stranger's, and what must hold: arguments, never SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import duckdb

from rasteret_sql.errors import RasteretError
from rasteret_sql.pipeline.search import KEY, Search, require_repeated, searches_in, searches_text
from tests.fuzz.checks import Finding

SINCE = datetime(2024, 5, 1, tzinfo=UTC)
SEEDS: tuple[dict[str, Any], ...] = (
    {"catalog": "https://host/v1", "collections": ["a"], "bbox": [7, 51, 8, 52], "datetime": "2024"},
    {
        "catalog": "earthsearch/sentinel-2-l2a",
        "ids": ["a'b"],
        "intersects": "POINT(1 2)",
        "aoi_crs": "EPSG:4326",
    },
    {"catalog": "demo", "filter": "cloud_cover < 20", "max_items": 5, "page_size": 10, "alternate": "s3"},
    {"document": "s3://bucket/it'em.json", "assets": ["red", "nir"]},
    {"items": "FROM stac_read('a.json') WHERE gsd = 10"},
)
FUNCTIONS = ("stac_search", "stac_read")


def metadata_seeds() -> Iterator[tuple[str, bytes]]:
    """A search of each kind, and all of them."""
    for number, search in enumerate(SEEDS):
        yield f"search-{number}", json.dumps({KEY: [search]}).encode()
    yield "searches", json.dumps({KEY: SEEDS}).encode()


def metadata_words() -> str:
    """Names of arguments, and what ends a text of SQL's, as libFuzzer's dictionary."""
    words = (
        *Search.__dataclass_fields__, KEY, "'", "''", "');", "--", "/*", "$$", "$1", "\\u0000", "\\ud800",
        "NaN", "Infinity", "1e999", "null", "[]", "{}", "https://", "http://[", "COPY", "ATTACH", "[[[[",
    )  # fmt: skip
    return "".join('"' + word.replace("\\", "\\\\") + '"\n' for word in words)


@lru_cache(maxsize=1)
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def check_metadata(data: bytes) -> object:
    """Searches, each of which is one call of a function with constants, or none."""
    found = searches_in(data.decode("utf-8", "replace"))
    for search in found:
        if searches_in(searches_text([search])) != (search,):
            raise Finding(f"{search!r} is not read as it was written")
        try:
            require_repeated([search], ())
            if search.items is not None:
                raise Finding(f"{search.items!r} would be run, though nobody repeated it")
            for since in (None, SINCE):
                _require_one_call(search.rows(updated_since=since))
            _require_one_call(f"SELECT * FROM stac_read('a') AS a WHERE {search.wanted}")
            _ = search.asked, search.secret, repr(search)
        except RasteretError:
            continue
    return found


def _require_one_call(query: str) -> None:
    try:
        ((text,),) = _connection().execute("SELECT json_serialize_sql($1::VARCHAR)", [query]).fetchall()
    except (duckdb.Error, UnicodeEncodeError):
        return  # never a query
    tree = json.loads(text)
    if tree["error"]:
        return
    if len(tree["statements"]) != 1:
        raise Finding(f"several statements: {query}")
    source = tree["statements"][0]["node"]["from_table"]
    if source["type"] != "TABLE_FUNCTION" or source["function"]["function_name"] not in FUNCTIONS:
        raise Finding(f"another source than a search: {query}")
    if '"SUBQUERY"' in text:
        raise Finding(f"a query within: {query}")
