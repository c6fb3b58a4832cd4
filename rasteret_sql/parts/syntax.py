"""A query as the tree that DuckDB's own parser gives, of DuckDB 1.5 and 2.0."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rasteret_sql.errors import ArgumentError

if TYPE_CHECKING:
    import duckdb

Node = dict[str, Any]
NODES = ("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE")


def parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> Node:
    """The node of the only statement; ``ArgumentError`` for what is not one SELECT."""
    ((text,),) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    tree = json.loads(text)
    if tree.get("error"):
        raise ArgumentError(f"split: the query is not a SELECT that can be cut: {tree.get('error_message')}")
    if len(tree["statements"]) != 1:
        raise ArgumentError(f"split: one SELECT was expected, found {len(tree['statements'])} statements")
    node: Node = tree["statements"][0]["node"]
    return node


def written(connection: duckdb.DuckDBPyConnection, node: Node) -> str:
    """The SQL of a node."""
    tree = json.dumps({"error": False, "statements": [{"node": node, "named_param_map": []}]})
    ((text,),) = connection.execute("SELECT json_deserialize_sql(?)", [tree]).fetchall()
    return str(text)


def children(value: Any) -> Iterator[Any]:
    """What stands directly in a node or list."""
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def within(value: Any, *, into_queries: bool = True) -> Iterator[Node]:
    """Every node, itself included; ``into_queries``: those of subqueries, too."""
    if isinstance(value, dict):
        yield value
        if not into_queries and value.get("type") in ("SUBQUERY", *NODES):
            return
    for child in children(value):
        yield from within(child, into_queries=into_queries)


def arguments(function: Node) -> list[tuple[str, Node]]:
    """Arguments of a call with their names; the name of one by position is empty."""
    if "arguments" in function:  # DuckDB 2
        return [(one["name"], one["expression"]) for one in function["arguments"]]
    return [(one["alias"], one) for one in function.get("children", [])]


def text_of(constant: Node) -> str | None:
    """The text of a VARCHAR literal; None of anything else."""
    if constant.get("class") != "CONSTANT":
        return None
    if "literal" in constant:  # DuckDB 2
        literal = constant["literal"]
        return str(literal["text"]) if literal["kind"] == "STRING" else None
    value = constant["value"]
    return str(value["value"]) if value["type"]["id"] == "VARCHAR" and not value["is_null"] else None


def branches(node: Node) -> list[Node]:
    """The queries that a set operation joins."""
    return [one for one in (node.get("left"), node.get("right"), *node.get("children", [])) if one]


def common_tables(node: Node) -> list[tuple[str, Node]]:
    """The CTEs of a node, in their order, by name."""
    found = []
    for entry in node.get("cte_map", {}).get("map", []):
        query = entry["value"].get("query_node") or entry["value"]["query"]["node"]
        found.append((str(entry["key"]).lower(), query))
    return found


def last_name(column: Node) -> str:
    """The name of a column without its table's, in lower case; empty of anything else."""
    return str(column["column_names"][-1]).lower() if column.get("class") == "COLUMN_REF" else ""


def relation_name(table: Node) -> str:
    """The name of a base table, in lower case; with its schema where it has one."""
    return ".".join(
        part for part in (table["catalog_name"], table["schema_name"], table["table_name"]) if part
    ).lower()
