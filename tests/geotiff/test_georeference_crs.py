"""GeoKeys to CRS, beside GDAL's reading of the same file: projections, units, datums, citations."""

import math
import warnings

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from rasteret_sql.errors import MalformedError, UnsupportedError
from rasteret_sql.geotiff.georef.georeference import crs_of
from rasteret_sql.tiff.build import build_tiff
from tests.geotiff.test_georeference import as_rasterio
from tests.tiff.examples import blocks_of, image, parse_all, tiff

ELLIPSOID = "+ellps=GRS80 +no_defs"
PROJECTIONS = [
    "tmerc +lat_0=1 +lon_0=10 +k=0.9 +x_0=5 +y_0=7",
    "tmerc +axis=wsu +lon_0=19",
    "utm +zone=33",
    "utm +zone=33 +south +units=us-ft",
    "omerc +lat_0=40 +lonc=10 +alpha=20 +gamma=21 +k=.99",
    "omerc +no_uoff +lat_0=40 +lonc=10 +alpha=20 +gamma=21 +k=.99",
    "merc +lon_0=3 +k=.9",
    "merc +lat_ts=20 +lon_0=3",
    "lcc +lat_1=30 +lat_2=50 +lat_0=40 +lon_0=-90 +x_0=1 +units=ft",
    "lcc +lat_1=30 +lat_0=30 +k_0=.999 +lon_0=-90",
    "laea +lat_0=52 +lon_0=10 +x_0=4",
    "laea +lat_0=90 +lon_0=10",
    "aea +lat_1=30 +lat_2=50 +lat_0=40 +lon_0=-90",
    "aeqd +lat_0=52 +lon_0=10",
    "eqdc +lat_1=30 +lat_2=50 +lat_0=40 +lon_0=-90",
    "stere +lat_0=52 +lon_0=10 +k=.9",
    "stere +lat_0=90 +lat_ts=70 +lon_0=-45",
    "stere +lat_0=-90 +lat_ts=-71 +lon_0=0",
    "stere +lat_0=90 +k=.994 +lon_0=10",
    "stere +lat_0=-90 +lon_0=10",
    "sterea +lat_0=52 +lon_0=10 +k=.9",
    "eqc +lat_ts=20 +lon_0=5",
    "eqc +lat_ts=20 +lat_0=10 +lon_0=5",
    "cass +lat_0=52 +lon_0=10",
    "gnom +lat_0=52 +lon_0=10",
    "mill +lon_0=10",
    "ortho +lat_0=52 +lon_0=10",
    "poly +lat_0=52 +lon_0=10",
    "robin +lon_0=10",
    "sinu +lon_0=10",
    "vandg +lon_0=10",
    "nzmg",
    "cea +lat_ts=30 +lon_0=2",
    # GeoTIFF has no code for these: GDAL writes ESRI's WKT into a citation.
    "moll +lon_0=5",
    "eck4",
    "geos +h=35785831 +lon_0=0 +sweep=y",
]
OTHERS = [
    "+proj=laea +lat_0=52 +lon_0=10 +R=6371000",
    "+proj=sinu +R=6371007.181",
    "+proj=longlat +R=6371000",
    "+proj=longlat +ellps=bessel +pm=paris",
    "+proj=longlat +ellps=bessel +towgs84=1,2,3",
    "+proj=tmerc +lon_0=9 +ellps=bessel +towgs84=598.1,73.7,418.2,0.202,0.045,-2.455,6.7",
    "EPSG:4326+3855",
    "EPSG:32632+5703",
    "EPSG:7405",
]
CODES = [
    "EPSG:32632", "EPSG:32733", "EPSG:4326", "EPSG:4267", "EPSG:4807", "EPSG:3857", "EPSG:3035",
    "EPSG:5070", "EPSG:2154", "EPSG:28992", "EPSG:27700", "EPSG:27572", "EPSG:2263", "EPSG:2053", "EPSG:5514",
    "EPSG:27200", "EPSG:3031", "EPSG:3413", "EPSG:6933", "EPSG:9377", "ESRI:54009", "ESRI:102039",
]  # fmt: skip


def written_by_gdal(crs: str, **options: str) -> tuple[bytes, CRS]:
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=4, height=4, count=1, dtype="uint8", crs=crs,
            transform=rasterio.Affine(10, 0, 100, 0, -10, 200), **options,
        ) as dataset:  # fmt: skip
            dataset.write(np.zeros((1, 4, 4), np.uint8))
        with memory.open() as dataset:
            return memory.read(), CRS(dataset.crs.to_wkt())


