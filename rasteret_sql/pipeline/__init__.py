"""The life of an index: built from a catalogue, refreshed every night, checked, written well, and shared.

The functions take a connection with the SQL functions on it (``rasteret_sql.connect()``). What they do can be
written in SQL as well; docs/index.md shows both.
"""

from rasteret_sql.pipeline.build import IndexRun, build_index, refresh_index
from rasteret_sql.pipeline.check import IndexInfo, Problem, index_info, validate_index
from rasteret_sql.pipeline.chip_files import write_files
from rasteret_sql.pipeline.rasteret_collection import write_rasteret
from rasteret_sql.pipeline.stac_items import write_items
from rasteret_sql.pipeline.tile_index import write_tile_index
from rasteret_sql.pipeline.write import write_index

__all__ = [
    "IndexInfo",
    "IndexRun",
    "Problem",
    "build_index",
    "index_info",
    "refresh_index",
    "validate_index",
    "write_files",
    "write_index",
    "write_items",
    "write_rasteret",
    "write_tile_index",
]
