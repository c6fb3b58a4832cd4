"""Samples of real queries: every epoch, every shard, any number of interruptions; without PyTorch."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rasteret_sql
from rasteret_sql.errors import ArgumentError
from rasteret_sql.samples.order import Order, Shard, parts_of
from rasteret_sql.samples.source import Source, source_of
from rasteret_sql.samples.stream import Stream
from rasteret_sql.samples.values import Sample
from tests.samples.conftest import COUNT, PLACES, SQL
from tests.tensors.scenes import CRS


@pytest.fixture(scope="module")
def source(index: Path) -> Source:
    return source_of(SQL, index, {"places": PLACES}, "n")


def stream(
    source: Source, *, seed: int | None = 3, size: int = 4, repeats: bool = False, skips: bool = False
) -> Stream:
    part_of = parts_of(None if source.key is None else source.places(), len(source), size)
    return Stream(source, Order(part_of=part_of, seed=seed, repeats=repeats), ahead=2, skips=skips)


def numbers(samples: Any) -> list[int]:
    return [sample["n"] for sample in samples]


def test_an_epoch_has_every_sample_once_with_its_own_pixels(source: Source, index: Path) -> None:
    one = stream(source)
    found = {sample["n"]: sample for sample in one.epoch(Shard())}
    assert sorted(found) == PLACES.column("n").to_pylist()
    with rasteret_sql.connect() as con:
        con.execute(f"CREATE VIEW idx AS FROM '{index}'").fetchall()
        con.register("places", PLACES)
        rows = con.sql(SQL).fetchall()
    for n, label, _, data, shape, dtype, valid in rows:
        sample = found[n]
        assert sample["label"] == label
        assert sample["pixels"].shape == tuple(shape) == (3, 2, 8, 8)
        assert sample["pixels"].tobytes() == data
        assert sample["pixels"].dtype == np.dtype(dtype)
        assert sample["valid"].shape == (3, 8, 8)
        assert sample["valid"].tobytes() == (valid or bytes([1]) * 192)
        assert sample["time"].dtype == np.int64
    assert one.counts.samples == COUNT
    sample["pixels"] += 1  # they are the sample's own


def test_epochs_follow_each_other(source: Source) -> None:
    one = stream(source)
    first, second = numbers(one.epoch(Shard())), numbers(one.epoch(Shard()))
    assert sorted(first) == sorted(second)
    assert first != second
    one.set_epoch(0)
    assert numbers(one.epoch(Shard())) == first
    assert numbers(stream(source, seed=None, size=100).epoch(Shard())) != first


def test_an_iteration_that_is_left_begins_anew(source: Source) -> None:
    one = stream(source)
    begun = one.epoch(Shard())
    head = numbers([next(begun) for _ in range(5)])
    begun.close()
    assert numbers(one.epoch(Shard()))[:5] == head


class Numbers(Source):
    """Samples that are their own numbers, of no query."""

    @contextmanager
    def connection(self) -> Iterator[Any]:
        yield None

    def read(self, con: Any, numbers: Any) -> dict[int, Sample]:
        assert con is None
        return {number: {"n": number} for number in numbers.tolist() if number % 7 != 5}


@given(
    stops=st.lists(st.integers(0, COUNT), max_size=3),
    seed=st.none() | st.integers(0, 9),
    world=st.integers(1, 3),
    size=st.integers(1, 9),
)
def test_it_goes_on_exactly_after_any_interruptions(
    stops: list[int], seed: int | None, world: int, size: int
) -> None:
    source = Numbers(sql="", key="n", keyed="places", tables={"places": PLACES})
    order = Order(part_of=parts_of(None, COUNT, size), seed=seed)
    shard = Shard(number=world - 1, count=world)

    def begun() -> Stream:
        return Stream(source, order, ahead=2, skips=True)

    whole = begun()
    expected = numbers(whole.epoch(shard)) + numbers(whole.epoch(shard))
    found: list[int] = []
    one = begun()
    for stop in stops:
        samples = one.epoch(shard)
        found += numbers(sample for _, sample in zip(range(stop), samples, strict=False))
        state = pickle.loads(pickle.dumps(one.state(world)))
        samples.close()
        one = begun()
        one.load(state, world)
    while len(found) < len(expected):
        found += numbers(one.epoch(shard))
    assert found[: len(expected)] == expected


def test_a_real_query_goes_on_in_the_middle_of_a_part(source: Source) -> None:
    expected = numbers(stream(source).epoch(Shard()))
    one = stream(source)
    samples = one.epoch(Shard())
    head = numbers(next(samples) for _ in range(6))
    state = one.state(1)
    samples.close()
    other = stream(source)
    other.load(state, 1)
    assert head + numbers(other.epoch(Shard())) == expected


def test_shards_share_an_epoch(source: Source) -> None:
    dealt = [numbers(stream(source).epoch(Shard(number=number, count=3))) for number in range(3)]
    assert {len(part) for part in dealt} == {COUNT // 3}
    assert len({n for part in dealt for n in part}) == COUNT // 3 * 3


def test_a_sample_without_a_row_raises_or_is_counted(index: Path) -> None:
    far = pa.concat_tables([PLACES, pa.table({"n": [1, 2], "label": ["x", "x"], "geom": [[0.0, 0.0]] * 2})])
    source = source_of(SQL, index, {"places": far}, "n")
    with pytest.raises(
        ArgumentError, match=r"sample n = [12] cannot be read: the query has no row .*on_error='skip'"
    ):
        numbers(stream(source).epoch(Shard()))
    one = stream(source, skips=True)
    assert sorted(numbers(one.epoch(Shard()))) == PLACES.column("n").to_pylist()
    assert (one.counts.samples, one.counts.skipped) == (COUNT, 2)
    lengths = []
    for number in range(5):
        part = stream(source, skips=True)
        lengths.append(len(numbers(part.epoch(Shard(number=number, count=5)))))
    assert lengths == [5] * 5, "shards stay as long as each other"


def test_a_sample_with_an_error_is_not_a_sample(index: Path) -> None:
    sql = (
        "SELECT p.n, c.* FROM places AS p, (SELECT any_value(href) AS href FROM idx), "
        f"read_cog(CASE p.n WHEN 101 THEN '/nowhere.tif' ELSE href END, p.geom, aoi_crs := '{CRS}', "
        "size := 4, on_error := 'null') AS c"
    )
    source = source_of(sql, index, {"places": PLACES}, "n")
    one = stream(source, skips=True)
    assert 101 not in numbers(one.epoch(Shard()))
    assert one.counts.skipped == 1
    with pytest.raises(ArgumentError, match=r"sample n = 101 cannot be read: .*nowhere\.tif"):
        numbers(stream(source).epoch(Shard()))


def test_a_state_of_something_else_is_refused(source: Source, index: Path) -> None:
    state = stream(source).state(1)
    other = source_of(SQL + " WHERE true", index, {"places": PLACES}, "n")
    with pytest.raises(ArgumentError, match="of another query or other samples"):
        stream(other).load(state, 1)
    with pytest.raises(ArgumentError, match="of another seed: seed is 3 there, and 4 here"):
        stream(source, seed=4).load(state, 1)
    with pytest.raises(ArgumentError, match="of another number of ranks and workers"):
        stream(source).load(state, 2)


def test_without_a_key_rows_come_as_the_query_has_them(index: Path) -> None:
    source = source_of(
        "SELECT band, c.* FROM idx AS i, read_cog(i, size := 4) AS c ORDER BY i.href", index, None, None
    )
    found = list(stream(source, seed=None).epoch(Shard()))
    assert [sample["band"] for sample in found] == ["nir", "red"] * 3
    assert found[0]["pixels"].shape == (1, 4, 4)
    assert found[0]["valid"].shape == (4, 4)


@pytest.mark.parametrize(
    ("tables", "key", "message"),
    [
        ({"places": PLACES}, "m", "no table of tables= have the column 'm'"),
        ({"places": PLACES, "more": PLACES}, "n", "2 tables of tables= have the column 'n'"),
        ({"places": PLACES}, "label", "'label' is not a key: 23 rows have 2 different values"),
        ({"places": PLACES.slice(0, 0)}, "n", "there are no samples"),
        ({"places": 5}, "n", "the table 'places' is a int"),
        ({"idx": PLACES}, "n", "index= is the table 'idx' of the query, which tables= has too"),
    ],
)
def test_tables_that_do_not_fit_are_refused(index: Path, tables: Any, key: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=f"Samples: {message}"):
        source_of(SQL, index, tables, key)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT p.n AS m FROM places AS p", "the query has no column 'n', which names a sample; it has 'm'"),
        ("SELECT p.n FROM places AS p, range(2)", "the query has more than one row for n = "),
        ("SELECT p.n + 1000 AS n FROM places AS p", "the query has a row that was not asked for for n = 1"),
    ],
)
def test_queries_whose_rows_are_not_the_samples_are_refused(index: Path, sql: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=f"Samples: {message}"):
        numbers(stream(source_of(sql, index, {"places": PLACES}, "n")).epoch(Shard()))


def test_an_error_of_the_query_is_the_consumers(index: Path) -> None:
    with pytest.raises(duckdb.Error, match="nothing"):
        numbers(
            stream(source_of("SELECT nothing FROM places", index, {"places": PLACES}, "n")).epoch(Shard())
        )