def own_crs(data: bytes) -> str | None:
    return crs_of(parse_all(data).images[0])


@pytest.mark.parametrize("crs", [f"+proj={p} {ELLIPSOID}" for p in PROJECTIONS] + OTHERS)
def test_definitions_become_wkt_equal_to_gdals(crs):
    data, theirs = written_by_gdal(crs)
    ours = own_crs(data)
    assert CRS(ours).equals(theirs, ignore_axis_order=True)
    assert "32767" not in ours
    assert "CRS[" in ours or ours in ("EPSG:9518", "EPSG:7405"), "WKT2, not an authority code"


@pytest.mark.parametrize("crs", CODES)
@pytest.mark.parametrize("flavor", ["STANDARD", "ESRI_PE"])
def test_codes_stay_codes(crs, flavor):
    assert own_crs(written_by_gdal(crs, GEOTIFF_KEYS_FLAVOR=flavor)[0]) == crs


@pytest.mark.parametrize(
    ("definition", "code"),
    [
        ("+proj=tmerc +lon_0=9 +k=0.9996 +x_0=500000 +datum=WGS84", "EPSG:32632"),
        ("+proj=stere +lat_0=90 +lat_ts=70 +lon_0=-45 +datum=WGS84", "EPSG:3413"),
        ("+proj=longlat +datum=WGS84", "EPSG:4326"),
        ("IAU_2015:49910", "IAU_2015:49910"),
    ],
)
def test_definitions_that_equal_a_code_become_the_code(definition, code):
    assert own_crs(written_by_gdal(definition)[0]) == code


def test_the_vertical_part_counts_in_geotiff_1_1_only_as_in_gdal():
    assert own_crs(written_by_gdal("EPSG:32632+5703", GEOTIFF_VERSION="1.0")[0]) == "EPSG:32632"
    compound = CRS(own_crs(written_by_gdal("EPSG:32632+5703", GEOTIFF_VERSION="1.1")[0]))
    assert [part.to_epsg() for part in compound.sub_crs_list] == [32632, 5703]


SEA_FEET = {1024: 1, 3072: 32632, 3076: 9002}


@pytest.mark.parametrize(
    "keys",
    [
        SEA_FEET,
        {1024: 1, 3072: 32632, 3076: 9003},
        {1024: 1, 3072: 32632, 3076: 32767, 3077: 0.5},
        {1024: 1, 3072: 2263, 3076: 9001},
        {1024: 1, 3072: 32632, 2048: 4267},
        {3072: 32632},
        {1024: 1, 3072: 20136},
        {1024: 3, 2048: 4978},
        {1024: 2, 2048: 4979},
        {1024: 2, 2050: 6326},
        {1024: 2, 2048: 32767, 2050: 6269},
        {1024: 2, 2056: 7030},
        {1024: 2, 2057: 6378137.0, 2059: 298.25},
        {1024: 2, 2057: 6371000.0},
        {1024: 2, 2048: 4807},
        {1024: 1, 2048: 4326, 3074: 16032},
        {1024: 1, 2048: 4326, 3072: 32767, 3074: 16032},
        {1024: 1, 2048: 4326, 3075: 1, 3080: 9.0, 3092: 0.9996, 3082: 5e5},
        {1024: 1, 2048: 4326, 3075: 7, 3080: 9.0, 3078: 20.0},
        {1024: 1, 2048: 4326, 3075: 8, 3078: 30.0, 3079: 40.0, 3084: 5.0, 3085: 35.0, 3086: 100.0},
        {1024: 1, 2048: 4807, 2054: 9105, 3075: 9, 3080: 0.0, 3081: 52.0, 3092: 0.9998},
        {1024: 1, 2048: 4326, 3075: 15, 3081: 90.0, 3095: 5.0, 3092: 0.994, 3076: 9001},
        {1024: 1, 3072: 32632, 4096: 32767},
        # geocentric
        {1024: 3, 2048: 4326},
        {1024: 3, 2050: 6326},
        {1024: 3, 2057: 6378137.0, 2059: 298.25},
        # what the file says of its own beside a code: parameters that agree, other ellipsoids and meridians
        {1024: 1, 3072: 32632, 3075: 1, 3080: 9.0, 3081: 0.0, 3092: 0.9996, 3082: 5e5, 3076: 9001},
        {1024: 2, 2048: 4326, 2057: 6370000.0, 2054: 9105},
        {1024: 1, 3072: 32632, 2057: 6370000.0},
        {1024: 2, 2050: 6326, 2051: 8903},
        {1024: 2, 2050: 6275, 2051: 8903, 2054: 9105},
        {1024: 1, 2048: 4807, 3075: 9, 3080: 0.0, 3081: 52.0, 3092: 0.9998},
        # local: named, or said to be projected without a projection, or without GTModelType
        {1024: 32767, 1026: "local", 3076: 9002},
        {1026: "local", 4096: 5703},
        {1024: 1, 3072: 32767},
        {1024: 1, 1026: "somewhere", 2048: 4326, 3076: 9001},
        {1024: 32767, 2048: 4326},
        {2050: 6326},
    ],
    ids=str,
)
def test_hand_made_keys_are_read_as_gdal_reads_them(keys):
    own = image(geo_keys=keys)
    with MemoryFile(build_tiff(tiff(own), [blocks_of(own)])) as memory, memory.open() as dataset:
        theirs = CRS(dataset.crs.to_wkt())
    assert CRS(crs_of(own)).equals(theirs, ignore_axis_order=True)


