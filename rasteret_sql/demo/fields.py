"""The labelled fields: which parcels of the landscape a farmer's survey happened to visit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
from pyproj import Transformer
from shapely import Polygon, orient_polygons, to_wkb
from shapely.geometry import mapping

from rasteret_sql.demo.landscape import ORIGIN, PIXEL_M, Landscape, Parcel
from rasteret_sql.demo.scenes import GRIDS, WORLD_EPSG, Grid

WANTED = {"wheat": 6, "maize": 5, "grass": 4, "forest": 3, "water": 2}
INSET_M = 18.0
"""Nearly two pixels: a field's pixels then hold nothing of its neighbours."""
APART_M = 900.0
SPLITS = ("train", "train", "train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Field:
    """One labelled polygon."""

    field_id: int
    label: str
    split: str
    """``train``, ``validation`` or ``test``."""
    polygon: Polygon
    """Longitude and latitude (OGC:CRS84)."""


def choose_fields(land: Landscape) -> list[Field]:
    """A fixed number of fields of each label, well apart, each wholly inside one zone's tile."""
    order = land.rng(11).permutation(len(land.parcels))
    inside = [_inside_test(grid) for grid in GRIDS]
    missing, chosen, centres = dict(WANTED), [], np.empty((0, 2))
    for parcel in (land.parcels[i] for i in order):
        if not missing.get(parcel.label):
            continue
        ring = land.from_parcel_frame(parcel.outline(INSET_M))
        if not any(test(ring) for test in inside) or not _is_whole(land, parcel):
            continue
        centre = ring.mean(0)
        if len(centres) and np.hypot(*(centres - centre).T).min() < APART_M:
            continue
        centres = np.vstack([centres, centre])
        missing[parcel.label] -= 1
        chosen.append((parcel.label, ring))
    return list(_numbered(chosen))


def write_fields(folder: Path, fields: list[Field]) -> None:
    """``fields.parquet`` (GeoParquet: field_id, label, split, geom) and the same as ``fields.geojson``."""
    path = str(folder / "fields.parquet").replace("'", "''")
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE fields (field_id INTEGER, label VARCHAR, split VARCHAR, geom GEOMETRY('OGC:CRS84'))"
        )
        con.executemany(
            "INSERT INTO fields VALUES (?, ?, ?, ST_GeomFromWKB(?::BLOB))",
            [[f.field_id, f.label, f.split, to_wkb(f.polygon)] for f in fields],
        )
        con.execute(f"COPY fields TO '{path}' (FORMAT parquet)")
    features = [
        {
            "type": "Feature",
            "id": f.field_id,
            "properties": {"field_id": f.field_id, "label": f.label, "split": f.split},
            "geometry": mapping(f.polygon),
        }
        for f in fields
    ]
    document = {"type": "FeatureCollection", "features": features}
    (folder / "fields.geojson").write_text(json.dumps(document, indent=1), encoding="utf-8")


def _numbered(chosen: list[tuple[str, npt.NDArray[np.float64]]]) -> Iterator[Field]:
    to_lonlat = Transformer.from_crs(WORLD_EPSG, "OGC:CRS84", always_xy=True)
    chosen.sort(key=lambda pair: list(WANTED).index(pair[0]))
    for i, (label, ring) in enumerate(chosen):
        lonlat = np.column_stack(to_lonlat.transform(*ring.T)).round(7)
        yield Field(
            field_id=i + 1,
            label=label,
            split=SPLITS[i % len(SPLITS)],
            polygon=orient_polygons(Polygon(lonlat)),
        )


def _is_whole(land: Landscape, parcel: Parcel) -> bool:
    """No river or lake cuts through: rings ever further inwards meet the parcel's own pixels only."""
    x0, y0, x1, y1 = parcel.box
    insets = np.arange(INSET_M, min(x1 - x0, y1 - y0) / 2, PIXEL_M)
    points = land.from_parcel_frame(np.concatenate([parcel.outline(inset) for inset in insets]))
    col, row = ((points - ORIGIN) * (1, -1) / PIXEL_M).astype(int).T
    return bool((land.parcel_numbers[row, col] == parcel.number).all())


def _inside_test(grid: Grid) -> Callable[[npt.NDArray[np.float64]], bool]:
    to_grid = Transformer.from_crs(WORLD_EPSG, grid.epsg, always_xy=True)
    x0, y0, x1, y1 = grid.bounds

    def inside(ring: npt.NDArray[np.float64]) -> bool:
        x, y = to_grid.transform(*ring.T)
        return bool(x.min() > x0 and x.max() < x1 and y.min() > y0 and y.max() < y1)

    return inside
