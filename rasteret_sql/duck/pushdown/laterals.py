"""Conditions on a table, said once more below a lateral read of its rows.

``FROM idx AS i, read_cog(i, area) AS c WHERE i.band = 'red'`` becomes
``FROM (SELECT * FROM idx AS i WHERE i.band = 'red') AS i, …``, and nothing is taken away.

To DuckDB a lateral read of whole rows that hold lists begins with numbering all rows of its left side, so
that it filters none before it has decoded every column of all. Whatever is not plain stays as it is:
conditions whose columns are written without their table, functions that may be volatile, subqueries, and
tables beside a right, full, natural, asof or positional join.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rasteret_sql.duck.pushdown.tokens import Token, alike, parameters_before, tokens_of

READS = frozenset({"READ_COG", "READ_COG_TILES", "COG_WINDOWS", "COG_HEADER", "RS_PIXELASCENTROIDS"})
MENTION = re.compile("|".join(READS), re.IGNORECASE)
LEFT_ALONE = re.compile(
    r"\b(?:rowid|filename|file_row_number|file_index"  # columns that SELECT * does not give
    r"|sample|tablesample"  # counts rows before WHERE
    r"|macro|create\s+(?:or\s+replace\s+)?(?:temp\w*\s+)?function)\b",  # parameters look like columns
    re.IGNORECASE,
)
"""What makes a text one that is not looked at further."""

_CLAUSES = "WHERE SELECT GROUP HAVING WINDOW QUALIFY ORDER LIMIT OFFSET UNION EXCEPT INTERSECT RETURNING"
_ENDS_FROM = frozenset(_CLAUSES.split())
_ENDS_WHERE = _ENDS_FROM - {"WHERE"}
_ENDS_QUERY = frozenset({"UNION", "EXCEPT", "INTERSECT"})
_JOINS = "JOIN INNER CROSS LEFT OUTER SEMI ANTI RIGHT FULL NATURAL ASOF POSITIONAL"
_JOIN_WORDS = frozenset(_JOINS.split())
_ALSO_FUNCTIONS = frozenset({"LEFT", "RIGHT"})
_INNER = frozenset({"", ",", "JOIN", "INNER JOIN", "CROSS JOIN"})
_KEEPS_THE_LEFT = _INNER | {"LEFT JOIN", "LEFT OUTER JOIN", "SEMI JOIN", "ANTI JOIN"}
_WORDS = """
    AND OR NOT IN IS NULL TRUE FALSE BETWEEN LIKE ILIKE SIMILAR TO ESCAPE DISTINCT FROM COLLATE NOCASE
    CASE WHEN THEN ELSE END CAST TRY_CAST AS
    VARCHAR TEXT INTEGER BIGINT INT DOUBLE FLOAT REAL DECIMAL BOOLEAN UUID
    DATE TIME TIMESTAMP TIMESTAMPTZ TIMESTAMP_NS WITH ZONE INTERVAL
    YEAR YEARS MONTH MONTHS WEEK WEEKS DAY DAYS HOUR HOURS MINUTE MINUTES SECOND SECONDS
"""
_FUNCTIONS = """
    ABS CAST COALESCE CONTAINS DATEPART DATETRUNC DATE_PART DATE_TRUNC DAY DAYOFYEAR DECIMAL ENDS_WITH
    GREATEST HOUR LEAST LEFT LEN LENGTH LIST_CONTAINS LIST_HAS LOWER MONTH NULLIF PREFIX QUARTER
    REGEXP_MATCHES RIGHT ROUND
    SPLIT_PART STARTS_WITH STRFTIME STRPTIME SUBSTR SUBSTRING SUFFIX TRIM TRY_CAST UPPER WEEK YEAR
    ST_CRS ST_GEOMFROMTEXT
