"""The jobs of a soak: each asks one thing over the network and compares the answer with the truth."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

import rasteret_sql
from rasteret_sql.pipeline import build_index, refresh_index
from tests.soak.truth import FileTruth, digest, same_numbers


class WrongAnswerError(AssertionError):
    """What a soak must never see."""


@dataclass(frozen=True, kw_only=True)
class World:
    """What jobs know: where the servers are, and what is true."""

    api_url: str
    files_url: str
    index: str
    """A Parquet index of all files as the faulty server names them."""
    files: Mapping[str, FileTruth]
    items: frozenset[str]

    def url(self, file: FileTruth) -> str:
        return f"{self.files_url}/{file.name}"


@dataclass(frozen=True, kw_only=True)
class Hands:
    """What one thread works with."""

    con: duckdb.DuckDBPyConnection
    luck: random.Random
    folder: Path
    """Its own, for the indexes that it builds."""


def same(found: object, expected: object, what: str) -> None:
    """Raise ``WrongAnswerError`` unless they are equal."""
    if found != expected:
        raise WrongAnswerError(f"{what}: found {found!r:.300}, expected {expected!r:.300}")


def chips(world: World, hands: Hands) -> None:
    """Chips of all fields out of a few files, by index rows."""
    some = hands.luck.sample(sorted(world.files), 3)
    query = (
        f"SELECT i.href, f.field_id, c.data, c.valid FROM '{world.index}' AS i"
        " JOIN fields AS f ON i.footprint && f.geom, read_cog(i, f.geom) AS c WHERE list_contains($1, i.href)"
    )
    hrefs = [world.url(world.files[name]) for name in some]
    found = {
        (href, n): digest(data, valid)
        for href, n, data, valid in hands.con.execute(query, [hrefs]).fetchall()
    }
    expected = {
        (world.url(world.files[name]), n): d for name in some for n, d in world.files[name].chips.items()
    }
    same(found, expected, "chips")


def statistics(world: World, hands: Hands) -> None:
    """Zonal statistics of all fields out of one file, by its href."""
    file = world.files[hands.luck.choice(sorted(world.files))]
    query = (
        "SELECT field_id, s.count, s.mean FROM"
        " (SELECT f.field_id, RS_ZonalStatsAll($1, f.geom) AS s FROM fields AS f) WHERE s IS NOT NULL"
    )
    found = {n: (count, mean) for n, count, mean in hands.con.execute(query, [world.url(file)]).fetchall()}
    same(set(found), set(file.statistics), f"fields of {file.name}")
    for n, (count, mean) in file.statistics.items():
        same(found[n][0], count, f"count of field {n} in {file.name}")
        if count and not same_numbers(found[n][1], mean):
            raise WrongAnswerError(f"mean of field {n} in {file.name}: {found[n][1]} instead of {mean}")


def samples(world: World, hands: Hands) -> None:
    """Samples at points of a file's own CRS."""
    file = world.files[hands.luck.choice(sorted(world.files))]
    texts = [f"POINT ({x} {y})" for x, y in file.points]
    query = "SELECT RS_Values($1, $2, aoi_crs := RS_CRS($1))"
    (found,) = hands.con.execute(query, [world.url(file), texts]).fetchone() or (None,)
    same(found, file.values, f"samples of {file.name}")


def headers(world: World, hands: Hands) -> None:
    """Headers of all files; a file whose server gave up has an error in its row."""
    listed = "FROM (SELECT unnest($1) AS href) AS u, cog_header(u.href) AS h"
    query = f"SELECT u.href, h.width, h.height, h.error {listed}"
    suffix = f"?n={hands.luck.randrange(10**6)}"  # not one that the cache knows
    by_url = {world.url(file) + suffix: file for file in world.files.values()}
    for href, width, height, error in hands.con.execute(query, [list(by_url)]).fetchall():
        if error is None:
            same((width, height), (by_url[href].width, by_url[href].height), f"header of {href}")


def search(world: World, hands: Hands) -> None:
    """All items of the catalogue."""
    found = hands.con.execute("SELECT id FROM stac_search($1)", [world.api_url]).fetchall()
    same({item for (item,) in found}, world.items, "items of a search")


def index(world: World, hands: Hands) -> None:
    """Build an index, and refresh it: all rows, none twice, and none but those."""
    target = hands.folder / f"{hands.luck.randrange(3)}.parquet"
    if target.exists() and hands.luck.random() < 0.5:
        refresh_index(hands.con, target)
    else:
        build_index(hands.con, target, world.api_url, assets=["red", "nir", "scl"])
    query = f"SELECT count(*), count(DISTINCT href) FROM '{target}'"
    same(hands.con.execute(query).fetchone(), (len(world.files), len(world.files)), "rows of an index")
    if hands.luck.random() < 0.3:
        target.unlink()


JOBS: Final[Mapping[str, Callable[[World, Hands], None]]] = {
    job.__name__: job for job in (chips, statistics, samples, headers, search, index)
}


def connection(world: World, base: duckdb.DuckDBPyConnection, seed: int, folder: Path) -> Hands:
    """A cursor of the one database, with the functions, and a folder of its own."""
    cursor = base.cursor()
    rasteret_sql.register(cursor)
    own = Path(tempfile.mkdtemp(dir=folder))
    return Hands(con=cursor, luck=random.Random(seed), folder=own)
