-- Training chips of one size, pixels as stored. How to split them by place: 14_spatially_blocked_split.sql.
SELECT
    i.id,
    i.band,
    w.x_off,
    w.y_off,
    c.shape,
    c.data
FROM 'idx.parquet' AS i,
     cog_windows(i, size := 128, stride := 256) AS w,
     read_cog(i, w) AS c
WHERE i.band = 'nir'
  AND i.cloud_cover < 10
ORDER BY i.id, w.y_off, w.x_off;
