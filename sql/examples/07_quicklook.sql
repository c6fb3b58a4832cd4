-- A look at a whole scene from its overview: pixels of 40 m are fine enough.
SELECT
    i.id,
    c.level,
    c.width,
    c.height,
    octet_length(c.data) AS bytes,
    RS_MetaData(c) AS metadata
FROM 'idx.parquet' AS i,
     read_cog(i, resolution := 40) AS c
WHERE i.band = 'nir'
ORDER BY i.id;
