"""Two hundred CRSs as GDAL writes them, in its three dialects, against GDAL's reading of the same file."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import pytest
import rasterio
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from rasterio.io import MemoryFile

from rasteret_sql.errors import UnsupportedError
from rasteret_sql.geotiff.georef.georeference import crs_of
from tests.geotiff.crs_cases import (
    DIFFERENT,
    IN_CITATIONS,
    LESS_EXACT,
    METHODS,
    NATIVE,
    OTHERS,
    REFUSED,
    VARIANTS,
    changed,
    user_defined,
)
from tests.tiff.examples import parse_all

pytestmark = pytest.mark.slow


def written(crs: CRS, options: dict[str, str]) -> bytes:
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=2, height=2, count=1, dtype="uint8", crs=crs.to_wkt("WKT2_2019"),
            transform=rasterio.Affine(10, 0, 100, 0, -10, 200), **options,
        ):  # fmt: skip
            pass
        return bytes(memory.read())


def gdals(data: bytes) -> CRS | None:
    """From the bytes alone: GDAL would take what GeoTIFF cannot hold from a sidecar."""
    with MemoryFile(data) as memory, memory.open() as dataset:
        return None if dataset.crs is None else CRS(dataset.crs.to_wkt(version="WKT2_2019"))


def ours(data: bytes) -> CRS | None:
    text = crs_of(parse_all(data).images[0])
    assert text is None or "32767" not in text
    if text is not None:
        # the text means the same to GDAL
        assert CRS(rasterio.CRS.from_user_input(text).to_wkt(version="WKT2_2019")).type_name
    return None if text is None else CRS.from_user_input(text)


def assert_same_places(own: CRS, theirs: CRS) -> None:
    """Longitudes and latitudes of the area of use come out alike, to 1e-9."""
    area = own.area_of_use
    west, south, east, north = (area.west, area.south, area.east, area.north) if area else (-60, -60, 60, 60)
    x, y = np.meshgrid(np.linspace(west, east, 9)[1:-1], np.linspace(south, north, 9)[1:-1])
    there = [
        np.array(Transformer.from_crs(c.geodetic_crs, c, always_xy=True).transform(x.ravel(), y.ravel()))
        for c in (own, theirs)
    ]
    np.testing.assert_array_equal(*(np.isfinite(t) for t in there))
    good = np.isfinite(there[0])
    np.testing.assert_allclose(there[0][good], there[1][good], rtol=1e-9, atol=1e-6)


def dialect_of(code: str) -> list[str]:
    """One of the three in turn: what is changed in a CRS says nothing of how it is written."""
    return [list(VARIANTS)[NATIVE.index(code) % len(VARIANTS)]] if code in NATIVE else list(VARIANTS)


def check(crs: CRS, name: str, variants: Iterable[str] = VARIANTS) -> None:
    seen: set[tuple[str, str]] = set()
    for variant in variants:
        data = written(crs, VARIANTS[variant])
        theirs = gdals(data)
        if (name, variant) in REFUSED:
            with pytest.raises(UnsupportedError, match=REFUSED[name, variant]):
                ours(data)
            continue
        own = ours(data)
        same = own is theirs if own is None or theirs is None else own.equals(theirs, ignore_axis_order=True)
        told = f"{variant}: {own and own.to_wkt()} and {theirs and theirs.to_wkt()}"
        assert same == ((name, variant) not in DIFFERENT), told
        comparable = same or DIFFERENT[name, variant] == LESS_EXACT
        pair = (str(own and own.to_wkt()), str(theirs and theirs.to_wkt()))
        if own is None or theirs is None or not comparable or pair in seen:
            continue
        seen.add(pair)
        if own.is_projected and has_arithmetic(own):
            assert_same_places(own, theirs)


def has_arithmetic(crs: CRS) -> bool:
    """PROJ knows the names of more methods than it can calculate."""
    try:
        Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    except ProjError:
        return False
    return True


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """GDAL says on standard error what it cannot write."""
    monkeypatch.setitem(os.environ, "CPL_LOG", os.devnull)


@pytest.mark.parametrize("code", METHODS)
def test_every_projection_method_by_code(code: str) -> None:
    check(CRS(code), code)


@pytest.mark.parametrize("code", NATIVE + IN_CITATIONS)
def test_every_projection_method_with_a_parameter_changed(code: str) -> None:
    check(changed(CRS(code)), f"changed {code}", dialect_of(code))


@pytest.mark.parametrize("code", NATIVE[::2])
def test_every_projection_method_on_a_user_defined_datum(code: str) -> None:
    check(user_defined(CRS(code)), f"user-defined {code}", dialect_of(code))


@pytest.mark.parametrize("definition", OTHERS)
def test_other_crss(definition: str) -> None:
    check(CRS(f"{definition} +no_defs +type=crs" if definition.startswith("+") else definition), definition)


def test_every_entry_of_the_tables_is_a_case() -> None:
    names = [*METHODS, *OTHERS, *(f"changed {c}" for c in NATIVE), *(f"user-defined {c}" for c in NATIVE)]
    named = {(name, variant) for name in names for variant in VARIANTS}
    assert named >= set(DIFFERENT) | set(REFUSED)
