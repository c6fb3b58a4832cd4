-- An index of files that no catalogue knows: list them, and read every header once.
CREATE OR REPLACE TABLE files AS
SELECT parse_filename(f.href, true) AS band, h.*
FROM cog_files('S2_32632_*/*.tif') AS f,
     cog_header(f.href) AS h;

-- Later: only files that are new, or that changed since.
INSERT INTO files
SELECT parse_filename(f.href, true) AS band, h.*
FROM (
    FROM cog_files('S2_3263?_*/*.tif') AS f
    WHERE NOT EXISTS (
        FROM files AS i
        WHERE i.href = f.href AND i.error IS NULL AND i.file_size = f.size
    )
) AS f,
     cog_header(f.href) AS h;

SELECT band, count(*) AS files, count(DISTINCT crs) AS zones
FROM files
GROUP BY band
ORDER BY band;
