-- Training chips of one size, with a split that keeps neighbours together.
SELECT
    i.id,
    i.band,
    w.x_off,
    w.y_off,
    CASE WHEN (w.x_off // 256 + w.y_off // 256) % 5 = 0 THEN 'validation' ELSE 'train' END AS split,
    c.shape,
    c.data
FROM 'idx.parquet' AS i,
     cog_windows(i, size := 128, stride := 256) AS w,
     read_cog(i, w) AS c
WHERE i.band = 'nir'
  AND i.cloud_cover < 10
ORDER BY i.id, w.y_off, w.x_off;
