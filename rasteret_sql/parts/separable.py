"""Whether the answer of a query is the answers of its parts put together.

That is so where every row of the answer comes from rows of the index that lie in one part. Rows with one
value of the column ``by`` do, so GROUP BY, DISTINCT, windows and joins of the index with itself may use it as
their key; what looks at rows of several parts at once (ORDER BY, LIMIT, other aggregates) is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from rasteret_sql.errors import ArgumentError
from rasteret_sql.parts.syntax import (
    NODES,
    Node,
    arguments,
    branches,
    common_tables,
    last_name,
    relation_name,
    text_of,
    within,
)

INDEX = "idx"
BY_NAME = {
    "read_chips": "areas", "read_tiles": "areas", "read_zonal_stats": "zones", "read_samples": "points",
    "read_pairs": "areas", "query_table": "",
}  # fmt: skip
"""Functions that take their index by name -> the argument that names the other table."""
JOINS_OF_LEFT = frozenset({"INNER", "LEFT", "SEMI", "ANTI"})
"""That give rows for rows of their left side alone."""
JOINS_OF_RIGHT = frozenset({"INNER", "RIGHT"})
KINDS_OF_JOIN = frozenset({"REGULAR", "CROSS", "DEPENDENT", "NATURAL"})


@dataclass(frozen=True)
class Relation:
    """What stands in FROM."""

    carries: bool
    """Its rows come from rows of the index."""
    has_key: bool = False
    """Its column ``by`` is the index's."""


NOTHING = Relation(False)


def refuse(reason: str, advice: str) -> NoReturn:
    """``ArgumentError`` with the reason why parts do not add up, and what to do."""
    raise ArgumentError(f"split: this query cannot be cut along its index: {reason}; {advice}")


def require_separable(
    node: Node, *, by: str | None, aggregates: frozenset[str], is_reduced: bool = False
) -> None:
    """Raise ``ArgumentError`` with the reason where parts of the index do not give parts of the answer.

    ``aggregates`` are DuckDB's, by name; ``is_reduced``: partial answers are merged by other SQL, so that the
    outermost query may group and aggregate as it likes.
    """
    check = _Check(by, aggregates)
    if not check.query(node, {}, is_reduced=is_reduced).carries:
        raise ArgumentError(
            f"split: the query does not read its index: it has to name it {INDEX}, as in FROM {INDEX} or "
            f"read_chips('{INDEX}', 'fields')"
        )