def test_a_wrong_unit_moves_the_pixels_so_it_must_not_be_lost():
    assert CRS(crs_of(image(geo_keys=SEA_FEET))).axis_info[0].unit_conversion_factor == 0.3048


@pytest.mark.parametrize(
    "keys", [{}, {1025: 1}, {1024: 32767}, {1024: 32767, 1025: 1, 3076: 9001}, {1024: 2}, {1024: 3}]
)
def test_keys_that_say_nothing_of_a_crs(keys):
    assert crs_of(image(geo_keys=keys)) is None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({1024: 1, 3072: 12}, r"ProjectedCRSGeoKey \(3072\) is 12, which is not a horizontal CRS"),
        ({1024: 2, 2048: 12}, r"GeodeticCRSGeoKey \(2048\) is 12, which is not a horizontal CRS"),
        ({1024: 1, 3072: 5703}, r"ProjectedCRSGeoKey \(3072\) is 5703, which is not a horizontal CRS"),
        (
            {1024: 2, 3072: 32632},
            r"contradict each other: GTModelType \(1024\) says geographic and ProjectedCRSGeoKey",
        ),
        (
            {1024: 1, 3072: 32632, 3075: 1, 3080: 15.0, 3092: 0.9996, 3082: 5e5},
            r"contradict each other: ProjectedCRSGeoKey \(3072\) is 32632, and the parameters",
        ),
        (
            {1024: 1, 2048: 4326, 3074: 16033, 3075: 1, 3080: 20.0, 3092: 0.9996, 3082: 5e5},
            r"contradict each other: ProjectionGeoKey \(3074\) is 16033, and the parameters",
        ),
        (
            {1024: 1, 2048: 4326, 3075: 1, 3080: 9.0, 3084: 10.0},
            r"of 'Longitude of natural origin', GeoKey 3080 is 9.0 and GeoKey 3084 is 10.0",
        ),
        (
            {1024: 1, 3072: 32632, 3075: 1, 3080: 9.0, 3084: 10.0},
            r"contradict each other: of 'Longitude of natural origin'",
        ),
        (
            {1024: 2, 2048: 4267, 2050: 6269},
            r"is 'NAD27' by its code, but GeogGeodeticDatum \(2050\) is 6269",
        ),
        ({1024: 2, 2048: 4267, 2056: 7030}, r"is 'NAD27' by its code, but its ellipsoid or prime meridian"),
        ({1024: 2, 2048: 4267, 2051: 8903}, r"is 'NAD27' by its code, but its ellipsoid or prime meridian"),
        ({1024: 2, 2048: 4267, 2054: 9105}, r"is 'NAD27' by its code, but GeogAngularUnits \(2054\) is not"),
        ({1024: 1, 3072: 2263, 2057: 6378206.4, 2059: 294.98}, r"is 'NAD83' by its code, but its ellipsoid"),
        ({1024: 1, 2048: 4267, 3075: 24, 2056: 7030}, r"is 'NAD27' by its code, but its ellipsoid"),
        (
            {1024: 2, 2056: 7030, 2057: 6371000.0},
            r"GeogEllipsoid \(2056\) is 7030 \(WGS 84\), and the axes beside",
        ),
        (
            {1024: 2, 2050: 6275, 2057: 6371000.0},
            r"GeogGeodeticDatum \(2050\) is 6275 .*, and GeogSemiMajorAxis",
        ),
        ({1024: 2, 2052: 9002, 2057: 20925646.3, 2059: 298.257}, r"an ellipsoid in units of 0.3048 m"),
        (
            {1024: 1, 2048: 4326, 3075: 3, 3088: 10.0, 3089: 40.0, 3094: 30.0, 3093: 1.0},
            r"Hotine Oblique Mercator \(variant A\) without ProjRectifiedGridAngle \(3096\) is not read",
        ),
        ({1024: 2, 2054: 9105, 2057: 6378249.2, 2061: 2.6}, r"in another unit than degrees is not read"),
        ({1024: 1, 3075: 2}, r"ProjCoordTrans \(3075\) = 2 \(Transverse Mercator, modified for Alaska\)"),
        ({1024: 1, 3075: 999}, r"ProjCoordTrans \(3075\) = 999, which is not read"),
        ({1024: 1, 3075: 15, 2048: 4326}, r"Polar Stereographic without a latitude"),
        (
            {1024: 1, 3075: 15, 3081: 70.0, 3092: 0.9},
            r"true scale at 70.0 and a scale factor of 0.9",
        ),
        ({1024: 1, 3075: 1, 3076: 4242}, r"GeoKey 3076 is 4242, which is not a unit of EPSG"),
        ({1024: 1, 3075: 1, 3076: 32767}, r"GeoKey 3076 is user-defined without its size in GeoKey 3077"),
        ({1024: 1, 3075: 1}, r"the ellipsoid is user-defined without GeogSemiMajorAxis \(2057\)"),
        ({1024: 1, 2048: 4326, 3074: 99}, r"the CRS of GeoKeys \{2048: 4326, 3074: 99\} cannot be built"),
        ({1024: 1, 1026: 'ESRI PE String = PROJCS["cut'}, "cannot be built"),
    ],
)
def test_what_cannot_be_built_is_named(keys, message):
    with pytest.raises(UnsupportedError, match=message):
        crs_of(image(geo_keys=keys))


