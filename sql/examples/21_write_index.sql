-- An index as a file of which a query reads little: sorted by month and place, in small row groups.
-- (In Python write_index does this, makes it GeoParquet 1.1, and halves the tables of tiles.)
COPY (
    SELECT *, rasteret_bbox(geometry) AS geometry_bbox
    FROM 'idx.parquet'
    ORDER BY date_trunc('month', datetime), rasteret_hilbert(geometry), datetime, id, band
) TO 'sorted.parquet' (
    FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, ROW_GROUP_SIZE 8192, GEOPARQUET_VERSION 'BOTH'
);

-- Row groups whose boxes miss the area are skipped.
SELECT id, band, datetime
FROM 'sorted.parquet'
WHERE geometry && 'POLYGON((11.98 48, 12 48, 12 48.02, 11.98 48.02, 11.98 48))'::GEOMETRY('OGC:CRS84')
    AND datetime >= '2024-06-01'
ORDER BY datetime, id, band;
