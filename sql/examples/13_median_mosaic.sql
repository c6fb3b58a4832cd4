-- A season without clouds: the median of each pixel when it was clear, both UTM zones on one grid, as
-- GeoTIFFs.
CREATE OR REPLACE TABLE mosaic AS
WITH scenes AS (
    SELECT id, map(list(band), list(i)) AS bands
    FROM 'idx.parquet' AS i
    WHERE cloud_cover < 30
    GROUP BY id
),
clear AS (
    SELECT
        band,
        RS_MapAlgebra(
            band,  -- the expression: the band's reflectance
            bands,
            aoi := [11.97, 47.97, 12.03, 48.01],
            mask := 'scl IN (4, 5, 6, 7)',
            dtype := 'float32'
        ) AS chip
    FROM scenes, unnest(['red', 'nir']) AS b(band)
)
SELECT band, RS_Mosaic(list(RS_Transform(chip, 'EPSG:32632', 'nearest', 10)), 'median') AS chip
FROM clear
GROUP BY band;

COPY (SELECT RS_AsGeoTiff(chip) FROM mosaic WHERE band = 'red') TO 'median_red.tif' (FORMAT blob);
COPY (SELECT RS_AsGeoTiff(chip) FROM mosaic WHERE band = 'nir') TO 'median_nir.tif' (FORMAT blob);

-- The files are rasters like any other.
SELECT
    crs,
    width,
    height,
    dtype,
    list_count(ndvi) AS clear_pixels,
    round(list_avg(ndvi), 3) AS mean_ndvi
FROM (
    SELECT c.*, flatten(RS_AsArray(c)) AS ndvi
    FROM (
        SELECT RS_NDVI({'red': 'median_red.tif', 'nir': 'median_nir.tif'}) AS c
    )
);
