"""Rows of an index that come in several vectors: each header is that of its row, and is made once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasteret_sql.duck.arguments import rasters as module
from rasteret_sql.duck.arguments.index import HeaderColumn
from rasteret_sql.duck.arguments.kept_headers import KeptHeaders
from rasteret_sql.duck.arguments.rasters import MAX_ROWS_ONE_BY_ONE, rasters
from rasteret_sql.duck.arrow import types
from rasteret_sql.duck.arrow.arrays import array_of
from rasteret_sql.errors import RasteretError
from rasteret_sql.geotiff.header import Header

MANY = MAX_ROWS_ONE_BY_ONE + 1
ROW: dict[str, Any] = {
    "href": "a.tif", "width": 20, "height": 10, "band_count": 1, "dtype": "float32", "tile_width": 16,
    "tile_height": 16, "tiled": True, "compression": "deflate", "predictor": 1, "interleave": "pixel",
    "byte_order": "little", "bits_per_sample": 32, "transform": [10.0, 0.0, 0.0, 0.0, -10.0, 0.0],
    "crs": "EPSG:32632", "tile_offsets": [100, 200], "tile_byte_counts": [50, 60],
}  # fmt: skip
HALF = {"width": 10, "height": 5, "tile_offsets": [300], "tile_byte_counts": [40]}
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "href": st.sampled_from(["a.tif", "b.tif", None]),
        "nodata": st.sampled_from([float("nan"), 0.0, -0.0, None]),
        "etag": st.sampled_from(["x", "y"]),
        "crs": st.sampled_from(["EPSG:32632", "EPSG:32633", None]),
        "tile_offsets": st.sampled_from([[100, 200], [100, 201], [100]]),
        "tile_byte_counts": st.sampled_from([[50, 60], [51, 60], None]),
        "overviews": st.sampled_from([None, [ROW | HALF], [ROW | HALF | {"tile_offsets": [301]}]]),
    },
)


def column_of(changes: list[dict[str, Any] | None]) -> pa.StructArray:
    return array_of([None if change is None else ROW | change for change in changes], types.HEADER)


def text(outcome: Header | RasteretError | None) -> str:
    """All of a header, NaN equal to itself."""
    return f"{type(outcome).__name__} {outcome}"


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> KeptHeaders:
    kept = KeptHeaders()
    monkeypatch.setattr(module, "HEADERS", kept)
    return kept


@pytest.fixture
def made(kept: KeptHeaders, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of which headers are made."""
    made: list[int] = []
    plain = HeaderColumn.header

    def header(self: HeaderColumn, row: int, *, overviews: bool) -> Header:
        made.append(row)
        return plain(self, row, overviews=overviews)

    monkeypatch.setattr(HeaderColumn, "header", header)
    return made


@given(
    vectors=st.lists(
        st.lists(st.tuples(st.none() | CHANGES, st.booleans()), min_size=1, max_size=8),
        min_size=2,
        max_size=4,
    )
)
def test_a_header_is_that_of_its_row(vectors: list[list[tuple[dict[str, Any] | None, bool]]]) -> None:
    """Rows of one href that differ, in one vector or in two, are never mixed up."""
    module.HEADERS = KeptHeaders()
    for drawn in vectors:
        some = (drawn * MANY)[:MANY]
        column = column_of([change for change, _ in some])
        finer = [overviews for _, overviews in some]
        found = rasters(column, finer)
        for row in range(len(drawn)):
            (alone,) = rasters(column.slice(row, 1), finer[row : row + 1])
            assert text(found[row]) == text(alone)


@pytest.mark.parametrize("nodata", [0.0, float("nan"), None])
def test_a_row_is_read_once(made: list[int], nodata: float | None) -> None:
    """Also where its nodata is NaN, which equals nothing."""
    changes = [{"href": f"{n % 50}.tif", "nodata": nodata} for n in range(MANY)]
    first = rasters(column_of(changes), [False] * MANY)
    again = rasters(column_of(changes[::-1]), [False] * MANY)
    assert len(made) == 50
    assert all(a is b for a, b in zip(first, reversed(again), strict=True))


def test_only_new_rows_are_read_and_kept(made: list[int], kept: KeptHeaders) -> None:
    changes = [{"href": f"{n}.tif"} for n in range(MANY)]
    rasters(column_of(changes), [False] * MANY)
    size = kept._vectors.size
    rasters(column_of([*changes[1:], {"href": "new.tif"}]), [False] * MANY)
    assert len(made) == MANY + 1
    assert kept._vectors.size < size * 1.1


def test_what_has_no_header_is_said_again(made: list[int]) -> None:
    changes = [{"href": f"{n % 2}.tif", "tile_byte_counts": [50]} for n in range(MANY)]
    for _ in range(2):
        found = rasters(column_of(changes), [False] * MANY)
        assert isinstance(found[0], RasteretError)
        assert "1 tile_byte_counts" in str(found[0])
    assert len(made) == 4


def test_rows_over_the_limit_are_forgotten(
    made: list[int], kept: KeptHeaders, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = [[{"href": f"{v}/{n}.tif"} for n in range(MANY)] for v in range(3)]
    rasters(column_of(vectors[0]), [False] * MANY)
    monkeypatch.setattr(kept._vectors, "_limit", kept._vectors.size * 2)
    for number in (1, 0, 2):  # 0 was used after 1
        rasters(column_of(vectors[number]), [False] * MANY)
    assert len(made) == 3 * MANY
    rasters(column_of(vectors[0]), [False] * MANY)
    assert len(made) == 3 * MANY
    rasters(column_of(vectors[1]), [False] * MANY)
    assert len(made) == 4 * MANY


def test_threads_share_them(kept: KeptHeaders) -> None:
    """Each gets the headers of its own rows, whatever the others keep meanwhile."""
    columns = [column_of([{"href": f"{n % 60}.tif", "etag": str(e)} for n in range(MANY)]) for e in range(3)]

    def etags(number: int) -> set[str | None]:
        return {one.etag for one in rasters(columns[number % 3], [False] * MANY) if isinstance(one, Header)}

    with ThreadPoolExecutor(6) as threads:
        for number, found in enumerate(threads.map(etags, range(60))):
            assert found == {str(number % 3)}
