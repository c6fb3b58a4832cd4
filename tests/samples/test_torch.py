"""Samples in PyTorch's own loaders: tensors, workers, states."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from rasteret_sql.errors import ArgumentError
from tests.samples.conftest import COUNT, PLACES, SQL

torch = pytest.importorskip("torch", reason="no torch: group torch")
from torch.utils.data import DataLoader  # noqa: E402  # after the skip

from rasteret_sql.torch import Samples  # noqa: E402


def samples(index: Path, **options: Any) -> Samples:
    given = {"index": index, "tables": {"places": PLACES}, "key": "n", "seed": 5, "part_size": 4, **options}
    return Samples(SQL, **given)


def numbers(batches: Any) -> list[int]:
    return [int(n) for batch in batches for n in batch["n"]]


def test_rows_are_tensors_that_may_be_written_to(index: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sample = next(iter(samples(index)))
    assert sample["pixels"].shape == (3, 2, 8, 8)
    assert sample["pixels"].dtype == torch.uint16
    assert sample["valid"].dtype == torch.bool
    assert sample["time"].dtype == torch.int64
    assert sample["label"] in ("a", "b")
    sample["pixels"].zero_()


def test_a_loader_makes_batches(index: Path) -> None:
    one = samples(index)
    assert len(one) == COUNT
    batches = list(DataLoader(one, batch_size=8))
    assert [tuple(batch["pixels"].shape) for batch in batches] == [(8, 3, 2, 8, 8)] * 2 + [(7, 3, 2, 8, 8)]
    assert sorted(numbers(batches)) == PLACES.column("n").to_pylist()
    assert numbers(DataLoader(one)) != numbers(batches), "the next epoch"


@pytest.mark.parametrize(("start", "world"), [("fork", 2), ("spawn", 1)])
def test_workers_and_ranks_share_an_epoch(index: Path, start: str, world: int) -> None:
    next(iter(samples(index)))  # this process has read before
    dealt = [
        numbers(
            DataLoader(samples(index, rank=rank, world=world), num_workers=2, multiprocessing_context=start)
        )
        for rank in range(world)
    ]
    each = COUNT // (2 * world) * 2
    assert [len(part) for part in dealt] == [each] * world
    assert len({n for part in dealt for n in part}) == each * world


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated")  # torchdata 0.11 on torch 2.13
@pytest.mark.parametrize("workers", [0, 2])
def test_a_stateful_loader_goes_on_in_the_middle_twice(index: Path, workers: int) -> None:
    loaders = pytest.importorskip("torchdata.stateful_dataloader", reason="no torchdata: group torch")

    def loader() -> Any:
        return loaders.StatefulDataLoader(samples(index), batch_size=3, num_workers=workers)

    expected = numbers(loader())
    found: list[int] = []
    state = None
    for count in (2, 2, 100):
        one = loader()
        if state is not None:
            one.load_state_dict(state)
        batches = iter(one)
        found += numbers(batch for _, batch in zip(range(count), batches, strict=False))
        state = one.state_dict()
        del batches
    assert found == expected
    assert len(found) == COUNT // max(workers, 1) * max(workers, 1)


def test_the_summary_says_what_it_takes_and_took(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = samples(index, world=2, rank=1)
    one.print_summary()
    assert capsys.readouterr().out == "23 samples in 6 parts, 11 for each of 2 ranks; 1 are left out\n"
    list(one)
    one.print_summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("epoch 1: 11 samples, 0 skipped, ")
    assert " requests, " in lines[2]
    assert lines[2].endswith(("the network limits", "decoding limits", "training limits"))
    assert one.counts.samples == 11


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": None}, "seed needs key: .*key='field_id'"),
        ({"key": None, "seed": None, "world": 2}, "world needs key"),
        ({"rank": 2, "world": 2}, "rank 2 of 2: a rank is at least 0 and less than world"),
        ({"uneven": "pad"}, "uneven is 'pad'; it must be one of drop, repeat"),
        ({"on_error": "null"}, "on_error is 'null'; it must be one of raise, skip"),
        ({"part_size": 0}, "part_size is 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(index: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        samples(index, **options)


def test_more_readers_than_samples_are_refused(index: Path) -> None:
    with pytest.raises(ArgumentError, match="23 samples cannot be dealt to 40 ranks and workers"):
        len(samples(index, world=40))


def test_without_a_key_there_is_no_state_and_no_length(index: Path) -> None:
    one = Samples("SELECT band, c.* FROM idx AS i, read_cog(i, size := 4) AS c", index=index)
    assert len(list(one)) == 6
    with pytest.raises(ArgumentError, match="a state needs key"):
        one.state_dict()
    with pytest.raises(TypeError, match="without key have no length"):
        len(one)
    with pytest.raises(ArgumentError, match="2 workers need key"):
        list(DataLoader(one, num_workers=2, collate_fn=list))
