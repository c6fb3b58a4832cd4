"""CRSs for GDAL to write into GeoTIFFs, and where our reading differs from GDAL's, and why."""

from __future__ import annotations

from typing import Any

from pyproj import CRS

VARIANTS = {
    "1.0": {"GEOTIFF_VERSION": "1.0"},
    "1.1": {"GEOTIFF_VERSION": "1.1"},
    "ESRI": {"GEOTIFF_KEYS_FLAVOR": "ESRI_PE"},
}

# One CRS of each projection method that EPSG, ESRI and PROJ know: see ``changed`` and ``user_defined``.
METHODS = [
    "EPSG:2000", "EPSG:2046", "EPSG:2056", "EPSG:2062", "EPSG:2065", "EPSG:2066", "EPSG:2138", "EPSG:2172",
    "EPSG:2218", "EPSG:2963", "EPSG:2964", "EPSG:2985", "EPSG:3000", "EPSG:3031", "EPSG:3035", "EPSG:3078",
    "EPSG:3139", "EPSG:3295", "EPSG:3388", "EPSG:3408", "EPSG:3410", "EPSG:3857", "EPSG:3993", "EPSG:4087",
    "EPSG:5041", "EPSG:5221", "EPSG:5224", "EPSG:5472", "EPSG:6201", "EPSG:6244", "EPSG:6933", "EPSG:8441",
    "EPSG:8857", "EPSG:9549", "EPSG:9895", "EPSG:22300", "EPSG:22700", "EPSG:27200", "EPSG:27701",
    "EPSG:31300", "EPSG:32600",
    "ESRI:53001", "ESRI:53003", "ESRI:53008", "ESRI:53009", "ESRI:53012", "ESRI:53016", "ESRI:53023",
    "ESRI:53024", "ESRI:53025", "ESRI:53026", "ESRI:53027", "ESRI:53029", "ESRI:53030", "ESRI:53031",
    "ESRI:53042", "ESRI:53043", "ESRI:53044", "ESRI:53048", "ESRI:53049", "ESRI:53074", "ESRI:53077",
    "ESRI:54050", "ESRI:54052", "ESRI:54098", "ESRI:102034", "ESRI:102035", "ESRI:102299", "ESRI:102498",
]  # fmt: skip
NATIVE = [
    "EPSG:2000", "EPSG:2046", "EPSG:2056", "EPSG:2062", "EPSG:2066", "EPSG:2138", "EPSG:2172", "EPSG:2964",
    "EPSG:3000", "EPSG:3031", "EPSG:3035", "EPSG:3078", "EPSG:3388", "EPSG:3408", "EPSG:3410", "EPSG:4087",
    "EPSG:5041", "EPSG:5472", "EPSG:6933", "EPSG:8441", "EPSG:27200", "EPSG:27701", "EPSG:27572",
    "ESRI:53003", "ESRI:53008", "ESRI:53026", "ESRI:53027", "ESRI:53029", "ESRI:53030", "ESRI:102034",
    "ESRI:102035",
]  # fmt: skip
"""GeoTIFF has a number for their methods; GDAL writes others as ESRI's WKT in a citation, or not at all."""
IN_CITATIONS = [
    "EPSG:2065",
    "EPSG:2985",
    "EPSG:3857",
    "EPSG:31300",
    "ESRI:53009",
    "ESRI:54098",
    "ESRI:102498",
]
SPHERE = "+R=6371000"
OTHERS = [
    # geographic, of two and of three dimensions, geocentric; other meridians, units and planets
    "EPSG:4326", "EPSG:4258", "EPSG:4267", "EPSG:4269", "EPSG:4807", "EPSG:4813", "EPSG:4901", "EPSG:4902",
    "EPSG:9779", "OGC:CRS84", "OGC:CRS27", "ESRI:37002", "ESRI:104134", "IAU_2015:49900",
    "EPSG:4979", "EPSG:4937", "EPSG:4947", "EPSG:9778", "EPSG:4978", "EPSG:3822", "EPSG:4920", "EPSG:20039",
    "+proj=longlat +ellps=bessel +pm=paris", "+proj=longlat +R=6371000", "+proj=geocent +ellps=bessel",
    "+proj=longlat +pm=paris +ellps=clrk80ign +towgs84=-168,-60,320",
    # projected, by code: grads, feet of three kinds, south up, west up, polar, deprecated, of a planet
    "EPSG:32632", "EPSG:27561", "EPSG:27572", "EPSG:2263", "EPSG:2222", "EPSG:2053", "EPSG:5514",
    "EPSG:3413", "EPSG:32661", "EPSG:2036", "EPSG:26732", "EPSG:9377", "IAU_2015:49910", "ESRI:102039",
    # projected, user-defined: units, spheres, shifts to WGS 84, meridians
    "+proj=utm +zone=33 +datum=WGS84 +units=us-ft", "+proj=utm +zone=31 +datum=WGS84 +units=km",
    "+proj=utm +zone=31 +datum=WGS84 +to_meter=0.5", "+proj=utm +zone=10 +datum=NAD27",
    "+proj=utm +zone=33 +ellps=intl +towgs84=-87,-98,-121",
    "+proj=tmerc +lon_0=9 +k=0.9996 +x_0=500000 +ellps=bessel +towgs84=1,2,3,0.1,0.2,0.3,4",
    "+proj=tmerc +lon_0=0 +pm=paris +ellps=clrk80ign",
    "+proj=aea +lat_1=29.5 +lat_2=45.5 +lat_0=23 +lon_0=-96 +datum=NAD83 +units=ft",
    "+proj=lcc +lat_1=25 +lat_0=25 +lon_0=-95 +R=6371200", f"+proj=aeqd +lat_0=50 +lon_0=8 {SPHERE}",
    "+proj=eqc +R=3396190 +lon_0=180", f"+proj=laea {SPHERE}", f"+proj=stere +lat_0=-90 +lat_ts=-71 {SPHERE}",
    f"+proj=merc +lat_ts=10 {SPHERE}", f"+proj=cea +lat_ts=30 {SPHERE}", "+proj=krovak +ellps=bessel",
    "+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=0 +nadgrids=@null +wktext",
    "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=30 +lon_0=10 +ellps=WGS84",
    # compound and vertical
    "EPSG:4326+3855", "EPSG:4326+5773", "EPSG:32632+5703", "EPSG:2263+6360", "EPSG:7405", "EPSG:9518",
    "EPSG:9464", "EPSG:6656", "EPSG:8731", "EPSG:9535", "EPSG:3901", "EPSG:3855",
    "+proj=longlat +ellps=WGS84 +geoidgrids=egm96_15.gtx +vunits=m",
    # local
    'LOCAL_CS["site",UNIT["metre",1]]',
    'LOCAL_CS["site",UNIT["US survey foot",0.304800609601219,AUTHORITY["EPSG","9003"]]]',
]  # fmt: skip