class _Check:
    def __init__(self, by: str | None, aggregates: frozenset[str]) -> None:
        self._by = None if by is None else by.lower()
        self._aggregates = aggregates

    def query(self, node: Node, scope: Mapping[str, Relation], *, is_reduced: bool = False) -> Relation:
        """What a query gives; ``scope`` are the CTEs around it."""
        known = dict(scope)
        for name, table in common_tables(node):
            known[name] = self.query(table, known)
        if node["type"] == "SELECT_NODE":
            return self._select(node, known, is_reduced)
        if node["type"] == "SET_OPERATION_NODE":
            return self._set_operation(node, known)
        if self._mentions(node, known):
            refuse("a recursive query goes through its rows again and again", "read the index outside of it")
        return NOTHING

    def _set_operation(self, node: Node, scope: Mapping[str, Relation]) -> Relation:
        found = [self.query(one, scope) for one in branches(node)]
        if not any(one.carries for one in found):
            return NOTHING
        if node["setop_type"] != "UNION" or not node["setop_all"]:
            refuse(f"{node['setop_type']} compares rows of all parts", "only UNION ALL does not")
        if not all(one.carries for one in found):
            refuse(
                "a branch of UNION ALL does not read the index, and every part would repeat it",
                "add it later",
            )
        self._require_unordered(node, Relation(True))
        return Relation(True, all(one.has_key for one in found))

    def _select(self, node: Node, scope: Mapping[str, Relation], is_reduced: bool) -> Relation:
        sources = self._sources(node["from_table"], scope)
        expressions = {key: value for key, value in node.items() if key not in ("from_table", "cte_map")}
        self._require_no_index(expressions, scope)
        if not any(one.carries for one in sources.values()):
            return NOTHING
        if node["sample"]:
            refuse("a sample is drawn of all rows", "sample the index instead")
        answer = Relation(True, self._gives_key(node, sources))
        self._require_unordered(node, answer, sources, may_be_distinct=is_reduced)
        if not is_reduced:
            self._require_groups_with_key(node, sources)
            self._require_windows_with_key(node, sources)
        return answer

    def _require_unordered(
        self, node: Node, answer: Relation, sources: Mapping[str, Relation] | None = None,
        *, may_be_distinct: bool = False,
    ) -> None:  # fmt: skip
        kinds = [modifier["type"] for modifier in node["modifiers"]]
        if any("LIMIT" in kind for kind in kinds):
            refuse("LIMIT counts rows of all parts", "apply it to what the parts give")
        targets = [one for modifier in node["modifiers"] for one in modifier.get("distinct_on_targets", [])]
        of_key = any(self._is_key(one, sources or {}) for one in targets)
        if "ORDER_MODIFIER" in kinds and not of_key:
            refuse("ORDER BY needs rows of all parts", "sort what the parts give")
        if (
            "DISTINCT_MODIFIER" in kinds
            and not (of_key if targets else answer.has_key)
            and not may_be_distinct
        ):
            refuse("DISTINCT compares rows of all parts", self._advice("select"))

    def _require_groups_with_key(self, node: Node, sources: Mapping[str, Relation]) -> None:
        outside_windows = [
            one for part in ("select_list", "having", "qualify") for one in self._calls(node.get(part))
        ]
        is_grouped = node["group_expressions"] or node["aggregate_handling"] == "FORCE_AGGREGATES"
        if not is_grouped and not outside_windows:
            return
        if node["aggregate_handling"] == "FORCE_AGGREGATES":  # GROUP BY ALL
            groups = [one for one in node["select_list"] if not self._calls(one)]
            sets = [range(len(groups))]
        else:
            groups = [self._meant(one, node["select_list"]) for one in node["group_expressions"]]
            sets = node["group_sets"] or [[]]
        of_key = {at for at, one in enumerate(groups) if self._is_key(one, sources)}
        if not all(of_key.intersection(one) for one in sets):
            refuse(
                "a group may have rows in several parts",
                f"{self._advice('group by')}, or give reduce, which merges the groups of the parts",
            )

    def _calls(self, value: object) -> list[str]:
        """Aggregates in an expression, those of windows left out."""
        if isinstance(value, dict):
            if value.get("class") == "WINDOW" or value.get("type") in NODES:
                return []
            name = str(value.get("function_name", "")).lower()
            mine = [name] if value.get("class") == "FUNCTION" and name in self._aggregates else []
            return mine + [found for one in value.values() for found in self._calls(one)]
        return [found for one in value for found in self._calls(one)] if isinstance(value, list) else []

    def _require_windows_with_key(self, node: Node, sources: Mapping[str, Relation]) -> None:
        for part in ("select_list", "qualify"):
            for one in within(node.get(part), into_queries=False):
                if one.get("class") == "WINDOW" and not any(
                    self._is_key(column, sources) for column in one["partitions"]
                ):
                    refuse("a window looks at rows of several parts", self._advice("partition by"))

    def _advice(self, what: str) -> str:
        return f"{what} {self._by} too" if self._by else f"give by, the column to {what}"

    def _meant(self, group: Node, selected: list[Node]) -> Node:
        """The expression of ``GROUP BY 1`` or of an alias."""
        number = str(group.get("literal", {}).get("text") or (group.get("value") or {}).get("value"))
        if group["class"] == "CONSTANT" and number.isdigit() and 0 < int(number) <= len(selected):
            return selected[int(number) - 1]
        if group["class"] == "COLUMN_REF" and len(group["column_names"]) == 1:
            name = last_name(group)
            return next((one for one in selected if one.get("alias", "").lower() == name), group)
        return group

    def _is_key(self, column: Node, sources: Mapping[str, Relation]) -> bool:
        """Whether a column is the index's ``by``."""
        if self._by is None or column.get("class") != "COLUMN_REF" or last_name(column) != self._by:
            return False
        names = [str(one).lower() for one in column["column_names"]]
        if len(names) == 1:
            return any(one.has_key for one in sources.values())
        return sources.get(names[-2], NOTHING).has_key

    def _gives_key(self, node: Node, sources: Mapping[str, Relation]) -> bool:
        """Whether the answer's column ``by`` is the index's."""
        found = False
        for one in node["select_list"]:
            if one["class"] == "STAR":
                of = str(one["relation_name"]).lower()
                replaced = str([one["exclude_list"], one["replace_list"], one.get("rename_list")]).lower()
                has = sources.get(of, NOTHING).has_key if of else any(s.has_key for s in sources.values())
                found |= has and self._by is not None and self._by not in replaced
            elif (one.get("alias") or last_name(one)).lower() == self._by:
                if not self._is_key(one, sources):
                    return False
                found = True
        return found

    def _sources(self, table: Node, scope: Mapping[str, Relation]) -> dict[str, Relation]:
        """The relations of a FROM clause by the names that columns have before them."""
        kind, alias = table["type"], str(table.get("alias") or "").lower()
        if kind == "JOIN":
            return self._join(table, scope)
        if kind == "BASE_TABLE":
            name = relation_name(table)
            found = self._named(name, scope)
            alias = alias or name
        elif kind == "SUBQUERY":
            found = self.query(table["subquery"]["node"], scope)
        elif kind == "TABLE_FUNCTION":
            found = self._function(table["function"], scope)
            alias = alias or str(table["function"]["function_name"]).lower()
        elif self._mentions(table, scope):
            refuse(f"{kind} of the index looks at rows of all parts", "apply it to what the parts give")
        else:
            found = NOTHING
        if found.carries and table.get("sample"):
            refuse("a sample is drawn of all rows", "sample what the parts give")
        return {alias: found}

    def _named(self, name: str, scope: Mapping[str, Relation]) -> Relation:
        return scope.get(name) or (Relation(True, self._by is not None) if name == INDEX else NOTHING)

    def _function(self, function: Node, scope: Mapping[str, Relation]) -> Relation:
        name = str(function["function_name"]).lower()
        given = arguments(function)
        self._require_no_index([one for _, one in given], scope)
        tables = {(key or at): text.lower() for at, (key, one) in enumerate(given) if (text := text_of(one))}
        carrying = [key for key, text in tables.items() if self._named(text, scope).carries]
        if not carrying:
            return NOTHING
        if name not in BY_NAME or carrying not in ([0], ["index"]):
            refuse(f"{name} takes the index in a way that is not known", f"read {INDEX} in FROM")
        return self._named(tables[carrying[0]], scope)

    def _join(self, join: Node, scope: Mapping[str, Relation]) -> dict[str, Relation]:
        left, right = self._sources(join["left"], scope), self._sources(join["right"], scope)
        self._require_no_index([join["condition"]], scope)
        sides = [any(one.carries for one in side.values()) for side in (left, right)]
        kind, reference = join["join_type"], join["ref_type"]
        if any(sides):
            if reference not in KINDS_OF_JOIN and (reference != "ASOF" or sides != [True, False]):
                refuse(f"a {reference} join goes by the place of rows among all", "join by a condition")
            if all(sides):
                self._require_joined_by_key(join, left, right)
            elif kind not in (JOINS_OF_LEFT if sides[0] else JOINS_OF_RIGHT):
                refuse(
                    f"the {kind} JOIN gives rows for what matches nothing in the index, and every part would",
                    f"put {INDEX} on the side that is kept, or use an inner join",
                )
        return left if kind in ("SEMI", "ANTI") else {**left, **right}

    def _require_joined_by_key(
        self, join: Node, left: Mapping[str, Relation], right: Mapping[str, Relation]
    ) -> None:
        if self._by in [str(one).lower() for one in join["using_columns"]]:
            return
        for term in _terms(join["condition"]):
            if term.get("type") == "COMPARE_EQUAL":
                pair = (term["left"], term["right"])
                if any(
                    self._is_key(one, left) and self._is_key(other, right)
                    for one, other in (pair, pair[::-1])
                ):
                    return
        refuse(
            "the index is joined with itself, and pairs may have rows in two parts",
            f"join by equal {self._by}" if self._by else "give by, the column that is equal in each pair",
        )

    def _require_no_index(self, expressions: object, scope: Mapping[str, Relation]) -> None:
        for one in within(expressions):
            if one.get("type") == "SUBQUERY" and self._mentions(one["subquery"], scope):
                refuse("a subquery in an expression reads the whole index", f"join {INDEX} in FROM instead")

    def _mentions(self, value: object, scope: Mapping[str, Relation]) -> bool:
        """Whether the index is named anywhere within."""
        for one in within(value):
            if one.get("type") == "BASE_TABLE" and self._named(relation_name(one), scope).carries:
                return True
            text = text_of(one) if one.get("class") == "CONSTANT" else None
            if text is not None and self._named(text.lower(), scope).carries:
                return True
        return False


def _terms(condition: Node | None) -> Iterable[Node]:
    """What is joined by AND."""
    if condition is None:
        return
    if condition.get("type") == "CONJUNCTION_AND":
        for one in condition["children"]:
            yield from _terms(one)
    else:
        yield condition