def test_control_points_leave_the_crs_to_them(tmp_path):
    points = [
        rasterio.control.GroundControlPoint(row, col, 10 + col / 10, 50 - row / 10, 0)
        for row, col in ((0, 0), (0, 4), (4, 0), (4, 4))
    ]
    path = tmp_path / "gcps.tif"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", width=4, height=4, count=1, dtype="uint8") as dataset:
            dataset.gcps = (points, rasterio.CRS.from_epsg(4326))
    own = parse_all(path.read_bytes()).images[0]
    assert crs_of(own) == "EPSG:4326"
    assert len(own.model_tiepoint) == 24


KEY_IDS = (
    1024,
    1026,
    2048,
    2049,
    2050,
    2054,
    2056,
    2057,
    2059,
    2062,
    3072,
    3073,
    3074,
    3075,
    3076,
    3078,
    3081,
)
CODES_OF_ALL_KINDS = (1, 2, 3, 7, 15, 4326, 4979, 5703, 7405, 32632, 32767, 65535, 9001, 9102, 6326, 7030)
VALUES = st.one_of(
    st.sampled_from(CODES_OF_ALL_KINDS),
    st.sampled_from([0.0, 1.0, -90.0, 298.25, 6378137.0, 1e308, math.inf, math.nan]),
    st.sampled_from(["", "GCS Name = a|Datum = b|", "ESRI PE String = EPSG:4326", "ESRI PE String = x"]),
    st.just((1.0, 2.0, 3.0)),
)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from(KEY_IDS), VALUES, max_size=10), st.integers(0, 1))
def test_any_keys_are_a_crs_or_a_named_error(keys, minor_revision):
    try:
        found = crs_of(image(geo_keys=keys, geo_minor_revision=minor_revision))
    except (MalformedError, UnsupportedError):
        return
    assert found is None or CRS(found)


MERCATOR = {
    1024: 1, 1025: 1, 2048: 4326, 3072: 32767, 3074: 32767, 3075: 7, 3076: 9001, 3080: 0.0, 3081: 0.0,
    3082: 0.0, 3083: 0.0, 3092: 1.0,
}  # fmt: skip
SPHERE_NAMES = (
    "Google Maps Global Mercator",
    "google maps global mercator",
    "PCS Name = Google Maps Global Mercator",
    "WGS_1984_Web_Mercator",
    "WGS_1984_Web_Mercator_Auxiliary_Sphere",
    "PCS Name = WGS_1984_Web_Mercator_Auxiliary_Sphere",
    "WGS 84 / Pseudo-Mercator",
)


