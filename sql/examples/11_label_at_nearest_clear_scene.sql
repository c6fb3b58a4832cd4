-- A label is true on the day of the visit: each joined to the clear scene nearest in time, before or after.
CREATE OR REPLACE TABLE visits AS
SELECT field_id, label, geom, TIMESTAMPTZ '2024-04-20 12:00:00+00' + to_days(6 * field_id) AS visited
FROM 'fields.parquet';

-- Clear over the field itself: the scene classification says so, which is one small read a field and scene.
CREATE OR REPLACE TABLE clear_scenes AS
SELECT field_id, id, datetime
FROM (
    SELECT
        v.field_id,
        i.id,
        i.datetime,
        RS_ZonalStatsAll(i, v.geom, expression := 'b1 IN (4, 5, 6, 7)') AS clear
    FROM 'idx.parquet' AS i
    JOIN visits AS v ON i.footprint && v.geom
    WHERE i.band = 'scl'
)
WHERE clear.mean >= 0.9 AND clear.valid_fraction = 1;

CREATE OR REPLACE TABLE nearest AS
WITH both_ways AS (
    SELECT v.*, c.id, c.datetime
    FROM visits AS v
    ASOF JOIN clear_scenes AS c ON v.field_id = c.field_id AND v.visited >= c.datetime
    UNION ALL
    SELECT v.*, c.id, c.datetime
    FROM visits AS v
    ASOF JOIN clear_scenes AS c ON v.field_id = c.field_id AND v.visited < c.datetime
)
FROM both_ways
QUALIFY row_number() OVER (PARTITION BY field_id ORDER BY abs(epoch(datetime - visited)), id) = 1;

-- Only these scenes are read.
SELECT
    n.field_id,
    n.label,
    n.visited::DATE AS visited,
    i.datetime::DATE AS seen,
    i.band,
    c.dtype,
    c.shape,
    c.data,
    c.valid
FROM nearest AS n
JOIN 'idx.parquet' AS i ON i.id = n.id,
     read_cog(i, n.geom) AS c
WHERE i.band IN ('red', 'nir')
ORDER BY n.field_id, i.band;
