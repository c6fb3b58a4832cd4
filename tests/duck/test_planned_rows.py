"""Rows of chips that share what a raster and a place have in common are those of each chip alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasteret_sql.duck.arrow import types
from rasteret_sql.duck.arrow.chip_source import plan_of, source_row
from rasteret_sql.duck.arrow.plan_columns import PlannedRow, alone, planned_array
from rasteret_sql.duck.arrow.planned_rows import PlannedRows, Wanted
from rasteret_sql.errors import LimitError, RasteretError, UnsupportedError
from rasteret_sql.geo.window import Window
from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.read_headers import known_headers
from rasteret_sql.raster.read.plan import Planner, ReadRequest
from rasteret_sql.settings import configure, settings
from tests.duck.corpus import write_corpus

WINDOWS = st.builds(
    lambda x, y, width, height: Window(x_off=x, y_off=y, width=width, height=height),
    st.integers(0, 200), st.integers(0, 150), st.integers(1, 120), st.integers(1, 120),
)  # fmt: skip


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> list[Header]:
    """Of several layouts: bands side by side and one after the other, masks, alpha, strips."""
    folder: Path = tmp_path_factory.mktemp("corpus")
    write_corpus(folder)
    outcomes = known_headers([str(path) for path in sorted(folder.glob("*.tif"))])
    found = [one for one in outcomes if isinstance(one, Header)]
    assert any(one.full.mask for one in found)
    assert any(one.alpha_band is not None for one in found)
    assert {one.full.interleave for one in found} == {"pixel", "band"}
    return found


def chip_rows(rows: PlannedRows, planner: Planner, header: Header, request: ReadRequest) -> list[PlannedRow]:
    raster, places = planner.placed(header, request)
    wanted = Wanted(header, request.all_touched, "fail", None, None)
    return [rows.chip(wanted, raster, place) for place in places]


@given(data=st.data())
def test_a_shared_row_is_that_of_the_chip(data: st.DataObject, headers: list[Header]) -> None:
    """The plan, byte for byte, and all columns that are made of it."""
    planner, rows = Planner(), PlannedRows()
    windows = data.draw(st.lists(WINDOWS, min_size=1, max_size=3))
    for header in data.draw(st.lists(st.sampled_from(headers), min_size=1, max_size=8)):
        for window in windows:
            bands = data.draw(st.none() | st.just((header.band_count, 1)))
            request = ReadRequest(area=window, bands=bands, all_touched=data.draw(st.booleans()))
            found = chip_rows(rows, planner, header, request)
            plans = Planner().chips(header, request)
            assert len(found) == len(plans)
            for row, (level, plan) in zip(found, plans, strict=True):
                source = one_row(row)["source"]
                assert source == source_row(plan, "fail")
                assert (row["level"], row["shape"], row["transform"]) == (level, plan.shape, plan.transform)
                blank = dict.fromkeys(("warp", "math", "stack", "error"))
                again = plan_of(blank | source)
                assert again.source.selection.stored == plan.selection.stored
                np.testing.assert_array_equal(again.source.selection.offsets, plan.selection.offsets)


def test_columns_are_those_of_each_row_alone(headers: list[Header]) -> None:
    """Of many rows, which are taken by number, and of those that failed between them."""
    planner, rows = Planner(), PlannedRows()
    planned: list[list[PlannedRow] | None] = [None]
    for n in range(30):
        window = Window(x_off=n % 5, y_off=0, width=20, height=30)
        planned += [chip_rows(rows, planner, header, ReadRequest(area=window)) for header in headers]
        planned.append([alone({"href": f"{n}.tif", "source": {"on_error": "null", "error": "gone"}})])
    merged = [None if some is None else [alone(one_row(row)) for row in some] for some in planned]
    shared, each = (planned_array(rows, types.CHIP_PLAN) for rows in (planned, merged))
    assert repr(shared.to_pylist()) == repr(each.to_pylist())  # NaN too


def one_row(row: PlannedRow) -> dict[str, Any]:
    """All values of a row in one."""
    parts = (row.raster, row.place, row.own)
    source = {name: value for part in parts for name, value in part.get("source", {}).items()}
    return row.raster | row.place | row.own | {"source": source}


def test_what_cannot_be_read_raises_each_time(headers: list[Header]) -> None:
    """A block that is too large, with a limit that changes while its header is kept."""
    header, most = headers[0], settings().max_tile_bytes
    request = ReadRequest(area=Window(x_off=0, y_off=0, width=5, height=5))
    assert chip_rows(PlannedRows(), Planner(), header, request)
    configure(max_tile_bytes=1)
    try:
        planner, rows = Planner(), PlannedRows()
        for _ in range(2):
            with pytest.raises(LimitError, match="max_tile_bytes"):
                chip_rows(rows, planner, header, request)
    finally:
        configure(max_tile_bytes=most)
    assert chip_rows(PlannedRows(), Planner(), header, request)


def test_an_error_holds_no_frames_of_earlier_ones(headers: list[Header]) -> None:
    """A level whose mask is missing where others have one: each chip says so anew."""
    from dataclasses import replace

    masked = next(one for one in headers if one.full.mask and one.overviews)
    broken = replace(masked, full=replace(masked.full, mask=None))
    planner, rows = Planner(), PlannedRows()
    request = ReadRequest(area=Window(x_off=0, y_off=0, width=5, height=5))
    raised: list[RasteretError] = []
    for _ in range(2):
        with pytest.raises(UnsupportedError, match="has an internal mask, but none for level 0") as error:
            chip_rows(rows, planner, broken, request)
        raised.append(error.value)
    assert raised[0] is not raised[1]