@pytest.mark.parametrize("key", [1026, 3073])
@pytest.mark.parametrize("name", SPHERE_NAMES)
def test_web_mercator_by_its_name_is_on_the_sphere_as_in_gdal(name, key):
    own = image(geo_keys={**MERCATOR, key: name})
    to_lonlat = Transformer.from_crs(crs_of(own), "EPSG:4326", always_xy=True)
    _, latitude = to_lonlat.transform(-12334000.0, 4514000.0)
    # latitude of the sphere: 2·atan(exp(y / 6378137)) - 90 degrees
    assert latitude == pytest.approx(37.53537, abs=1e-4)
    with as_rasterio(own) as dataset:
        theirs = CRS(dataset.crs.to_wkt())
    (_, gdal) = Transformer.from_crs(theirs, "EPSG:4326", always_xy=True).transform(-12334000.0, 4514000.0)
    assert latitude == pytest.approx(gdal, abs=1e-9)


@pytest.mark.parametrize("name", ["Google Mercator", "Google Maps Global Mercator 2", "World_Mercator"])
def test_other_names_of_mercator_are_on_the_ellipsoid_as_in_gdal(name):
    to_lonlat = Transformer.from_crs(
        crs_of(image(geo_keys={**MERCATOR, 1026: name})), "EPSG:4326", always_xy=True
    )
    assert to_lonlat.transform(-12334000.0, 4514000.0)[1] == pytest.approx(37.72143, abs=1e-4)


@pytest.mark.parametrize("code", [3857, 3785])
def test_a_code_of_web_mercator_beside_parameters_of_mercator(code):
    own = crs_of(image(geo_keys={**MERCATOR, 3072: code}))
    to_lonlat = Transformer.from_crs(own, "EPSG:4326", always_xy=True)
    assert to_lonlat.transform(-12334000.0, 4514000.0)[1] == pytest.approx(37.53537, abs=1e-4)


def test_a_flattening_of_0_is_a_sphere_and_no_wgs_84():
    keys = {**MERCATOR, 2057: 6378137.0, 2059: 0.0}
    with pytest.raises(UnsupportedError, match="its ellipsoid or prime meridian"):
        crs_of(image(geo_keys=keys))


IMAGINE = (
    "IMAGINE GeoTIFF Support\nCopyright\nProjection Name = State Plane\nUnits = {0}\nGeoTIFF Units = {0}"
)
UNITS = (
    "meters", "meter", "m", "centimeters", "cm", "millimeters", "kilometers", "km", "us_survey_feet",
    "us_survey_foot", "feet", "foot", "ft", "international_feet", "International_FeeT", "international_foot",
    "inches", "inch", "yards", "yard", "yd", "modified_american_feet", "clarke_feet", "clarke_foot",
    "indian_feet", "indian_foot", "metres", "us-ft", "clarke_yard", "furlongs",
)  # fmt: skip


@pytest.mark.parametrize("keys", [{3072: 2838}, {3072: 26910}], ids=str)
@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_in_a_citation_of_imagine_counts_as_in_gdal(unit, keys):
    own = image(geo_keys={1024: 1, 1025: 1, 1026: IMAGINE.format(unit), **keys})
    with as_rasterio(own) as dataset:
        factor = dataset.crs.linear_units_factor[1]
    mine = CRS(crs_of(own))
    assert mine.axis_info[0].unit_conversion_factor == pytest.approx(factor, rel=1e-12)
    known = Transformer.from_crs("EPSG:4326", f"EPSG:{keys[3072]}", always_xy=True).transform(-122.6, 45.4)
    found = Transformer.from_crs("EPSG:4326", mine, always_xy=True).transform(-122.6, 45.4)
    assert found == pytest.approx(tuple(metres / factor for metres in known), rel=1e-9)


@pytest.mark.parametrize("unit", ["mm", "mile", "miles", "mi", "in"])
def test_units_of_imagine_that_gdal_takes_for_others_are_refused(unit):
    with pytest.raises(UnsupportedError, match=f"the unit '{unit}' in IMAGINE's GTCitation"):
        crs_of(image(geo_keys={1024: 1, 1026: IMAGINE.format(unit), 3072: 2838}))
