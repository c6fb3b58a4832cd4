"""write_items, and stac_read of what it wrote: the same items, whatever their properties are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rasteret_sql.errors import UnsupportedError
from rasteret_sql.pipeline import write_items

HREF = {"href": "https://host/a.tif"}
RING = [[500000.0, 5e6], [6e5, 5e6], [6e5, 5.1e6], [500000.0, 5e6]]
FOOTPRINT = {"type": "Polygon", "coordinates": [RING]}


def item(name: str, assets: Any = None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": "c",
        "geometry": None, "links": [],
        "assets": {"red": HREF} if assets is None else assets,
        "properties": {"datetime": "2024-05-01T00:00:00Z", **properties},
    }  # fmt: skip


def written(con: duckdb.DuckDBPyConnection, folder: Path, items: list[Any], where: str = "") -> Path:
    source, path = folder / "items.json", folder / "items.parquet"
    source.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    count = write_items(con, f"FROM stac_read('{source}') {where}", path)
    assert count == con.execute(f"SELECT count(*) FROM stac_read('{path}')").fetchone()[0]  # type: ignore[index]
    return path


def read(con: duckdb.DuckDBPyConnection, path: Path) -> list[dict[str, Any]]:
    """The properties of each item by id, but ``datetime``."""
    rows = con.execute(f"SELECT properties FROM stac_read('{path}') ORDER BY id").fetchall()
    return [{key: v for key, v in json.loads(text).items() if key != "datetime"} for (text,) in rows]


def present(value: Any) -> Any:
    """``value`` without members that are null: the format has no other word for absence."""
    if isinstance(value, dict):
        return {key: present(member) for key, member in value.items() if member is not None}
    return [present(member) for member in value] if isinstance(value, list) else value


NAMES = st.sampled_from(["a", "b", "eo:x", "published", "p", "assets:n", "ü"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e6, 1e6)
    | st.text("aZ0'\"\\{ü", max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(NAMES | st.just("A") | st.just(""), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(several=st.lists(st.dictionaries(NAMES, VALUES, max_size=4), min_size=1, max_size=4))
def test_any_properties_come_back(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, several: list[dict[str, Any]]
) -> None:
    path = written(con, tmp_path, [item(str(n), **properties) for n, properties in enumerate(several)])
    assert [present(found) for found in read(con, path)] == [present(properties) for properties in several]


def test_one_name_and_several_types(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    several: list[dict[str, Any]] = [{"x": "s"}, {"x": 1}, {"x": 2.5}, {"x": {"y": [1, "2"]}}, {"x": [None]}]
    again = tmp_path / "again.parquet"
    path = written(con, tmp_path, [item(str(n), **properties) for n, properties in enumerate(several)])
    assert read(con, path) == several
    write_items(con, f"FROM stac_read('{path}')", again)
    assert read(con, again) == several


def test_nothing_and_no_assets(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    assert written(con, tmp_path, [item("a")], "WHERE false").exists()
    path = written(con, tmp_path, [item("a", {}), item("b", {})])
    assert con.execute(f"SELECT id, assets FROM stac_read('{path}') ORDER BY id").fetchall() == [
        ("a", {}),
        ("b", {}),
    ]
    path = written(con, tmp_path, [item("a", {}), item("b")])
    rows = con.execute(f"SELECT map_keys(assets) FROM stac_read('{path}') ORDER BY id").fetchall()
    assert rows == [([],), (["red"],)]


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (item("a", {"B1": HREF, "b1": HREF}), ("assets", "'B1'", "'b1'")),
        (item("a", X=1, x=2), ("properties", "'X'", "'x'")),
        (item("a", {"red": {**HREF, "Title": "t", "title": "u"}}), ("'red'", "'Title'", "'title'")),
        (item("a", Datetime=1), ("'Datetime'",)),
        (item("a", ID=1), ("'ID'", "no place|differ")),
        (item("a", **{"": 1}), ("empty name",)),
    ],
    ids=["assets", "properties", "members", "datetime", "kept", "empty"],
)
def test_names_that_columns_cannot_have(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, made: Any, names: tuple[str, ...]
) -> None:
    with pytest.raises(UnsupportedError) as raised:
        written(con, tmp_path, [made])
    assert all(any(word in str(raised.value) for word in name.split("|")) for name in names)
    assert not (tmp_path / "items.parquet").exists()


def test_names_alike_deeper_down_are_no_columns(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    properties = {"x": {"K": 1, "k": {"": 2}}}
    assert read(con, written(con, tmp_path, [item("a", **properties)])) == [properties]


def test_the_footprint_in_the_items_crs_is_wkb(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    properties = [{"proj:geometry": FOOTPRINT}, {}, {"proj:geometry": None}]
    path = written(con, tmp_path, [item(str(n), **more) for n, more in enumerate(properties)])
    column = pq.read_table(path)["proj:geometry"].to_pylist()
    assert sorted(value for value in column if value) == [shapely.to_wkb(shapely.Polygon(RING))]
    about = json.loads(pq.read_metadata(path).metadata[b"geo"])["columns"]["proj:geometry"]
    assert (about["encoding"], about["crs"]) == ("WKB", None)
    assert read(con, path) == [{"proj:geometry": FOOTPRINT}, {}, {}]
    odd = [{"proj:geometry": FOOTPRINT}, {"proj:geometry": "none"}]
    path = written(con, tmp_path, [item(str(n), **more) for n, more in enumerate(odd)])
    assert read(con, path) == odd


def test_moments_are_timestamps_where_all_are(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    con.execute("SET TimeZone = 'America/New_York'")
    path = written(
        con, tmp_path, [item("a", created="2024-05-01T02:00:00+02:00", updated="2024-05-01T00:00:00")]
    )
    assert str(pq.read_schema(path).field("updated").type) == "timestamp[us, tz=UTC]"
    assert read(con, path) == [{"created": "2024-05-01T00:00:00Z", "updated": "2024-05-01T00:00:00Z"}]
    odd = [{"expires": "2024-05-01T00:00:00Z"}, {"expires": "yesterday"}, {"expires": 5}]
    path = written(con, tmp_path, [item(str(n), **more) for n, more in enumerate(odd)])
    assert read(con, path) == odd
