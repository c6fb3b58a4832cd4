"""Affine and nodata of a raster, beside rasterio's reading of the same file."""

import math
import warnings
from dataclasses import astuple

import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from rasteret_sql.errors import MalformedError, UnsupportedError
from rasteret_sql.geotiff.from_tiff import build_header
from rasteret_sql.geotiff.georef.georeference import nodata_of, transform_of
from rasteret_sql.store.protocol import ObjectInfo
from rasteret_sql.tiff.build import build_tiff
from rasteret_sql.tiff.image import Image
from tests.tiff.examples import blocks_of, image, tiff

UTM = {1024: 1, 3072: 32632}
MATRIX = (1.0, 2.0, 0.0, 3.0, 4.0, -5.0, 0.0, 6.0, *[0.0] * 7, 1.0)


def as_rasterio(own: Image) -> rasterio.DatasetReader:
    memory = MemoryFile(build_tiff(tiff(own), [blocks_of(own)]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return memory.open()


def georeferenced(**changes) -> Image:
    none = {"model_tiepoint": None, "model_pixel_scale": None, "model_transformation": None}
    return image(**{**none, "geo_keys": UTM, **changes})


TIE = (0.0, 0.0, 0.0, 500000.0, 5300000.0, 0.0)


@pytest.mark.parametrize("raster_type", [{}, {1025: 1}, {1025: 2}], ids=["unsaid", "area", "point"])
@pytest.mark.parametrize(
    "tags",
    [
        {"model_tiepoint": TIE, "model_pixel_scale": (10.0, 20.0, 0.0)},
        {"model_tiepoint": (2.0, 3.0, *TIE[2:]), "model_pixel_scale": (10.0, 20.0, 0.0)},
        {"model_tiepoint": TIE, "model_pixel_scale": (10.0, -20.0, 0.0)},
        {"model_tiepoint": TIE, "model_pixel_scale": (-10.0, 20.0, 0.0)},
        {"model_tiepoint": (*TIE, 4.0, 4.0, 0.0, 9.0, 9.0, 0.0), "model_pixel_scale": (10.0, 20.0, 0.0)},
        {"model_transformation": MATRIX},
        {"model_transformation": MATRIX, "model_tiepoint": TIE, "model_pixel_scale": (10.0, 20.0, 0.0)},
        {"model_transformation": (10.0, 0.0, 0.0, 3.0, 0.0, 10.0, 0.0, 6.0, *[0.0] * 7, 1.0)},
    ],
    ids=[
        "north-up",
        "inner tiepoint",
        "negative y",
        "negative x",
        "two tiepoints",
        "rotated",
        "both",
        "south-up",
    ],
)
def test_transform_equals_gdal(tags, raster_type):
    own = georeferenced(**tags, geo_keys={**UTM, **raster_type})
    with as_rasterio(own) as dataset:
        assert transform_of(own) == tuple(dataset.transform)[:6]


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"model_tiepoint": TIE},
        {"model_tiepoint": (*TIE, 4.0, 4.0, 0.0, 500040.0, 5299960.0, 0.0)},
        {"model_tiepoint": TIE, "model_pixel_scale": (10.0, 0.0, 0.0)},
        {"model_pixel_scale": (10.0, 10.0, 0.0)},
        {"model_transformation": MATRIX[:12]},
        {"model_transformation": (1.0, 2.0, 0.0, 0.0, 2.0, 4.0, *[0.0] * 10)},
    ],
    ids=[
        "nothing",
        "one tiepoint",
        "control points",
        "zero scale",
        "no tiepoint",
        "short matrix",
        "on a line",
    ],
)
def test_no_affine(tags):
    assert transform_of(georeferenced(**tags)) is None


HALF_WAY = (4.0, 4.0, 1.0, 500040.0, 5299960.0, 7.0)


@pytest.mark.parametrize("raster_type", [{}, {1025: 2}], ids=["area", "point"])
@pytest.mark.parametrize(
    "tags",
    [
        {"model_tiepoint": TIE},
        {"model_tiepoint": (*TIE, *HALF_WAY)},
        {"model_tiepoint": (*TIE, *HALF_WAY), "model_pixel_scale": (10.0, 0.0, 0.0)},
        {"model_tiepoint": (*TIE, *HALF_WAY), "model_transformation": MATRIX[:12]},
        {"model_tiepoint": (*TIE, *HALF_WAY[:3])},
    ],
    ids=["one", "two", "zero scale", "short matrix", "one and a half"],
)
def test_control_points_equal_gdals(tags, raster_type):
    own = georeferenced(**tags, geo_keys={**UTM, **raster_type})
    header = build_header("a.tif", tiff(own), ObjectInfo())
    with as_rasterio(own) as dataset:
        points, crs = dataset.gcps
        assert [(p.row, p.col, p.x, p.y, p.z) for p in points] == [astuple(p) for p in header.gcps]
        assert (header.gcps_crs, header.crs) == (crs.to_string(), None)
        assert dataset.crs is None
    assert header.transform == (1, 0, 0, 0, 1, 0), "no false transform"


