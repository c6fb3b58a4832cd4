"""The datasets that have an id from the start; asset keys and licences are those of their own items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EARTH_SEARCH = "https://earth-search.aws.element84.com/v1"
PLANETARY_COMPUTER = "https://planetarycomputer.microsoft.com/api/stac/v1"

COPERNICUS = "Copernicus Sentinel data terms"
COPERNICUS_DEM = "Copernicus DEM licence"
PUBLIC_DOMAIN = "Public domain"
LP_DAAC = "LP DAAC data policy"
NSIDC = "NSIDC use and copyright"
JAXA = "JAXA Terms of Use of Research Data"
NASS = "USDA NASS redistribution terms"
CC_BY = "CC-BY-4.0"

# Common names (electro-optical extension) of Sentinel-2's bands, and the mission's own names of them.
SENTINEL_2: Mapping[str, str] = {
    "coastal": "B01", "blue": "B02", "green": "B03", "red": "B04", "rededge1": "B05", "rededge2": "B06",
    "rededge3": "B07", "nir": "B08", "nir08": "B8A", "nir09": "B09", "swir16": "B11", "swir22": "B12",
}  # fmt: skip
QUALITY: Mapping[str, str] = {"scl": "SCL", "aot": "AOT", "wvp": "WVP"}
COMMON_TO_MISSION: Mapping[str, str] = {**SENTINEL_2, **QUALITY}
MISSION_TO_COMMON: Mapping[str, str] = {mission: common for common, mission in COMMON_TO_MISSION.items()}
# A band number means another band on another Landsat, so numbers are not aliases.
LANDSAT: Mapping[str, str] = {"nir": "nir08"}
SENTINEL_1: Mapping[str, str] = {"VV": "vv", "VH": "vh", "HH": "hh", "HV": "hv"}
DEM: Mapping[str, str] = {"elevation": "data"}
MODIS_BANDS: Mapping[str, int] = {
    "red": 1, "nir": 2, "blue": 3, "green": 4, "swir16": 6, "swir22": 7,
}  # fmt: skip
MODIS_SURFACE: Mapping[str, str] = {name: f"sur_refl_b{n:02}" for name, n in MODIS_BANDS.items()}
MODIS_NADIR: Mapping[str, str] = {name: f"Nadir_Reflectance_Band{n}" for name, n in MODIS_BANDS.items()}
MODIS_INDICES = ("NDVI", "EVI")


def _modis_indices(prefix: str) -> dict[str, str]:
    bands = {name: f"{prefix}_{name}_reflectance" for name in ("red", "blue")}
    bands["nir"] = f"{prefix}_NIR_reflectance"
    return bands | {name.lower(): f"{prefix}_{name}" for name in MODIS_INDICES}


Dataset = tuple[str, str, str, str, Mapping[str, str]]
"""Collection, title, licence, auth, band aliases (alias -> asset key)."""

EARTH_SEARCH_DATASETS: tuple[Dataset, ...] = (
    ("sentinel-2-l2a", "Sentinel-2 Level-2A", COPERNICUS, "none", MISSION_TO_COMMON),
    ("sentinel-2-c1-l2a", "Sentinel-2 Collection 1 Level-2A", COPERNICUS, "none", MISSION_TO_COMMON),
    ("landsat-c2-l2", "Landsat Collection 2 Level-2", PUBLIC_DOMAIN, "requester-pays", LANDSAT),
    ("naip", "NAIP: National Agriculture Imagery Program", PUBLIC_DOMAIN, "requester-pays", {}),
    ("cop-dem-glo-30", "Copernicus DEM GLO-30", COPERNICUS_DEM, "none", DEM),
    ("cop-dem-glo-90", "Copernicus DEM GLO-90", COPERNICUS_DEM, "none", DEM),
    (
        "sentinel-1-grd",
        "Sentinel-1 Level-1C Ground Range Detected (GRD)",
        COPERNICUS,
        "requester-pays",
        SENTINEL_1,
    ),
)

ELSEWHERE: Mapping[str, Mapping[str, Any]] = {
    "earthsearch/landsat-c2-l2": {
        "alternate": "s3",
        "href_rules": {"https://landsatlook.usgs.gov/data/": "s3://usgs-landsat/"},
    },
}
"""Datasets whose items name web pages that ask to sign in: where the same bytes are."""

MODIS: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("09A1", "Surface Reflectance 8-Day (500m)", MODIS_SURFACE),
    ("09Q1", "Surface Reflectance 8-Day (250m)", {name: MODIS_SURFACE[name] for name in ("red", "nir")}),
    ("10A1", "Snow Cover Daily", {}),
    ("10A2", "Snow Cover 8-day", {}),
    ("11A1", "Land Surface Temperature/Emissivity Daily", {}),
    ("11A2", "Land Surface Temperature/Emissivity 8-Day", {}),
    ("13A1", "Vegetation Indices 16-Day (500m)", _modis_indices("500m_16_days")),
    ("13Q1", "Vegetation Indices 16-Day (250m)", _modis_indices("250m_16_days")),
    ("14A1", "Thermal Anomalies/Fire Daily", {}),
    ("14A2", "Thermal Anomalies/Fire 8-Day", {}),
    ("15A2H", "Leaf Area Index/FPAR 8-Day", {}),
    ("15A3H", "Leaf Area Index/FPAR 4-Day", {}),
    ("16A3GF", "Net Evapotranspiration Yearly Gap-Filled", {}),
    ("17A2H", "Gross Primary Productivity 8-Day", {}),
    ("17A2HGF", "Gross Primary Productivity 8-Day Gap-Filled", {}),
    ("17A3HGF", "Net Primary Production Yearly Gap-Filled", {}),
    ("21A2", "Land Surface Temperature/3-Band Emissivity 8-Day", {}),
    ("43A4", "Nadir BRDF-Adjusted Reflectance (NBAR) Daily", MODIS_NADIR),
    ("64A1", "Burned Area Monthly", {}),
)
"""Product, title, band aliases: a collection each."""

_PC = "planetary-computer"
PLANETARY_COMPUTER_DATASETS: tuple[Dataset, ...] = (
    ("sentinel-2-l2a", "Sentinel-2 Level-2A", COPERNICUS, _PC, COMMON_TO_MISSION),
    ("landsat-c2-l2", "Landsat Collection 2 Level-2", PUBLIC_DOMAIN, _PC, LANDSAT),
    ("io-lulc-annual-v02", "10m Annual Land Use Land Cover (9-class) V2", CC_BY, _PC, {}),
    ("esa-worldcover", "ESA WorldCover", CC_BY, _PC, {}),
    ("nasadem", "NASADEM HGT v001", PUBLIC_DOMAIN, _PC, {}),
    ("alos-dem", "ALOS World 3D-30m", JAXA, _PC, DEM),
    ("usda-cdl", "USDA Cropland Data Layers (CDLs)", NASS, _PC, {}),
    ("naip", "NAIP: National Agriculture Imagery Program", PUBLIC_DOMAIN, _PC, {}),
    *(
        (
            f"modis-{product}-061",
            f"MODIS {title}",
            NSIDC if product in ("10A1", "10A2") else LP_DAAC,
            _PC,
            bands,
        )
        for product, title, bands in MODIS
    ),
)
