"""The datasets that have an id from the start; asset keys and licences are those of their own items."""

from __future__ import annotations

from collections.abc import Mapping

EARTH_SEARCH = "https://earth-search.aws.element84.com/v1"
PLANETARY_COMPUTER = "https://planetarycomputer.microsoft.com/api/stac/v1"

COPERNICUS = "Copernicus Sentinel data terms"
COPERNICUS_DEM = "Copernicus DEM licence"
PUBLIC_DOMAIN = "Public domain"
LP_DAAC = "LP DAAC data policy"
CC_BY = "CC-BY-4.0"

# Common names (electro-optical extension) of Sentinel-2's bands, and the mission's own names of them.
SENTINEL_2: Mapping[str, str] = {
    "coastal": "B01", "blue": "B02", "green": "B03", "red": "B04", "rededge1": "B05", "rededge2": "B06",
    "rededge3": "B07", "nir": "B08", "nir08": "B8A", "nir09": "B09", "swir16": "B11", "swir22": "B12",
}  # fmt: skip
QUALITY: Mapping[str, str] = {"scl": "SCL", "aot": "AOT", "wvp": "WVP"}
COMMON_TO_MISSION: Mapping[str, str] = {**SENTINEL_2, **QUALITY}
MISSION_TO_COMMON: Mapping[str, str] = {mission: common for common, mission in COMMON_TO_MISSION.items()}
# A band number means another band on another Landsat, so numbers are no aliases.
LANDSAT: Mapping[str, str] = {"nir": "nir08"}
SENTINEL_1: Mapping[str, str] = {"VV": "vv", "VH": "vh", "HH": "hh", "HV": "hv"}
DEM: Mapping[str, str] = {"elevation": "data"}
HLS_SENTINEL: Mapping[str, str] = {**SENTINEL_2, "cirrus": "B10", "fmask": "Fmask"}
HLS_LANDSAT: Mapping[str, str] = {
    "coastal": "B01", "blue": "B02", "green": "B03", "red": "B04", "nir": "B05", "nir08": "B05",
    "swir16": "B06", "swir22": "B07", "cirrus": "B09", "lwir11": "B10", "lwir12": "B11", "fmask": "Fmask",
}  # fmt: skip

Dataset = tuple[str, str, str, str, Mapping[str, str]]
"""Collection, title, licence, auth, band aliases (alias -> asset key)."""

EARTH_SEARCH_DATASETS: tuple[Dataset, ...] = (
    ("sentinel-2-l2a", "Sentinel-2 Level-2A", COPERNICUS, "none", MISSION_TO_COMMON),
    ("sentinel-2-c1-l2a", "Sentinel-2 Collection 1 Level-2A", COPERNICUS, "none", MISSION_TO_COMMON),
    (
        "sentinel-2-pre-c1-l2a",
        "Sentinel-2 before Collection 1, Level-2A",
        COPERNICUS,
        "none",
        MISSION_TO_COMMON,
    ),
    ("landsat-c2-l2", "Landsat Collection 2 Level-2", PUBLIC_DOMAIN, "requester-pays", LANDSAT),
    ("naip", "NAIP: National Agriculture Imagery Program", PUBLIC_DOMAIN, "requester-pays", {}),
    ("cop-dem-glo-30", "Copernicus DEM GLO-30", COPERNICUS_DEM, "none", DEM),
    ("cop-dem-glo-90", "Copernicus DEM GLO-90", COPERNICUS_DEM, "none", DEM),
    ("sentinel-1-grd", "Sentinel-1 Ground Range Detected", COPERNICUS, "requester-pays", SENTINEL_1),
)

_PC = "planetary-computer"
PLANETARY_COMPUTER_DATASETS: tuple[Dataset, ...] = (
    ("sentinel-2-l2a", "Sentinel-2 Level-2A", COPERNICUS, _PC, COMMON_TO_MISSION),
    ("landsat-c2-l2", "Landsat Collection 2 Level-2", PUBLIC_DOMAIN, _PC, LANDSAT),
    ("hls2-l30", "Harmonized Landsat Sentinel-2: Landsat", LP_DAAC, _PC, HLS_LANDSAT),
    ("hls2-s30", "Harmonized Landsat Sentinel-2: Sentinel-2", LP_DAAC, _PC, HLS_SENTINEL),
    ("naip", "NAIP: National Agriculture Imagery Program", PUBLIC_DOMAIN, _PC, {}),
    ("sentinel-1-grd", "Sentinel-1 Ground Range Detected", COPERNICUS, _PC, SENTINEL_1),
    ("sentinel-1-rtc", "Sentinel-1 Radiometrically Terrain Corrected", CC_BY, _PC, SENTINEL_1),
    ("cop-dem-glo-30", "Copernicus DEM GLO-30", COPERNICUS_DEM, _PC, DEM),
    ("cop-dem-glo-90", "Copernicus DEM GLO-90", COPERNICUS_DEM, _PC, DEM),
    ("3dep-seamless", "USGS 3DEP Seamless DEMs", PUBLIC_DOMAIN, _PC, DEM),
    ("esa-worldcover", "ESA WorldCover", CC_BY, _PC, {}),
    ("io-lulc-annual-v02", "10 m Annual Land Use Land Cover (9-class) V2", CC_BY, _PC, {}),
)
