"""How many bytes of tiles a query reads of each asset, found without reading any."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING

import duckdb

from rasteret_sql.duck.quoting import quoted
from rasteret_sql.parts.syntax import Node, arguments, parsed, written

if TYPE_CHECKING:
    from collections.abc import Sequence

INDEX = "idx"
TILES_OF = {
    "read_cog": "read_cog_tiles", "read_cog_tiles": "read_cog_tiles",
    "read_chips": "read_tiles", "read_tiles": "read_tiles", "read_zonal_stats": "read_tiles",
}  # fmt: skip
"""What reads pixels -> what lists the tiles of the same rows and areas."""
POSITIONS = {"read_cog_tiles": ("raster", "aoi"), "read_tiles": ("index", "areas")}
KEPT = frozenset({"geom", "footprint", "bands", "band", "level", "resolution", "aoi_crs"})
"""Arguments that decide which tiles are read; the names of ``POSITIONS`` are kept, too."""
OF_A_GRID = frozenset({"crs", "size", "resampling"})
"""With one of these ``resolution`` is that of a grid."""
RENAMED = {"zones": "areas"}
TILE = 'href, "offset", byte_count'
WEIGHTS = "rasteret_weights"


def weigh(
    connection: duckdb.DuckDBPyConnection, node: Node, *, near: str | None, columns: Sequence[str]
) -> str:
    """Make the table ``WEIGHTS`` (hash of href, bytes, tiles) of the rows of ``idx``; how it was found.

    'plan': by the plan of the query itself. 'areas': by the tiles under the areas of ``near``. 'files': whole
    files at full resolution. 'rows': every row alike.
    """
    for how, query in _queries(connection, node, near, columns):
        try:
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {WEIGHTS} AS "
                "SELECT hash(href) AS h, sum(byte_count)::BIGINT AS bytes, "
                f"count(*) AS tiles FROM (SELECT DISTINCT {TILE} FROM ({query})) GROUP BY 1"
            )
        except duckdb.Error:
            if how in ("files", "rows"):
                raise
            continue  # a condition on a column that tiles do not have: estimated by other means
        return how
    raise AssertionError("every row alike is always possible")


def _queries(
    connection: duckdb.DuckDBPyConnection, node: Node, near: str | None, columns: Sequence[str]
) -> Iterator[tuple[str, str]]:
    plan = plan_of(connection, node)
    if plan is not None:
        yield "plan", plan
    if near is not None:
        yield "areas", f"FROM read_tiles({quoted(INDEX)}, {quoted(near)})"
    if "tile_byte_counts" in columns:
        yield "files", f'SELECT href, 0 AS "offset", list_sum(tile_byte_counts) AS byte_count FROM {INDEX}'
    yield "rows", f'SELECT href, 0 AS "offset", 0 AS byte_count FROM {INDEX}'


def plan_of(connection: duckdb.DuckDBPyConnection, node: Node) -> str | None:
    """The query with the tiles that it reads in place of their pixels; None where it has no such form."""
    if node["type"] != "SELECT_NODE":
        return None
    tiles = copy.deepcopy(node)
    reads = [one for one in _functions(tiles["from_table"]) if _name(one) in TILES_OF]
    if len(reads) != 1:
        return None
    (read,) = reads
    read["alias"] = read["alias"] or _name(read)
    _make_tiles(read["function"])
    names = ", ".join(f'"{read["alias"]}".{column}' for column in TILE.split(", "))
    wanted = parsed(connection, f"SELECT {names}")
    empty: Node = {
        "group_expressions": [],
        "group_sets": [],
        "having": None,
        "qualify": None,
        "modifiers": [],
    }
    tiles |= {**empty, "aggregate_handling": "STANDARD_HANDLING", "select_list": wanted["select_list"]}
    return written(connection, tiles)


def _functions(table: Node) -> list[Node]:
    """Table functions of a FROM clause, joined in any way."""
    if table["type"] == "JOIN":
        return _functions(table["left"]) + _functions(table["right"])
    return [table] if table["type"] == "TABLE_FUNCTION" else []


def _name(table: Node) -> str:
    return str(table["function"]["function_name"]).lower()


def _make_tiles(function: Node) -> None:
    """Turn a call into that of the function which lists tiles."""
    name = TILES_OF[str(function["function_name"]).lower()]
    given = arguments(function)
    is_grid = any(key in OF_A_GRID for key, _ in given)
    kept = KEPT - {"resolution"} if is_grid else KEPT
    named = [RENAMED.get(key, key) for key, _ in given]
    stays = [not key or key in kept or key in POSITIONS[name] for key in named]
    positional = [key for key in named if not key]
    stays[: len(positional)] = [
        at < 2 for at in range(len(positional))
    ]  # further ones differ between functions
    function["function_name"] = name
    if "qualified_name" in function:  # DuckDB 2
        function["qualified_name"] = {"path": [name]}
    part = "arguments" if "arguments" in function else "children"
    function[part] = [one for one, stay in zip(function[part], stays, strict=True) if stay]
    for key, one in zip(
        [k for k, stay in zip(named, stays, strict=True) if stay], function[part], strict=True
    ):
        one["name" if part == "arguments" else "alias"] = key
