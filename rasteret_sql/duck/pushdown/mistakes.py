"""One line about what is wrong with a call, in place of DuckDB's list of everything that there is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from rasteret_sql.duck.declarations import Function, functions
from rasteret_sql.duck.pushdown.tokens import Token, tokens_of

ARGUMENTS = re.compile(r"Macro (\w+)\(\) does not support the supplied arguments")
NO_COLUMN = re.compile(r'Referenced column "([^"]+)" (?:was )?not found')
NO_TABLE = re.compile(r'Referenced table "([^"]+)" not found')
NO_FUNCTION = re.compile(r'(?:Table|Scalar) Function with name "?(\w+)"? does not exist')
NOT_A_VALUE = re.compile(r'Function "(\w+)" is a table function but it was used as a scalar function')
NO_FIELD = re.compile(r'(?:Values list|Table|table) "([^"]+)" does not have a column named "([^"]+)"')
STAR = re.compile(r"STAR expression is only allowed|\* in expression|Cannot use \*")
OURS = ("rs_", "read_", "cog_", "stac_", "rasteret_")
MEANT = {
    "aoi": "area bbox bound bounds box extent geom geometry polygon roi window where shape",
    "zone": "area aoi bbox bounds geom geometry polygon roi",
    "zones": "areas fields geom polygons",
    "areas": "aoi fields geoms polygons zones",
    "point": "geom geometry location lonlat position xy",
    "points": "coordinates geoms locations",
    "bands": "asset assets bnds channel channels",
    "band": "asset bnd channel",
    "level": "lod overview zoom",
    "resolution": "gsd pixel_size pixelsize res scale_m",
    "crs": "epsg projection proj srid srs",
    "resampling": "algorithm interp interpolation method resample",
    "interpolation": "interp method resampling",
    "algorithm": "interp method resampling",
    "expression": "algebra expr formula math",
    "mask": "cloud_mask valid where",
    "size": "chip_size chipsize height shape width",
    "datetime": "date dates period time timerange",
    "max_items": "items limit max_rows n",
    "collections": "collection dataset",
    "filter": "cloud_cover clouds query where",
    "scenes": "index rasters",
    "sql": "query",
    "stat": "agg statistic stats",
    "percentiles": "percentile quantile quantiles",
}
"""Arguments by other names that people have for them."""
_WORDS = (
    "WHERE JOIN ON LEFT RIGHT INNER CROSS FULL ORDER GROUP LIMIT HAVING QUALIFY UNION USING SEMI ANTI ASOF"
)
_KEYWORDS = frozenset(_WORDS.split())


@dataclass(frozen=True, kw_only=True)
class _Call:
    """A call of one of our functions in a text."""

    function: Function
    arguments: tuple[tuple[Token, ...], ...]

    @property
    def named(self) -> list[str]:
        return [one[0].text.lower() for one in self.arguments if _is_named(one)]

    @property
    def positional(self) -> int:
        return sum(not _is_named(one) for one in self.arguments)


def one_line(message: str, sql: str) -> str | None:
    """What to do about an error of DuckDB's; None where it is not about our functions."""
    told = message.partition("\n")[0]
    for pattern, advise in (
        (ARGUMENTS, _about_arguments),
        (NO_COLUMN, _about_column),
        (NO_TABLE, _about_alias),
        (NO_FUNCTION, _about_function),
        (NOT_A_VALUE, _about_table),
        (NO_FIELD, _about_field),
        (STAR, _about_star),
    ):
        match = pattern.search(told)
        if match is not None:
            tokens = tokens_of(sql)
            line = None if tokens is None else advise(match, tokens)
            return None if line is None else f"{told.partition(':')[0]}: {line}"
    return None


def _about_arguments(match: re.Match[str], tokens: list[Token]) -> str | None:
    lines = (
        _wrong_argument(call) for call in _calls(tokens) if call.function.name.lower() == match[1].lower()
    )
    return next((line for line in lines if line is not None), None)


def _wrong_argument(call: _Call) -> str | None:
    """What is wrong with the arguments of one call."""
    function, names = call.function, [one.name for one in call.function.parameters]
    if (star := _star(call)) is not None:
        return star
    known = {name.lower() for name in names}
    for name in call.named:
        if name not in known:
            meant = _meant(name, names)
            guess = f"did you mean {meant} := …?" if meant else f"it takes {', '.join(names) or 'none'}"
            return f"{function.name} has no argument {name}: {guess}"
    twice = [name for name in call.named if call.named.count(name) > 1]
    twice += [name.lower() for name in names[: call.positional] if name.lower() in call.named]
    if twice:
        return f"{function.name} is given {twice[0]} twice: by its place and by name, or twice by name"
    if call.positional > len(names):
        return (
            f"{function.name} takes at most {len(names)} arguments, and {call.positional} are given: "
            f"{', '.join(names) or 'it has none'}"
        )
    missing = [
        one.name
        for place, one in enumerate(function.parameters)
        if one.default is None and place >= call.positional and one.name.lower() not in call.named
    ]
    if missing:
        needs = [one.name for one in function.parameters if one.default is None]
        return f"{function.name} needs {', '.join(missing)}: {function.name}({', '.join(needs)}, …)"
    return None


def _meant(name: str, names: Sequence[str]) -> str | None:
    """The argument that somebody means by ``name``."""
    by_synonym = [one for one in names if name in MEANT.get(one.lower(), "").split()]
    folded = {one.lower(): one for one in names}
    close = get_close_matches(name, folded, n=1, cutoff=0.8 if by_synonym else 0.6)
    if close:
        return folded[close[0]]
    return by_synonym[0] if by_synonym else None


