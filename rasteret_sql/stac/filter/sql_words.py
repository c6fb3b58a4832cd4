"""The words of SQL that CQL2 has others for."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

BINARY: Mapping[type, str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.IntDiv: "div", exp.Pow: "^",
    exp.ArrayContainsAll: "a_contains", exp.ArrayContainedBy: "a_containedBy",
}  # fmt: skip
LOGIC: Mapping[type, str] = {exp.And: "and", exp.Or: "or"}
TIMES = ("DATE", "DATETIME", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMPLTZ", "TIMESTAMPNTZ")
TEXTS = ("VARCHAR", "TEXT", "CHAR")
NUMBERS = (
    "TINYINT", "SMALLINT", "INT", "BIGINT", "UTINYINT", "USMALLINT", "UINT", "UBIGINT", "HUGEINT",
    "FLOAT", "DOUBLE", "DECIMAL",
)  # fmt: skip
SAME_FUNCTIONS: Mapping[str, str] = {
    **{f"st_{name}": f"s_{name}" for name in (
        "intersects", "within", "contains", "disjoint", "touches", "crosses", "overlaps", "equals",
    )},
    "list_has_all": "a_contains", "array_has_all": "a_contains",
    "list_has_any": "a_overlaps", "array_has_any": "a_overlaps",
    "a_containedby": "a_containedBy", "strip_accents": "accenti",
    **{f"t_{name.lower()}": f"t_{name}" for name in (
        "finishedBy", "metBy", "overlappedBy", "startedBy",
    )},
}  # fmt: skip
"""DuckDB's functions, and CQL2's in small letters -> CQL2's."""
MEMBER = ("list_contains", "list_has", "array_contains", "array_has")
"""(list, element)."""
PATTERNS: Mapping[str, tuple[str, str]] = {
    "contains": ("%", "%"), "starts_with": ("", "%"), "prefix": ("", "%"), "ends_with": ("%", ""),
    "suffix": ("%", ""),
}  # fmt: skip
"""(text, part): what stands around the part in a LIKE."""