"""
_PUNCTUATION = "= == < > <= >= <> != + - * / % || && :: -> ->> ( ) [ ] , & |"
_PLAIN_WORDS = frozenset(_WORDS.split())
_PLAIN_FUNCTIONS = frozenset(_FUNCTIONS.split())
"""Functions that give the same for the same, and are not evaluated for anything else."""
_SIGNS = frozenset(_PUNCTUATION.split())


@dataclass(kw_only=True)
class _Item:
    """One item of FROM."""

    join: str
    """What joins it to those before it; empty for the first."""
    tokens: list[Token]
    on: list[Token] = field(default_factory=list)


def below_laterals(sql: str, parameters: Any = None) -> str:
    """``sql`` with conditions said once more below its lateral reads; else untouched.

    ``parameters`` are the values of a prepared statement: those written ``?`` can only be repeated as values.
    """
    if not MENTION.search(sql) or LEFT_ALONE.search(sql):
        return sql
    tokens = tokens_of(sql)
    if tokens is None or any(token.text == ";" for token in tokens[:-1]):
        return sql
    edits: list[tuple[int, str]] = []
    for at, token in enumerate(tokens):
        if token.word == "FROM" and not _is_of_something_else(tokens, at):
            edits += _edits(sql, tokens, at, parameters)
    for place, text in sorted(edits, key=lambda edit: edit[0], reverse=True):
        sql = sql[:place] + text + sql[place:]
    return sql


def _is_of_something_else(tokens: Sequence[Token], at: int) -> bool:
    """The FROM of DELETE FROM and IS DISTINCT FROM."""
    before = [token.word for token in tokens[max(0, at - 2) : at]]
    return before[-1:] == ["DELETE"] or before in (["IS", "DISTINCT"], ["NOT", "DISTINCT"])


def _edits(sql: str, tokens: list[Token], at: int, parameters: Any) -> Iterator[tuple[int, str]]:
    """What to insert for one FROM."""
    items, end = _items(tokens, at + 1, tokens[at].depth)
    if len(items) < 2 or not any(_reads(item.tokens) for item in items[1:]):
        return
    if any(item.join not in _KEEPS_THE_LEFT for item in items):
        return
    terms = list(_terms(_where(tokens, end, tokens[at].depth)))
    for item in items:
        if item.join in _INNER:
            terms += _terms(item.on)
    for item in items:
        name = _name(item.tokens)
        if item.join not in _INNER or name is None:
            continue
        said = [_said(sql, tokens, term, parameters) for term in terms if _is_about(term, name)]
        conditions = [f"({one})" for one in said if one is not None]
        if conditions:
            first, last = item.tokens[0], item.tokens[-1]
            yield first.start, "(SELECT * FROM "
            yield last.end, f" WHERE {' AND '.join(conditions)}) AS {last.text}"


def conditions_of(sql: str, tokens: list[Token], at: int) -> tuple[list[tuple[str, str]], list[str]]:
    """Of a FROM with a lateral read: the conditions that go below it, each with its table, and the others."""
    items, end = _items(tokens, at + 1, tokens[at].depth)
    if len(items) < 2 or not any(_reads(item.tokens) for item in items[1:]):
        return [], []
    plain = all(item.join in _KEEPS_THE_LEFT for item in items)
    names = {name for item in items if item.join in _INNER and (name := _name(item.tokens)) is not None}
    below: list[tuple[str, str]] = []
    above: list[str] = []
    terms = list(_terms(_where(tokens, end, tokens[at].depth)))
    for item in items:
        if item.join in _INNER:
            terms += _terms(item.on)
    for term in terms:
        about = next((name for name in names if plain and _is_about(term, name)), None)
        text = sql[term[0].start : term[-1].end]
        if about is None:
            above.append(text)
        else:
            below.append((about, text))
    return below, above


def _items(tokens: list[Token], start: int, depth: int) -> tuple[list[_Item], int]:
    """The items of FROM, and where it ends."""
    items = [_Item(join="", tokens=[])]
    join, on, last = "", False, start
    for at, token in alike(tokens, start, depth):
        if token.word in _ENDS_FROM or token.text == ";":
            return _filled(items, tokens, depth), at
        last = at + 1
        if token.text == "," and not token.word:
            items.append(_Item(join=",", tokens=[]))
            join, on = "", False
        elif token.word in _JOIN_WORDS and not (token.word in _ALSO_FUNCTIONS and _is_call(tokens, at)):
            join = f"{join} {token.word}".strip()
            if token.word == "JOIN":
                items.append(_Item(join=join, tokens=[]))
                join, on = "", False
        elif token.word in ("ON", "USING"):
            on = True
            items[-1].on.append(token)
        else:
            (items[-1].on if on else items[-1].tokens).append(token)
    return _filled(items, tokens, depth), last


def _filled(items: list[_Item], tokens: list[Token], depth: int) -> list[_Item]:
    """With what lies between the brackets that they hold."""
    for item in items:
        item.tokens, item.on = (_between(each, tokens) for each in (item.tokens, item.on))
        item.on = item.on[1:] if item.on and item.on[0].word == "ON" else []
    return items


def _between(shallow: list[Token], tokens: list[Token]) -> list[Token]:
    if not shallow:
        return []
    return [token for token in tokens if shallow[0].start <= token.start < shallow[-1].end]


def _is_call(tokens: Sequence[Token], at: int) -> bool:
    return at + 1 < len(tokens) and tokens[at + 1].text == "("


def _reads(tokens: Sequence[Token]) -> bool:
    """Whether an item calls a read of rasters."""
    return any(token.word in READS and _is_call(tokens, at) for at, token in enumerate(tokens))


def _name(tokens: Sequence[Token]) -> str | None:
    """The name of a table that can be put into brackets: ``idx``, ``idx AS i``, ``'idx.parquet' AS i``."""
    if not tokens or tokens[-1].kind not in ("word", "name"):
        return None
    *place, last = tokens
    if place and place[-1].text == ".":  # a table of a schema, without a name of its own
        return None
    if place and place[-1].word == "AS":
        place.pop()
    return _folded(last) if not place or _is_place(place) else None


def _is_place(tokens: Sequence[Token]) -> bool:
    """A file, or the name of a table with those of its schema and database."""
    if len(tokens) == 1 and tokens[0].kind == "text":
        return True
    names, points = tokens[::2], tokens[1::2]
    return (
        len(names) == len(points) + 1
        and all(token.kind in ("word", "name", "field") for token in names)
        and all(token.text == "." for token in points)
    )


def _folded(token: Token) -> str:
    return (token.text[1:-1].replace('""', '"') if token.kind == "name" else token.text).lower()


def _where(tokens: list[Token], start: int, depth: int) -> list[Token]:
    """What WHERE says in the SELECT of a FROM that ended at ``start``."""
    begun = None
    for at, token in alike(tokens, start, depth):
        if begun is None and token.word == "WHERE":
            begun = at + 1
        elif (
            token.word in _ENDS_QUERY
            or token.text == ";"
            or (begun is not None and token.word in _ENDS_WHERE)
        ):
            return tokens[begun:at] if begun is not None else []
    if begun is None:
        return []
    end = begun
    while end < len(tokens) and tokens[end].depth >= depth:
        end += 1
    return tokens[begun:end]


def _terms(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The terms that must all be true; of alternatives the whole."""
    if not tokens:
        return
    depth = tokens[0].depth
    term, between, cases = list[Token](), False, 0
    parts: list[list[Token]] = []
    for token in tokens:
        flat = token.depth == depth
        cases += (token.word == "CASE") - (token.word == "END")
        if flat and not cases and token.word == "OR":
            yield list(tokens)
            return
        if flat and not cases and token.word == "AND" and not between:
            parts.append(term)
            term = []
            continue
        if flat and token.word in ("BETWEEN", "AND"):
            between = token.word == "BETWEEN"
        term.append(token)
    for part in (*parts, term):
        if len(part) > 2 and part[0].text == "(" and part[-1].text == ")" and _is_one_bracket(part):
            yield from _terms(part[1:-1])
        elif part:
            yield part