def _about_column(match: re.Match[str], tokens: list[Token]) -> str | None:
    name = match[1].lower()
    calls = list(_calls(tokens))
    for call in calls:
        for argument in call.arguments:
            if len(argument) > 1 and argument[1].text in ("=", "==") and argument[0].text.lower() == name:
                value = " ".join(token.text for token in argument[2:5])
                parameters = [one.name for one in call.function.parameters]
                meant = name if name in map(str.lower, parameters) else _meant(name, parameters)
                right = f"an argument is {meant or name} := {value}"
                return f"{call.function.name}: {name} = {value} compares; {right}"
    aliases = _aliases(tokens)
    for call in calls:
        for argument in call.arguments:
            place = [token.text.lower() for token in argument]
            if place[:1] != [name]:
                continue
            if name in aliases.values():
                alias = next(alias for alias, table in aliases.items() if table == name)
                return f"{name} is called {alias} in this query: {call.function.name}({alias}, …)"
            tables = [alias for alias in aliases if alias]
            if tables and len(argument) == 1:
                return (
                    f"{call.function.name}({name}): there is no {name} in FROM; the row of a table goes by "
                    f"its name there: {' or '.join(tables)}"
                )
    return None


def _about_alias(match: re.Match[str], tokens: list[Token]) -> str | None:
    called = [alias for alias, table in _aliases(tokens).items() if table == match[1].lower()]
    if not called or next(_calls(tokens), None) is None:
        return None
    return f"{match[1]} is called {called[0]} in this query: write {called[0]} in its place"


def _about_function(match: re.Match[str], tokens: list[Token]) -> str | None:
    name = match[1].lower()
    known = _by_name()
    same = known.get(name)
    if same is not None and same.kind != "table":
        return f"{same.name} gives a value for each row: SELECT {same.name}(…), not FROM"
    if not name.startswith(OURS):
        name_like = get_close_matches(name, known, n=1, cutoff=0.8)
    else:
        name_like = get_close_matches(name, known, n=1, cutoff=0.6)
    if not name_like:
        return (
            f"there is no function {match[1]}; FROM rasteret_functions() lists them"
            if name.startswith(OURS)
            else None
        )
    return f"there is no function {match[1]}: did you mean {known[name_like[0]].name}?"


def _about_table(match: re.Match[str], tokens: list[Token]) -> str | None:
    function = _by_name().get(match[1].lower())
    if function is None:
        return None
    return f"{function.name} gives a table: FROM {function.name}(…), beside other tables with a comma"


def _about_field(match: re.Match[str], tokens: list[Token]) -> str | None:
    alias, name = match[1].lower(), match[2]
    for call, own in _called(tokens):
        if alias not in (own, call.function.name.lower()) or not call.function.returns:
            continue
        columns = [one.name for one in call.function.returns]
        close = get_close_matches(name.lower(), columns, n=1, cutoff=0.5)
        guess = f"did you mean {alias}.{close[0]}?" if close else f"it gives {', '.join(columns)}"
        return f"{alias} is {call.function.name}, which has no column {name}: {guess}"
    return None


def _about_star(match: re.Match[str], tokens: list[Token]) -> str | None:
    return next((line for line in map(_star, _calls(tokens)) if line is not None), None)


def _star(call: _Call) -> str | None:
    """What to write in place of ``i.*``."""
    for argument in call.arguments:
        texts = [token.text for token in argument]
        if texts[-1:] == ["*"] and len(texts) in (1, 3):
            row = texts[0] if len(texts) == 3 else "i"
            return f"{call.function.name} takes the row itself: {call.function.name}({row}, …)"
    return None


@lru_cache(maxsize=1)
def _by_name() -> dict[str, Function]:
    return {one.name.lower(): one for one in functions() if one.public}


def _calls(tokens: list[Token]) -> Iterator[_Call]:
    """The calls of our functions, in order."""
    for call, _ in _called(tokens):
        yield call


def _called(tokens: list[Token]) -> Iterator[tuple[_Call, str]]:
    """The same, each with the name that follows it."""
    for at, token in enumerate(tokens[:-1]):
        function = _by_name().get(token.text.lower()) if token.kind in ("word", "field") else None
        if function is None or tokens[at + 1].text != "(":
            continue
        end, depth = at + 2, tokens[at + 1].depth
        arguments: list[list[Token]] = [[]]
        while end < len(tokens) and not (tokens[end].text == ")" and tokens[end].depth == depth):
            if tokens[end].text == "," and tokens[end].depth == depth + 1:
                arguments.append([])
            else:
                arguments[-1].append(tokens[end])
            end += 1
        behind = [one for one in tokens[end + 1 : end + 3] if one.word != "AS"]
        name = behind[0].text.lower() if behind and behind[0].kind in ("word", "name") else ""
        yield _Call(function=function, arguments=tuple(tuple(one) for one in arguments if one)), name


def _is_named(argument: Sequence[Token]) -> bool:
    return len(argument) > 1 and argument[1].text in (":=", "=>")


def _aliases(tokens: list[Token]) -> dict[str, str]:
    """Tables of FROM by the names that they have there."""
    found: dict[str, str] = {}
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else None
        if before is None or (before.word not in ("FROM", "JOIN") and before.text != ","):
            continue
        if token.kind not in ("word", "name", "text") or (
            tokens[at + 1 : at + 2] and tokens[at + 1].text == "("
        ):
            continue
        behind = [one for one in tokens[at + 1 : at + 3] if one.word != "AS"]
        table = token.text.strip("'\"").lower()
        is_named = behind and behind[0].kind in ("word", "name") and behind[0].word not in _KEYWORDS
        found[behind[0].text.lower() if is_named else table] = table
    return found
