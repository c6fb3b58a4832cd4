"""What the page shows, taken from the tables that the story made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
from pyproj import Transformer
from shapely import from_wkb, transform

from rasteret_sql.demo import picture
from rasteret_sql.demo.scenes import CLEAR_SCL
from rasteret_sql.demo.sources import Source

Pixels = npt.NDArray[np.float64]
OVERVIEW_PIXELS = 420
"""About so many pixels across are wanted of a whole scene."""


@dataclass(frozen=True, kw_only=True)
class Chip:
    """One field on one date."""

    day: date
    scene: str
    false_colour: str
    ndvi_picture: str
    """Pictures as data URIs."""
    clear: float
    """Share of the field's pixels that are neither cloud nor shadow, 0 to 1."""
    ndvi: float | None
    """Mean of the clear pixels; None when there are none."""


@dataclass(frozen=True, kw_only=True)
class FieldCard:
    """One field through the season; dates on which no scene saw it are missing."""

    field_id: int
    label: str
    split: str
    chips: list[Chip]


@dataclass(frozen=True, kw_only=True)
class SceneMap:
    """One scene from its overviews, with the outlines of the fields."""

    title: str
    image: str
    width: int
    height: int
    outlines: list[tuple[str, list[tuple[float, float]]]]
    """Label and ring, in pixels of the image."""


def scene_maps(con: duckdb.DuckDBPyConnection, source: Source) -> list[SceneMap]:
    """The clearest scene of each CRS."""
    box = f"{list(source.bbox)}::DOUBLE[4]"
    (width_m,) = con.execute(
        "SELECT max(c.bbox.xmax - c.bbox.xmin) FROM 'idx.parquet' AS i, "
        f"read_cog(i, {box}) AS c WHERE i.band = ?",
        [source.red],
    ).fetchone() or (0,)
    rows = con.execute(
        f"""
        WITH clearest AS (
            SELECT id FROM 'idx.parquet' WHERE band = ?
            QUALIFY row_number() OVER (PARTITION BY crs ORDER BY cloud_cover, id) = 1
        )
        SELECT i.id, i.datetime::DATE, i.band, c.crs, c.transform, c.width, c.height, c.dtype, c.data
        FROM (FROM 'idx.parquet' SEMI JOIN clearest USING (id) WHERE band IN (?, ?)) AS i,
             read_cog(i, {box}, resolution := {width_m / OVERVIEW_PIXELS}) AS c
        ORDER BY c.crs, i.band
        """,
        [source.red, source.red, source.nir],
    ).fetchall()
    scenes: dict[str, dict[str, Any]] = {}
    for item_id, day, band, crs, affine, width, height, dtype, data in rows:
        bands = scenes.setdefault(item_id, {"day": day, "crs": crs, "affine": affine})
        bands[band] = np.frombuffer(data, dtype).reshape(height, width)
    return [_scene_map(con, source, scene) for scene in scenes.values()]


def _scene_map(con: duckdb.DuckDBPyConnection, source: Source, scene: dict[str, Any]) -> SceneMap:
    red, nir = scene[source.red], scene[source.nir]
    jpeg = picture.false_colour_jpeg(_reflectance(red, source), _reflectance(nir, source), seen=red != 0)
    height, width = red.shape
    a, _, c, _, e, f = scene["affine"]
    to_scene = Transformer.from_crs("OGC:CRS84", scene["crs"], always_xy=True).transform
    outlines = []
    for label, wkb in con.execute(
        "SELECT label, ST_AsWKB(geom) FROM 'fields.parquet' ORDER BY field_id"
    ).fetchall():
        ring = transform(from_wkb(bytes(wkb)), to_scene, interleaved=False).exterior.coords
        points = [((x - c) / a, (y - f) / e) for x, y in ring]
        if all(0 <= x <= width and 0 <= y <= height for x, y in points):
            outlines.append((label, points))
    return SceneMap(
        title=f"{scene['crs']}, {scene['day'].day} {scene['day']:%B %Y}",
        image=picture.data_uri(jpeg),
        width=width,
        height=height,
        outlines=outlines,
    )


def field_cards(con: duckdb.DuckDBPyConnection, source: Source) -> list[FieldCard]:
    """Every field with its chips by date; of several scenes on one date the clearest."""
    rows = con.execute(
        """
        WITH best AS (
            FROM season
            WHERE pixels > 0
            QUALIFY row_number() OVER (PARTITION BY field_id, date ORDER BY clear_pixels DESC, id) = 1
        )
        SELECT c.field_id, c.label, c.split, b.date, b.id, b.clear_pixels, b.ndvi, c.band, c.height, c.width,
               c.dtype, c.data, c.valid
        FROM best AS b
        JOIN chips AS c USING (field_id, id)
        ORDER BY c.field_id, b.date
        """
    ).fetchall()
    cards: dict[int, FieldCard] = {}
    waiting: dict[str, tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]] = {}
    for field_id, label, split, day, scene, clear, ndvi, band, height, width, dtype, data, valid in rows:
        pixels = np.frombuffer(data, dtype).reshape(height, width)
        usable = (
            np.ones(pixels.shape, bool) if valid is None else np.frombuffer(valid, bool).reshape(pixels.shape)
        )
        waiting[band] = pixels, usable
        if len(waiting) < 3:
            continue
        card = cards.setdefault(field_id, FieldCard(field_id=field_id, label=label, split=split, chips=[]))
        card.chips.append(_chip(source, waiting, day, scene, clear, ndvi))
        waiting = {}
    return list(cards.values())


def _chip(
    source: Source,
    bands: dict[str, tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]],
    day: date,
    scene: str,
    clear_pixels: int,
    mean_ndvi: float | None,
) -> Chip:
    (red_stored, inside), (nir_stored, _), (scl, _) = (bands[b] for b in (source.red, source.nir, source.scl))
    red, nir = _reflectance(red_stored, source), _reflectance(nir_stored, source)
    clear = np.isin(scl, CLEAR_SCL)
    with np.errstate(divide="ignore", invalid="ignore"):
        ndvi = (nir - red) / (nir + red)
    return Chip(
        day=day,
        scene=scene,
        false_colour=picture.data_uri(
            picture.false_colour_png(red, nir, inside=inside, seen=red_stored != 0)
        ),
        ndvi_picture=picture.data_uri(picture.ndvi_png(ndvi, inside=inside, clear=clear)),
        clear=clear_pixels / max(1, int(inside.sum())),
        ndvi=mean_ndvi,
    )


def _reflectance(stored: npt.NDArray[Any], source: Source) -> Pixels:
    return (stored.astype(np.float64) - source.zero) / 10_000