GUESSED_HEIGHTS = (
    "GDAL 3.10 takes the first vertical datum whose name starts like the citation, in metres; we take EPSG's "
    "vertical CRS of that name, or none"
)
LESS_EXACT = "the same places: GDAL names a method and axes that are not those of the code or the GeoKeys"
HEIGHT_AXIS = "the code that the file names has heights; GDAL leaves them out for GeoTIFF 1.0"
HORIZONTAL_ONLY = (
    "of a vertical CRS alone nothing is said of x and y: NULL here, an unnamed local CRS in GDAL"
)

DIFFERENT: dict[tuple[str, str], str] = {
    **{("EPSG:4947", v): HEIGHT_AXIS for v in ("1.0",)},
    **{("EPSG:9778", v): HEIGHT_AXIS for v in ("1.0",)},
    **{("EPSG:20039", v): "known by its name; GDAL leaves the datum unnamed" for v in ("1.0", "1.1")},
    **{(f"EPSG:{n}", "1.1"): GUESSED_HEIGHTS for n in (3901, 6656, 7405, 8731, 9464, 9535)},
    **{(crs, v): LESS_EXACT for crs in ("EPSG:3295", "EPSG:32600") for v in VARIANTS},
    **{(f"{kind} EPSG:3408", v): LESS_EXACT for kind in ("changed", "user-defined") for v in ("1.0", "1.1")},
    ("+proj=longlat +ellps=WGS84 +geoidgrids=egm96_15.gtx +vunits=m", "1.1"): GUESSED_HEIGHTS,
    ("+proj=longlat +ellps=WGS84 +geoidgrids=egm96_15.gtx +vunits=m", "ESRI"): GUESSED_HEIGHTS,
    ("EPSG:3855", "1.0"): HORIZONTAL_ONLY,
    ("EPSG:3855", "1.1"): HORIZONTAL_ONLY,
    **{
        (
            "+proj=krovak +ellps=bessel",
            v,
        ): "GDAL's Krovak from ESRI's WKT is south-west up under axes that say "
        "east and north; ESRI's X_Scale and rotation, and so PROJ, mean Krovak (North Orientated)"
        for v in VARIANTS
    },
}
"""(CRS, variant) where we do not equal GDAL, and why."""

REFUSED: dict[tuple[str, str], str] = {
    ("+proj=tmerc +lon_0=0 +pm=paris +ellps=clrk80ign", v): "in another unit than degrees is not read"
    for v in ("1.0", "1.1")
}
"""(CRS, variant) that is refused, and a part of what is said. GDAL writes this meridian wrongly."""


def changed(crs: CRS) -> CRS:
    """The CRS with another name and its false easting moved by 17 units: no code stands for it."""
    definition = crs.to_json_dict()
    definition.pop("id", None)
    definition["name"] = f"my {crs.name}"
    step = definition["conversion"]
    step.pop("id", None)
    step["name"] = "mine"
    for parameter in step["parameters"]:
        if "easting" in parameter["name"].lower():
            parameter["value"] += 17
    return CRS.from_json_dict(definition)


def user_defined(crs: CRS) -> CRS:
    """The changed CRS on a datum and an ellipsoid that nobody knows."""
    definition: dict[str, Any] = changed(crs).to_json_dict()
    base = definition["base_crs"]
    for part in ("id", "datum", "datum_ensemble"):
        base.pop(part, None)
    base["name"] = "my geographic"
    ellipsoid = {"name": "my ellipsoid", "semi_major_axis": 6378300, "inverse_flattening": 299}
    base["datum"] = {"type": "GeodeticReferenceFrame", "name": "my datum", "ellipsoid": ellipsoid}
    return CRS.from_json_dict(definition)