def _is_one_bracket(part: Sequence[Token]) -> bool:
    return all(token.depth > part[0].depth for token in part[1:-1])


def _is_about(term: Sequence[Token], name: str) -> bool:
    """Whether a term speaks of columns of one table alone, in words that mean the same each time."""
    columns = 0
    at = 0
    while at < len(term):
        token = term[at]
        follows = term[at + 1].text if at + 1 < len(term) else ""
        if token.kind in ("word", "name") and follows == ".":
            if _folded(token) != name:
                return False
            columns += 1
            at = _behind_path(term, at)
            if at < len(term) and term[at].text == "(":  # a function: i.band.lower()
                return False
            continue
        if not _is_plain(token, is_call=follows == "("):
            return False
        at += 1
    return columns > 0


def _is_plain(token: Token, *, is_call: bool) -> bool:
    """Whether a token that is not a column's means the same each time."""
    if token.kind == "word":
        return token.word in _PLAIN_WORDS or (is_call and token.word in _PLAIN_FUNCTIONS)
    if token.kind == "sign":
        return token.text in _SIGNS
    return token.kind in ("text", "number", "parameter")


def _behind_path(term: Sequence[Token], at: int) -> int:
    """Where ``i.bbox.xmin`` ends."""
    while at + 2 < len(term) and term[at + 1].text == "." and term[at + 2].kind in ("field", "name"):
        at += 2
    return at + 1


def _said(sql: str, tokens: list[Token], term: Sequence[Token], parameters: Any) -> str | None:
    """The text of a term once more; None where it holds a ``?`` whose value is not known."""
    text, done = "", term[0].start
    for token in term:
        if token.text == "?":
            from rasteret_sql.duck.pushdown.constants import literal_sql

            place = parameters_before(tokens, token.start)
            known = isinstance(parameters, list | tuple) and place < len(parameters)
            literal = literal_sql(parameters[place]) if known else None
            if literal is None:
                return None
            text += sql[done : token.start] + literal
            done = token.end
        elif token.text.startswith("?"):
            return None
    return text + sql[done : term[-1].end]
