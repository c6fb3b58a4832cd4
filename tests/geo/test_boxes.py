"""Which boxes meet: as DuckDB's && says, and around the globe."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from rasteret_sql.geo.aoi import parse_aoi
from rasteret_sql.geo.boxes import lonlat_boxes, meeting

DEGREES = st.integers(-1800, 1800).map(lambda tenths: tenths / 10)
LATITUDES = st.integers(-900, 900).map(lambda tenths: tenths / 10)
BOXES = st.lists(
    st.tuples(DEGREES, LATITUDES, DEGREES, LATITUDES).map(
        lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
    ),
    max_size=12,
)


@given(BOXES, BOXES)
def test_they_meet_where_duckdb_says_so(
    boxes: list[tuple[float, ...]], others: list[tuple[float, ...]]
) -> None:
    """Edges and corners count."""
    left, right = meeting(np.array(boxes).reshape(-1, 4), np.array(others).reshape(-1, 4))
    with duckdb.connect() as con:
        for name, each in (("boxes", boxes), ("others", others)):
            con.execute(f"CREATE TABLE {name} (n INTEGER, box GEOMETRY)")
            for n, box in enumerate(each):
                con.execute(f"INSERT INTO {name} SELECT $1, ST_GeomFromWKB($2)", [n, shapely.box(*box).wkb])
        expected = con.execute(
            "SELECT b.n, o.n FROM boxes AS b JOIN others AS o ON b.box && o.box ORDER BY ALL"
        ).fetchall()
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    ("box", "other", "meets"),
    [
        ((170, 0, 180, 10), (-190, 5, -185, 6), True),
        ((0, 0, 360, 10), (-20, 5, -10, 6), True),
        ((170, 0, 180, 10), (-180, 5, -179, 6), False),
        ((350, 0, 355, 10), (-8, 5, -7, 6), True),
        ((350, 0, 355, 10), (-8, 15, -7, 16), False),
        ((0, 0, 360, 10), (358, 5, 362, 6), True),
    ],
)
def test_a_turn_further_is_the_same_place(
    box: tuple[float, ...], other: tuple[float, ...], meets: bool
) -> None:
    for one, two in ((box, other), (other, box)):
        left, right = meeting(np.array([one], float), np.array([two], float))
        assert (left.tolist(), right.tolist()) == (([0], [0]) if meets else ([], []))


def test_what_is_not_there_meets_nothing() -> None:
    nowhere = np.full((2, 4), np.nan)
    there = np.array([[0.0, 0, 1, 1], [np.nan] * 4, [0, 0, 2, 2]])
    assert meeting(nowhere, there)[0].tolist() == []
    assert meeting(there, nowhere)[0].tolist() == []
    assert [rows.tolist() for rows in meeting(there, there)] == [[0, 0, 2, 2], [0, 2, 0, 2]]


def test_areas_are_boxed_in_degrees_whatever_their_crs() -> None:
    """Exactly where they are in degrees, else a little wider than they are."""
    degrees = parse_aoi("POLYGON ((12 48, 12.1 48, 12.1 48.1, 12 48))")
    metres = parse_aoi([500_000, 5_300_000, 510_000, 5_310_000], crs="EPSG:32632")
    boxes = lonlat_boxes([degrees, None, metres])
    assert boxes[0].tolist() == [12, 48, 12.1, 48.1]
    assert np.isnan(boxes[1]).all()
    assert boxes[2, 0] < 9.0 <= boxes[2, 0] + 2e-4
    assert 47.85 < boxes[2, 1] < boxes[2, 3] < 47.95
