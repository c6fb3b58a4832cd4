"""Small zones are counted together, with the answers of zones that are counted one by one."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import shapely

from rasteret_sql.geo.aoi import Aoi
from rasteret_sql.geo.window import Window
from rasteret_sql.geotiff.header import Header
from rasteret_sql.geotiff.read_headers import read_headers
from rasteret_sql.raster.zones import small_zones
from rasteret_sql.raster.zones.footprint import Rule
from rasteret_sql.raster.zones.footprints import CACHE
from rasteret_sql.raster.zones.statistics import zonal_statistics
from rasteret_sql.raster.zones.zone import ZoneRequest
from tests.bench.shapes import field

FILES = (
    "utm32_uint16", "rgb_mask", "rgba_alpha", "rgba_nodata", "bands_strips", "south_up", "geographic",
)  # fmt: skip
ZONES = 40


def zones_on(header: Header, rule: Rule, band: int) -> list[ZoneRequest]:
    """Irregular shapes over tile borders and the raster's edges, one far away, and a window."""
    rng = random.Random(3)
    a, b, c, d, e, f = header.transform
    level = header.full
    areas: list[Aoi | Window] = [Window(x_off=120, y_off=30, width=25, height=20)]
    for number in range(ZONES):
        middle = rng.uniform(0, level.width), rng.uniform(0, level.height)
        ring = np.array(field(rng, (-999, 0) if number == 9 else middle, rng.uniform(2, 70)))
        world = ring @ [[a, d], [b, e]] + [c, f]
        areas.append(Aoi(geometry=shapely.Polygon(world), crs=header.crs or ""))
    return [
        ZoneRequest(area=area, bands=(band,), rule=rule, exclude_nodata=number % 5 != 4)
        for number, area in enumerate(areas)
    ]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("rule", [Rule(), Rule(all_touched=True), Rule(coverage=True)], ids=str)
def test_together_as_one_by_one(corpus: Path, name: str, rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    (header,) = read_headers([str(corpus / f"{name}.tif")])
    assert isinstance(header, Header)
    requests = zones_on(header, rule, header.band_count if name == "bands_strips" else 1)
    sources = [header] * len(requests)
    together = zonal_statistics(sources, requests)
    monkeypatch.setattr(small_zones, "NARROW", ())
    alone = zonal_statistics(sources, requests)

    assert together[10] is None
    assert sum(one is not None and one.moments is not None for one in together) > ZONES / 2
    close = {"rel": 1e-11, "abs": 1e-9} if rule.coverage else {"rel": 0, "abs": 0}
    for one, want in zip(together, alone, strict=True):
        assert (one is None) == (want is None)
        if one is None or want is None:
            continue
        assert one.pixels == pytest.approx(want.pixels, rel=1e-12)
        assert (one.moments is None) == (want.moments is None)
        if one.moments is not None and want.moments is not None:
            assert vars(one.moments) == pytest.approx(vars(want.moments), **close)
            assert one.distribution is not None
            assert want.distribution is not None
            assert np.array_equal(one.distribution.values, want.distribution.values)
            assert one.distribution.median == pytest.approx(want.distribution.median, **close)


def test_shapes_of_one_rule_are_not_taken_for_those_of_another(corpus: Path) -> None:
    (header,) = read_headers([str(corpus / "utm32_uint16.tif")])
    assert isinstance(header, Header)
    for cached in (False, True):
        if not cached:
            CACHE.clear()
            small_zones.SHAPES.clear()
        counts = []
        for rule in (Rule(), Rule(coverage=True), Rule(all_touched=True)):
            requests = zones_on(header, rule, 1)[1:9]
            found = zonal_statistics([header] * len(requests), requests)
            counts.append(sum(one.pixels for one in found if one is not None))
        assert counts[0] != counts[1]
        assert counts[0] < counts[2]
        assert counts[1] < counts[2]
