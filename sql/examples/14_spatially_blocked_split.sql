-- Training chips of 64 x 64 pixels whose train and validation parts lie apart on the ground.
-- One grid serves both UTM zones: cells of 640 m in EPSG:3035, five by five of them a block. A block goes to
-- one side as a whole, by its hash, and with it all scenes of the place. The first row and column of cells of
-- each block are left out, so chips of two blocks are at least 640 m apart.
CREATE OR REPLACE TABLE cells AS
SELECT
    x // 5 AS block_x,
    y // 5 AS block_y,
    if(md5_number_lower(format('{} {}', x // 5, y // 5)) % 4 = 0, 'validation', 'train') AS split,
    [640.0 * x, 640.0 * y, 640.0 * (x + 1), 640.0 * (y + 1)] AS area
FROM range(6_975, 6_999) AS a(x), range(4_313, 4_332) AS b(y)
WHERE x % 5 > 0 AND y % 5 > 0;

-- Clear over a whole cell: its classes lie between vegetation (4) and unclassified (7).
CREATE OR REPLACE TABLE clear_cells AS
SELECT * EXCLUDE (classes)
FROM (
    SELECT p.*, i.id, RS_ZonalStatsAll(i, p.area, aoi_crs := 'EPSG:3035') AS classes
    FROM 'idx.parquet' AS i
    CROSS JOIN cells AS p
    WHERE i.band = 'scl'
      AND i.cloud_cover < 7
)
WHERE classes.min >= 4 AND classes.max <= 7 AND classes.valid_fraction = 1;

-- Whole chips only: valid is NULL where all pixels are.
CREATE OR REPLACE TABLE training AS
SELECT p.split, p.block_x, p.block_y, i.id, i.band, c.crs, c.transform, c.shape, c.dtype, c.data
FROM clear_cells AS p
JOIN 'idx.parquet' AS i ON i.id = p.id,
     read_cog(i, p.area, aoi_crs := 'EPSG:3035', crs := 'EPSG:3035', resolution := 10) AS c
WHERE i.band IN ('red', 'nir')
  AND c.valid IS NULL;

SELECT split, count(DISTINCT (block_x, block_y)) AS blocks, count(*) AS chips, any_value(shape) AS shape
FROM training
GROUP BY split
ORDER BY split;
