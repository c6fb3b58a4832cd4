"""The declared functions: ``sql/functions/*.sql``, parsed once; all their documentation derives from here.

A file holds one macro below a comment header::

    -- One sentence that says what a row, or the value, is.
    --
    -- More sentences, in paragraphs.
    --
    -- @param aoi  What it takes. Defaults stand in the macro alone.
    -- @returns level INTEGER  What the column holds.
    -- @example What the query shows
    -- SELECT …;

What several functions say alike is written once, below ``sql/shared``: ``@include NAME`` takes the ``@param``
and ``@returns`` of ``NAME.sql``, but for arguments that the macro lacks and for what the file says itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from graphlib import TopologicalSorter

from rasteret_sql.duck.quoting import quoted
from rasteret_sql.duck.sql_files import CATALOG, declaration_files, sql_folder

PLAIN = re.compile(r"(?:\w+\.)?(?!rasteret_)([A-Za-z]\w*)")
HELPER = re.compile(r"_rasteret_(\w+)\(")
TYPEOF = re.compile(r"typeof\((\w+)\)")
WORDS = frozenset({"NULL", "true", "false"})
MACRO = re.compile(r"CREATE MACRO (\w+)\((.*?)\) AS\s+(TABLE\b)?", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One argument of a function."""

    name: str
    default: str | None
    """SQL of the default; None when the argument must be given."""
    description: str


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table function, or the value of a scalar one (named ``value``)."""

    name: str
    type: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Example:
    """A query that runs as written."""

    title: str
    sql: str


@dataclass(frozen=True, kw_only=True)
class Function:
    """One declared SQL function."""

    name: str
    kind: str
    """``table`` or ``scalar``."""
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    returns: tuple[Column, ...]
    examples: tuple[Example, ...]
    macro: str
    """The CREATE MACRO statement as written."""

    @property
    def public(self) -> bool:
        return not self.name.startswith("_")

    @property
    def signature(self) -> str:
        """``read_cog(raster, aoi := NULL, …)``."""
        parts = [p.name if p.default is None else f"{p.name} := {p.default}" for p in self.parameters]
        return f"{self.name}({', '.join(parts)})"


@dataclass
class _Header:
    """The comment header while it is read."""

    text: list[str] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    shared_params: dict[str, str] = field(default_factory=dict)
    returns: list[Column] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)


@lru_cache(maxsize=1)
def functions() -> tuple[Function, ...]:
    """Every declared function; helpers (names with a leading underscore) first, then by name."""
    declared = [parse(path.read_text("utf-8")) for path in declaration_files()]
    return tuple(sorted(declared, key=lambda f: (f.public, f.name.lower())))


@lru_cache(maxsize=1)
def callees_first() -> tuple[Function, ...]:
    """Every declared function after those that its macro calls: the order in which DuckDB takes them."""
    by_name = {function.name: function for function in functions()}
    calls = {
        name: {other for other in by_name if other != name and f"{other}(" in function.macro}
        for name, function in by_name.items()
    }
    return tuple(by_name[name] for name in TopologicalSorter(calls).static_order())


def macro_statements() -> Iterator[str]:
    """The statements that make every function as TEMP macros of one connection, over bound kernels."""
    for function in callees_first():
        yield function.macro.replace("CREATE MACRO", "CREATE OR REPLACE TEMP MACRO", 1)
        yield from _comment(function, function.name)


def catalog_statements() -> Iterator[str]:
    """The statements that make every function in the database ``rasteret``.

    What a macro calls is named in full, so that the macros work whatever the search path of a connection is.
    """
    names = "|".join(function.name for function in functions())
    call = re.compile(rf"(?<![\w.])(?=(?:{names})\()")
    for function in callees_first():
        head, body = function.macro.split("(", 1)
        name = f"{CATALOG}.main.{function.name}"
        yield f"{head.replace(function.name, name)}({call.sub(f'{CATALOG}.main.', body)}"
        yield from _comment(function, name)


def _comment(function: Function, name: str) -> Iterator[str]:
    if function.public:
        kind = "MACRO TABLE" if function.kind == "table" else "MACRO"
        yield f"COMMENT ON {kind} {name} IS {quoted(function.summary)}"


def kernel_columns(kernel: str) -> tuple[str | None, ...]:
    """The columns of a kernel by their names in the macros that call it; None for one without a name.

    A plain name is its own; ``_rasteret_query()`` is ``query``, and ``typeof(aoi)`` is ``aoi_type``. Where
    several macros call one kernel, a plain name goes before that of a helper. Raises ``SyntaxError`` where
    two macros name one column differently.
    """
    call = re.compile(rf"\b_rasteret_{kernel}(?=\()")
    texts = [
        _split(_enclosed(function.macro, match.end()))
        for function in functions()
        for match in call.finditer(function.macro)
    ]
    return tuple(_column_name(kernel, [one.strip() for one in column]) for column in zip(*texts, strict=True))


def _column_name(kernel: str, texts: Sequence[str]) -> str | None:
    plain = {match[1] for match in map(PLAIN.fullmatch, texts) if match} - WORDS
    typed = {f"{match[1]}_type" for match in map(TYPEOF.fullmatch, texts) if match}
    helped = {match[1] for match in map(HELPER.match, texts) if match}
    names = plain or typed or helped
    if len(names) > 1:
        raise SyntaxError(f"a column of the kernel {kernel} has several names: {sorted(names)}")
    return next(iter(names), None)


def _enclosed(text: str, at: int) -> str:
    """What the bracket that opens at ``at`` encloses."""
    depth = 0
    for end in range(at, len(text)):
        depth += (text[end] == "(") - (text[end] == ")")
        if not depth:
            return text[at + 1 : end]
    raise SyntaxError(f"a bracket is not closed: {text[at : at + 40]!r}")


def parse(text: str) -> Function:
    """One declaration file."""
    lines = text.splitlines()
    end = next(i for i, line in enumerate(lines) if not line.startswith("--"))
    header = _header([line[2:].removeprefix(" ") for line in lines[:end]])
    macro = "\n".join(lines[end:]).strip()
    match = MACRO.search(macro)
    if match is None:
        raise SyntaxError(f"no CREATE MACRO in the declaration that begins {lines[0]!r}")
    name, arguments, table = match.groups()
    summary, _, rest = "\n".join(header.text).strip().partition("\n")
    described = header.shared_params | header.params
    return Function(
        name=name,
        kind="table" if table else "scalar",
        summary=summary.strip(),
        description=rest.strip(),
        parameters=tuple(_parameter(part, described) for part in _split(arguments)),
        returns=tuple(header.returns),
        examples=tuple(header.examples),
        macro=macro,
    )


def _header(lines: list[str]) -> _Header:
    header = _Header()
    for block in re.split(r"\n(?=@)", "\n".join(lines)):
        word, _, rest = block.partition(" ")
        if word == "@param":
            name, _, description = rest.partition(" ")
            header.params[name] = " ".join(description.split())
        elif word == "@returns":
            head, _, description = rest.partition("  ")
            name, _, kind = head.strip().partition(" ")
            _add(header.returns, Column(name=name, type=kind, description=" ".join(description.split())))
        elif word == "@include":
            shared = _shared(rest.strip())
            header.shared_params.update(shared.params)
            header.returns.extend(shared.returns)
        elif word == "@example":
            title, _, sql = rest.partition("\n")
            header.examples.append(Example(title=title.strip(), sql=sql.strip()))
        else:
            header.text.append(block)
    return header


def _shared(name: str) -> _Header:
    """What a file below ``sql/shared`` says."""
    lines = (sql_folder() / "shared" / f"{name}.sql").read_text("utf-8").splitlines()
    return _header([line[2:].removeprefix(" ") for line in lines])


def _add(columns: list[Column], column: Column) -> None:
    """One more column, or another text for one that was included."""
    names = [known.name for known in columns]
    if column.name in names:
        columns[names.index(column.name)] = column
    else:
        columns.append(column)


def _split(arguments: str) -> list[str]:
    """Commas at the top level."""
    parts, depth, part = [], 0, ""
    for character in arguments:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
    return [p for p in (*parts, part) if p.strip()]


def _parameter(part: str, descriptions: dict[str, str]) -> Parameter:
    name, _, default = (piece.strip() for piece in part.partition(":="))
    return Parameter(name=name, default=default or None, description=descriptions.get(name, ""))