def test_a_raster_with_an_affine_has_no_control_points():
    own = georeferenced(model_tiepoint=(*TIE, *HALF_WAY), model_pixel_scale=(10.0, 10.0, 0.0))
    header = build_header("a.tif", tiff(own), ObjectInfo())
    assert (header.gcps, header.gcps_crs, header.crs) == (None, None, "EPSG:32632")


def test_a_crs_without_any_place_is_left_out():
    """rasterio gives the CRS and pixel coordinates, which would put the raster near the CRS's origin."""
    own = georeferenced()
    header = build_header("a.tif", tiff(own), ObjectInfo())
    assert (header.crs, header.gcps, header.transform) == (None, None, (1, 0, 0, 0, 1, 0))
    with as_rasterio(own) as dataset:
        assert dataset.crs.to_epsg() == 32632


def test_an_affine_that_is_not_finite_is_malformed():
    own = georeferenced(model_tiepoint=TIE, model_pixel_scale=(math.nan, 10.0, 0.0))
    with pytest.raises(MalformedError, match="not finite"):
        transform_of(own)


SAMPLES = {
    "int8": {"dtype": "int8", "bits_per_sample": 8, "sample_format": "int"},
    "uint8": {"dtype": "uint8", "bits_per_sample": 8, "sample_format": "uint"},
    "int16": {"dtype": "int16", "bits_per_sample": 16, "sample_format": "int"},
    "float32": {"dtype": "float32", "bits_per_sample": 32, "sample_format": "float"},
    "float64": {"dtype": "float64", "bits_per_sample": 64, "sample_format": "float"},
    "int64": {"dtype": "int64", "bits_per_sample": 64, "sample_format": "int"},
    "uint64": {"dtype": "uint64", "bits_per_sample": 64, "sample_format": "uint"},
}


@pytest.mark.parametrize(
    ("dtype", "text"),
    [
        ("uint8", "0"),
        ("uint8", " 255 "),
        ("int16", "-9999"),
        ("int16", "-32768.0"),
        ("float32", "nan"),
        ("float32", "NaN"),
        ("float32", "inf"),
        ("float32", "-inf"),
        ("float32", "Infinity"),
        ("float32", "-Infinity"),
        ("float64", "+Infinity"),
        ("float64", " \t-Infinity"),
        ("float64", "INFINITY"),
        ("float64", "Infinity 5"),
        ("float64", "inf x"),
        ("float64", "+inf"),
        ("float64", "+nan"),
        ("float64", "-nan"),
        ("float64", "NAN"),
        ("float64", "1.#INF00"),
        ("float64", "-1.#inf"),
        ("float64", "+1.#INF"),
        ("float64", "   "),
        ("float64", "12 pixels"),
        ("float64", "no"),
        ("float32", "-1.#IND"),
        ("float32", "1.#QNAN"),
        ("float32", "-3.4e38"),
        ("float32", "0.1"),
        ("float32", "-3.4028234663852886e+38"),
        ("float32", "-3.40282346638529e+38"),
        ("float32", "3.40282346638529011e+38"),
        ("float64", "-1.7976931348623157e+308"),
        ("float64", "1e-320"),
        ("int64", "-9007199254740992"),
        ("uint64", "18446744073709549568"),
    ],
)
def test_nodata_equals_gdal(dtype, text):
    own = image(**SAMPLES[dtype], gdal_nodata=text)
    with as_rasterio(own) as dataset:
        assert nodata_of(own) == pytest.approx(dataset.nodata, rel=0, abs=0, nan_ok=True)


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [("uint8", "-1", -1.0), ("uint8", "256", 256.0), ("uint8", "nan", math.nan), ("int8", "128", 128.0)],
)
def test_nodata_that_no_pixel_can_have_is_kept(dtype, text, value):
    assert nodata_of(image(**SAMPLES[dtype], gdal_nodata=text)) == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize("text", [None, ""])
def test_no_nodata(text):
    assert nodata_of(image(gdal_nodata=text)) is None


@pytest.mark.parametrize("text", ["9223372036854775807", "-9007199254740993", "18446744073709551615"])
def test_nodata_of_64_bit_integers_that_a_float_does_not_hold(text):
    with pytest.raises(UnsupportedError, match=f"GDAL_NODATA is {text}, which no 64-bit float holds exactly"):
        nodata_of(image(**SAMPLES["int64"], gdal_nodata=text))


@given(st.text(max_size=30), st.sampled_from(list(SAMPLES)))
def test_any_text_is_a_number_or_a_named_error(text, dtype):
    try:
        value = nodata_of(image(**SAMPLES[dtype], gdal_nodata=text))
    except UnsupportedError:
        return
    assert value is None or isinstance(value, float)
